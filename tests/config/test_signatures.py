"""The settings of a run in signatures and docstrings: all of them, with the defaults that hold, for completion too."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.config.settings import setting_types
from autoencoder.config.signatures import run_settings
from autoencoder.registries import ENCODERS, OBJECTIVES
from autoencoder.study.designs.design import STUDY_TRAINING

FILLED_IN = {"target_mean", "target_deviation"}
"""By training, from the data."""

TAKE_SETTINGS = ("run_config", "plan_study", "run_study", "plan_folds", "leave_one_out")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, images=np.zeros((100, 16, 16), np.uint8), label=np.arange(100) % 2)
    return path


def settings_in(function):
    parameters = inspect.signature(function).parameters
    assert not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
    return {name: item.default for name, item in parameters.items() if name in setting_types()}


@pytest.mark.parametrize("name", TAKE_SETTINGS)
def test_every_setting_is_in_the_signature(name):
    assert settings_in(getattr(ae, name)).keys() == setting_types().keys() - FILLED_IN


def test_defaults_in_the_signature_are_those_that_hold(data):
    assert ae.run_config(data, **settings_in(ae.run_config)) == ae.run_config(data)
    shown = settings_in(ae.plan_study)
    assert shown == settings_in(ae.run_config) | STUDY_TRAINING
    assert ae.plan_study(data, seeds=2, **{**shown, "gap": None}).design == ae.plan_study(data, seeds=2).design


def test_the_docstring_lists_settings_as_their_flags_say_them():
    told = inspect.getdoc(ae.run_config)
    words = " ".join(told.split())
    for group in run_settings().values():
        for setting in group:
            assert f"{setting.name}={setting.default!r}: " in words
            assert f"one of {', '.join(setting.choices)}" in words if setting.choices else True
    assert f"one of {', '.join(OBJECTIVES)}" in words
    assert f"one of {', '.join(ENCODERS)}" in words
    assert "images per update" in words
    assert "--" not in told  # names of the command line
    assert max(map(len, told.splitlines())) <= 120


def test_a_notebook_completes_settings():
    completer = pytest.importorskip("IPython.core.completer")
    completed = completer.IPCompleter(namespace={"ae": ae}, use_jedi=False)
    with completer.provisionalcompleter():
        found = {one.text for one in completed.completions("ae.run_config('a.npz', lat", 26)}
    assert {"latent_dim=", "latent_activation="} <= found


def test_no_command_waits_for_them():
    """`import autoencoder` and the parsers leave the module alone."""
    code = (
        "import sys, autoencoder; from autoencoder.cli.main import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "print('autoencoder.config.signatures' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False"
