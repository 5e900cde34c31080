from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from autoencoder.config import DataConfig, ModelConfig, NoiseConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.errors import UserError
from autoencoder.runs.checkpoint import Checkpoint, LoopState


def trained_parts() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and an optimizer with something in every buffer."""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 36, 2))
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(4, 1, 8, 8)).square().mean().backward()
        optimizer.step()
    return network, optimizer


def checkpoint() -> Checkpoint:
    network, optimizer = trained_parts()
    config = RunConfig(
        DataConfig("a.npz", columns=("x", "y"), max_pixel_value=255.0),
        ModelConfig("conv", 5, latent_activation="tanh"),
        ObjectiveConfig(noise=NoiseConfig("gaussian", 0.1)),
        TrainingConfig(snapshot_samples="all", patience=4),
    )
    state = LoopState(3, 2, 41, 12.5, 0.75, 96, 1.25, 0.01, 2, 1)
    return Checkpoint(config, (1, 8, 8), network.state_dict(), optimizer.state_dict(), state)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkpoint().save(tmp_path / "last.pt")
    return tmp_path / "last.pt"


def test_round_trip_of_everything(saved: Path) -> None:
    before, after = checkpoint(), Checkpoint.load(saved)
    assert after.config == before.config
    assert after.image_shape == before.image_shape
    assert after.state == before.state
    assert same(dict(before.model), dict(after.model))
    assert same(before.optimizer, after.optimizer)


def test_training_goes_on_bit_for_bit(saved: Path) -> None:
    network, optimizer = trained_parts()
    other, _ = trained_parts()
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    resumed = torch.optim.AdamW(other.parameters(), lr=0.5)
    loaded = Checkpoint.load(saved)
    other.load_state_dict(loaded.model)
    resumed.load_state_dict(loaded.optimizer)
    images = torch.rand(6, 1, 8, 8)
    for model, step in ((network, optimizer), (other, resumed)):
        for _ in range(3):
            step.zero_grad()
            model(images).square().mean().backward()
            step.step()
    assert same(dict(network.state_dict()), dict(other.state_dict()))


def test_random_state_is_restored_when_asked(tmp_path: Path) -> None:
    some = checkpoint()
    torch.manual_seed(11)
    torch.rand(5)
    some.save(tmp_path / "a.pt")
    expected = torch.rand(3)
    torch.manual_seed(12)
    Checkpoint.load(tmp_path / "a.pt")
    assert not torch.equal(torch.rand(3), expected)
    Checkpoint.load(tmp_path / "a.pt", restore_rng=True)
    assert torch.equal(torch.rand(3), expected)


def test_only_the_file_itself_is_left(saved: Path) -> None:
    checkpoint().save(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["last.pt"]


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        Checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Bomb:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (self.path,))


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "bad.pt"
    path.write_bytes(pickle.dumps(Bomb(mark), protocol=2))
    pickle.loads(path.read_bytes())
    assert mark.exists()  # the bomb does work
    mark.unlink()
    refused(path)
    torch.save({"config": Bomb(mark), "model": {}, "optimizer": {}, "state": {}, "format_version": 1}, path)
    refused(path)
    torch.save(Bomb(mark), path, _use_new_zipfile_serialization=False)
    refused(path)
    assert not mark.exists()


def test_damaged_files(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in (0, 1, 3, 30, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        refused(saved)
    saved.write_bytes(whole)
    Checkpoint.load(saved)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x80\x02" + tail))
def test_other_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    refused(tmp_path / "a.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.integers(0, 1500), st.integers(0, 7))
def test_a_flipped_bit_is_noticed_or_harmless(saved: Path, place: int, bit: int) -> None:
    content = bytearray(saved.read_bytes())
    content[place] ^= 1 << bit
    other = saved.with_name("flipped.pt")
    other.write_bytes(content)
    try:
        Checkpoint.load(other)
    except UserError as error:
        assert str(other) in str(error)  # noqa: PT017  loading it may also succeed


def test_a_flipped_bit_in_any_part_is_noticed(saved: Path) -> None:
    """Of a weight, a moment or a random state too, which would be read without a word by torch itself."""
    whole = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        parts = [member for member in archive.infolist() if member.file_size]
    assert len(parts) > 20
    for part in parts:
        header = whole[part.header_offset : part.header_offset + 30]
        start = (
            part.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        )
        content = bytearray(whole)
        content[start + part.file_size // 2] ^= 1
        saved.write_bytes(content)
        assert f"'{part.filename}'" in refused(saved)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for text in ("hello\n", "not a checkpoint, but a letter\n" * 50, "{}", "step,epoch\n0,1\n"):
        path.write_text(text)
        refused(path)
    for content in ({"weight": torch.zeros(2)}, torch.zeros(3), [1, 2], "text", nn.Linear(2, 2).state_dict()):
        torch.save(content, path)
        assert "not a checkpoint of this project" in refused(path)
    with path.open("wb") as file:
        np.savez(file, images=np.zeros(3))
    refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    refused(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "there is no checkpoint" in refused(tmp_path / "none.pt")
    refused(tmp_path)


def raw(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def test_newer_formats(saved: Path) -> None:
    torch.save({**raw(saved), "format_version": 3, "written_by": {"autoencoder": "7.8.9"}}, saved)
    said = refused(saved)
    assert "format 3 of autoencoder 7.8.9" in said
    assert "update" in said


def test_the_format_before_is_read(saved: Path) -> None:
    content = {**raw(saved), "format_version": 1}
    for name in ("data_sha256", "split_sha256", "written_by"):
        del content[name]
    torch.save(content, saved)
    before, after = checkpoint(), Checkpoint.load(saved)
    assert (after.config, after.state, after.data_sha256) == (before.config, before.state, None)
    assert same(dict(before.model), dict(after.model))


def test_newer_configuration(saved: Path) -> None:
    content = raw(saved)
    content["config"]["format_version"] = 99
    torch.save(content, saved)
    assert "99" in refused(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", {"epoch": 1, "moon": 3}),
        ("state", 7),
        ("config", 7),
        ("config", {"format_version": 1}),
        ("image_shape", [1, 2]),
        ("image_shape", None),
        ("image_shape", "abc"),
        ("image_shape", [1.5, 16, 16]),
        ("image_shape", [1, 0, 16]),
        ("image_shape", [1, -1, 16]),
    ],
)
def test_checkpoint_with_a_strange_part(saved: Path, key: str, value: object) -> None:
    torch.save({**raw(saved), key: value}, saved)
    refused(saved)


@pytest.mark.parametrize("key", ["config", "model", "optimizer", "state", "image_shape", "format_version"])
def test_checkpoint_that_lacks_a_part(saved: Path, key: str) -> None:
    content = raw(saved)
    del content[key]
    torch.save(content, saved)
    refused(saved)


def test_configuration_in_it_is_plain_json(saved: Path) -> None:
    stored = raw(saved)["config"]
    assert RunConfig.from_json(json.loads(json.dumps(stored))) == checkpoint().config
