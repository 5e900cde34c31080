"""A command opens a run once: images are loaded and hashed, checkpoints read and networks run no more than once."""

from collections import Counter

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.objectives.controls import PCAControl
from autoencoder.runs import opened
from autoencoder.runs.checkpoint import Checkpoint
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import Shelf, open_run
from autoencoder.runs.trained import Trained

PCA = ("--reduce", "pca", "--quiet")
QUICK = ("--epochs", 2, "--batch-size", 16, "--latent-dim", 4, "--quiet")


@pytest.fixture
def counts(monkeypatch):
    """How often each thing was done, by what and to what."""
    done = Counter()

    def count(owner, name, key):
        original = getattr(owner, name)

        def counted(*args, **options):
            done[key(*args)] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counted)

    count(opened, "load_images", lambda path, *rest: "images loaded")
    count(PCAControl, "fit", lambda *rest: "control fitted")
    count(Trained, "features", lambda trained, layer, images: ("passed", layer, id(trained.network), len(images)))
    load = Checkpoint.load.__func__

    def loaded(kind, path, **options):
        done["read", path.name] += 1
        return load(kind, path, **options)

    monkeypatch.setattr(Checkpoint, "load", classmethod(loaded))
    digest = vars(ImageSet)["_digest"].func

    class Counted:
        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, images, kind=None):
            if "_digest" not in vars(images):
                done["hashed"] += 1
                vars(images)["_digest"] = digest(images)
            return vars(images)["_digest"]

    monkeypatch.setattr(ImageSet, "_digest", Counted())
    return done


@pytest.fixture(scope="module")
def seeds(tiny, tmp_path_factory, succeed):
    """One data set, three seeds, trained separately; and one with fewer units."""
    folder = tmp_path_factory.mktemp("seeds")
    for seed in (1, 2, 3):
        succeed("train", tiny, "--run", folder / f"seed-{seed}", *QUICK, "--seed", seed)
    succeed("train", tiny, "--run", folder / "narrow", *QUICK, "--latent-dim", 2)
    return folder


@pytest.mark.slow
def test_three_seeds_are_compared_on_the_same_images(seeds, tmp_path, succeed, counts):
    runs = [seeds / f"seed-{seed}" for seed in (1, 2, 3)]
    succeed("compare", *runs, *PCA, "--out", tmp_path / "out")
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)
    assert counts["control fitted"] == 2  # the runs' own, and that of 200 components
    assert counts["read", "last.pt"] == 3
    held_out = [np.load(run / "split.npz")["val"].tolist() for run in runs]
    assert held_out[0] == held_out[1] == held_out[2]
    found = ae.compare(runs)
    errors = [one.evaluation.result.output_quality.mse for one in found.runs]
    assert len(set(errors)) == 3  # other weights
    assert len({one.evaluation.result.pca_quality.mse for one in found.runs}) == 1  # the same control
    assert found.runs[0].evaluation.data is found.runs[2].evaluation.data


def test_a_control_is_fitted_for_each_distinct_input(seeds, tmp_path, succeed, counts):
    """Of a latent of other width, a control has other components; with other noise, other inputs."""
    ae.compare([seeds / name for name in ("seed-1", "narrow", "seed-2")])
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)
    assert counts["control fitted"] == 3  # of 4 units, of 2, and of as many as there can be


def test_what_is_shared_changes_no_number(seeds):
    together = ae.compare([seeds / "seed-1", seeds / "narrow"])
    for one, name in zip(together.runs, ("seed-1", "narrow"), strict=True):
        assert one.evaluation.result.numbers() == ae.evaluate(seeds / name).result.numbers()


@pytest.mark.slow
def test_layers_and_fits_share_what_they_need(finished, tmp_path, succeed, counts):
    """Two layers by three fits: images once, each of the five kept checkpoints once, each network's images once."""
    layers = ("--layer", "latent", "fc2", "--fit", "last", "first", "pooled")
    succeed("visualize", "--run", finished, *PCA, *layers, "--color-by", "x", "--seconds", 0.2, "--out", tmp_path)
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)
    kept = sorted(file.name for file in (finished / "checkpoints").iterdir())
    assert {key[1]: n for key, n in counts.items() if key[0] == "read"} == dict.fromkeys(kept, 1)
    passed = {key: n for key, n in counts.items() if key[0] == "passed"}
    assert len(passed) == 3  # `best` and `last` are at the step of an epoch that was kept
    assert set(passed.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("test",), ("visualize", "--snapshot", "last", *PCA), ("visualize", "--score", "pca-last")]
)
def test_every_command_loads_images_once(finished, tmp_path, succeed, counts, command):
    succeed(*command, "--run", finished, "--out", tmp_path / "out")
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)
    assert all(n == 1 for key, n in counts.items() if key[0] == "read")


@pytest.mark.slow
def test_explore_and_traverse_load_once(finished, tmp_path, succeed, counts):
    succeed("explore", finished, *PCA, "--layer", "latent", "fc2", "--out", tmp_path / "page.html")
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)
    assert max(n for key, n in counts.items() if key[0] in ("read", "passed")) == 1
    counts.clear()
    succeed("visualize", "--run", finished, "--traverse", "x", "--seconds", 0.5, "--out", tmp_path / "way", "--quiet")
    assert (counts["images loaded"], counts["hashed"]) == (1, 1)


def test_images_are_held_once_whatever_metadata_go_with_them(finished, arena, tmp_path):
    (tmp_path / "other.csv").write_text("k\n" + "\n".join(map(str, range(120))) + "\n")
    shelf = Shelf()
    one, other = open_run(finished, shelf=shelf), open_run(finished, shelf=shelf, metadata=tmp_path / "other.csv")
    assert one.images.images is other.images.images
    assert other.images.metadata.names == ("k",)
    assert "x" in one.images.metadata.names


def test_what_a_run_says_stays_as_it_was_when_it_was_opened(finished_copy):
    run = open_run(finished_copy)
    before = run.snapshot_index()
    run.write_snapshot_index(before[:1])
    assert run.snapshot_index() == before
    assert len(open_run(finished_copy).snapshot_index()) == 1


def test_more_checkpoints_than_there_is_room_for(finished, monkeypatch):
    """They are read again, and say the same."""
    wanted = [open_run(finished).network(str(epoch)).network.state_dict() for epoch in (1, 2)]
    monkeypatch.setattr(opened, "MOST_KEPT_BYTES", 0)
    run = open_run(finished)
    assert [run.state_of(run.find_checkpoint(str(epoch))).epoch for epoch in (1, 2)] == [1, 2]
    for epoch, weights in zip((1, 2, 1, 2), wanted * 2, strict=True):
        found = run.network(str(epoch)).network.state_dict()
        assert all(values.equal(weights[name]) for name, values in found.items())


def test_other_data_are_refused(finished_copy, tmp_path):
    run = open_run(finished_copy)
    environment = run.environment_file.read_text()
    run.environment_file.write_text(environment.replace('"data_sha256": "', '"data_sha256": "0'))
    with pytest.raises(UserError, match="is not the data set that"):
        _ = run.images


def test_a_run_that_was_let_go_is_never_taken_for_another(seeds):
    """Runs that share a shelf are opened and let go one after the other: an address in memory is given again."""
    shelf = Shelf()
    for _ in range(3):
        for folder in sorted(seeds.iterdir()):
            assert open_run(folder, shelf=shelf).config() == Run(folder).config()
