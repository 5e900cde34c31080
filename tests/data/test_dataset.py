"""Two files that are one data set: after any kill, images lie beside their own metadata or not at all."""

import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.dataset import check_output, save_dataset
from autoencoder.data.images import load_images
from autoencoder.errors import UserError


class Killed(BaseException):
    """Nothing catches this, as nothing catches a kill."""


def dataset(value: int, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images of one value, whose metadata say that value."""
    return np.full((n, 9, 9), value, np.uint8), {"value": np.full(n, value)}


@contextmanager
def dying_at_step(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """Names of files change by renames and removals only: die at that one of them."""
    done = 0

    def counted(function):
        def change(path, *arguments, **options):
            nonlocal done
            if ".partial" in path.name and function is unlink:
                return function(path, *arguments, **options)  # tidying up, which a kill leaves out
            if done == step:
                raise Killed
            done += 1
            return function(path, *arguments, **options)

        return change

    replace, unlink = pathlib.Path.replace, pathlib.Path.unlink
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", counted(replace))
        patch.setattr(pathlib.Path, "unlink", counted(unlink))
        yield


@pytest.mark.parametrize("replacing_another", [False, True])
def test_killed_before_any_change_of_names(tmp_path, monkeypatch, replacing_another, tally):
    n_changes = 3  # the old .npz goes, the .csv comes, the .npz comes
    for step in range(n_changes + 1):
        output = tmp_path / str(step) / "set"
        if replacing_another:
            save_dataset(output, *dataset(1, 4))
        try:
            with dying_at_step(monkeypatch, step):
                save_dataset(output, *dataset(2, 5), overwrite=replacing_another)
        except Killed:
            assert step < n_changes
        else:
            assert step == n_changes
        if output.with_suffix(".npz").exists():
            loaded = load_images(output.with_suffix(".npz"))
            assert output.with_suffix(".csv").exists()
            assert set(loaded.metadata.column("value")) == {int(loaded.images.max())}
            assert int(loaded.images.max()) == (2 if step == n_changes else 1)
        save_dataset(output, *dataset(3, 6), overwrite=True)
        assert load_images(output.with_suffix(".npz")).metadata.column("value").tolist() == [3] * 6
    tally("killed: prepare", tried=n_changes, survived=n_changes)


def test_what_cannot_be_written_leaves_the_old_set_as_it_was(tmp_path, monkeypatch):
    """A full disk shows when the files are written, which is before the old ones are touched."""
    saved = save_dataset(tmp_path / "set", *dataset(1, 4))
    before = [path.read_bytes() for path in (saved.npz, saved.csv)]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for failing in ("fsync", "flush"):
        with monkeypatch.context() as patch:
            if failing == "fsync":
                patch.setattr("os.fsync", full)
            else:
                patch.setattr("autoencoder.data.dataset.Metadata.to_csv", full)
            with pytest.raises(UserError, match="no space left"):
                save_dataset(tmp_path / "set", *dataset(2, 5), overwrite=True)
        assert [path.read_bytes() for path in (saved.npz, saved.csv)] == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["set.csv", "set.npz"]


def test_an_input_is_never_replaced(tmp_path):
    pose = tmp_path / "mouse.csv"
    pose.write_text("what the set is to be made from")
    with pytest.raises(UserError, match=r"mouse\.csv is an input of the data set"):
        check_output(tmp_path / "mouse", overwrite=True, inputs=[pose])
    (tmp_path / "link.csv").symlink_to(pose)
    with pytest.raises(UserError, match=r"link\.csv is an input"):
        check_output(tmp_path / "link", overwrite=True, inputs=[pose])
    assert check_output(tmp_path / "other", inputs=[pose, Path("nowhere")])[0] == tmp_path / "other.npz"
