"""`visualize --export`: what other programs read is what the run holds."""

import builtins
import json

import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.workflows.evolution_files import projector

N, UNITS, STEPS = 120, 6, list(range(0, 19, 2))
AWKWARD = ["tab\there", "two\nlines", "", 'quote " and \\ slash', "é\u2028ü", "plain"]


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory, succeed):
    """All formats of `finished`, projected by PCA, with text that could break a table; and what was said."""
    out = tmp_path_factory.mktemp("export")
    columns = {
        "x": np.where(np.arange(N) % 4, np.arange(N) / 7, np.nan),
        "embedding_x": np.arange(N),
        "a\tb": np.array(AWKWARD * 20),
    }
    np.savez(out / "other.npz", **columns)
    formats = ["npz", "projector"]
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        pass
    else:
        formats.insert(1, "parquet")
    flags = ("--reduce", "pca", "--metadata", out / "other.npz", "--no-movies", "--out", out / "out")
    said = succeed("visualize", "--run", finished, *flags, "--export", *formats).out
    return out / "out", columns, said


@pytest.fixture(scope="module")
def codes(finished):
    return np.stack([np.load(finished / "latents" / f"step_{step:08d}.npy") for step in STEPS])


@pytest.fixture(scope="module")
def embedding(exported):
    with np.load(exported[0] / "embedding.npz") as arrays:
        return dict(arrays)


def test_files(exported, tree):
    out, _, said = exported
    tensors = {f"step_{step:08d}_{what}.tsv" for step in (0, 18) for what in ("latent", "embedding")}
    projected = {"projector_config.pbtxt", "metadata.tsv", "sprite.png", *tensors}
    found = tree(out)
    assert {"embedding.npz", "visualize.json", "export/evolution.npz"} <= found
    assert {name for name in found if "projector" in name} == {f"export/projector/{name}" for name in projected}
    assert f"made {out / 'export' / 'projector'}" in said
    assert not [name for name in found if name.endswith((".mp4", ".png")) and "projector" not in name]


def test_npz(exported, codes, embedding):
    out, columns, _ = exported
    with np.load(out / "export" / "evolution.npz", allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found.keys() == {
        "embeddings",
        "latents",
        "steps",
        "epochs",
        "rows",
        *(f"metadata/{name}" for name in columns),
    }
    for name, values in embedding.items():
        np.testing.assert_array_equal(found[name], values)
    assert found["latents"].dtype == np.float32
    np.testing.assert_array_equal(found["latents"], codes)
    for name, values in columns.items():
        np.testing.assert_array_equal(found[f"metadata/{name}"], values[found["rows"]])


def test_parquet(exported, codes, embedding):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    out, columns, _ = exported
    file = parquet.ParquetFile(out / "export" / "evolution.parquet")
    assert (file.metadata.num_row_groups, file.metadata.num_rows) == (len(STEPS), len(STEPS) * N)
    known = ["x", "embedding_x_column", "a\tb"]
    expected = ["step", "epoch", "row", "embedding_x", "embedding_y", *(f"latent_{i}" for i in range(UNITS)), *known]
    assert file.schema_arrow.names == expected
    moment = file.read_row_group(4)
    assert set(moment["step"].to_pylist()) == {8}
    np.testing.assert_array_equal(moment["row"], embedding["rows"])
    np.testing.assert_array_equal(moment["embedding_y"], embedding["embeddings"][4, :, 1])
    np.testing.assert_array_equal(moment["latent_5"], codes[4, :, 5])
    assert moment["latent_5"].type == "float"
    assert moment["x"].null_count == np.isnan(columns["x"]).sum()
    assert moment["a\tb"].to_pylist() == [text or None for text in columns["a\tb"].tolist()]
    assert moment["embedding_x_column"].to_pylist() == list(range(N))


def test_projector_opens_in_tensorboard(exported, codes, embedding, arena):
    """Through TensorBoard's own server, asked as its page asks it."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.projector import projector_plugin
    from werkzeug import test, wrappers

    folder = exported[0] / "export" / "projector"
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    context = base_plugin.TBContext(logdir=str(folder), multiplexer=multiplexer, data_provider=provider)
    routes = projector_plugin.ProjectorPlugin(context).get_plugin_apps()

    def ask(route, **arguments):
        query = "&".join(f"{key}={value}" for key, value in {"run": ".", **arguments}.items())
        answer = test.Client(routes[route], wrappers.Response).get(f"{route}?{query}")
        assert answer.status_code == 200, answer.get_data()
        return answer.get_data()

    assert json.loads(ask("/runs")) == ["."]
    config = json.loads(ask("/info"))["embeddings"]
    names = [entry["tensorName"] for entry in config]
    assert names[0] == "step_00000018_embedding"
    assert sorted(names) == sorted(f"step_{step:08d}_{what}" for step in (0, 18) for what in ("latent", "embedding"))
    assert all(entry["tensorShape"] == [N, 6 if "latent" in entry["tensorName"] else 2] for entry in config)
    for name, tensor in (("step_00000000_latent", codes[0]), ("step_00000018_embedding", embedding["embeddings"][-1])):
        found = np.frombuffer(ask("/tensor", name=name), np.float32).reshape(tensor.shape)
        np.testing.assert_allclose(found, tensor, rtol=1e-6)
    lines = ask("/metadata", name=names[0]).decode().splitlines()
    assert lines[0].split("\t") == ["x", "embedding_x", "a b"]
    fields = [line.split("\t") for line in lines[1:]]
    assert [len(line) for line in fields] == [3] * N
    assert [line[2] for line in fields[:6]] == ["tab here", "two lines", "unknown", AWKWARD[3], "é ü", "plain"]
    assert fields[0][0] == "unknown"
    assert ask("/sprite_image", name=names[0])[:4] == b"\x89PNG"


def test_the_sprite_holds_the_images(exported, arena):
    sprite = np.asarray(Image.open(exported[0] / "export" / "projector" / "sprite.png"))
    assert sprite.shape == (11 * 50, 11 * 50)
    images = ae.load_images(arena).images
    for row in (0, 10, 11, 119):
        tile = sprite[row // 11 * 50 :, row % 11 * 50 :][:50, :50]
        np.testing.assert_allclose(tile, images[row, 0], atol=1)


def test_a_sprite_is_kept_within_what_browsers_take(finished, tmp_path, succeed, monkeypatch):
    monkeypatch.setattr(projector, "MAX_SPRITE", 200)
    flags = ("--reduce", "pca", "--no-movies", "--export", "projector", "--out", tmp_path)
    succeed("visualize", "--run", finished, *flags)
    size = Image.open(tmp_path / "export" / "projector" / "sprite.png").size
    assert size == (11 * 18, 11 * 18)
    assert "single_image_dim: 18 single_image_dim: 18" in (
        tmp_path / "export" / "projector" / "projector_config.pbtxt"
    ).read_text(encoding="utf-8")


def test_without_metadata_and_with_fewer_snapshots(images, tmp_path, succeed):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet")
    flags = ("--reduce", "pca", "--no-movies", "--stop-index", 2, "--export", "npz", "projector")
    succeed("visualize", "--run", run, *flags)
    out = run / "visualize" / "pca-last" / "export"
    with np.load(out / "evolution.npz") as arrays:
        assert arrays["latents"].shape == (2, 40, 3)
        assert arrays.files[:4] == ["embeddings", "steps", "epochs", "rows"]
    assert not (out / "projector" / "metadata.tsv").exists()
    assert "metadata" not in (out / "projector" / "projector_config.pbtxt").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--export", "xlsx"), ("--export", "xlsx", "parquet")),
        (("--export", "npz", "--layer", "fc2"), ("--export", "--layer latent", "'fc2'")),
        (("--export", "npz", "--snapshot", "last"), ("--export only applies to movies",)),
        (("--no-movies", "--snapshot", "last"), ("--no-movies only applies to movies",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_refused_by_name(finished, call, tmp_path, flags, words):
    call("visualize", "--run", finished, "--reduce", "pca", "--out", tmp_path / "out", *flags).refused(*words)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_said_before_any_work(finished, call, tmp_path, monkeypatch):
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    flags = ("--reduce", "pca", "--out", tmp_path / "out", "--export", "npz", "parquet")
    call("visualize", "--run", finished, *flags).refused("parquet", "pip install 'autoencoder-objectives[parquet]'")
    assert not (tmp_path / "out").exists()
