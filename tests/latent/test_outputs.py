"""What kept networks make of images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.latent.outputs import kept_outputs, why_no_outputs
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import open_run


def test_outputs_are_those_of_each_kept_network(finished: Path, arena: Path) -> None:
    images, rows = ae.load_images(arena), np.array([3, 50, 7])
    kept = kept_outputs(open_run(finished), rows)
    assert kept.steps.tolist() == [0, 2, 4, 6, 12, 18]  # `best` and `last` are one of the epochs'
    assert kept.epochs.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 2, 3], abs=1e-5)
    assert kept.pictures.shape == (6, 3, 1, 50, 50)
    for name, pictures in zip([*Run(finished).early_checkpoints(), "1", "2", "3"], kept.pictures, strict=True):
        expected = ae.load_run(finished, str(name)).reconstruct(images.images[rows])
        np.testing.assert_allclose(pictures, expected, atol=1e-6)
    assert (np.abs(np.diff(kept.pictures, axis=0)).max(axis=(1, 2, 3, 4)) > 1e-3).all()  # each is another network


def test_early_networks_are_weights_alone(finished: Path) -> None:
    """No optimizer, which is half of a checkpoint or more; none is resumed from, or listed among checkpoints."""
    early, last = Run(finished).early_checkpoints(), Run(finished).checkpoint_file("last")
    assert [file.name for file in early] == ["step_00000000.pt", "step_00000002.pt", "step_00000004.pt"]
    assert all(file.stat().st_size < 0.55 * last.stat().st_size for file in early)
    assert not set(early) & set(Run(finished).checkpoints())


def test_a_network_that_was_kept_within_an_epoch(finished_copy: Path) -> None:
    """An interrupted run keeps `last`, after a part of an epoch."""
    import torch

    last = finished_copy / "checkpoints" / "last.pt"
    content = torch.load(last, weights_only=True)
    content["state"] |= {"step": 14, "epoch": 2, "batch": 2}
    torch.save(content, last)
    kept = kept_outputs(open_run(finished_copy), np.array([0]))
    assert kept.steps.tolist() == [0, 2, 4, 6, 12, 14, 18]
    assert kept.epochs.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 2, 14 / 6, 3], abs=1e-5)


def test_a_run_without_pictures_says_why(finished_copy: Path) -> None:
    run = Run(finished_copy)
    assert why_no_outputs(open_run(run)) is None
    before = run.config_file.read_text()
    config = json.loads(before)
    config["objective"] |= {"name": "angle", "loss": None, "target": "body_angle_deg"}
    run.config_file.write_text(json.dumps(config))
    assert "'angle'" in str(why_no_outputs(open_run(run)))
    run.config_file.write_text(before)
    for early in run.early_checkpoints():
        early.unlink()
    run.write_snapshot_index(run.snapshot_index()[:1])  # as behind a fitted encoder, whose codes never change
    assert "before its last snapshot" in str(why_no_outputs(open_run(run)))
    shutil.rmtree(finished_copy / "checkpoints")
    assert "no checkpoint yet" in str(why_no_outputs(open_run(run)))
