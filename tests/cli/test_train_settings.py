"""Where the settings of `train` come from: the fields of the configuration, a preset, a file, and flags, which win."""

import argparse
import dataclasses
import json
import time
import tomllib

import pytest

from autoencoder import config as c
from autoencoder.cli.commands import train
from autoencoder.cli.flags.options import Parser
from autoencoder.flags import settings_of
from autoencoder.registries import OBJECTIVES

SECTIONS = (c.DataConfig, c.ModelConfig, c.ObjectiveConfig, c.TrainingConfig)
BY_HAND = {"help", "data", "run", "resume", "preset", "config", "objective", "noise", "snapshot_samples"}
"""What is no field, or a field whose flag does not hold a value as the field does."""

QUICK = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet")


@pytest.fixture(scope="module")
def actions():
    parser = Parser(prog="autoencoder train")
    train.add_arguments(parser)
    return {action.dest: action for action in parser._actions}


def test_every_flag_is_a_field_and_says_what_the_field_says(actions):
    settings = {setting.name: setting for section in SECTIONS for setting in settings_of(section)}
    own = {name: flag.help for name, flag in c.own_settings().items()}
    assert actions.keys() == settings.keys() | own.keys() | BY_HAND
    for name, setting in settings.items():
        action = actions[name]
        assert action.default is argparse.SUPPRESS  # the field has it, and nothing else
        assert action.help.startswith(setting.flag.help)
        assert action.option_strings[0] == f"--{name.replace('_', '-')}"
        assert (tuple(action.choices) if action.choices is not None else None) == setting.choices
        if setting.default is not None and setting.values != "switch":
            assert f"(default: {setting.default})" in action.help, name


def test_every_field_has_a_flag_or_is_known_not_to():
    """Those that the data fill in when a run begins have none; `images` is DATA, `own` the encoders' settings."""
    flagless = {"images", "own", "name", "noise", "classes", "target_mean", "target_deviation", "snapshot_samples"}
    fields = {item.name for section in SECTIONS for item in dataclasses.fields(section)}
    assert fields - {setting.name for section in SECTIONS for setting in settings_of(section)} == flagless


def test_help_does_not_wait_for_torch(call):
    start = time.perf_counter()
    assert "--split-seed" in call("train", "--help").out
    assert time.perf_counter() - start < 1


# -------------------------------------------------------------------------------------------------------------- a file


def toml_of(content):
    """The settings of a `config.json` as TOML, which has no null."""
    lines = []
    for section, values in content.items():
        if not isinstance(values, dict):
            continue
        inner = {name: value for name, value in values.items() if isinstance(value, dict)}
        lines.append(f"[{section}]")
        lines += [f"{n} = {json.dumps(v)}" for n, v in values.items() if v is not None and n not in inner]
        for name, nested in inner.items():
            lines += [f"[{section}.{name}]", *(f"{n} = {json.dumps(v)}" for n, v in nested.items())]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory, succeed):
    """A run with settings of every section that are not the defaults."""
    run = tmp_path_factory.mktemp("config") / "run"
    flags = ("--encoder", "deep", "--depth", 2, "--norm", "layer", "--noise", "gaussian:0.2", "--loss", "bce")
    flags = (*flags, "--split", "blocks", "--block-size", 4, "--split-seed", 3, "--lr", 0.002)
    succeed("train", tiny, "--run", run, *flags, *QUICK)
    return run


@pytest.mark.parametrize("form", ["json", "toml"])
def test_a_run_is_repeated_from_its_file(trained, tmp_path, succeed, assert_same_run, form):
    file, content = trained / "config.json", json.loads((trained / "config.json").read_text())
    if form == "toml":
        file = tmp_path / "settings.toml"
        file.write_text(toml_of(content))
        assert tomllib.loads(file.read_text())["model"]["depth"] == 2
    succeed("train", "--config", file, "--run", tmp_path / "again", "--quiet")
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == content
    assert_same_run(tmp_path / "again", trained)


def test_flags_win(trained, tmp_path, succeed, tiny):
    flags = ("--lr", 0.01, "--depth", 3, "--noise", "none", "--split-seed", 9)
    succeed("train", tiny, "--config", trained / "config.json", "--run", tmp_path / "run", *flags, "--quiet")
    found = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (found["training"]["lr"], found["model"]["depth"]) == (0.01, 3)
    assert (found["objective"]["noise"]["kind"], found["data"]["split_seed"]) == ("none", 9)
    assert (found["objective"]["loss"], found["data"]["split"]) == ("bce", "blocks")  # of the file


def test_what_does_not_go_with_the_flags_is_left_out_and_said(trained, tmp_path, succeed, tiny):
    said = succeed("train", "--config", trained / "config.json", "--encoder", "dense", "--run", tmp_path / "run").out
    assert "not taken from" in said
    assert "--depth" in said
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model"]["encoder"] == "dense"


def test_metadata_of_other_images_are_not_taken_over(tiny, tmp_path, succeed):
    (tmp_path / "table.csv").write_text("speed\n" + "\n".join(f"{row}.5" for row in range(60)) + "\n")
    file = tmp_path / "settings.toml"
    file.write_text(f'[data]\nimages = "elsewhere.npz"\nmetadata = "{tmp_path / "table.csv"}"\n')
    said = succeed("train", tiny, "--config", file, "--run", tmp_path / "run", *QUICK[:-1]).out
    assert "because other images are given: --metadata" in said
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["metadata"] is None


def test_a_file_of_an_earlier_format(tiny, tmp_path, succeed):
    """Its seed was that of the split too."""
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"format_version": 1, "data": {"images": str(tiny)}, "training": {"seed": 8}}))
    succeed("train", "--config", file, "--run", tmp_path / "run", *QUICK)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["split_seed"] == 8


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", '{"model": {"encoder": "conv", "size": 3}}', ["a.json", "model.size"]),
        ("a.json", '{"modle": {}}', ["a.json", "'modle'"]),
        ("a.json", '{"model": {"latent_dim": "many"}}', ["a.json", "model.latent_dim", "wrong type", "'many'"]),
        ("a.json", '{"format_version": 99}', ["a.json", "format version 99"]),
        ("a.json", "{", ["a.json"]),
        ("a.toml", "model = 3", ["a.toml", "'model'", "group of settings"]),
        ("a.toml", "[model\n", ["a.toml"]),
        ("a.toml", 'data.images = "x.npz"\n[model]\nencoder = "nope"', ["'nope'", "strided"]),
        ("a.toml", 'data.images = "x.npz"\n[training]\nepochs = 0', ["epochs"]),
        ("a.toml", "[training]\nepochs = 5", ["a.toml", "names no images"]),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path, call, name, text, words):
    (tmp_path / name).write_text(text)
    call("train", "--config", tmp_path / name, "--run", tmp_path / "run").refused(*words)
    assert not (tmp_path / "run").exists()


def test_what_a_file_does_not_go_with(trained, tiny, tmp_path, call):
    call("train", tiny, "--config", tmp_path / "no.toml", "--run", tmp_path / "run").refused(str(tmp_path / "no.toml"))
    both = ("--config", trained / "config.json", "--preset", "simple")
    call("train", tiny, *both, "--run", tmp_path / "run").refused("--preset", "--config")
    call("train", "--resume", trained, "--config", trained / "config.json").refused("config")


def test_every_objective_is_a_choice(actions):
    assert set(actions["objective"].choices) == set(OBJECTIVES)
