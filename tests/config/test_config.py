from __future__ import annotations

import dataclasses
import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoencoder.config import (
    DEVICES,
    LATENT_ACTIVATIONS,
    MAX_LATENT_DIM,
    MAX_NOISE,
    MAX_THREADS,
    MIN_NOISE,
    NOISES,
    NORMS,
    PIXEL_VALUES,
    RECONSTRUCTION_LOSSES,
    SCHEDULES,
    SPARSE_ACTIVATIONS,
    SPARSITIES,
    DataConfig,
    ModelConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from autoencoder.config.choices import COLUMN_KINDS
from autoencoder.config.formats import FORMAT_VERSION
from autoencoder.config.presets import PRESETS
from autoencoder.config.run import MAIN, settings_shown
from autoencoder.errors import UserError
from autoencoder.machine.files import write_json
from autoencoder.registries import ENCODERS, FITTED_ENCODERS, LEARNED_ENCODERS, MAX_DEPTH, OBJECTIVES
from autoencoder.runs.folder import read_config

names = st.text(string.ascii_letters + string.digits + "_/ .é", min_size=1)
whole = st.integers(1, 10**9)
positive = st.floats(1e-300, 1e300)


@st.composite
def noises(draw: st.DrawFn) -> NoiseConfig:
    kind = draw(st.sampled_from(NOISES))
    if kind == "none":
        return NoiseConfig()
    top = 1.0 if kind in ("salt-pepper", "masking") else MAX_NOISE
    return NoiseConfig(kind, draw(st.floats(MIN_NOISE, top)))


@st.composite
def data_configs(draw: st.DrawFn) -> DataConfig:
    column = draw(names.map(str.strip).filter(lambda name: name and "=" not in name))
    split = draw(st.sampled_from(["random", "blocks", f"group:{column}"]))
    values = st.lists(names.map(str.strip).filter(bool), min_size=1)
    held_out = draw(st.none() | values.map(lambda found: (f"{column}={found[0]}", *found[1:])))
    return DataConfig(
        images=draw(names),
        metadata=draw(st.none() | names),
        columns=draw(st.none() | st.lists(names).map(tuple)),
        max_pixel_value=draw(st.none() | st.floats(*PIXEL_VALUES)),
        split=split,
        val_fraction=draw(st.floats(0, 1, exclude_min=True, exclude_max=True)),
        block_size=draw(st.none() | whole) if split == "blocks" else None,
        hold_out=held_out if split.startswith("group:") else None,
        split_seed=draw(st.integers(0, 2**63)),
        column_kinds=draw(st.none() | st.sampled_from(COLUMN_KINDS).map(lambda kind: (f"{column}={kind}",))),
    )


@st.composite
def model_configs(draw: st.DrawFn, objective: ObjectiveConfig) -> ModelConfig:
    """Any model that goes with the objective."""
    encoders = ENCODERS if objective.sparsity == "none" else LEARNED_ENCODERS
    encoder, decoder = draw(st.sampled_from(sorted(encoders))), None
    if objective.name in ("reconstruct", "mask"):
        decoder = draw(st.none() | st.sampled_from(sorted(LEARNED_ENCODERS)))
    activations: tuple[str, ...] = LATENT_ACTIVATIONS
    if encoder in FITTED_ENCODERS:
        activations = ("linear",)
    elif objective.sparsity != "none":
        activations = SPARSE_ACTIVATIONS[objective.sparsity]
    return ModelConfig(
        encoder=encoder,
        latent_dim=draw(st.integers(1, MAX_LATENT_DIM)),
        decoder=decoder,
        depth=draw(st.none() | st.integers(1, MAX_DEPTH)) if "deep" in (encoder, decoder) else None,
        norm=draw(st.sampled_from(NORMS)),
        latent_activation=draw(st.none() | st.sampled_from(activations)),  # type: ignore[arg-type]
    )


@st.composite
def objective_configs(draw: st.DrawFn) -> ObjectiveConfig:
    name = draw(st.sampled_from(sorted(OBJECTIVES)))
    sparsity = draw(st.sampled_from(SPARSITIES))
    more: dict[str, Any] = {}
    if name == "reconstruct":
        more["loss"] = draw(st.none() | st.sampled_from(RECONSTRUCTION_LOSSES))
    else:
        more["shuffle_targets"] = draw(st.booleans())
    if name == "angle" and draw(st.booleans()):
        more["vector"] = draw(st.tuples(names, names, names, names))
    elif name in ("angle", "classify", "regress"):
        more["target"] = draw(st.none() | names)
    if name == "regress":
        more["target_mean"], more["target_deviation"] = draw(st.tuples(positive, positive))
    if name == "classify":
        more["classes"] = draw(st.none() | st.lists(names).map(tuple))
    if sparsity != "none":
        more["sparsity_weight"] = draw(st.none() | positive)
    if sparsity == "kl":
        more["sparsity_target"] = draw(st.none() | st.floats(0, 1, exclude_min=True, exclude_max=True))
    return ObjectiveConfig(name, noise=draw(noises()), sparsity=sparsity, **more)


training_configs = st.builds(
    TrainingConfig,
    epochs=whole,
    batch_size=st.integers(2, 10**6),
    lr=positive,
    schedule=st.sampled_from(SCHEDULES),
    weight_decay=st.just(0.0) | positive,
    val_interval=whole,
    patience=st.none() | whole,
    checkpoint_interval=st.integers(0, 100),
    snapshots_per_epoch=st.integers(0, 100),
    snapshot_samples=whole | st.sampled_from(["auto", "all"]),
    snapshot_batch_size=whole,
    seed=st.integers(0, 2**63),
    init_from=st.none() | names,
    balance=st.none() | names,
    device=st.sampled_from(DEVICES),
    threads=st.none() | st.integers(1, MAX_THREADS),
    tensorboard=st.booleans(),
)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    objective = draw(objective_configs())
    model, training = draw(model_configs(objective)), draw(training_configs)
    if model.is_fitted:
        training = dataclasses.replace(training, init_from=None)
    return RunConfig(draw(data_configs()), model, objective, training)


@settings(deadline=None)
@given(configs())
def test_json_gives_back_every_section(config: RunConfig) -> None:
    text = json.dumps(config.to_json(), allow_nan=False)
    assert RunConfig.from_json(json.loads(text)) == config


def test_file_gives_back_tuples_and_none(tmp_path: Path) -> None:
    config = RunConfig(
        DataConfig("a.npy", "b.npy", ("x", "body_angle_deg"), 4095, "blocks", 0.25, 7),
        ModelConfig("deep", 3, depth=2, norm="layer", latent_activation="tanh"),
        ObjectiveConfig("angle", noise=NoiseConfig("poisson", 12.5), vector=("a", "b", "c", "d"), shuffle_targets=True),
        TrainingConfig(patience=3, snapshot_samples=17, init_from="c.pt", threads=2, tensorboard=True),
    )
    write_json(tmp_path / "config.json", config.to_json())
    loaded = read_config(tmp_path / "config.json")
    assert loaded == config
    assert loaded.data.columns == ("x", "body_angle_deg")
    assert loaded.objective.vector == ("a", "b", "c", "d")
    assert hash(loaded) == hash(config)  # a list in it would not be hashable

    plain = RunConfig(DataConfig("a.npz"))
    write_json(tmp_path / "config.json", plain.to_json())
    assert read_config(tmp_path / "config.json") == plain


def test_configurations_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().epochs = 3  # type: ignore[misc]


NAN, INF = float("nan"), float("inf")
BAD_VALUES = [
    (DataConfig, "split", "alternate"),
    (DataConfig, "val_fraction", 0.0),
    (DataConfig, "val_fraction", 1.0),
    (DataConfig, "val_fraction", NAN),
    (DataConfig, "max_pixel_value", 0.0),
    (DataConfig, "max_pixel_value", INF),
    (DataConfig, "max_pixel_value", NAN),
    (DataConfig, "block_size", 0),
    (ModelConfig, "encoder", "resnet"),
    (ModelConfig, "norm", "instance"),
    (ModelConfig, "latent_activation", "gelu"),
    (ModelConfig, "latent_dim", 0),
    (ModelConfig, "decoder", "resnet"),
    (ModelConfig, "decoder", "pca"),
    (ObjectiveConfig, "name", "dream"),
    (ObjectiveConfig, "loss", "l1"),
    (ObjectiveConfig, "sparsity", "l1"),
    *[(TrainingConfig, name, 0) for name in ("epochs", "batch_size", "val_interval", "snapshot_batch_size")],
    *[(TrainingConfig, name, 0) for name in ("patience", "threads", "snapshot_samples", "lr")],
    *[(TrainingConfig, name, -1) for name in ("checkpoint_interval", "snapshots_per_epoch", "seed", "weight_decay")],
    (TrainingConfig, "lr", NAN),
    (TrainingConfig, "lr", INF),
    (TrainingConfig, "weight_decay", NAN),
    (TrainingConfig, "schedule", "linear"),
    (TrainingConfig, "device", "tpu"),
    (TrainingConfig, "snapshot_samples", "some"),
]


@pytest.mark.parametrize(("kind", "name", "value"), BAD_VALUES)
def test_bad_value_is_refused_by_name(kind: type, name: str, value: object) -> None:
    needed: dict[str, Any] = {"images": "a.npz"} if kind is DataConfig else {}
    if name == "block_size":
        needed["split"] = "blocks"
    kind(**needed)
    with pytest.raises(UserError) as caught:
        kind(**needed, **{name: value})
    (problem,) = caught.value.problems
    assert ("objective" if (kind, name) == (ObjectiveConfig, "name") else name) in problem
    assert str(value) in problem


@pytest.mark.parametrize(
    ("kind", "amount", "named"),
    [
        ("fog", 0.5, "fog"),
        ("gaussian", -0.1, "-0.1"),
        ("gaussian", NAN, "nan"),
        ("gaussian", INF, "inf"),
        ("salt-pepper", 1.5, "salt-pepper"),
        ("masking", 1.01, "masking"),
        ("poisson", 0.0, "poisson"),
        ("none", 0.5, "none"),
    ],
)
def test_bad_noise_is_refused(kind: str, amount: float, named: str) -> None:
    with pytest.raises(UserError, match=named):
        NoiseConfig(kind, amount)


def test_several_problems_come_in_one_error() -> None:
    with pytest.raises(UserError) as caught:
        TrainingConfig(epochs=0, lr=-1.0, device="abacus", patience=0, snapshot_samples=0)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 5
    for name in ("epochs", "lr", "abacus", "patience", "snapshot_samples"):
        assert sum(name in problem for problem in caught.value.problems) == 1
        assert name in str(caught.value)


def test_options_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(UserError, match="block_size"):
        DataConfig("a.npz", split="random", block_size=5)
    with pytest.raises(UserError, match="--batch-size 2 or more, or --norm layer"):
        RunConfig(DataConfig("a.npz"), ModelConfig(norm="batch"), training=TrainingConfig(batch_size=1))
    RunConfig(DataConfig("a.npz"), ModelConfig(norm="layer"), training=TrainingConfig(batch_size=1))


# ------------------------------------------------------------------------------------------------------------ the file


def content(**changes: Any) -> dict[str, Any]:
    return {**RunConfig(DataConfig("a.npz")).to_json(), **changes}


def test_defaults_stand_in_for_what_an_older_file_lacks() -> None:
    stored = content()
    del stored["training"]["threads"], stored["objective"]
    assert RunConfig.from_json(stored) == RunConfig(DataConfig("a.npz"))


@pytest.mark.parametrize(
    ("section", "entry", "value", "named"),
    [
        ("training", "epochz", 3, "training.epochz"),
        ("objective", "sparsness", 3, "objective.sparsness"),
        ("training", "epochs", "ten", "training.epochs"),
        ("training", "epochs", 2.5, "training.epochs"),
        ("training", "epochs", True, "training.epochs"),
        ("training", "epochs", None, "training.epochs"),
        ("training", "seed", 1.5, "training.seed"),
        ("training", "lr", "1e-3", "training.lr"),
        ("training", "tensorboard", "yes", "training.tensorboard"),
        ("training", "tensorboard", 1, "training.tensorboard"),
        ("training", "snapshot_samples", 1.5, "training.snapshot_samples"),
        ("model", "encoder", ["conv"], "model.encoder"),
        ("model", "latent_dim", 16.0, "model.latent_dim"),
        ("data", "images", 3, "data.images"),
        ("data", "images", None, "data.images"),
        ("data", "columns", "angle", "data.columns"),
        ("data", "columns", ["angle", 3], "data.columns"),
        ("objective", "noise", "gaussian:0.5", "objective.noise"),
        ("model", "norm", "group", "norm"),
        ("training", "epochs", 0, "epochs"),
    ],
)
def test_wrong_entry_in_the_file_is_named_with_the_file(
    tmp_path: Path, section: str, entry: str, value: object, named: str
) -> None:
    path = tmp_path / "config.json"
    stored = content()
    stored[section][entry] = value
    path.write_text(json.dumps(stored))
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert named in str(caught.value)


def test_whole_numbers_pass_as_floats() -> None:
    stored = content()
    stored["training"]["lr"] = 1
    stored["data"]["max_pixel_value"] = 255
    config = RunConfig.from_json(stored)
    assert (config.training.lr, config.data.max_pixel_value) == (1.0, 255.0)


def test_missing_and_unknown_entries_are_all_named() -> None:
    stored = content(extra={})
    del stored["data"]
    with pytest.raises(UserError) as caught:
        RunConfig.from_json(stored)
    assert len(caught.value.problems) == 2
    assert "'extra'" in str(caught.value)
    assert "'data' is missing" in str(caught.value)
    stored = content()
    del stored["data"]["images"]
    with pytest.raises(UserError, match=r"'data\.images' is missing"):
        RunConfig.from_json(stored)


def test_nested_noise_is_checked_too() -> None:
    stored = content()
    stored["objective"]["noise"] = {"kind": "gaussian", "amount": "much"}
    with pytest.raises(UserError, match=r"objective\.noise\.amount"):
        RunConfig.from_json(stored)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, None, "1"])
def test_other_format_version_is_refused(version: object) -> None:
    with pytest.raises(UserError, match="format version"):
        RunConfig.from_json(content(format_version=version))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"text"', "\x00", '{"format_version": 1, "data": 3}'])
def test_file_that_holds_no_configuration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_binary_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        read_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="JSON"):
        read_config(tmp_path / "config.json")


# --------------------------------------------------------------------------------------------------------------- noise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", NoiseConfig()),
        ("gaussian:0.5", NoiseConfig("gaussian", 0.5)),
        (" salt-pepper:.1 ", NoiseConfig("salt-pepper", 0.1)),
        ("masking:1", NoiseConfig("masking", 1.0)),
        ("poisson:1e2", NoiseConfig("poisson", 100.0)),
    ],
)
def test_noise_from_text(text: str, expected: NoiseConfig) -> None:
    assert NoiseConfig.parse(text) == expected
    assert NoiseConfig.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gaussian",
        "gaussian:",
        ":0.5",
        "gaussian:much",
        "gaussian:0.1:0.2",
        "gaussian:nan",
        "gaussian:1e999",
        "gaussian:-1",
        "masking:2",
        "none:",
        "none:0.5",
        "fog:0.5",
        "0.5",
    ],
)
def test_text_that_is_no_noise(text: str) -> None:
    with pytest.raises(UserError):
        NoiseConfig.parse(text)


@pytest.mark.parametrize("version", range(1, 6))
def test_before_format_6_all_networks_were_trained_by_adam(version: int) -> None:
    """What such a file does not say is what its version did."""
    config = RunConfig.from_json({"format_version": version, "data": {"images": "x.npy"}})
    assert (config.training.optimizer, config.training.batch_size) == ("adam", 32)
    assert (config.model.encoder, config.model.decoder) == ("strided", None)
    named = {"format_version": version, "data": {"images": "x.npy"}, "training": {"batch_size": 7}}
    assert RunConfig.from_json(named).training.batch_size == 7


@pytest.mark.parametrize(("objective", "decoder"), [("reconstruct", "strided"), ("mask", "strided"), ("angle", None)])
def test_before_format_6_strided_decoded_fitted_codes(objective: str, decoder: str | None) -> None:
    content = {"data": {"images": "x.npy"}, "model": {"encoder": "pca"}, "objective": {"name": objective}}
    assert RunConfig.from_json({"format_version": 5, **content}).model.decoder == decoder
    other = {**content, "model": {"encoder": "pca", "decoder": "conv"}}
    if decoder is not None:
        assert RunConfig.from_json({"format_version": 5, **other}).model.decoder == "conv"


def test_every_preset_says_how_it_is_optimised() -> None:
    """The systems of the earlier work do not change with this project's defaults."""
    for name, preset in PRESETS.items():
        assert preset.training["optimizer"] == ("muon" if name == "fine" else "adam"), name
        assert {"encoder", "latent_dim"} <= preset.model.keys(), name
        assert "batch_size" in preset.training, name


# ------------------------------------------------------------------------------------------------------- in a notebook


def test_a_notebook_shows_the_main_settings_and_what_differs():
    images = "<b>\x1b[2J.npz"
    config = RunConfig(
        DataConfig(images, val_fraction=0.3),
        ModelConfig("deep", depth=2),
        ObjectiveConfig("angle", noise=NoiseConfig("gaussian", 0.2)),
    )
    shown = settings_shown(config)
    assert list(shown) == [*MAIN, "val_fraction", "depth"]  # and not the loss, which the objective takes away
    assert shown["objective"] == ("angle", "reconstruct")
    assert shown["depth"] == (2, None)
    text = config._repr_html_()
    assert "<tr><td>val_fraction</td><td>0.3</td><td>0.2</td></tr>" in text
    assert "<tr><td>noise</td><td>&#x27;gaussian:0.2&#x27;</td><td>&#x27;none&#x27;</td></tr>" in text
    assert "<tr><td>epochs</td><td>30</td><td></td></tr>" in text
    assert "<b>" not in text
    assert "\x1b" not in text
    assert len(RunConfig(DataConfig("a.npz"))._repr_html_()) < 1000
