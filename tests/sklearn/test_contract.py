"""The transformer keeps scikit-learn's contract: every check of its own that applies to a transformer."""

import inspect
import typing

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from autoencoder.config import DataConfig, ModelConfig, ObjectiveConfig, TrainingConfig
from autoencoder.config.model import own_settings
from autoencoder.sklearn import AutoencoderTransformer, settings

FEW = AutoencoderTransformer(epochs=5)

EXPECTED = {
    "check_methods_subset_invariance": "codes are computed in 32 bits: the code of a row in a batch of another size "
    "differs by rounding, and the check allows 1e-7; test_batches_change_codes_by_rounding_only has the bound"
}
"""Checks that are not met, and why. `check_array_api_input` skips itself where SciPy's support for it is off."""


@parametrize_with_checks([FEW], expected_failed_checks=lambda estimator: EXPECTED)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


PARAMETERS = inspect.signature(AutoencoderTransformer).parameters


@pytest.mark.parametrize(
    ("section", "names"),
    [
        (ModelConfig, settings.MODEL),
        (ObjectiveConfig, settings.OBJECTIVE),
        (TrainingConfig, settings.TRAINING),
        (DataConfig, settings.OF_DATA),
    ],
)
def test_parameters_are_settings_of_a_run_with_their_defaults(section, names):
    defaults = {name: item.default for name, item in inspect.signature(section).parameters.items()}
    for name in names:
        expected = None if name in own_settings() else defaults[name]
        assert PARAMETERS[name].default == expected, name


def test_each_parameter_is_described_and_documented(root):
    told = inspect.getdoc(AutoencoderTransformer)
    page = (root / "docs" / "scikit-learn.md").read_text()
    for name in PARAMETERS:
        assert f"{name}:" in told or f"{name}," in told, name
        assert f"`{name}`" in page, name


def test_annotations_can_be_read():
    assert typing.get_type_hints(AutoencoderTransformer.__init__)["epochs"] is int
