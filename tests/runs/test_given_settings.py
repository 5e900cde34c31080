"""Settings and paths as a user of the Python API gives them: what is taken, and what is refused in plain words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import autoencoder as ae


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, images=np.zeros((40, 8, 8), np.uint8), label=np.arange(40) % 2)
    return path


def test_wrong_types_are_named_together_before_anything_is_made(data, tmp_path):
    wrong = {"epochs": "3", "latent_dim": 2.5, "lr": "fast", "noise": 0.3, "seed": None, "deterministic": 1}
    with pytest.raises(ae.UserError) as refused:
        ae.run_config(data, **wrong)
    said = str(refused.value)
    for expected in (
        "epochs must be a whole number, not '3'",
        "latent_dim must be a whole number, not 2.5",
        "lr must be a number, not 'fast'",
        "noise must be a text such as 'gaussian:0.2', or 'none', not 0.3",
        "seed must be a whole number, not None",
        "deterministic must be True or False, not 1",
    ):
        assert expected in said
    for call in (ae.run_study, ae.plan_study):
        folder = {"out": tmp_path / "study"} if call is ae.run_study else {}
        with pytest.raises(ae.UserError, match="epochs must be a whole number"):
            call(data, vary={"latent_dim": [2, 4]}, epochs=1.0, **folder)
    assert {path.name for path in tmp_path.iterdir()} == {data.name}


def test_what_means_the_same_is_taken(data):
    config = ae.run_config(data, epochs=np.int64(3), lr=1, augment="flip", patience=None, metadata=Path("m.csv"))
    assert type(config.training.epochs) is int
    assert config.training.lr == 1
    assert config.training.patience is None
    assert config.objective.augment == ("flip",)
    assert config.data.metadata == "m.csv"
    assert ae.run_config(data, augment=["flip", "shift"]).objective.augment == ("flip", "shift")


def test_images_in_memory_are_no_file(data):
    images = ae.load_images(data)
    for given in (images, images.images):
        for call in (ae.run_config, ae.load_images, ae.plan_study, ae.describe):
            with pytest.raises(ae.UserError, match=r"as a file, not as .*numpy\.savez"):
                call(given)


def test_no_images_at_all():
    with pytest.raises(ae.UserError, match="the first argument is their data file"):
        ae.run_config(epochs=1)


def test_a_run_stands_for_its_folder_and_a_data_set_for_its_file(data, tmp_path):
    trained = ae.train(ae.run_config(data, epochs=1, latent_dim=2, batch_size=8), tmp_path / "run")
    assert Path(trained) == tmp_path / "run"
    assert ae.describe(trained) == ae.describe(tmp_path / "run")
    assert ae.resume(trained).run.path == tmp_path / "run"
    own = ae.load_images(data)
    evaluation, _ = ae.test(trained, data=own)
    assert evaluation.images_name == "held-out images"  # and not those that it was trained on
    np.testing.assert_array_equal(evaluation.rows, ae.evaluate(trained).rows)
    assert (tmp_path / "run" / "test" / "images" / "metrics.json").is_file()
    arena = ae.prepare_arena(tmp_path / "arena", 20, size=8)
    ae.test(trained, data=arena)
    assert (tmp_path / "run" / "test" / "arena" / "metrics.json").is_file()
    (codes,) = ae.encode(trained, data=arena, out=tmp_path / "codes.csv")
    assert len(codes.read_text().splitlines()) == 21


def test_pixels_of_another_scale_are_refused(data, tmp_path):
    trained = ae.train(ae.run_config(data, epochs=1, latent_dim=2, batch_size=8), tmp_path / "run")
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    codes = trained.encode(images)
    np.testing.assert_allclose(trained.encode(images / np.float32(255)), codes, atol=1e-5)
    noisy = images / 255 + np.random.default_rng(1).normal(0, 0.2, images.shape)
    assert trained.encode(noisy).shape == (20, 2)  # a little over white
    with pytest.raises(ae.UserError, match="floats are up to 255, where 1 stands for white: divide them by 255"):
        trained.encode(images.astype(float))
    with pytest.raises(ae.UserError, match=r"an array \(N, 8, 8\), not of shape \(8, 8\)"):
        trained.encode(images[0])
    with pytest.raises(ae.UserError, match=r"an array \(N, 8, 8\), not 'images.npz'"):
        trained.encode("images.npz")
