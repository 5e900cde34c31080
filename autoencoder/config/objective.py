"""What a network is trained for, and the noise of its input."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from autoencoder.config.choices import AUGMENTATIONS, MAX_NOISE, MIN_NOISE, NOISES, ReconstructionLoss, Sparsity
from autoencoder.config.value_types import check_types, typed
from autoencoder.errors import UserError, listed, raise_if_any
from autoencoder.flags import Between, Flag, Fraction, Real, Setting, not_one_of, problems_of_settings, shown_plainly
from autoencoder.registries import OBJECTIVES

OBJECTIVE = Setting(
    "objective",
    Flag("what the network is trained for", choices=OBJECTIVES),
    default="reconstruct",
    choices=OBJECTIVES,  # itself, since users' own objectives join it later
)
"""The field `name`, which is called otherwise where all settings stand beside each other."""

NOISE = Setting(
    "noise",
    Flag(
        "corrupt the input: gaussian:STD, salt-pepper:FRACTION, masking:FRACTION or poisson:PEAK, for pixels scaled to "
        "[0, 1]",
        "KIND:AMOUNT",
    ),
    default="none",
)
"""The field `noise`, as it is written."""


@dataclass(frozen=True)
class NoiseConfig:
    """Corruption of the network's input, drawn anew for every batch; the target stays clean."""

    TEXT: ClassVar[str] = "a text such as 'gaussian:0.2', or 'none'"
    """How it is given in words; see `parse`."""

    kind: str = "none"
    """One of `NOISES`."""
    amount: float = 0.0
    """Standard deviation (gaussian), fraction of pixels (salt-pepper, masking) or photons at brightness 1 (poisson)."""

    def __post_init__(self) -> None:
        check_types(self)
        problems = not_one_of("noise", self.kind, NOISES)
        if not math.isfinite(self.amount) or self.amount < 0:
            problems.append(f"the amount of noise must be 0 or more, not {self.amount}")
        elif self.amount > MAX_NOISE or 0 < self.amount < MIN_NOISE:
            problems.append(f"the amount of noise must be from {MIN_NOISE:g} to {MAX_NOISE:g}, not {self.amount:g}")
        elif self.kind in ("salt-pepper", "masking") and self.amount > 1:
            problems.append(f"{self.kind} noise needs a fraction from 0 to 1, not {self.amount:g}")
        elif self.kind != "none" and self.amount == 0:
            problems.append(f"{self.kind} noise of amount 0 is no noise: write 'none'")
        elif self.kind == "none" and self.amount != 0:
            problems.append(f"noise 'none' takes no amount, not {self.amount:g}")
        raise_if_any(problems)

    @classmethod
    def parse(cls, text: str) -> NoiseConfig:
        """`"gaussian:0.5"` to a configuration; `"none"` alone takes no amount.

        Raises:
            UserError: the text is not KIND:AMOUNT.
        """
        kind, separator, amount = text.strip().partition(":")
        if kind == "none" and not separator:
            return cls()
        try:
            return cls(kind, float(amount))
        except ValueError:
            kinds = ", ".join(NOISES[1:])
            raise UserError(
                f"noise must be 'none' or KIND:AMOUNT, with KIND one of {kinds}, not {reprlib.repr(text)}"
            ) from None

    @classmethod
    def of(cls, given: NoiseConfig | str) -> NoiseConfig:
        """Noise that is given as such, or as a text; see `parse`.

        Raises:
            UserError: it is neither, or the text is no noise.
        """
        values, wrong = typed({"noise": given}, {"noise": cls})
        raise_if_any(wrong.values())
        noise: NoiseConfig = values["noise"]
        return noise

    def __str__(self) -> str:
        return self.kind if self.kind == "none" else f"{self.kind}:{self.amount:g}"


@shown_plainly
@dataclass(frozen=True)
class ObjectiveConfig:
    """What the network is trained for."""

    name: str = OBJECTIVE.default
    """A name in `autoencoder.registries.OBJECTIVES`."""
    loss: Annotated[ReconstructionLoss | None, Flag("loss of a reconstruction (default: mse)")] = None
    """Loss of a reconstruction, `mse` unless said otherwise; None for other objectives, which have one loss each."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """Corruption of the input."""
    augment: Annotated[
        tuple[str, ...] | None,
        Flag("change training images at random at each update: flip, rotate, shift, light", "NAME,NAME"),
    ] = None
    """Some of `config.AUGMENTATIONS`, in that order: how training images are changed at random at each update, targets
    with them; None for not at all. See `autoencoder.data.changes.augmentation`."""
    target: Annotated[str | None, Flag("column to predict (default: the only one that fits)", "COLUMN")] = None
    """Column to predict, for `angle`, `classify` and `regress`; None for the only one that can be meant."""
    vector: Annotated[
        tuple[str, ...] | None,
        Flag(
            "predict the angle from one point to another, y pointing down: names of their columns",
            "BASE_X,BASE_Y,TIP_X,TIP_Y",
        ),
    ] = None
    """For `angle`, instead of a column: the columns base_x, base_y, tip_x, tip_y of two points, y pointing down."""
    classes: tuple[str, ...] | None = None
    """For `classify`, the labels in the order of the outputs; filled in from the data when a run begins."""
    target_mean: float | None = None
    """For `regress`, of the training images' targets, which are standardised by it; filled in when a run begins."""
    target_deviation: float | None = None
    """Their standard deviation; likewise."""
    shuffle_targets: Annotated[bool, Flag("control: shuffle the targets among the training images (default: no)")] = (
        False
    )
    """Train on targets dealt at random to the training images: the control of a predicted column or mask."""
    shuffle_share: Annotated[
        float | None,
        Flag(
            "with --shuffle-targets: share of the training images whose targets are shuffled (default: 1)",
            "F",
            Between("a share from 0 to 1", 0, 1),
        ),
    ] = None
    """Share of the training images whose targets are dealt among them; None for 1 with `shuffle_targets`."""
    sparsity: Annotated[Sparsity, Flag("penalty on the latent units' mean activation")] = "none"
    """Penalty on the latent units' mean activation; see `autoencoder.objectives.base.sparsity_penalty`."""
    sparsity_weight: Annotated[float | None, Flag("factor of the penalty (default: 0.001)", "X", Real())] = None
    """Factor of the penalty; None without one, else 1e-3."""
    sparsity_target: Annotated[
        float | None, Flag("mean activation that kl pulls units towards (default: 0.05)", "F", Fraction())
    ] = None
    """Mean activation that `kl` draws each unit to; None without it, else 0.05."""

    def __post_init__(self) -> None:
        check_types(self)
        problems = not_one_of("objective", self.name, OBJECTIVES)
        if not problems:
            for name, value in OBJECTIVES[self.name].defaults.items():
                if getattr(self, name) is None:
                    object.__setattr__(self, name, value)
        if self.sparsity != "none" and self.sparsity_weight is None:
            object.__setattr__(self, "sparsity_weight", 1e-3)
        if self.sparsity == "kl" and self.sparsity_target is None:
            object.__setattr__(self, "sparsity_target", 0.05)
        problems += problems_of_settings(self) + self._misplaced() + self._augment_problems()
        if self.vector is not None and len(self.vector) != 4:
            problems.append(f"vector must name 4 columns, base_x,base_y,tip_x,tip_y, not {len(self.vector)}")
        if self.vector is not None and self.target is not None:
            problems.append("an angle is given by one column (target) or by two points (vector), not by both")
        if self.target_mean is not None and not math.isfinite(self.target_mean):
            problems.append(f"target_mean must be a finite number, not {self.target_mean}")
        if self.target_deviation is not None and not 0 < self.target_deviation < math.inf:
            problems.append(f"target_deviation must be a positive number, not {self.target_deviation}")
        raise_if_any(problems)

    def _augment_problems(self) -> list[str]:
        if self.augment is None or self.name not in OBJECTIVES:
            return []
        problems = [problem for kind in self.augment for problem in not_one_of("augment", kind, AUGMENTATIONS)]
        if not self.augment or len(set(self.augment)) < len(self.augment):
            problems.append(f"augment must name some of {', '.join(AUGMENTATIONS)}, each once: leave it out for none")
        if problems:
            return problems
        object.__setattr__(self, "augment", tuple(kind for kind in AUGMENTATIONS if kind in self.augment))
        allowed = OBJECTIVES[self.name].augmentations
        refused = [kind for kind in self.augment if kind not in allowed]
        if not refused:
            return []
        return [
            f"--augment {','.join(refused)} would make the targets of the objective '{self.name}' wrong, since they "
            f"do not change with the images: it allows {' and '.join(allowed)}"
        ]

    def _misplaced(self) -> list[str]:
        """Settings that go with other objectives, or with another sparsity."""
        belongs: dict[str, list[str]] = {}
        for objective, entry in OBJECTIVES.items():
            for name in entry.settings:
                belongs.setdefault(name, []).append(objective)
        problems = [
            f"{name} only applies to the objective{'s' * (len(objectives) > 1)} {listed(objectives)}, not to "
            f"'{self.name}': leave it out"
            for name, objectives in belongs.items()
            if self.name not in objectives and getattr(self, name) not in (None, False)
        ]
        if self.sparsity == "none" and self.sparsity_weight is not None:
            problems.append("sparsity_weight needs a sparsity, log or kl: add it, or leave the weight out")
        if not self.shuffle_targets and self.shuffle_share is not None:
            problems.append("shuffle_share needs shuffle_targets: add it, or leave the share out")
        if self.sparsity != "kl" and self.sparsity_target is not None:
            problems.append("sparsity_target only applies to the sparsity 'kl': leave it out")
        return problems
