"""`visualize --snapshot`: stills of one moment, and what of them a run can show."""

import json
import shutil

import matplotlib
import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

import autoencoder as ae
from autoencoder.plots.colors import color_by
from autoencoder.workflows.stills.look import look

ARENA = ("frame", "x", "y", "body_angle_deg", "head_angle_deg", "distance_from_center", "polar_angle_deg")
CATEGORY = "nearest_port"
QUICK = ("--reduce", "pca", "--color-by", "x")
ALL = {"embedding.npz", "x.png", "units.png", "generated.png", "clusters.png", "codes.json"}


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory, succeed):
    """Train on `tiny` for an epoch of 3 steps, with a snapshot before and after it; each kind of run once."""
    runs = {}

    def train(*flags):
        if flags not in runs:
            runs[flags] = tmp_path_factory.mktemp("stills") / "run"
            settings = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 4, "--snapshots-per-epoch", 1, "--quiet")
            succeed("train", tiny, "--run", runs[flags], *settings, *flags)
        return runs[flags]

    return train


@pytest.fixture(scope="module")
def whole(finished, tmp_path_factory, succeed):
    """All stills of the last snapshot of `finished`: their folder, and what was said."""
    out = tmp_path_factory.mktemp("stills") / "whole"
    return out, succeed("visualize", "--run", finished, "--snapshot", "last", *QUICK, "--out", out).out


@pytest.fixture
def still(finished, tmp_path, succeed):
    """Stills of `finished`, by default of its last snapshot with PCA and a column, in a folder of the test."""

    def visualize(*flags, run=finished, snapshot="last"):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        said = succeed("visualize", "--run", run, "--snapshot", snapshot, *QUICK, "--out", out, *flags).out
        return out, said

    return visualize


def numbers(folder):
    return json.loads((folder / "codes.json").read_text())


def embedding(folder):
    with np.load(folder / "embedding.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def by_pca(features):
    """The embedding by hand, up to the sign of each axis."""
    return np.abs(PCA(2, svd_solver="full").fit_transform(features))


# --------------------------------------------------------------------------------------------------------------- files


def test_everything_of_the_last_snapshot(whole, finished, tree):
    out, said = whole
    assert tree(out) == ALL
    assert [line for line in said.splitlines() if line.startswith("made ")] == [
        f"made {out / name}"
        for name in ("embedding.npz", "x.png", "units.png", "generated.png", "clusters.png", "codes.json")
    ]
    for word in ("most influential", "ARI", "NMI", "shuffled labels", "nearest training code"):
        assert word in said
    arrays = embedding(out)
    assert arrays.keys() == {"embedding", "rows", "step"}
    assert arrays["step"] == 18
    assert arrays["rows"].tolist() == np.load(finished / "split.npz")["snapshot"].tolist()
    codes = np.load(finished / "latents" / "step_00000018.npy")
    np.testing.assert_allclose(np.abs(arrays["embedding"]), by_pca(codes), atol=1e-3)
    told = numbers(out)
    assert (told["step"], told["epoch"], told["layer"], told["reducer"]) == (18, 3.0, "latent", "pca")
    assert (told["n_points"], told["n_features"], told["checkpoint"]) == (120, 6, "last.pt")


def test_a_snapshot_is_where_the_movie_ends(whole, finished, tmp_path, succeed):
    flags = ("--seconds", 1, "--out", tmp_path / "movie", "--quiet")
    succeed("visualize", "--run", finished, *QUICK, *flags)
    with np.load(tmp_path / "movie" / "embedding.npz") as movie:
        np.testing.assert_array_equal(movie["embeddings"][-1], embedding(whole[0])["embedding"])


@pytest.mark.parametrize(("snapshot", "step"), [("first", 0), ("last", 18), ("8", 8)])
def test_which_snapshot(still, snapshot, step):
    out, _ = still("--show", "scatter", snapshot=snapshot)
    assert embedding(out)["step"] == step
    assert numbers(out)["step"] == step


def test_folders_are_named_after_what_is_in_them(finished_copy, succeed):
    flags = ("visualize", "--run", finished_copy, *QUICK, "--snapshot")
    made = finished_copy / "visualize"
    succeed(*flags, "last", "--layer", "latent", "pixels", "--show", "scatter", "--examples", 0)
    assert {path.name for path in made.iterdir()} == {"snapshot-18-pca", "snapshot-18-pca-pixels"}
    succeed(*flags, 6, "--layer", "fc2", "latent", "--show", "clusters")
    assert {path.name for path in made.glob("snapshot-6*")} == {"snapshot-6", "snapshot-6-fc2"}


@pytest.mark.parametrize(
    ("show", "files"),
    [
        ("scatter", {"embedding.npz", "x.png"}),
        ("units", {"units.png"}),
        ("generated", {"generated.png"}),
        ("clusters", {"clusters.png"}),
        ("units clusters", {"units.png", "clusters.png"}),
    ],
)
def test_what_is_asked_for_is_made(still, tree, show, files):
    out, _ = still("--show", *show.split())
    assert tree(out) == files | {"codes.json"}
    assert ("units" in numbers(out), "clusters" in numbers(out)) == ("units" in show, "clusters" in show)


def test_all_columns_by_default(finished, tmp_path, tree):
    look(finished, reducer="pca", show=["scatter"], examples=0, out=tmp_path / "out")
    assert tree(tmp_path / "out") == {f"{name}.png" for name in (*ARENA, CATEGORY)} | {"embedding.npz", "codes.json"}


def test_columns_with_names_of_other_files(finished, arena, tmp_path, tree):
    """A column may be called `clusters`, and two may differ only in what a file's name cannot hold."""
    columns = {"clusters": np.arange(120), "a b": np.arange(120), "a_b": np.arange(120.0)}
    np.savez(tmp_path / "other.npz", **columns)
    look(
        ae.open_run(finished, metadata=tmp_path / "other.npz"),
        reducer="pca",
        show=["scatter", "clusters"],
        examples=0,
        out=tmp_path / "out",
    )
    pictures = {"clusters.png", "clusters_column.png", "a_b.png", "a_b_column.png"}
    assert tree(tmp_path / "out") == pictures | {"embedding.npz", "codes.json"}


@pytest.mark.slow
def test_the_same_twice(whole, still):
    flags = ("--show", "generated", "clusters")
    again, other = numbers(still(*flags)[0]), numbers(still(*flags, "--seed", 5)[0])
    for part in ("generated", "clusters"):
        assert again[part] == numbers(whole[0])[part]
    assert other["generated"]["codes"] != again["generated"]["codes"]


# -------------------------------------------------------------------------------------------------------------- layers


def test_pixels_are_projected_as_they_are(still, finished, arena):
    """By way of their 50 first principal components, whose first two are those of the pixels."""
    out, said = still("--layer", "pixels")
    assert "left out: units, generated" in said
    images = ae.load_images(arena)
    pixels = images.scaled(np.arange(120)).reshape(120, -1)
    scale = pixels.std() * 50
    np.testing.assert_allclose(np.abs(embedding(out)["embedding"]), by_pca(pixels), atol=1e-3 * scale)
    assert numbers(out)["n_features"] == 2500


def test_the_decoders_first_layer_at_a_checkpoint(still, finished, arena):
    out, _ = still("--layer", "fc2", "--show", "scatter", snapshot=12)
    features = ae.load_run(finished, "2").features("fc2", ae.load_images(arena).images)
    made = np.abs(embedding(out)["embedding"])
    np.testing.assert_allclose(made, by_pca(features), atol=0.01 * made.max())
    assert numbers(out)["checkpoint"] in ("epoch_0002.pt", "best.pt")  # both are of that step


@pytest.mark.slow
def test_several_layers_each_have_their_folder(still, tree):
    out, _ = still("--layer", "latent", "fc2", "pixels", "pixels", "--examples", 0)
    layer = {"embedding.npz", "x.png", "clusters.png", "codes.json"}
    expected = {f"snapshot-18-pca/{name}" for name in ALL}
    assert tree(out) == expected | {f"snapshot-18-pca-{name}/{file}" for name in ("fc2", "pixels") for file in layer}


def test_colours_are_those_of_the_labels(still, finished, arena):
    """A label, which is a category, in its palette; every colour of its points is in the picture."""
    out, _ = still("--color-by", CATEGORY, "x", "--show", "scatter", "--examples", 0)
    labels = ae.load_images(arena).metadata.column(CATEGORY)
    palette = {tuple(color) for color in color_by(labels, "category").colors.tolist()}
    assert palette <= {
        tuple((np.array(c) * 255).round().astype(int).tolist()) for c in matplotlib.colormaps["tab10"].colors
    }

    def seen(name):
        colors = np.unique(np.asarray(Image.open(out / name).convert("RGB"), np.int32) @ (65536, 256, 1))
        return {(color >> 16, color >> 8 & 255, color & 255) for color in colors.tolist()}

    assert palette <= seen(f"{CATEGORY}.png")
    assert not palette <= seen("x.png")


# --------------------------------------------------------------------------------------------------- numbers of a run


def test_influence_is_that_of_the_runs_decoder(whole, finished):
    told = numbers(whole[0])["units"]
    assert [row["unit"] for row in told] == list(range(6))
    codes, run = np.load(finished / "latents" / "step_00000018.npy"), ae.load_run(finished)
    mean, deviation = codes.mean(axis=0), codes.std(axis=0)
    at_mean = run.decode(mean[None])[0]
    steps = np.linspace(-2, 2, 9)
    for row in told:
        moved = np.tile(mean, (9, 1))
        moved[:, row["unit"]] += steps * deviation[row["unit"]]
        change = np.square(run.decode(moved) - at_mean).mean(axis=(1, 2, 3)).sum()
        assert row["influence"] == pytest.approx(np.sqrt(change / np.square(steps).sum()), rel=0.01)
        assert row["deviation"] == pytest.approx(deviation[row["unit"]], rel=1e-4)
        assert row["dead"] is False


@pytest.mark.slow
def test_units_of_an_earlier_snapshot_are_decoded_by_its_own_network(still):
    early, late = (numbers(still("--show", "units", snapshot=step)[0]) for step in (6, 18))
    assert (early["checkpoint"], late["checkpoint"]) == ("epoch_0001.pt", "last.pt")
    assert early["units"][0]["influence"] != late["units"][0]["influence"]


def test_random_codes_are_compared_with_training_images_only(whole, finished, arena):
    told = numbers(whole[0])["generated"]
    train = np.load(finished / "split.npz")["train"]
    assert told["n_training_images"] == len(train) == 84
    assert told["mixture_components"] == 1
    assert set(told["nearest_training_rows"]) <= set(train.tolist())
    codes = ae.load_run(finished).encode(ae.load_images(arena).images[train])
    drawn = np.array(told["codes"], np.float32)
    assert drawn.shape == (16, 6)
    assert (drawn >= codes.min(axis=0) - 1e-4).all()
    assert (drawn <= codes.max(axis=0) + 1e-4).all()
    distances = np.linalg.norm(drawn[:, None] - codes, axis=2)
    assert told["nearest_distances"] == pytest.approx(distances.min(axis=1).tolist(), rel=1e-3)
    assert told["nearest_training_rows"] == train[distances.argmin(axis=1)].tolist()
    assert told["median_nearest_distance_among_training_codes"] > 0


def test_clusters_against_labels(whole, finished, arena):
    out, said = whole
    told = numbers(out)["clusters"]
    labels = ae.load_images(arena).metadata.column(CATEGORY)
    assert told["labels"] == CATEGORY
    assert told["classes"] == [str(name) for name in np.unique(labels)]
    table = np.array(told["table"])
    assert told["n_clusters"] == len(table) == len(np.unique(labels))
    assert table.sum(axis=0).tolist() == np.unique(labels, return_counts=True)[1].tolist()
    assert table.sum(axis=1).tolist() == told["sizes"]
    scores = told["all"]
    assert abs(scores["shuffled_labels"]["adjusted_rand_index"]) < 0.03
    pairs = [(cluster, name) for cluster, row in enumerate(table) for name, n in enumerate(row) for _ in range(n)]
    by_hand = adjusted_rand_score(*zip(*pairs, strict=True))
    assert scores["adjusted_rand_index"] == pytest.approx(by_hand)
    assert f"against '{CATEGORY}': ARI {round(by_hand, 3) + 0.0:.3f} (shuffled labels" in said
    assert (scores["n"], told["held_out"]["n"]) == (120, len(np.load(finished / "split.npz")["val"]))
    assert f"held-out images only: ARI {round(told['held_out']['adjusted_rand_index'], 3) + 0.0:.3f}" in said


def test_a_code_that_is_the_label_has_it_as_its_clusters(finished_copy, still):
    """Snapshots are files: with codes of one's own, the answer is known."""
    labels = ae.load_images(ae.load_run(finished_copy).config.data.images).metadata.column(CATEGORY)
    codes = np.random.default_rng(0).normal(0, 0.1, (120, 6)).astype(np.float32)
    codes[:, 0] += 10 * labels
    np.save(finished_copy / "latents" / "step_00000018.npy", codes)
    told = numbers(still("--show", "clusters", run=finished_copy)[0])["clusters"]
    for part in ("all", "held_out"):
        assert told[part]["adjusted_rand_index"] == pytest.approx(1)
        assert told[part]["normalised_mutual_information"] == pytest.approx(1)
    assert (np.array(told["table"]) == np.diag(np.bincount(labels)[np.unique(labels)])).all()


def test_number_of_clusters_and_other_labels(still, tmp_path):
    np.savez(tmp_path / "other.npz", mood=np.array(["calm", "wild", "", "calm"] * 30), weight=np.arange(120.0))
    flags = ("--metadata", tmp_path / "other.npz", "--color-by", "mood", "--show", "clusters")
    told = numbers(still(*flags)[0])["clusters"]
    assert (told["labels"], told["n_clusters"], told["all"]["n"]) == ("mood", 2, 90)
    assert told["classes"] == ["calm", "wild"]
    told = numbers(still(*flags, "--clusters", 7, "--labels", "mood")[0])["clusters"]
    assert (told["n_clusters"], sum(told["sizes"]), np.sum(told["table"])) == (7, 120, 90)


# --------------------------------------------------------------------------------------- what a run can and cannot show


@pytest.mark.slow
def test_no_labels_at_all(images, tmp_path, succeed, tree):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--quiet")
    said = succeed("visualize", "--run", run, "--snapshot", "last", "--reduce", "pca").out
    assert "clusters are compared with no labels" in said
    out = run / "visualize" / "snapshot-2-pca"
    assert tree(out) == ALL - {"x.png"} | {"row.png"}
    assert numbers(out)["clusters"]["n_clusters"] == 10
    assert numbers(out)["clusters"]["labels"] is None
    assert "all" not in numbers(out)["clusters"]


def test_a_head_that_makes_no_pictures(trained, still, tree, call, tmp_path):
    run = trained("--objective", "angle", "--target", "body_angle_deg")
    out, said = still(run=run)
    assert tree(out) == ALL - {"units.png", "generated.png"}
    assert "left out: units, generated" in said
    assert "'angle'" in said
    assert numbers(out)["checkpoint"] is None
    flags = ("visualize", "--run", run, "--snapshot", "last", "--reduce", "pca", "--out", tmp_path / "new")
    call(*flags, "--show", "scatter", "units", "generated").refused("units and generated", "angle", "no pictures")
    assert not (tmp_path / "new").exists()
    succeeded, _ = still("--layer", "fc2", run=run)
    assert tree(succeeded) == ALL - {"units.png", "generated.png"}


def test_a_moment_without_a_checkpoint(still, tree, finished, call, tmp_path):
    out, said = still(snapshot=8)
    assert tree(out) == ALL - {"units.png", "generated.png"}
    assert "left out: units, generated" in said
    assert "6, 12, 18" in said
    flags = ("visualize", "--run", finished, "--snapshot", 8, "--reduce", "pca", "--out", tmp_path / "new")
    call(*flags, "--show", "units").refused("units", "step 8", "6, 12, 18", "--snapshot")
    call(*flags, "--layer", "fc2").refused("fc2", "6, 12, 18")
    assert not (tmp_path / "new").exists()


def test_a_run_without_checkpoints_yet(finished_copy, still, tree, call):
    shutil.rmtree(finished_copy / "checkpoints")
    out, said = still(run=finished_copy)
    assert tree(out) == ALL - {"units.png", "generated.png"}
    assert "no checkpoint yet" in said
    call("visualize", "--run", finished_copy, "--snapshot", "last", "--show", "generated").refused("no checkpoint yet")


@pytest.mark.slow
def test_a_fitted_encoder_is_decoded_by_its_last_checkpoint(trained, still, tree):
    run = trained("--encoder", "pca")
    assert len(list((run / "latents").glob("*.npy"))) == 1
    for snapshot, flags, files in (
        ("last", (), ALL),
        ("first", ("--show", "generated"), {"generated.png", "codes.json"}),
        (0, ("--show", "units"), {"units.png", "codes.json"}),
    ):
        out, _ = still(*flags, run=run, snapshot=snapshot)
        assert tree(out) == files
        assert (numbers(out)["step"], numbers(out)["checkpoint"]) == (0, "last.pt")
    codes = np.load(run / "latents" / "step_00000000.npy")
    units = numbers(out)["units"]
    assert [row["deviation"] for row in units] == pytest.approx(codes.std(axis=0).tolist(), rel=1e-4)


def test_masks_are_generated_beside_masks(trained, still, tree):
    out, _ = still(run=trained("--objective", "mask"))
    assert tree(out) == ALL


def test_dead_units_are_said(trained, still, tmp_path):
    run = shutil.copytree(trained(), tmp_path / "run")
    file = run / "latents" / "step_00000003.npy"
    codes = np.load(file)
    codes[:, 2] = 0.5
    np.save(file, codes)
    out, said = still("--show", "units", run=run)
    assert "dead units, the same for every image: 2" in said
    assert [(row["dead"], row["influence"] > 0) for row in numbers(out)["units"]] == [
        (False, True),
        (False, True),
        (True, False),
        (False, True),
    ]


def test_two_units_as_they_are(trained, still):
    run = trained("--latent-dim", 2)
    out, _ = still("--reduce", "none", run=run)
    np.testing.assert_array_equal(embedding(out)["embedding"], np.load(run / "latents" / "step_00000003.npy"))


def test_tsne(trained, still):
    pytest.importorskip("openTSNE", reason="openTSNE is not installed")
    out, _ = still("--reduce", "tsne", "--show", "scatter", run=trained())
    assert embedding(out)["embedding"].shape == (60, 2)


@pytest.mark.slow  # numba compiles for more than ten seconds
def test_umap_is_the_default(trained, tmp_path):
    files = look(trained(), color_by=["x"], out=tmp_path / "out")
    assert {file.name for file in files} == ALL
    assert numbers(tmp_path / "out")["reducer"] == "umap"


# ------------------------------------------------------------------------------------------------------------ refusals

MOVIE_FLAGS = {
    "--fit": ("last",),
    "--stop-index": (3,),
    "--format": ("mp4",),
    "--fps": (12,),
    "--seconds": (1,),
    "--save-frames": (),
    "--no-save-frames": (),
}


@pytest.mark.parametrize("flag", MOVIE_FLAGS)
def test_flags_of_movies_with_a_snapshot(finished, call, tmp_path, flag):
    """Even with the value that is the default."""
    flags = ("visualize", "--run", finished, "--snapshot", "last", "--out", tmp_path / "out")
    call(*flags, flag, *MOVIE_FLAGS[flag]).refused(f"{flag} only applies to movies", "--snapshot")
    assert not (tmp_path / "out").exists()


def test_all_misplaced_flags_are_named_at_once(finished, call):
    flags = ("visualize", "--run", finished)
    call(*flags, "--snapshot", 6, "--fps", 3, "--fit", "first", "--fps", 4).refused("--fps, --fit only apply to movies")
    call(*flags, "--show", "units", "--clusters", 3, "--labels", "x", "--layer", "pixels").refused(
        "--show, --clusters, --labels, --layer pixels only apply to one snapshot", "--snapshot last"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--snapshot", "middle"), ("--snapshot", "last, first")),
        (("--snapshot", "-3"), ("--snapshot",)),
        (("--snapshot", "7"), ("step 7", "6 and 8", "index.csv")),
        (("--snapshot", "last", "--color-by", "x", "colour", "size"), ("'colour'", "'size'")),
        (("--snapshot", "last", "--labels", "mood"), ("'mood'", CATEGORY)),
        (("--snapshot", "last", "--labels", "x"), ("'x'", "linear", CATEGORY)),
        (("--snapshot", "last", "--clusters", "51"), ("51", "1 to 50")),
        (("--snapshot", "last", "--clusters", "0"), ("--clusters",)),
        (("--snapshot", "last", "--clusters", "3", "--show", "units"), ("--clusters", "--labels")),
        (("--snapshot", "last", "--show", "everything"), ("--show", "generated")),
        (("--snapshot", "last", "--examples", "9"), ("9", "6")),
        (("--snapshot", "last", "--layer", "pixels", "--show", "units"), ("units", "latent", "pixels")),
        (("--snapshot", "last", "--reduce", "none"), ("6", "umap")),
    ],
    ids=lambda value: " ".join(value),
)
def test_refused_by_name(finished, call, tmp_path, flags, words):
    call("visualize", "--run", finished, "--out", tmp_path / "out", *flags).refused(*words)
    assert not (tmp_path / "out").exists()


def test_problems_are_told_together(finished):
    with pytest.raises(ae.UserError) as caught:
        look(finished, reducer="magic", layers=["fc9"], show=["dance"], color_by=["size"], examples=8, clusters=99)
    text = str(caught.value)
    assert all(word in text for word in ("magic", "fc9", "dance", "size", "examples"))


def test_a_column_of_one_class(finished, tmp_path, call):
    np.savez(tmp_path / "one.npz", group=np.array(["a"] * 120))
    flags = ("--metadata", tmp_path / "one.npz", "--labels", "group", "--out", tmp_path / "out")
    call("visualize", "--run", finished, "--snapshot", "last", *flags).refused("'group'", "one class")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda codes: codes[:50], ("50 rows", "120")),
        (lambda codes: np.full_like(codes, np.nan), ("finite",)),
        (lambda codes: np.ones_like(codes), ("every image has the same code",)),
    ],
    ids=["rows", "nan", "constant"],
)
def test_snapshots_that_cannot_be_shown(finished_copy, call, change, words):
    file = finished_copy / "latents" / "step_00000018.npy"
    np.save(file, change(np.load(file)))
    call("visualize", "--run", finished_copy, "--snapshot", "last", "--reduce", "pca").refused(*words)
    assert not (finished_copy / "visualize").exists()


def test_a_damaged_checkpoint(finished_copy, call, still, tree):
    (finished_copy / "checkpoints" / "last.pt").write_bytes(b"garbage")
    flags = ("visualize", "--run", finished_copy, "--snapshot", "last", "--reduce", "pca")
    call(*flags).refused("last.pt", "damaged")
    assert not (finished_copy / "visualize").exists()
    out, _ = still("--show", "scatter", run=finished_copy)  # which needs no network
    assert tree(out) == {"embedding.npz", "x.png", "codes.json"}


def test_a_movie_of_pixels_from_python(finished):
    with pytest.raises(ae.UserError, match="--snapshot last"):
        ae.visualize(finished, reducer="pca", layer="pixels")
