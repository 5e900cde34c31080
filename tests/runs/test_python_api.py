"""The Python API, as a user of the package writes it."""

import dataclasses

import numpy as np
import pytest

import autoencoder as ae


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    config = ae.RunConfig(
        ae.DataConfig(str(tiny)),
        ae.ModelConfig(latent_dim=4),
        ae.ObjectiveConfig(noise=ae.NoiseConfig("gaussian", 0.1)),
        ae.TrainingConfig(epochs=2, batch_size=16, seed=1),
    )
    return ae.train(config, tmp_path_factory.mktemp("api") / "run")


def test_everything_that_is_offered_is_there():
    for name in ae.__all__:
        assert getattr(ae, name) is not None
    assert set(ae.__all__) <= set(dir(ae))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ae.nothing


def test_train_prints_nothing(tiny, tmp_path, capfd):
    ae.train(
        ae.RunConfig(ae.DataConfig(str(tiny)), training=ae.TrainingConfig(epochs=1, batch_size=16)), tmp_path / "r"
    )
    assert capfd.readouterr() == ("", "")


def test_a_loaded_run_is_the_trained_one(trained, tiny):
    images = ae.load_images(tiny).images
    loaded = ae.load_run(trained.run.path)
    assert loaded.image_shape == (1, 16, 16)
    assert loaded.config == trained.config
    np.testing.assert_array_equal(loaded.encode(images), trained.encode(images))
    np.testing.assert_array_equal(loaded.reconstruct(images), trained.reconstruct(images))


def test_encode_and_decode_are_the_halves_of_reconstruct(trained, tiny):
    images = ae.load_images(tiny).images
    codes = trained.encode(images)
    assert codes.shape == (60, 4)
    assert codes.dtype == np.float32
    pictures = trained.decode(codes)
    assert pictures.shape == (60, 1, 16, 16)
    assert 0 <= pictures.min() <= pictures.max() <= 1
    np.testing.assert_allclose(pictures, trained.reconstruct(images), atol=1e-5)


def test_one_image_is_encoded_as_it_is_among_others(trained, tiny):
    images = ae.load_images(tiny).images
    np.testing.assert_allclose(trained.encode(images[5:6])[0], trained.encode(images)[5], rtol=1e-4, atol=1e-5)


def test_the_same_picture_in_other_forms_has_the_same_code(trained, tiny):
    """(N, H, W) or (N, 1, H, W); uint8 or floats in [0, 1]."""
    images = ae.load_images(tiny).images
    expected = trained.encode(images)
    np.testing.assert_array_equal(trained.encode(images[:, 0]), expected)
    np.testing.assert_allclose(trained.encode(images.astype(np.float32) / 255), expected, rtol=1e-4, atol=1e-5)


def test_input_is_left_as_it_was(trained, tiny):
    images = np.array(ae.load_images(tiny).images, np.float32) / 255
    before = images.copy()
    trained.reconstruct(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    "shape",
    [(3, 16, 17), (3, 3, 16, 16), (16, 16), (0, 16, 16), (2, 1, 1, 16, 16)],
    ids=lambda s: "x".join(map(str, s)),
)
def test_images_of_another_size_are_refused(trained, shape):
    with pytest.raises(ae.UserError, match=r"\(N, 16, 16\)"):
        trained.encode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.complex64, object])
def test_images_of_a_type_without_a_scale_are_refused(trained, dtype):
    """An int64 image of 0 to 255 is not in [0, 1]; to encode it as if it were would be wrong without a word."""
    with pytest.raises(ae.UserError, match="uint8, uint16 or float"):
        trained.encode(np.ones((2, 16, 16)).astype(dtype))


@pytest.mark.parametrize("shape", [(2, 5), (4,), (2, 4, 1)], ids=str)
def test_codes_of_another_size_are_refused(trained, shape):
    with pytest.raises(ae.UserError, match=r"\(N, 4\)"):
        trained.decode(np.zeros(shape, np.float32))


def test_evaluate(trained, tiny):
    evaluation = ae.evaluate(trained.run.path)
    assert len(evaluation.rows) == 12
    result = evaluation.result
    assert result.compared_with == "clean images"
    assert result.output_quality.mse == pytest.approx(float(result.errors.mean()), rel=1e-5)
    assert evaluation.summary()["output"] == result.output_quality.numbers()
    shown = evaluation.predict(evaluation.rows[:3])
    np.testing.assert_array_equal(shown.truth, ae.load_images(tiny).scaled(evaluation.rows[:3], "clean"))
    np.testing.assert_allclose(shown.latent, trained.encode(shown.seen), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(shown.rows, evaluation.rows[:3])
    np.testing.assert_array_equal(shown.seen, evaluation.predict(evaluation.rows[:3]).seen)


def test_evaluate_an_image_set_of_the_callers_own(trained, tiny):
    own = ae.load_images(tiny)
    np.testing.assert_array_equal(ae.evaluate(trained, data=own).rows, ae.evaluate(trained).rows)
    others = ae.evaluate(trained, data=dataclasses.replace(own, images=255 - own.images, clean=None))
    assert len(others.rows) == 60
    assert "held-out" not in others.images_name


def test_visualize(trained, tmp_path):
    files = ae.visualize(
        trained.run.path, reducer="pca", color_by=["x"], movie=ae.MovieOptions(seconds=1), out=tmp_path / "out"
    )
    assert [file.name for file in files] == ["embedding.npz", "scores.json", "x.mp4", "x.png"]
    assert all(file.is_file() for file in files)


def test_resume(trained, tiny, tmp_path):
    config = ae.RunConfig(
        ae.DataConfig(str(tiny)),
        training=ae.TrainingConfig(epochs=1, batch_size=16, schedule="constant", val_interval=1),
    )
    ae.train(config, tmp_path / "run")
    more = ae.resume(tmp_path / "run", epochs=2)
    assert more.config.training.epochs == 2
    assert [row["epoch"] for row in more.run.metrics()] == [1, 2]


def test_layers(trained, tiny):
    images = ae.load_images(tiny).images
    np.testing.assert_array_equal(trained.features("latent", images), trained.encode(images))
    np.testing.assert_allclose(trained.features("pixels", images), images.reshape(60, -1) / np.float32(255), rtol=1e-6)
    assert trained.features("fc2", images).shape[0] == 60
    with pytest.raises((ae.UserError, ValueError), match="fc3"):
        trained.features("fc3", images)


def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path, succeed, call):
    """Its network may fit, but another seed held out other images."""
    for seed in (1, 2):
        flags = ("--epochs", 1, "--batch-size", 16, "--seed", seed, "--snapshots-per-epoch", 0, "--quiet")
        succeed("train", tiny, "--run", tmp_path / f"run{seed}", *flags)
    other = tmp_path / "run2" / "checkpoints" / "last.pt"
    call("test", "--run", tmp_path / "run1", "--checkpoint", other).refused("another run", str(tmp_path / "run1"))


def test_the_readme_s_python_runs(root, tmp_path, monkeypatch, succeed):
    succeed("prepare", "arena", "--images", 60, "--size", 16, "--out", tmp_path / "data" / "arena", "--quiet")
    text = (root / "README.md").read_text(encoding="utf-8")
    block = text.split("```python\n")[1].split("```")[0]
    block = block.replace(
        '"data/arena.npz")', '"data/arena.npz"), training=ae.TrainingConfig(epochs=1, batch_size=32)', 1
    )
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["codes"].shape == (60, 16)
    np.testing.assert_array_equal(names["again"].encode(ae.load_images("data/arena.npz").images), names["codes"])


def test_images_at_once_change_results_by_rounding_only(trained, tiny, monkeypatch):
    """A GPU is given several times as many as the processor; what is made of them, and a test, are the same."""
    images, found = ae.load_images(tiny).images, []
    for at_once in (7, 60):
        monkeypatch.setattr("autoencoder.runs.trained.at_once", lambda *asked, n=at_once: n)
        numbers = ae.evaluate(trained.run.path).result.numbers()
        found.append((trained.encode(images), trained.reconstruct(images), numbers))
    for few, many in zip(found[0][:2], found[1][:2], strict=True):
        np.testing.assert_allclose(few, many, atol=1e-6)
    assert found[0][2]["output"] == pytest.approx(found[1][2]["output"], rel=1e-5)
