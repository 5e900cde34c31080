"""`export`: what other programs compute with the files is what the run's own network computes."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.config import NORMS, ModelConfig, ObjectiveConfig
from autoencoder.errors import UserError
from autoencoder.models.network import on_device
from autoencoder.objectives.base import make_objective
from autoencoder.registries import LEARNED_ENCODERS, NETWORK_FILES
from autoencoder.workflows.export.content import Content
from autoencoder.workflows.export.module import CPU, ExportedNetwork
from autoencoder.workflows.export.onnx import write as write_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

QUICK = ("--epochs", 1, "--batch-size", 8, "--latent-dim", 3, "--snapshots-per-epoch", 1, "--quiet")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
ALL = ("--format", *NETWORK_FILES)
DIGITS = ("seven", "three", "one, or two")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """40 random images of 20x19 with labels, a quantity and an angle."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "set.npz"
    columns = {"digit": np.array(DIGITS)[np.arange(40) % 3], "speed": 50 * rng.random(40)}
    angles, masks = 360 * rng.random(40), rng.random((40, 20, 19)) > 0.7
    images = rng.integers(0, 256, (40, 20, 19), dtype=np.uint8)
    np.savez(path, images=images, mask=masks.astype(np.uint8), heading_deg=angles, **columns)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data, succeed):
    """A run of the given flags, trained when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def train(*flags, of=data):
        key = (of, *flags)
        if key not in made:
            made[key] = folder / f"run{len(made)}"
            succeed("train", of, "--run", made[key], *flags, *QUICK)
        return made[key]

    return train


def by_onnx(file, given):
    return onnxruntime.InferenceSession(file).run(None, {("codes" if given.ndim == 2 else "images"): given})


def by_torch(file, given):
    """What a `.pt2` or `.safetensors` gives, as arrays."""
    load = (lambda path: torch.export.load(path).module()) if file.suffix == ".pt2" else ae.load_exported
    made = load(file)(torch.from_numpy(given))
    return [one.numpy() for one in (made if isinstance(made, tuple) else (made,))]


def by_all(folder, given):
    """What each format gives, by its suffix."""
    files = sorted(file for file in folder.iterdir() if file.suffix.removeprefix(".") in NETWORK_FILES)
    return {file.suffix: (by_onnx if file.suffix == ".onnx" else by_torch)(file, given) for file in files}


SLOW = ("conv", "conv-small", "deep", "dense", "strided")
"""Encoders whose operations others have, too, or that take long."""


@pytest.mark.parametrize(
    "encoder",
    [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in (*LEARNED_ENCODERS, "pca")],
)
def test_every_encoder_in_every_format(trained, data, tmp_path, succeed, encoder):
    """Raw images of any number give the run's own codes, as `encode` writes them, and its own reconstructions."""
    run = trained("--encoder", encoder)
    said = succeed("export", run, *ALL, "--out", tmp_path / "out").out
    files = [f"{run.name}.{suffix}" for suffix in (*NETWORK_FILES, "md")]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(files)
    assert said == "".join(f"made {tmp_path / 'out' / name}\n" for name in files)
    succeed("encode", run, data, "--predictions", "--out", tmp_path / "codes.npz", "--quiet")
    with np.load(tmp_path / "codes.npz") as found, np.load(data) as stored:
        codes, pictures, images = found["codes"], found["pictures"][:, 0], stored["images"]
    for n in (40, 1, 7):
        made = by_all(tmp_path / "out", images[:n])
        assert set(made) == {".onnx", ".pt2", ".safetensors"}
        for suffix, (of_codes, of_pictures) in made.items():
            assert of_codes.dtype == of_pictures.dtype == np.float32
            np.testing.assert_allclose(of_codes, codes[:n], **CLOSE, err_msg=suffix)
            np.testing.assert_allclose(of_pictures, pictures[:n], **CLOSE, err_msg=suffix)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--objective", "angle", "--target", "heading_deg"), marks=pytest.mark.slow),
        pytest.param(("--objective", "classify", "--target", "digit"), marks=pytest.mark.slow),
        ("--objective", "regress", "--target", "speed"),
        pytest.param(("--objective", "mask"), marks=pytest.mark.slow),
        pytest.param(("--loss", "bce"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_predictions_are_in_the_unit_that_encode_writes(trained, data, tmp_path, succeed, flags):
    run = trained("--encoder", "dense", *flags)
    succeed("export", run, *ALL, "--out", tmp_path / "out", "--quiet")
    out = tmp_path / "found.npz"
    succeed("encode", run, data, "--predictions", "--out", out, "--quiet")
    with np.load(out) as found, np.load(data) as stored:
        arrays, images = dict(found), stored["images"]
    card = (tmp_path / "out" / f"{run.name}.md").read_text()
    for suffix, (codes, prediction) in by_all(tmp_path / "out", images).items():
        np.testing.assert_allclose(codes, arrays["codes"], **CLOSE, err_msg=suffix)
        if "angle" in flags:
            apart = (prediction - arrays["predicted_heading_deg"] + 180) % 360 - 180
            np.testing.assert_allclose(apart, 0, atol=360e-5)
            assert (prediction >= 0).all()
            assert (prediction <= 360).all()
            assert "the angle 'heading_deg' in degrees, from 0 to 360" in card.replace("\\", "")
        elif "classify" in flags:
            assert prediction.shape == (40, 3)
            np.testing.assert_allclose(prediction.sum(1), 1, **CLOSE)
            order = json.loads((run / "config.json").read_text())["objective"]["classes"]
            np.testing.assert_array_equal(np.array(order)[prediction.argmax(1)], arrays["predicted_digit"])
            assert f"'digit', in this order: {', '.join(order)}" in card
        elif "regress" in flags:
            np.testing.assert_allclose(prediction, arrays["predicted_speed"], **CLOSE)
            assert "'speed', in the unit of that column" in card
        else:
            np.testing.assert_allclose(prediction, arrays["pictures"][:, 0], **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "top", "flags"),
    [
        ("uint16", 4096, ("--max-pixel-value", 4095)),
        pytest.param("uint8", 256, (), marks=pytest.mark.slow),
        pytest.param("float64", 1, (), marks=pytest.mark.slow),
    ],
    ids=["12 bits of uint16", "uint8", "float64"],
)
def test_colours_and_types_of_pixels(trained, tmp_path, succeed, dtype, top, flags):
    """Channels come last, in and out; pixels are scaled as the run's are."""
    rng = np.random.default_rng(1)
    drawn = rng.random((30, 3, 9, 8)) if dtype == "float64" else rng.integers(0, top, (30, 3, 9, 8))
    images = drawn.astype(dtype)
    np.save(tmp_path / "colours.npy", images)
    run = trained("--encoder", "strided", *flags, of=tmp_path / "colours.npy")
    succeed("export", run, *ALL, "--out", tmp_path / "out", "--quiet")
    own = ae.load_run(run)
    given = images.transpose(0, 2, 3, 1).astype("float32" if dtype == "float64" else dtype)
    for suffix, (codes, pictures) in by_all(tmp_path / "out", given).items():
        np.testing.assert_allclose(codes, own.encode(images), **CLOSE, err_msg=suffix)
        np.testing.assert_allclose(pictures, own.predict(images).transpose(0, 2, 3, 1), **CLOSE, err_msg=suffix)
    if dtype == "uint16":
        with pytest.raises(UserError, match="4095 stands for 1"):
            ae.export(run, pixels="uint8", out=tmp_path / "other")


@pytest.mark.slow
def test_the_parts_put_together_are_the_whole(trained, data, tmp_path, succeed):
    run = trained("--encoder", "pca", "--decoder", "dense")
    for part in ("encoder", "decoder", "both"):
        succeed("export", run, *ALL, "--part", part, "--out", tmp_path / part, "--quiet")
        assert (tmp_path / part / f"{run.name}{'' if part == 'both' else f'-{part}'}.onnx").is_file()
    with np.load(data) as stored:
        images = stored["images"]
    whole = by_all(tmp_path / "both", images)
    for suffix, (codes,) in by_all(tmp_path / "encoder", images).items():
        np.testing.assert_allclose(codes, whole[suffix][0], **CLOSE)
        (pictures,) = by_all(tmp_path / "decoder", codes)[suffix]
        np.testing.assert_allclose(pictures, whole[suffix][1], **CLOSE)


@pytest.mark.parametrize("encoder", LEARNED_ENCODERS)
@pytest.mark.parametrize("norm", [norm for norm in NORMS if norm != "batch"])
@pytest.mark.slow
def test_every_norm(tmp_path, encoder, norm):
    torch.manual_seed(0)
    objective, shape = make_objective(ObjectiveConfig()), (1, 21, 18)
    network = on_device(objective.build_network(ModelConfig(encoder, 4, norm=norm), shape), CPU).eval()
    exported = ExportedNetwork("both", network.encoder, network.head, objective, shape, "uint8", 255.0)
    write_onnx(Content(exported, 4, {}), tmp_path / "it.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, 21, 18), dtype=np.uint8)
    with torch.no_grad():
        expected = network(torch.from_numpy(images)[:, None].float() / 255)
    codes, pictures = by_onnx(tmp_path / "it.onnx", images)
    np.testing.assert_allclose(codes, expected.latent, **CLOSE)
    np.testing.assert_allclose(pictures, objective.present(expected.prediction)[:, 0], **CLOSE)


# ---------------------------------------------------------------------------------------------------------- the card


def blocks(card):
    """The lines of Python below each heading of a file."""
    return dict(re.findall(r"^### (\S+)\n.*?```python\n(.*?)```", card, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize(
    "part", ["both", pytest.param("encoder", marks=pytest.mark.slow), pytest.param("decoder", marks=pytest.mark.slow)]
)
def test_the_lines_of_the_card_work_as_they_stand(trained, tmp_path, succeed, monkeypatch, part):
    run = trained("--encoder", "dense")
    succeed("export", run, *ALL, "--part", part, "--out", tmp_path, "--quiet")
    monkeypatch.chdir(tmp_path)
    (card,) = tmp_path.glob("*.md")
    found = blocks(card.read_text())
    assert set(found) == {f"{card.stem}.{name}" for name in NETWORK_FILES}
    for file, lines in found.items():
        assert len([line for line in lines.splitlines() if line]) <= 5, file
        names = {}
        exec(lines, names)
        if part != "decoder":
            assert tuple(names["codes"].shape) == (4, 3), file
        if part != "encoder":
            assert tuple(names["prediction"].shape) == (4, 20, 19), file


@pytest.mark.slow
def test_the_card_says_what_it_is(finished, tmp_path, succeed, monkeypatch):
    """Data, split, numbers beside their controls as `test` prints them; and no path of this machine, in any file."""
    succeed("export", finished, *ALL, "--out", tmp_path, "--quiet")
    card = (tmp_path / "finished.md").read_text().replace("\\", "")
    monkeypatch.setenv("COLUMNS", "200")
    evaluated = ae.evaluate(finished)
    for line in evaluated.result.table().rows:
        assert f"| {' | '.join(line)} |" in card
    split = np.load(finished / "split.npz")
    for said in (
        "# finished\n",
        "| encoder | narrow, learned, norm batch, 6 latent units |",
        "noise gaussian:0.2",
        "| checkpoint | last, after 18 updates |",
        "| data | arena.npz |",
        "| images | 120 of 1x50x50 (channels, height, width) |",
        f"| split | {len(split['train'])} for training, {len(split['val'])} held out",
        f"on {len(split['val'])} held-out images, with noise gaussian:0.2, compared with clean images",
        "PCA, 6 components (control)",
        "| in | images | (N, 50, 50) | uint8 | as they are stored; 255 stands for 1 |",
        "| out | codes | (N, 6) | float32 |",
        "| out | prediction | (N, 50, 50) | float32 | reconstruction, in [0, 1] |",
    ):
        assert said in card, said
    here = [str(place).encode() for place in (tmp_path.parent, finished.parent, ae.__path__[0])]
    for file in tmp_path.iterdir():
        assert not [place for place in here if place in file.read_bytes()], file


def test_the_number_of_images_has_a_name_in_onnx(trained, tmp_path, succeed):
    run = trained("--encoder", "dense")
    succeed("export", run, "--format", "onnx", "--out", tmp_path, "--quiet")
    session = onnxruntime.InferenceSession(tmp_path / f"{run.name}.onnx")
    assert [given.shape[0] for given in session.get_inputs()] == ["n_images"]
    assert {made.shape[0] for made in session.get_outputs()} == {"n_images"}


def test_every_format_keeps_what_it_is(trained, tmp_path, succeed):
    import onnx
    from safetensors import safe_open

    run = trained("--encoder", "dense")
    succeed("export", run, *ALL, "--out", tmp_path, "--quiet")
    model = onnx.load(tmp_path / f"{run.name}.onnx")
    onnx.checker.check_model(model)
    of_onnx = {item.key: item.value for item in model.metadata_props}
    with safe_open(tmp_path / f"{run.name}.safetensors", "pt") as file:
        of_safetensors = file.metadata()
    extra = {"about.json": ""}
    torch.export.load(tmp_path / f"{run.name}.pt2", extra_files=extra)
    assert of_safetensors.pop("format") == "autoencoder network 1"
    assert of_onnx == of_safetensors == json.loads(extra["about.json"])
    config, stored = json.loads(of_onnx["config"]), json.loads((run / "config.json").read_text())
    assert config["data"]["images"] == "set.npz"
    assert {**config, "data": None} == {**stored, "data": None}


def test_without_the_images_the_card_has_no_numbers(data, tmp_path, succeed, call):
    """It says so, and so does the command; the type of the images that go in has to be said then."""
    moved = tmp_path / "moved.npz"
    shutil.copy(data, moved)
    succeed("train", moved, "--run", tmp_path / "run", "--encoder", "dense", *QUICK)
    moved.unlink()
    call("export", tmp_path / "run").refused("of which type", str(moved), "--pixels uint8")
    said = succeed("export", tmp_path / "run", "--pixels", "uint8").out
    assert f"note: the card has no numbers: {moved}" in said
    card = (tmp_path / "run" / "export" / "run.md").read_text()
    assert "Not measured" in card
    assert str(tmp_path) not in card
    with np.load(data) as stored:
        codes, _ = by_onnx(tmp_path / "run" / "export" / "run.onnx", stored["images"])
        np.testing.assert_allclose(codes, ae.load_run(tmp_path / "run").encode(stored["images"]), **CLOSE)


# ------------------------------------------------------------------------------------------------- which one, and where


@pytest.mark.slow
def test_checkpoints_and_steps(finished, tmp_path, succeed, call):
    """6 updates an epoch: epoch 1 is step 6; before the first update there is an early network."""
    images = ae.load_images(ae.open_run(finished).config().data.images).images
    for flag, value, path in (
        ("--step", 6, finished / "checkpoints" / "epoch_0001.pt"),
        ("--step", 0, finished / "checkpoints" / "step_00000000.pt"),
        ("--checkpoint", 2, finished / "checkpoints" / "epoch_0002.pt"),
    ):
        out = tmp_path / f"{flag}{value}"
        succeed("export", finished, "--part", "encoder", flag, value, "--out", out, "--quiet")
        (codes,) = by_onnx(out / "finished-encoder.onnx", images[:, 0])
        np.testing.assert_allclose(codes, ae.load_run(finished, str(path)).encode(images), **CLOSE)
    assert "| checkpoint | step 0, after 0 updates |" in (tmp_path / "--step0" / "finished-encoder.md").read_text()
    call("export", finished, "--step", 7, "--out", tmp_path).refused("no network after step 7", "0", "6, 12, 18")
    call("export", finished, "--checkpoint", "third", "--out", tmp_path).refused("no checkpoint 'third'")
    call("export", finished, "--step", 6, "--checkpoint", "best").refused("not allowed with")


def test_umap_is_refused_before_any_work(trained, tmp_path, call, monkeypatch):
    """With all that is wrong beside it."""
    shutil.copytree(trained("--encoder", "dense"), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["model"] |= {"encoder": "umap", "decoder": "dense"}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    with monkeypatch.context() as patched:
        patched.setattr("autoencoder.runs.opened.OpenedRun.network", lambda *_: pytest.fail("work was begun"))
        patched.setitem(sys.modules, "onnx", None)
        (tmp_path / "out" / "run.pt2").mkdir(parents=True)
        words = ("'umap'", "--part decoder", "pca", "'autoencoder-objectives[onnx]'", "run.pt2 is a folder")
        for part in ("encoder", "both"):
            call("export", tmp_path / "run", "--format", "onnx", "--part", part).refused(*words[:-1])
        call("export", tmp_path / "run", *ALL, "--out", tmp_path / "out").refused(*words)
    assert not (tmp_path / "run" / "export").exists()


@pytest.mark.slow
def test_what_stands_behind_umap_is_a_network_as_any_other(tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "run", "--encoder", "umap", "--decoder", "dense", *QUICK)
    succeed("export", tmp_path / "run", "--part", "decoder", "--out", tmp_path / "decoder", "--quiet")
    codes = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    (pictures,) = by_onnx(tmp_path / "decoder" / "run-decoder.onnx", codes)
    np.testing.assert_allclose(pictures, ae.load_run(tmp_path / "run").decode(codes)[:, 0], **CLOSE)


def test_all_files_or_none_and_none_replaced(trained, tmp_path, succeed, call, monkeypatch):
    run, out = trained("--encoder", "dense"), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr("autoencoder.workflows.export.pt2.torch.export.save", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ae.export(run, ["safetensors", "pt2"], out=out)
        assert list(out.iterdir()) == []
    out.joinpath(f"{run.name}.md").write_text("mine")
    refused = call("export", run, "--format", "safetensors", "--out", out)
    refused.refused(f"{run.name}.md already exists", "--overwrite")
    assert [file.name for file in out.iterdir()] == [f"{run.name}.md"]
    succeed("export", run, "--format", "safetensors", "--out", out, "--overwrite", "--quiet")
    assert "mine" not in out.joinpath(f"{run.name}.md").read_text()
    modes = {file.stat().st_mode for file in out.iterdir()}
    assert len(modes) == 1, "no file is private where the others are not"


def test_a_package_that_is_missing_is_named(trained, tmp_path, call, monkeypatch):
    for name, extra in (("safetensors", "safetensors"), ("onnxscript", "onnx")):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, name, None)
            refused = call("export", trained("--encoder", "dense"), "--format", extra, "--out", tmp_path / "out")
            refused.refused(f"pip install 'autoencoder-objectives[{extra}]'")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------- reading


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory, succeed):
    """Tensors and metadata of an exported network."""
    from safetensors import safe_open

    run, out = trained("--encoder", "dense"), tmp_path_factory.mktemp("exported")
    succeed("export", run, "--format", "safetensors", "--out", out, "--quiet")
    path = out / f"{run.name}.safetensors"
    with safe_open(path, "pt") as file:
        return path, {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def changed(metadata, name, **values):
    return {**metadata, name: json.dumps({**json.loads(metadata[name]), **values})}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, m: (t, {}), "is no network"),
        (lambda t, m: (t, {**m, "format": "autoencoder network 2"}), "newer version"),
        (lambda t, m: (t, {**m, "part": "middle"}), "is no network"),
        (lambda t, m: (t, {**m, "config": "[" * 10**5}), "is no network"),
        (lambda t, m: (t, {k: v for k, v in m.items() if k != "config"}), "is no network"),
        (lambda t, m: (t, changed(m, "images", image_shape=[1, 10**6, 10**6])), "memory"),
        (lambda t, m: (t, changed(m, "images", image_shape=[1, 20, 20])), "is no network"),
        (lambda t, m: (t, changed(m, "images", max_pixel_value=0)), "is no network"),
        (lambda t, m: (t, changed(m, "config", model={"encoder": "dense", "latent_dim": 60000})), "is no network"),
        (lambda t, m: (dict(list(t.items())[1:]), m), "is no network"),
        (lambda t, m: ({**t, "more": torch.zeros(2)}, m), "is no network"),
        (lambda t, m: ({name: values.double() for name, values in t.items()}, m), "is no network"),
    ],
)
def test_what_is_no_exported_network_is_refused(exported, tmp_path, change, words):
    from safetensors.torch import save_file

    _, tensors, metadata = exported
    tensors, metadata = change(tensors, metadata)
    save_file(tensors, tmp_path / "it.safetensors", metadata)
    with pytest.raises(UserError, match=words) as refused:
        ae.load_exported(tmp_path / "it.safetensors")
    assert "it.safetensors" in str(refused.value)


def test_a_file_that_is_damaged_is_refused(exported, tmp_path):
    path, _, _ = exported
    whole = path.read_bytes()
    for content in (whole[:-100], whole[:20], b"\xff" * 100, b""):
        (tmp_path / "it.safetensors").write_bytes(content)
        with pytest.raises(UserError, match=r"it\.safetensors"):
            ae.load_exported(tmp_path / "it.safetensors")
    with pytest.raises(UserError, match="there is no file"):
        ae.load_exported(tmp_path / "nothing.safetensors")


def test_images_of_another_type_or_size_are_refused(exported):
    """They would be scaled by another number, and give codes that mean nothing."""
    network = ae.load_exported(exported[0])
    for wrong in (torch.zeros(2, 20, 19), torch.zeros(2, 19, 20, dtype=torch.uint8)):
        with pytest.raises(UserError, match=r"images are \(N, 20, 19\) uint8, not"):
            network(wrong)
