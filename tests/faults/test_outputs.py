"""Places that cannot be written to: refused before anything is computed, in one line, and nothing is left behind."""

import pytest

from autoencoder.errors import UserError
from autoencoder.machine.files import check_writable

PCA = ("--reduce", "pca")
COMMANDS = {
    "test": ("test", "--run", "RUN"),
    "movies": ("visualize", "--run", "RUN", *PCA),
    "stills": ("visualize", "--run", "RUN", "--snapshot", "last", *PCA),
    "traverse": ("visualize", "--run", "RUN", "--traverse", "0"),
    "score": ("visualize", "--run", "RUN", "--score", "pca-last"),
    "compare": ("compare", "RUN", *PCA),
    "explore": ("explore", "RUN", *PCA),
    "encode": ("encode", "RUN"),
    "export": ("export", "RUN", "--format", "pt2"),
    "clips": ("clips", "RUN", "--rows", "rows.csv"),
}
FILES = {"explore": "page.html", "encode": "codes.csv", "clips": "clips.mp4"}
"""What is written where it is no folder."""


@pytest.fixture
def no_work(monkeypatch):
    """Whatever projects, decodes or draws is an error."""

    def work(*arguments, **options):
        raise AssertionError("work was begun")

    for name in (
        "workflows.movies.visualize.track_run",
        "workflows.explore.explore.track_run",
        "workflows.movies.score.track_run",
        "workflows.stills.look.embed_snapshots",
        "workflows.traversals.traverse.Ground.of",
        "workflows.compare.report.embeddings",
        "workflows.testing.save_figures",
        "workflows.encode.encode._encode_one",
        "workflows.export.export.evaluate",
    ):
        monkeypatch.setattr(f"autoencoder.{name}", work)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_that_cannot_be_written_to(command, finished, tmp_path, attempt, no_work):
    """A file where the folder is to be, and one above it."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "else")
    for out in (tmp_path / "file", tmp_path / "file" / "below" / "it", tmp_path / "dangling"):
        arguments = [finished if argument == "RUN" else argument for argument in COMMANDS[command]]
        place = out / FILES.get(command, "")
        attempt("output in the way", tmp_path, *arguments, "--out", place, words=(str(out), "another folder"))
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_closed(command, finished, tmp_path, attempt, no_work, monkeypatch):
    """Permissions do not hold for the superuser, so the system's answer is made up."""

    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("autoencoder.machine.files.tempfile.TemporaryFile", refused)
    arguments = [finished if argument == "RUN" else argument for argument in COMMANDS[command]]
    out = tmp_path / "out" / FILES.get(command, "")
    attempt("output not permitted", tmp_path, *arguments, "--out", out, words=("no permission", str(tmp_path / "out")))


@pytest.mark.parametrize(
    "command", sorted(COMMANDS.keys() - {"test", "compare", "score", "traverse", "encode", "export", "clips"})
)
def test_what_is_refused_for_another_reason_leaves_no_folder(command, finished, tmp_path, attempt):
    arguments = [finished if argument == "RUN" else argument for argument in COMMANDS[command]]
    out = tmp_path / "out" / FILES.get(command, "")
    attempt("output", tmp_path, *arguments, "--out", out, "--color-by", "nothing", words=("nothing",))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_by_looking(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(UserError, match="file is not a folder"):
            check_writable(place)


def test_a_projection_that_fails_leaves_no_folder(finished, tmp_path, call, monkeypatch):
    """The page's folder is made when the page is written, and not before."""

    def fails(*arguments, **options):
        raise UserError("it cannot be projected")

    monkeypatch.setattr("autoencoder.workflows.explore.explore.embed_track", fails)
    call("explore", finished, *PCA, "--out", tmp_path / "out" / "page.html").refused("it cannot be projected")
    assert list(tmp_path.iterdir()) == []
