"""`explore`: the file that it leaves, what is in it, and what it refuses."""

import base64
import shutil

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.plots.colors import color_by
from autoencoder.plots.movies.frames import robust_limits
from autoencoder.projections.evolution import embed_track, track_run
from autoencoder.runs.folder import Run
from autoencoder.workflows.explore.explore import explore

PCA = ("--reduce", "pca")


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def places(view, n):
    """Embeddings (T, n, 2) as the page reads them."""
    low, high = np.array(view["bounds"]).T
    return low + array(view["places"], "<u2").reshape(-1, n, 2) / 65535 * (high - low)


def column(found, label):
    return next(item for item in found["columns"] if item["label"] == label)


def test_one_file_in_the_run(finished_copy, succeed, tree):
    before = tree(finished_copy)
    result = succeed("explore", "--run", finished_copy, *PCA)
    assert tree(finished_copy) - before == {"visualize/explore.html"}
    assert str(finished_copy / "visualize" / "explore.html") in result.out


def test_points_are_the_embedding_in_axes_that_stay(page, content, finished):
    found = content(page)
    assert [(view["layer"], view["method"]) for view in found["views"]] == [
        (layer, f"PCA, fitted to {what}")
        for layer in ("latent space", "decoder's first layer")
        for what in ("the last snapshot", "each snapshot separately")
    ]
    evolution = embed_track(track_run(finished), "pca", "last")
    view = found["views"][0]
    assert view["steps"] == evolution.steps.tolist()
    assert view["epochs"] == pytest.approx(evolution.epochs)
    limits = np.array(robust_limits(evolution.embeddings))
    np.testing.assert_allclose(view["limits"], limits)
    span = np.diff(limits)[:, 0]
    seen = np.clip(evolution.embeddings, limits[:, 0] - span, limits[:, 1] + span)
    np.testing.assert_allclose(places(view, found["count"]), seen, atol=3 * span.max() / 65535)


def test_colours_and_values_are_those_of_the_movies(page, content, finished, arena):
    found = content(page)
    rows = np.load(finished / "split.npz")["snapshot"]
    metadata = ae.load_images(arena).metadata
    angle = column(found, "body angle (deg)")
    values = metadata.column("body_angle_deg")[rows]
    assert (angle["kind"], angle["period"]) == ("circular", 360)
    np.testing.assert_allclose(angle["values"], values, atol=1e-4)
    held_out = np.isin(rows, np.load(finished / "split.npz")["val"])
    assert 0 < held_out.sum() < len(rows)
    colors = array(angle["coloring"]["colors"], np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(colors, color_by(values, "circular", 360.0, held_out).colors)
    labels = [item["label"] for item in found["columns"]]
    assert set(labels) >= {"nearest port", "distance from center"}
    assert found["columns"][0]["kind"] == "circular"  # shown first
    assert array(found["rows"], "<u4").tolist() == rows.tolist()


def test_curves_are_the_losses(page, content, finished):
    curves = content(page)["curves"]
    assert [curve["label"] for curve in curves] == ["training", "validation"]
    table = Run(finished).metrics()
    assert curves[0]["values"] == [row["train_loss"] for row in table]
    assert curves[1]["epochs"] == [row["epoch"] for row in table if row["val_loss"] is not None]


def test_fitted_to_a_snapshot_of_choice(finished, tmp_path, succeed, content):
    snapshot = finished / "latents" / "step_00000006.npy"
    out = tmp_path / "page.html"
    succeed("explore", finished, *PCA, "--fit", snapshot, "--max-snapshots", 1, "--points", 5, "--out", out)
    (view,) = content(out)["views"]
    assert view["method"] == "PCA, fitted to finished-step_00000006"  # and no path: a page is sent to others
    assert view["steps"] == [18]
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert str(finished.parent) not in out.read_text(encoding="utf-8")


def test_fewer_points_and_snapshots(finished, tmp_path, succeed, content):
    out = tmp_path / "few.html"
    result = succeed("explore", finished, *PCA, "--points", 20, "--max-snapshots", 4, "--out", out)
    assert "20 of 120 images are shown" in result.out
    found = content(out)
    assert found["count"] == 20
    assert any("20 of 120" in note for note in found["notes"])
    assert found["views"][0]["steps"] == [0, 6, 12, 18]
    evolution = embed_track(track_run(finished), "pca", "last")
    rows = array(found["rows"], "<u4")
    kept = np.isin(evolution.rows, rows)
    embedding = evolution.embeddings[::3][:, kept]
    low, high = np.array(found["views"][0]["bounds"]).T
    np.testing.assert_allclose(
        places(found["views"][0], 20), embedding.clip(low, high), atol=(high - low).max() / 60000
    )


def test_a_page_that_would_be_too_large_shows_fewer_images(finished, tmp_path, content):
    said = []
    whole = explore(finished, reducers=["pca"], out=tmp_path / "whole.html").stat().st_size
    limit = whole * 2 // 3
    page = explore(finished, reducers=["pca"], out=tmp_path / "part.html", max_bytes=limit, say=said.append)
    assert limit / 2 < page.stat().st_size <= limit
    found = content(page)
    assert 10 < found["count"] < 120
    assert len(said) == 1
    assert f"{found['count']} of 120" in said[0]
    assert "MB" in said[0]
    assert f"{said[0]}." in found["notes"]


def test_unknown_values_are_grey_and_null(finished, tmp_path, succeed, content):
    moods = np.linspace(0, 1, 120)
    moods[::3] = np.nan
    lines = ["mood,name", *(f"{'' if np.isnan(m) else m},{'ab' if i % 2 else ''}" for i, m in enumerate(moods))]
    (tmp_path / "extra.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "page.html"
    succeed("explore", finished, *PCA, "--metadata", tmp_path / "extra.csv", "--color-by", "mood", "--out", out)
    found = content(out)
    mood = column(found, "mood")
    rows = array(found["rows"], "<u4")
    unknown = np.isnan(moods[rows])
    assert [value is None for value in mood["values"]] == unknown.tolist()
    assert mood["coloring"]["unknown"] == unknown.sum()
    colors = array(mood["coloring"]["colors"], np.uint8).reshape(-1, 3)
    assert (colors[unknown] == 196).all()
    assert column(found, "name")["coloring"] is None
    assert set(column(found, "name")["names"]) == {"", "ab"}


@pytest.mark.parametrize(
    ("objective", "label", "kind"),
    [
        (("--objective", "angle", "--target", "body_angle_deg"), "predicted body angle (deg)", "circular"),
        pytest.param(
            ("--objective", "classify", "--target", "nearest_port"),
            "predicted nearest port",
            "category",
            marks=pytest.mark.slow,
        ),
        pytest.param(("--objective", "mask"), None, None, marks=pytest.mark.slow),
    ],
    ids=["angle", "classify", "mask"],
)
def test_other_objectives_show_what_they_predict(tiny, tmp_path, succeed, content, objective, label, kind):
    run = tmp_path / "run"
    options = ("--epochs", 1, "--batch-size", 40, "--snapshots-per-epoch", 1, "--quiet")
    succeed("train", tiny, "--run", run, *objective, *options)
    succeed("explore", run, *PCA, "--quiet")
    found = content(run / "visualize" / "explore.html")
    names = [picture["name"] for picture in found["pictures"]]
    if label is None:
        assert names == ["image", "predicted mask"]
        return
    assert names == ["image"]
    trained, images = ae.load_run(run), ae.load_images(tiny)
    predicted = trained.predict(images.images[array(found["rows"], "<u4")])
    said = column(found, label)
    assert said["kind"] == kind
    if kind == "circular":
        np.testing.assert_allclose(said["values"], np.degrees(predicted) % 360, atol=1e-3)
    else:
        classes = [said["names"][code] for code in said["codes"]]
        assert classes == [trained.config.objective.classes[k] for k in predicted.argmax(1)]


def test_a_run_in_training_and_without_metadata(images, tmp_path, succeed, content):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--quiet")
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.csv").unlink()
    succeed("explore", run, *PCA)
    found = content(run / "visualize" / "explore.html")
    assert [picture["name"] for picture in found["pictures"]] == ["image"]
    assert any("no checkpoint" in note for note in found["notes"])
    assert [item["label"] for item in found["columns"]] == ["row"]
    assert found["curves"] == []


def test_refused_before_any_work(finished_copy, tmp_path, call):
    flags = ("explore", finished_copy, *PCA)
    call(*flags, "--color-by", "x", "colour", "--fit", "dance").refused("colour", "dance", "--fit")
    call(*flags, "--out", tmp_path).refused(str(tmp_path), ".html")
    call(*flags, "--out", tmp_path / "page.png").refused("page.png", ".html")
    (tmp_path / "file").write_text("")
    call(*flags, "--out", tmp_path / "file" / "page.html").refused(str(tmp_path / "file"), "not a folder")
    call("explore", *PCA).refused("RUN")
    call(*flags, "--run", finished_copy).refused("RUN")
    call("explore", "nowhere").refused("nowhere")
    call(*flags, "--reduce", "magic").refused("--reduce", "umap")
    assert not (finished_copy / "visualize").exists()
    shutil.rmtree(finished_copy / "latents")
    call(*flags).refused("--snapshots-per-epoch")
    assert not (finished_copy / "visualize").exists()
