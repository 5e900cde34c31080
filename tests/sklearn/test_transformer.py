"""What the transformer learns, gives back, keeps and refuses."""

import contextlib
import io
import pickle
import signal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from autoencoder.sklearn import AutoencoderTransformer
from autoencoder.training.engines import EagerEngine

QUICK = {"epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def plane():
    """300 points of a plane in ten dimensions, each dimension in a unit of its own."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 10))
    return points * np.logspace(-3, 6, 10) + np.linspace(-5, 1e6, 10)


@pytest.fixture(scope="module")
def digits():
    """Digits to learn from and held-out ones, (n, 64) with values from 0 to 16."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def fitted(digits):
    return AutoencoderTransformer(8, image_shape=(8, 8), encoder="dense", random_state=0, epochs=12).fit(digits[0])


def explained(X, made, mean):
    return 1 - np.square(X - made).sum() / np.square(X - mean).sum()


def pca_score(n, X, held_out):
    pca = PCA(n).fit(X)
    return explained(held_out, pca.inverse_transform(pca.transform(held_out)), X.mean(axis=0))


def test_a_plane_is_found_by_two_units_and_not_by_one(plane):
    train, held_out = plane[:200], plane[200:]
    two = AutoencoderTransformer(2, random_state=0).fit(train)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    one_component = pca_score(1, (train - mean) / deviation, (held_out - mean) / deviation)
    assert two.score(held_out) > 0.9 > 0.8 > one_component
    made = two.inverse_transform(two.transform(held_out))
    assert (np.abs(made - held_out).mean(axis=0) < 0.3 * deviation).all()  # in each column's own unit


def test_score_is_the_explained_variance_of_what_is_given_back(plane, fitted, digits):
    columns = AutoencoderTransformer(2, **QUICK).fit(plane)
    made = columns.inverse_transform(columns.transform(plane))
    deviation, mean = plane.std(axis=0), columns.mean_
    np.testing.assert_allclose(mean, plane.mean(axis=0))
    assert columns.score(plane) == pytest.approx(explained(plane / deviation, made / deviation, mean / deviation))
    train, held_out = digits[:2]
    made = fitted.inverse_transform(fitted.transform(held_out))
    assert fitted.score(held_out) == pytest.approx(explained(held_out, made, train.mean(axis=0)), rel=1e-6)
    assert isinstance(fitted.score(held_out[:1]), float)


def test_held_out_digits_are_closer_than_by_a_pca_of_as_many_components(fitted, digits):
    train, held_out = digits[:2]
    assert fitted.score(held_out) > pca_score(8, train, held_out) + 0.05


def test_convolutions_learn_images(digits):
    train, held_out = digits[0][:600], digits[1][:200]
    learned = AutoencoderTransformer(2, image_shape=(8, 8), random_state=0, epochs=6).fit(train)
    assert learned.config_.model.encoder == "narrow"
    assert learned.score(held_out) > pca_score(2, train, held_out)


def test_the_same_random_state_gives_the_same_codes(digits):
    rows = digits[0][:64]

    def codes(random_state, **settings):
        return AutoencoderTransformer(3, epochs=1, random_state=random_state, **settings).fit_transform(rows)

    np.testing.assert_array_equal(codes(1), codes(1))
    np.testing.assert_array_equal(codes(1, noise="gaussian:0.5"), codes(1, noise="gaussian:0.5"))
    assert not np.array_equal(codes(1), codes(2))
    assert not np.array_equal(codes(None), codes(None))
    assert not np.array_equal(codes(1), codes(1, noise="gaussian:0.5"))
    state = np.random.RandomState(5)
    assert not np.array_equal(codes(state), codes(state))


def test_training_leaves_random_numbers_and_signals_alone(digits):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  it is what has to stay
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), signal.getsignal(signal.SIGINT)  # noqa: NPY002
    AutoencoderTransformer(2, **QUICK).fit(digits[0][:64])
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert signal.getsignal(signal.SIGINT) is before[2]


def test_an_interrupt_ends_a_search(digits, monkeypatch):
    """It is not taken for a fit that failed, after which a search goes on."""

    def interrupted(engine, rows, step):
        assert signal.getsignal(signal.SIGINT) is heard
        raise KeyboardInterrupt

    heard = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(EagerEngine, "update", interrupted)
    search = GridSearchCV(AutoencoderTransformer(**QUICK), {"latent_dim": [1, 2]}, cv=2, error_score=0)
    with pytest.raises(KeyboardInterrupt):
        search.fit(digits[0][:64])


def test_pickled_and_cloned(fitted, digits):
    held_out = digits[1]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(held_out), fitted.transform(held_out))
    assert again.score(held_out) == fitted.score(held_out)
    assert again.config_ == fitted.config_
    new = clone(fitted)
    assert new.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        new.transform(held_out)
    with pytest.raises(NotFittedError):
        new.inverse_transform(held_out[:, :8])
    with pytest.raises(NotFittedError):
        new.score(held_out)


def test_nothing_is_written_and_nothing_said(digits, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    AutoencoderTransformer(2, **QUICK).fit(digits[0][:64]).score(digits[1])
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_verbose_tells_each_epoch(digits):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        AutoencoderTransformer(2, patience=1, val_interval=2, verbose=True, **QUICK).fit(digits[0][:64])
    first, second = said.getvalue().splitlines()
    assert first.startswith("epoch 1 of 2: loss ")
    assert "held-out" not in first
    assert ", held-out " in second


def test_a_search_over_a_pipeline(digits):
    """Each parameter reaches the network, and the labels' accuracy decides."""
    train, held_out, labels, held_out_labels = (part[:300] for part in digits)
    pipeline = make_pipeline(
        AutoencoderTransformer(image_shape=(8, 8), encoder="dense", random_state=0, epochs=4),
        LogisticRegression(max_iter=1000),
    )
    grid = {"autoencodertransformer__latent_dim": np.array([1, 8])}
    search = GridSearchCV(pipeline, grid, cv=2).fit(train, labels)
    assert search.best_params_ == {"autoencodertransformer__latent_dim": 8}
    assert search.score(held_out, held_out_labels) > 0.7
    alone = GridSearchCV(
        AutoencoderTransformer(4, image_shape=(8, 8), encoder="dense", random_state=0), {"epochs": [1, 8]}, cv=2
    )
    assert alone.fit(train).best_params_ == {"epochs": 8}  # by the transformer's own score


@pytest.mark.slow  # each process imports torch
def test_a_search_over_processes_finds_what_one_process_does(digits):
    transformer = AutoencoderTransformer(image_shape=(8, 8), encoder="dense", **QUICK)
    one, two = (GridSearchCV(transformer, {"latent_dim": [1, 8]}, cv=2, n_jobs=n).fit(digits[0][:100]) for n in (1, 2))
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(two.cv_results_[name], one.cv_results_[name], rtol=1e-4)


def test_frames_keep_their_names(plane):
    frame = pd.DataFrame(plane, columns=[f"c{number}" for number in range(10)])
    learned = AutoencoderTransformer(3, **QUICK).set_output(transform="pandas").fit(frame)
    codes = learned.transform(frame[:5])
    assert list(codes.columns) == [f"autoencodertransformer{number}" for number in range(3)]
    assert list(learned.feature_names_in_) == list(frame.columns)
    assert learned.inverse_transform(codes).shape == (5, 10)
    with pytest.raises(ValueError, match="feature names should match"):
        learned.transform(frame.rename(columns={"c0": "other"}))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_of_what_comes_in_are_those_of_what_goes_out(digits, dtype):
    learned = AutoencoderTransformer(2, **QUICK).fit(digits[0][:64].astype(dtype))
    codes = learned.transform(digits[1].astype(dtype))
    assert codes.dtype == learned.inverse_transform(codes).dtype == dtype
    assert learned.transform(digits[1].astype(np.uint8)).dtype == np.float64
    np.testing.assert_allclose(learned.transform(digits[1].astype(np.uint8)), codes, atol=1e-5)


def test_batches_change_codes_by_rounding_only(fitted, digits):
    held_out = digits[1]
    one_by_one = np.concatenate([fitted.transform(row[None]) for row in held_out[:50]])
    np.testing.assert_allclose(one_by_one, fitted.transform(held_out)[:50], atol=1e-5)


def test_a_larger_batch_is_cut_to_the_data(digits):
    learned = AutoencoderTransformer(2, batch_size=10_000, **QUICK).fit(digits[0][:40])
    assert learned.config_.training.batch_size == 40
    assert [row["step"] for row in learned.history_] == [1, 2]
    assert learned.batch_size == 10_000


def test_colours_lie_in_the_last_place():
    """A column of a frame stays where it is on the way through the network."""
    rng = np.random.default_rng(0)
    tints = rng.uniform(size=(200, 1, 1, 3))
    images = np.broadcast_to(tints, (200, 4, 5, 3)) * 255
    X = images.reshape(200, -1)
    learned = AutoencoderTransformer(3, image_shape=(4, 5, 3), encoder="dense", random_state=0).fit(X)
    assert learned.config_.data.max_pixel_value is None
    assert learned.score(X) > 0.9
    made = learned.inverse_transform(learned.transform(X)).reshape(images.shape)
    np.testing.assert_allclose(made, images, atol=100)
    assert made.min() >= X.min() - 1e-3  # what lies beyond the scale is clipped
    assert made.max() <= X.max() + 1e-3


def test_max_pixel_value_is_what_stands_for_one(digits):
    """Digits of 0 to 16, shares of 16, and digits whose smallest and largest value are taken: the same images."""
    rows = digits[0][:100]

    def learned(X, top):
        settings = {"image_shape": (8, 8), "encoder": "dense", "loss": "bce", "max_pixel_value": top, **QUICK}
        return AutoencoderTransformer(2, **settings).fit(X)

    by_value, by_share, by_range = learned(rows, 16), learned(rows / 16, 1.0), learned(rows, None)
    codes = by_value.transform(rows)
    np.testing.assert_array_equal(by_share.transform(rows / 16), codes)
    np.testing.assert_array_equal(by_range.transform(rows), codes)
    made = by_value.inverse_transform(codes)
    np.testing.assert_allclose(by_share.inverse_transform(codes) * 16, made)
    assert 0 <= made.min() < made.max() <= 16  # probabilities of the cross-entropy, in the units of what came in
    assert not np.array_equal(learned(rows, 255).transform(rows), codes)


def test_patience_keeps_the_best_weights(digits, monkeypatch):
    """Held-out losses of 0.5, 0.3, 0.4 and 0.6 with a patience of 2: it ends after the fourth, and takes the second."""
    from autoencoder.training.loop import TrainingLoop

    rows = digits[0][:60]
    losses = iter([0.5, 0.3, 0.4, 0.6])
    same = {"schedule": "constant", "random_state": 0, "val_interval": 1}
    monkeypatch.setattr(TrainingLoop, "_validate", lambda loop, asked: (next(losses), None))
    stopped = AutoencoderTransformer(2, patience=2, epochs=50, **same).fit(rows)
    assert [row["val_loss"] for row in stopped.history_] == [0.5, 0.3, 0.4, 0.6]
    losses = iter([0.5, 0.3])
    short = AutoencoderTransformer(2, patience=2, epochs=2, **same).fit(rows)
    np.testing.assert_array_equal(stopped.transform(rows), short.transform(rows))


def test_without_patience_every_row_is_learned_from(digits):
    rows = digits[0][:60]
    learned = AutoencoderTransformer(2, batch_size=20, **QUICK).fit(rows)
    assert [(row["step"], row["val_loss"]) for row in learned.history_] == [(3, None), (6, None)]
    held_out = AutoencoderTransformer(2, batch_size=20, patience=5, val_fraction=1 / 3, **QUICK).fit(rows)
    assert [row["step"] for row in held_out.history_] == [2, 4]


def test_noise_of_columns_has_no_bounds(plane):
    """Standardised columns lie on both sides of 0: clipped to [0, 1], as pixels are, half of them would be lost."""
    learned = AutoencoderTransformer(2, noise="gaussian:0.1", random_state=0).fit(plane)
    assert learned.score(plane) > 0.95


def test_constant_columns_come_back():
    X = np.full((40, 3), 7.0)
    X[:, 1] = np.arange(40)
    learned = AutoencoderTransformer(1, **QUICK).fit(X)
    made = learned.inverse_transform(learned.transform(X))
    assert np.isfinite(made).all()
    assert np.abs(made[:, 0] - 7).max() < 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latent_dim": 0}, "latent_dim must be at least 1, not 0"),
        ({"latent_dim": 2.5}, "latent_dim must be a whole number, not 2.5"),
        ({"lr": "fast"}, "lr must be a number, not 'fast'"),
        ({"epochs": 0, "schedule": "cosin"}, "epochs must be at least 1, not 0; .*'cosin' .did you mean 'cosine'"),
        ({"encoder": "pca"}, "'pca' is fitted, not learned: .*scikit-learn's PCA"),
        ({"encoder": "strided"}, "'strided' takes images: give image_shape, or choose dense or deep"),
        ({"decoder": "conv"}, "decoder 'conv' takes images"),
        ({"encoder": "densee"}, "did you mean 'dense'"),
        ({"loss": "bce"}, "loss 'bce' is for images: give image_shape"),
        ({"noise": "poisson:5"}, "noise 'poisson' is for images"),
        ({"noise": "gaussian"}, "KIND:AMOUNT"),
        (
            {"noise": "gauss:0.5", "loss": "msee"},
            "noise 'gauss' .did you mean 'gaussian'.*loss 'msee' .did you mean 'mse'",
        ),
        ({"noise": 0.5}, "noise must be a text such as 'gaussian:0.2', or 'none', not 0.5"),
        ({"augment": ["flip"]}, "augment is for images"),
        ({"max_pixel_value": 255}, "max_pixel_value is for images"),
        ({"depth": 3}, "depth only applies to the encoder 'deep', not to 'dense'"),
        ({"image_shape": (8, 9)}, r"image_shape \(8, 9\) makes 72 values, and X has 64 features"),
        ({"image_shape": 64}, r"image_shape is \(H, W\), or \(H, W, 3\)"),
        ({"image_shape": (4, 4, 4)}, r"image_shape is \(H, W\), or \(H, W, 3\)"),
        ({"image_shape": (8, 8), "encoder": "conv"}, "too small for the network 'conv', which takes 18x18"),
        ({"image_shape": (4, 16), "encoder": "dense", "augment": ["rotate"]}, "takes square images, not 4x16"),
        ({"image_shape": (8, 8), "max_pixel_value": -1.0}, "max_pixel_value must be a positive number"),
        ({"batch_size": 1}, "use batch_size 2 or more, or norm layer"),
        ({"patience": 1, "val_fraction": 2.0}, "val_fraction must lie between 0 and 1"),
        ({"patience": 1, "val_fraction": 0.99}, "patience holds out 29 of 30 samples"),
        ({"lr": 1e30}, "train with a lower lr"),
    ],
    ids=str,
)
def test_refused_by_name(digits, settings, words):
    with pytest.raises(ValueError, match=words) as refused:
        AutoencoderTransformer(**{"epochs": 5, **settings}).fit(digits[0][:30])
    assert "--" not in str(refused.value)


def test_data_refused_by_name(digits, fitted):
    rows = digits[0][:30]
    transformer = AutoencoderTransformer(2, **QUICK)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        transformer.fit(scipy.sparse.csr_matrix(rows))
    with pytest.raises(ValueError, match="NaN"):
        transformer.fit(np.where(rows == 0, np.nan, rows))
    with pytest.raises(ValueError, match="minimum of 2"):
        transformer.fit(rows[:1])
    with pytest.raises(ValueError, match=r"Expected 2D|dim 3"):
        transformer.fit(rows.reshape(-1, 8, 8))
    with pytest.raises(ValueError, match="expecting 64 features"):
        fitted.transform(rows[:, :10])
    with pytest.raises(ValueError, match="X has 3 columns, and there are 8 latent units"):
        fitted.inverse_transform(rows[:, :3])
    with pytest.raises(ValueError, match="codes are not finite"):
        fitted.transform(np.full((1, 64), 1e300))
    with pytest.raises(ValueError, match="what is decoded is not finite"):
        fitted.inverse_transform(np.full((1, 8), 1e300))


def test_the_page_s_example_runs(root, capsys):
    """With one epoch each; its numbers are those of the whole."""
    block = (root / "docs" / "scikit-learn.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    for whole, quick in {
        'encoder="dense", random_state=0)': 'encoder="dense", random_state=0, epochs=1)',
        "epochs=15": "epochs=1",
        "[4, 8, 16]": "[4]",
        "cv=3": "cv=2",
    }.items():
        assert whole in block
        block = block.replace(whole, quick)
    names: dict = {}
    exec(compile(block, "scikit-learn.md", "exec"), names)
    assert names["codes"].shape == (450, 8)
    assert names["images"].shape == (450, 64)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()][:2] == ["autoencoder", "PCA"]
