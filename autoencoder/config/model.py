"""What a network is made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

from autoencoder.config.choices import MAX_LATENT_DIM, Activation, Norm
from autoencoder.config.value_types import check_types, type_of, typed
from autoencoder.errors import problems_of, raise_if_any
from autoencoder.flags import Flag, Whole, problems_of_settings, shown_plainly
from autoencoder.registries import DEFAULT_ENCODER, ENCODERS, FITTED_ENCODERS, LEARNED_ENCODERS

OwnSettings = tuple[tuple[str, Any], ...]


@shown_plainly
@dataclass(frozen=True, init=False)
class ModelConfig:
    """The encoder, and the decoder behind it where the objective asks for one.

    Settings of an encoder's own, such as the `depth` of `deep`, are given by their names, and are attributes then;
    `help(run_config)` lists them. They hold for the decoder as well, where that is this encoder's.
    """

    encoder: Annotated[str, Flag("the network; pca and umap are fitted, not learned", choices=ENCODERS)] = (
        DEFAULT_ENCODER
    )
    """A name in `autoencoder.registries.ENCODERS`."""
    latent_dim: Annotated[int, Flag("number of latent units", "N", Whole(most=MAX_LATENT_DIM))] = 16
    """Number of latent units."""
    decoder: Annotated[
        str | None, Flag("another encoder's decoder (default: the encoder's own)", choices=LEARNED_ENCODERS)
    ] = None
    """A learned encoder's name, whose decoder is taken; None for the encoder's own, and the default for fitted ones."""
    norm: Annotated[Norm, Flag("normalisation after each layer")] = "batch"
    """Normalisation after each layer."""
    latent_activation: Annotated[Activation | None, Flag("of the latent units (default: the encoder's own)")] = None
    """Non-linearity of the latent units; None for the encoder's own default, and for `sigmoid` with a sparsity."""
    own: OwnSettings = ()
    """Names and values of the settings of the encoder's, or the decoder's, own, by name; those that are not None."""

    def __init__(
        self,
        encoder: str = DEFAULT_ENCODER,
        latent_dim: int = 16,
        decoder: str | None = None,
        norm: Norm = "batch",
        latent_activation: Activation | None = None,
        own: OwnSettings = (),
        **settings: Any,
    ) -> None:
        unknown = sorted(settings.keys() - own_settings().keys())
        if unknown:
            raise TypeError(f"no encoder has a setting called {', '.join(unknown)}")
        given = {name: value for name, value in {**dict(own), **settings}.items() if value is not None}
        values = (encoder, latent_dim, decoder, norm, latent_activation, tuple(sorted(given.items())))
        for item, value in zip(dataclasses.fields(self), values, strict=True):
            object.__setattr__(self, item.name, value)
        self._check_types()
        raise_if_any(self._problems())

    def _check_types(self) -> None:
        own, wrong = typed(dict(self.own), own_types())
        object.__setattr__(self, "own", tuple(sorted(own.items())))
        raise_if_any([*problems_of(check_types, self), *wrong.values()])

    def _problems(self) -> list[str]:
        problems = problems_of_settings(self)
        if self.is_fitted and self.latent_activation not in (None, "linear"):
            problems.append(
                f"the encoder '{self.encoder}' is fitted, not learned, and has no latent_activation: leave "
                f"'{self.latent_activation}' out"
            )
        for name, value in self.own:
            kind = own_settings()[name].kind
            if kind is not None and (problem := kind.problem(name, value)):
                problems.append(problem)
            owners = [encoder for encoder, entry in ENCODERS.items() if name in entry.settings]
            if not {self.encoder, self.decoder} & set(owners):
                owner = " or ".join(owners)
                problems.append(f"{name} only applies to the encoder '{owner}', not to '{self.encoder}': leave it out")
        return problems

    def __getattr__(self, name: str) -> Any:
        if name in own_settings():
            return dict(self.own).get(name)
        raise AttributeError(name)

    @property
    def is_fitted(self) -> bool:
        """Whether the encoder is fitted to the training images once, and not learned by gradient."""
        return self.encoder in FITTED_ENCODERS

    @property
    def explains_variance(self) -> bool:
        """Whether the encoder knows which share of the images' variance each of its units explains."""
        return ENCODERS[self.encoder].explains_variance

    def own_of(self, encoder: str) -> dict[str, Any]:
        """Settings of its own that an encoder, or its decoder, is given; its defaults hold for the others."""
        return {name: value for name, value in self.own if name in ENCODERS[encoder].settings}


def own_settings() -> dict[str, Flag]:
    """The settings of all encoders' own, by name."""
    return {name: flag for entry in ENCODERS.values() for name, flag in entry.settings.items()}


def own_types() -> dict[str, Any]:
    """Their types, by name."""
    return {name: type_of(flag) for name, flag in own_settings().items()}
