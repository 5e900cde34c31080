"""Planes of codes: on disk, over training, and of sources whose shape is known."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.study.measured.embeddings import course, embed_population, principal_plane, turned
from autoencoder.study.planes import COURSE_LOSS, Planes, read_planes
from autoencoder.study.population import Moment, Population, Source
from autoencoder.workflows.study.plane_figures import plane_figures, thumbnails

ANGLES = np.linspace(0, 2 * np.pi, 160, endpoint=False)


def rotation(d, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def ring(d=6, seed=0, noise=0.02):
    """Codes (160, d) on a ring in two of d dimensions."""
    rng = np.random.default_rng(seed)
    flat = np.zeros((len(ANGLES), d))
    flat[:, 0], flat[:, 1] = 3 * np.cos(ANGLES), 2 * np.sin(ANGLES)
    return ((flat + noise * rng.normal(size=flat.shape)) @ rotation(d, seed) + 5).astype(np.float32)


def comparer_of(*sources):
    """What `embed_population` asks of a comparer, of sources whose codes are of the same images."""
    p = len(sources[0].codes(sources[0].last, np.arange(len(ANGLES))))
    rows = np.arange(p) * 2
    population = Population(sources, {}, None, rows, "random", 3, np.arange(0), np.arange(p))
    return SimpleNamespace(population=population, sources=list(sources))


def over_training(name, codes, levels=None, seed=0, control=None):
    moments = {Moment(10 * t, 0.1 * t): SimpleNamespace(load=lambda c=c: c) for t, c in enumerate(codes)}
    return Source(name, levels or {}, seed, control, snapshots=moments)


def some_planes(names=("a", "b"), p=50, t=3):
    rng = np.random.default_rng(0)
    courses = {name: (10.0 ** np.arange(t)[:, None, None] * rng.normal(size=(t, p, 2))) for name in names}
    return Planes(
        np.arange(p) * 3,
        "UMAP",
        {name: rng.normal(size=(p, 2)).astype(np.float32) for name in names},
        {name: values.astype(np.float32) for name, values in courses.items()},
        {name: np.arange(t) * 100 for name in names},
        {name: np.arange(t) / 7 for name in names},
    )


# ------------------------------------------------------------------------------------------------------------- on disk


@pytest.mark.parametrize("names", [("a", "b"), (), ("", "../etc", "$x$ ü/\n", "end_0")])
def test_planes_come_back(tmp_path, names):
    planes = some_planes(names)
    planes.write(tmp_path / "planes.npz")
    found = read_planes(tmp_path / "planes.npz")
    assert found.names == names
    assert found.method == "UMAP"
    np.testing.assert_array_equal(found.rows, planes.rows)
    for name in names:
        np.testing.assert_array_equal(found.ends[name], planes.ends[name])
        np.testing.assert_array_equal(found.steps[name], planes.steps[name])
        np.testing.assert_array_equal(found.epochs[name], planes.epochs[name])
        largest = np.abs(planes.courses[name]).max(axis=(1, 2), keepdims=True)
        lost = np.abs(found.courses[name] - planes.courses[name]) / largest
        assert 0 < lost.max() <= 1.001 * COURSE_LOSS
        assert found.courses[name].dtype == np.float32


def test_the_same_planes_give_the_same_bytes(tmp_path, monkeypatch):
    some_planes().write(tmp_path / "one.npz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    some_planes().write(tmp_path / "two.npz")
    read_planes(tmp_path / "one.npz").write(tmp_path / "again.npz")
    content = (tmp_path / "one.npz").read_bytes()
    assert content == (tmp_path / "two.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_a_moment_at_which_all_codes_are_the_same_is_kept(tmp_path):
    planes = some_planes(("a",))
    planes.courses["a"][1] = 0
    planes.write(tmp_path / "planes.npz")
    assert (read_planes(tmp_path / "planes.npz").courses["a"][1] == 0).all()


def test_what_is_missing_or_damaged_is_made_again_by_the_report(tmp_path):
    path = tmp_path / "planes.npz"
    again = "'autoencoder study report' makes it again"
    with pytest.raises(UserError, match=rf"no file.*{again}"):
        read_planes(path)
    some_planes().write(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"PK" + whole[10:], whole.replace(b"course_1", b"course_9")):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=again):
            read_planes(path)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("rows", np.array([-1] * 50)),
        ("rows", np.arange(49)),
        ("names", np.array(["a", "a"])),
        ("names", np.array(["a", "b", "c"])),
        ("end_1", np.full((50, 2), np.nan, np.float32)),
        ("course_0", np.zeros((2, 50, 2), np.float16)),
        ("steps_0", np.array(3)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, key, values):
    some_planes().write(tmp_path / "planes.npz")
    with np.load(tmp_path / "planes.npz") as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "planes.npz", **{**arrays, key: values})
    with pytest.raises(UserError, match="damaged"):
        read_planes(tmp_path / "planes.npz")


# ------------------------------------------------------------------------------------------------------- over training


def test_a_ring_keeps_its_order_in_the_plane():
    plane = principal_plane(ring(noise=0))
    turn = np.diff(np.unwrap(np.arctan2(plane[:, 1], plane[:, 0])), append=np.nan)[:-1]
    assert len({*np.sign(turn)}) == 1
    assert abs(turn.sum()) == pytest.approx(2 * np.pi, rel=0.05)


def test_a_plane_keeps_as_much_of_the_codes_as_any_can():
    codes = np.random.default_rng(0).normal(size=(200, 7)) * np.arange(1, 8) + 9
    centred = codes - codes.mean(axis=0)
    plane, singular = principal_plane(codes), np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(plane.T @ plane, np.diag(singular[:2] ** 2), atol=1e-8)
    np.testing.assert_allclose(plane, centred @ (np.linalg.pinv(centred) @ plane), atol=1e-8)
    assert np.ptp(principal_plane(codes[:, :1])[:, 1]) == 0


def test_courses_do_not_flip():
    """Codes that turn by a degree from moment to moment, whose first two components swap places each time."""
    base = np.linalg.qr(np.random.default_rng(1).normal(size=(150, 5)))[0] * [1, 1, 0.1, 0.1, 0.1]
    slowly, codes = np.eye(5), []
    for t in range(12):
        turn = np.radians(t)
        slowly[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        wider = 1 + 0.03 * (-1) ** t
        codes.append(base * [wider, 1 / wider, 1, 1, 1] @ slowly)

    def moved(planes):
        return [np.linalg.norm(b - a) / np.linalg.norm(b) for a, b in itertools.pairwise(planes)]

    planes = course(codes)
    assert planes.dtype == np.float32
    assert max(moved(planes)) < 0.1
    assert min(moved([principal_plane(one) for one in codes])) > 1
    np.testing.assert_allclose(planes[-1], principal_plane(codes[-1]), atol=1e-5)


def test_turning_finds_a_rotation_and_a_reflection_and_does_not_scale():
    plane = principal_plane(ring())
    for sign in (1, -1):
        moved = 3 * plane @ (rotation(2, 4) * [1, sign])
        np.testing.assert_allclose(3 * turned(plane, moved), moved, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------- of sources


def test_two_units_are_as_they_are_and_untrained_networks_are_left_out():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(160, 2)).astype(np.float32)
    sources = [
        over_training("deep", [ring(seed=1), ring(seed=2), ring(seed=3)]),
        Source("flat", {}, None, fixed=flat),
        Source("first", {}, 0, "untrained", fixed=ring()),
    ]
    done = []
    planes, said = embed_population(comparer_of(*sources), lambda: done.append(1), reducer="pca")
    assert planes.names == ("deep", "flat")
    assert len(done) == 2
    np.testing.assert_array_equal(planes.ends["flat"], flat)
    np.testing.assert_array_equal(planes.rows, np.arange(160) * 2)
    assert planes.courses["deep"].shape == (3, 160, 2)
    assert planes.steps["deep"].tolist() == [0, 10, 20]
    assert planes.courses["flat"].shape == (1, 160, 2)
    assert (planes.steps["flat"], planes.epochs["flat"]) == ([0], [0.0])
    assert (said["method"], said["as_it_is"], said["n_images"]) == ("PCA", ["flat"], 160)
    alone = embed_population(comparer_of(sources[1]), reducer="pca")
    assert alone[0].method == alone[1]["method"] == "latent units"


def test_what_became_of_a_ring_is_said():
    """A ring that a plane shows, one that it folds to an eight, and codes that are no ring."""
    pytest.importorskip("ripser")
    eight = np.stack([3 * np.sin(2 * ANGLES), 2.5 * np.sin(ANGLES), 1.5 * np.cos(ANGLES)], axis=1)
    codes = {"ring": ring(), "eight": eight, "none": np.random.default_rng(0).normal(size=(160, 3))}
    sources = [Source(name, {}, None, fixed=values.astype(np.float32)) for name, values in codes.items()]
    _, said = embed_population(comparer_of(*sources), reducer="pca")
    assert said["rings"] == {"ring": "a ring", "eight": "a ring, which this plane tears", "none": None}
    assert said["notes"] == []


def test_what_cannot_be_shown_is_noted():
    broken = ring(seed=2)
    broken[5] = np.nan
    planes, said = embed_population(comparer_of(over_training("run", [ring(), broken, ring(seed=3)])), reducer="pca")
    assert planes.steps["run"].tolist() == [0, 20]
    assert said["notes"] == ["run has no plane at step 10: some of its codes are not finite"]
    planes, said = embed_population(comparer_of(Source("small", {}, None, fixed=ring()[:3])), reducer="pca")
    assert planes.names == ()
    assert said["notes"][0].startswith("small is not shown in the plane: a projection needs at least 4 points")
    with pytest.raises(UserError, match="no reducer"):
        embed_population(comparer_of(Source("one", {}, None, fixed=ring())), reducer="nothing")


# ------------------------------------------------------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def shown():
    """Two settings of two seeds, of which one is missing, and two controls."""
    runs = {
        "a-2": ("a", 2, None),
        "a-1": ("a", 1, None),
        "b-1": ("b", 1, None),
        "b_shuffled-1": ("b, shuffled", 1, "shuffled targets"),
        "b_shuffled-2": ("b, shuffled", 2, "shuffled targets"),
        "pixels": ("PCA 16 of the pixels", None, "PCA 16 of the pixels"),
    }
    planes = some_planes(tuple(runs))
    for values in (planes.courses, planes.steps, planes.epochs):
        values["pixels"] = values["pixels"][:1]
    entries = [
        {"name": name, "setting": setting, "seed": seed, "control": control}
        for name, (setting, seed, control) in runs.items()
    ]
    metadata = Metadata({"x": np.arange(150.0), "body_angle_deg": np.arange(150.0), "note": np.array(["n"] * 150)})
    found = {"similarity": {"runs": entries}, "embeddings": {"rings": {"a-1": "a ring", "a-2": None}}}
    return planes, metadata, found


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_settings_are_rows_seeds_are_columns_and_controls_are_last(shown):
    figures = plane_figures(*shown)
    texts = texts_of(figures["embeddings"])
    said = texts[0].split("\n")
    assert said[0] == "Codes of 50 held-out images at the end of training, by UMAP"
    assert " ".join(said[1:]) == "A ring is named below a plane where the codes form one"
    names = ["seed 1", "seed 2", "a", "a ring", "b", "controls", "b, shuffled\nseed 1", "PCA 16 of the pixels"]
    assert [text for text in texts[1:] if text in names] == ["a", "seed 1", "a ring", "seed 2", "b", *names[-3:]]
    panels = [ax for ax in figures["embeddings"].axes if ax.collections]
    assert len(panels) == 5
    offsets = np.asarray(panels[0].collections[0].get_offsets())
    np.testing.assert_allclose(np.sort(offsets, axis=0), np.sort(shown[0].ends["a-1"], axis=0))
    over = figures["embeddings_over_training"]
    assert {"a", "b", "b, shuffled", "epoch 0", "epoch 0.14", "epoch 0.29"} <= set(texts_of(over))
    assert len([ax for ax in over.axes if ax.collections]) == 9


def test_the_first_angle_is_shown_unless_another_column_is_named(shown):
    labels = [
        next(ax.get_ylabel() for ax in plane_figures(*shown, **more)["embeddings"].axes if ax.get_ylabel())
        for more in ({}, {"color_by": "x"})
    ]
    assert labels == ["body angle (deg)", "x"]
    with pytest.raises(UserError, match="no column 'y'"):
        plane_figures(*shown, color_by="y")


def test_settings_may_be_given_and_nothing_may_be_known(shown):
    planes, metadata, _ = shown
    settings = {name: ("all", seed) for seed, name in enumerate(planes.names)}
    texts = texts_of(plane_figures(planes, metadata, {}, settings=settings)["embeddings"])
    assert texts[1:3] == ["all", "seed 0"]
    assert {"others", "a-1", "pixels"} <= set(texts_of(plane_figures(planes, Metadata({}), {})["embeddings"]))
    assert plane_figures(some_planes(()), metadata, {}) == {}


def test_metadata_of_other_images_are_refused(shown):
    planes, metadata, found = shown
    with pytest.raises(UserError, match=r"other images.*100 rows"):
        plane_figures(planes, metadata.take(slice(100)), found)


def test_every_run_has_a_thumbnail_at_every_moment(shown):
    planes, metadata, _ = shown
    pictures = thumbnails(planes, metadata, "body_angle_deg", side=30)
    assert {name: value.shape for name, value in pictures.items()} == {
        name: (1 if name == "pixels" else 3, 30, 30, 3) for name in planes.names
    }
    larger = dataclasses.replace(planes, courses={name: 100 * values for name, values in planes.courses.items()})
    for name, value in thumbnails(larger, metadata, side=30).items():  # the span is that of each plane
        assert (np.abs(value.astype(int) - pictures[name]) > 60).mean() < 0.02
        assert (value < 250).any()
