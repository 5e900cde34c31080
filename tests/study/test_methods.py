"""The Methods section of a study: its numbers are those of the statistics and the code, and nothing undone is told."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import re
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from markdown_it import MarkdownIt
from torch import nn

from autoencoder.config import ModelConfig
from autoencoder.errors import UserError
from autoencoder.evaluation.outside_codes import Listed
from autoencoder.models.network import build_encoder
from autoencoder.registries import LEARNED_ENCODERS
from autoencoder.runs.folder import Run
from autoencoder.study.described import describe, layers_of
from autoencoder.study.measured.controls import with_controls
from autoencoder.study.population import population_of
from autoencoder.version import DISTRIBUTION
from autoencoder.workflows.study import methods
from autoencoder.workflows.study.methods import layers, probes, references
from autoencoder.workflows.study.methods import similarity as comparison
from autoencoder.workflows.study.methods.parts import CONTENT, PARTS
from autoencoder.workflows.study.methods.references import CITED, REFERENCES, with_references
from autoencoder.workflows.study.methods.text import SECTIONS, methods_text

MODULES = [importlib.import_module(f"{methods.__name__}.{found.name}") for found in iter_modules(methods.__path__)]
"""Everything that the text is put together by."""

HOSTILE = json.loads((Path(__file__).parents[1] / "hostile_texts.json").read_text(encoding="utf-8"))

HEADINGS = {
    "similarity": "Similarity of representations",
    "probes": "Probes of the metadata",
    "topology": "Topology",
    "dimension": "Dimension",
    "robustness": "Robustness",
    "convergence": "Convergence",
    "units": "Number of latent units",
    "space": "The space of representations",
    "embeddings": "Planes of codes",
}
"""Parts of the statistics that have a section of their own."""

CONVOLUTION = {"layer": "convolution", "size": [3, 3], "stride": 2, "padding": 1}
NORM, SILU = {"layer": "batch normalisation", "learns_scale": True}, {"layer": "SiLU"}


def common():
    """Settings that all runs share."""
    return {
        "data.split": "blocks",
        "model.encoder": "strided",
        "model.latent_dim": 14,
        "model.decoder": None,
        "model.norm": "batch",
        "model.latent_activation": None,
        "objective.loss": None,
        "objective.noise.kind": "gaussian",
        "objective.noise.amount": 0.21,
        "objective.classes": None,
        "objective.sparsity": "none",
        "training.epochs": 13,
        "training.batch_size": 37,
        "training.lr": 0.0071,
        "training.schedule": "onecycle",
        "training.weight_decay": 0.0,
        "training.patience": None,
        "training.val_interval": 2,
        "training.init_from": None,
        "training.snapshots_per_epoch": 2,
        "training.snapshot_spacing": "log",
        "training.snapshot_samples": "probes",
    }


def configuration(setting, **differing):
    """Runs of one setting, with three seeds."""
    encoder = [
        {**CONVOLUTION, "channels": 31},
        NORM,
        SILU,
        {**CONVOLUTION, "channels": 67},
        NORM,
        SILU,
        {"layer": "linear layer", "units": 14},
        {**NORM, "learns_scale": False},
    ]
    return {
        "setting": setting,
        "levels": {"objective": setting},
        "runs": [f"{setting}-{seed}" for seed in (51, 52, 53)],
        "seeds": [51, 52, 53],
        "differing": differing,
        "epochs": [13],
        "updates": [1921],
        "snapshots": [22],
        "snapshots_in_first_epoch": [15],
        "without_target": 0,
        "device": ["cpu"],
        "threads": [1],
        "decoder": None,
        "network": {
            "encoder": {"layers": encoder, "n_parameters": 123_456},
            "head": {"layers": [{"layer": "linear layer", "units": 3}], "n_parameters": 45},
        },
    }


def described():
    """A study of two objectives on a video."""
    angle = {"objective.name": "angle", "objective.target": "heading_deg"}
    speed = {"objective.name": "regress", "objective.target": "speed"}
    return {
        "data": {
            "name": "mice.npz",
            "images": 9_001,
            "shape": [1, 48, 52],
            "dtype": "uint8",
            "max_pixel_value": 251.0,
            "sha256": "ab12",
            "sha256_of_all": True,
            "columns": {"speed": "linear", "heading_deg": "circular", "port": "category"},
            "recordings": 2,
            "is_video": True,
            "has_clean": False,
        },
        "split": {
            "kind": "blocks",
            "seed": 8,
            "trained_on": 7_003,
            "held_out": 1_502,
            "neither": 496,
            "val_fraction": 0.17,
            "block_size": 121,
            "gap": 24,
            "column": None,
            "groups": None,
            "chosen_by_name": False,
        },
        "probe_images": {"kept": 3_902, "trained_on": 2_203, "held_out": 1_501, "compared": 1_501},
        "probing": {"gap_frames": 23.7, "null": "linear shift", "draws": 186, "rows": 2_900, "in_groups": False},
        "common": common(),
        "settings": [configuration("angle", **angle), configuration("regress", **speed)],
        "controls": ["shuffled targets", "untrained", "PCA 14 of the pixels"],
        "pixel_components": [14],
        "codes": [{"name": "spikes", "setting": "spikes", "units": 88}],
        "versions": {
            "measured_with": {
                DISTRIBUTION: "9.1",
                "python": "3.99",
                "torch": "7.1",
                "numpy": "7.2",
                "scipy": "7.3",
                "scikit-learn": "7.4",
                "umap-learn": "7.5",
                "ripser": "7.6",
            },
            "trained_with": {"autoencoder": ["9.1"], "torch": ["6.5", "7.1"]},
        },
    }


def similarity():
    test = {"p": 0.03, "relabellings": 41, "all_relabellings": True, "least_p": 1 / 41, "over_training": [{}] * 22}
    titles = {"procrustes": "Procrustes angle", "cka": "linear CKA, debiased", "knn_jaccard": "shared neighbours"}
    return {
        "moment": "epoch 13, the end of training",
        "n_images": 1_501,
        "tau_frames": 8.76,
        "frames_between_neighbours": 26.3,
        "settings": ["angle", "regress"],
        "seeds": [51, 52, 53],
        "measures": {
            name: {"title": title, "test": dict(test), "factors": {}, "dispersion": {"ratio": 1.3}}
            for name, title in titles.items()
        },
        "notes": ["seed 54 is not tested"],
    }


def everything():
    """Statistics of a study of which all was measured."""
    kinds = {"speed": "linear", "heading_deg": "circular", "port": "category"}
    ring = {"setting": "angle", "by_run": [{"run": "angle-51", "cyclic_order": {"heading_deg": 0.97}}]}
    return {
        "described": described(),
        "settings": {"objective": ["angle", "regress"]},
        "similarity": similarity(),
        "matched": {**similarity(), "by": "loss", "notes": []},
        "probes": {"columns": {name: {"kind": kind} for name, kind in kinds.items()}, "notes": []},
        "topology": {"settings": [ring], "notes": []},
        "dimension": {"effects": [{}], "notes": []},
        "robustness": {"effects": [{}], "notes": []},
        "quality": {"effects": [{}], "notes": []},
        "convergence": {"effects": [{}], "settings": [{}], "notes": []},
        "units": {"groups": [{"error": "reconstruction_mse"}, {"error": "val_loss"}], "notes": []},
        "space": {"measure": "procrustes", "n_images": 1_499, "stress": 0.234, "points": [{}] * 139, "notes": []},
        "embeddings": {"method": "UMAP", "n_images": 1_498, "notes": []},
        "notes": ["angle-59 is left out"],
    }


def changed(found, path, value):
    """A copy with another value at a path, such as "described/split/gap"."""
    copied = copy.deepcopy(found)
    *parents, last = path.split("/")
    at = copied
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = value
    return copied


def paragraph(text, heading):
    return text.split(f"## {heading}\n\n")[1].split("\n\n")[0]


def shown(markdown):
    """What a reader of Markdown sees: text, without what is markup."""
    tokens = [token for block in MarkdownIt().parse(markdown) for token in (block, *(block.children or ()))]
    kinds = {token.type for token in tokens}
    return "".join(token.content for token in tokens if token.type in ("text", "text_special", "softbreak")), kinds


# ------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("described/data/images", 12_345, "12,345 images"),
        ("described/data/sha256", "cd34", "was cd34"),
        ("described/split/gap", 77, "up to 77 images"),
        ("described/split/block_size", 333, "Blocks of 333"),
        ("described/split/trained_on", 6_543, "6,543 images for training"),
        ("described/split/seed", 99, "seed 99"),
        ("described/common/training.batch_size", 71, "batches of 71"),
        ("described/common/training.lr", 0.0625, "to 0.0625 over"),
        ("described/common/training.weight_decay", 0.3, "weight decay of 0.3"),
        ("described/common/objective.noise.amount", 0.77, "deviation of 0.77"),
        ("described/common/model.depth", 5, "depth = 5"),
        ("described/probe_images/kept", 3_991, "3,991 probe images"),
        ("described/probing/gap_frames", 31.4, "within 31.4 frames"),
        ("described/probing/draws", 88, "each of 88 shifts"),
        ("described/pixel_components", [3, 9], "(3 or 9 of them)"),
        ("described/versions/measured_with/torch", "8.8", "PyTorch 8.8"),
        ("similarity/n_images", 1_234, "codes of 1,234 held-out images"),
        ("similarity/tau_frames", 5.55, "was 5.55 frames"),
        ("similarity/frames_between_neighbours", 17.6, "at most 17.6 frames apart"),
        ("similarity/measures/procrustes/test/relabellings", 777, "777 distinct relabellings"),
        ("similarity/measures/procrustes/test/least_p", 0.0123, "possible was 0.012"),
        ("similarity/measures/procrustes/test/over_training", [{}] * 19, "each of 19 moments"),
        ("similarity/measures/procrustes/test/all_relabellings", False, "a random sample of 41"),
        ("space/stress", 0.345, "was 0.34"),
        ("space/points", [{}] * 401, "401 representations"),
    ],
)
def test_numbers_are_those_of_the_statistics(path, value, said):
    found = everything()
    assert said not in methods_text(found)
    assert said in methods_text(changed(found, path, value))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DRAWS", 17, "by 17 equally spaced shifts"),
        ("SHARED_NEIGHBORS", 17, "17 nearest neighbours"),
        ("APART_TAUS", 7.0, "(7 tau"),
        ("MOST_APART", 0.37, "37 % of the longest recording"),
        ("UNEQUAL", 6.0, "more than 6 times the smallest"),
        ("LEVEL", 0.9, "90 % confidence intervals"),
        ("FOLDS", 11, "11-fold"),
        ("STRETCH_TAUS", 9.0, "about 9 such correlation times"),
        ("FEWEST_STRETCHES", 6, "fewer than 6)"),
        ("STRENGTHS", np.logspace(-2, 4, 7), "one of 7 penalties from 0.01 to 10,000"),
        ("PROBE_NEIGHBORS", (4, 44), "4 or 44 of them"),
        ("BLOCK_TAUS", 8.0, "8 correlation times"),
        ("FEWEST_BLOCKS", 14, "fewer than 14 stretches"),
        ("ENOUGH_TIME", 29.0, "fewer than 29 correlation times"),
        ("SIGNIFICANT", 0.01, "below 0.01"),
        ("TOLD", 0.23, "at least 0.23"),
        ("HALF", 0.4, "40 % of the largest gain"),
        ("KEPT", 0.8, "at least 80 %"),
        ("SETS", 7, "seven sets"),
        ("SET_LANDMARKS", 222, "222 randomly drawn"),
        ("DOMINANT", 9.0, "more than 9 times the second"),
        ("OVER_TRAINING", 144, "at most 144 images"),
        ("PRIME", 53, "modulo 53"),
        ("SHARE", 0.99, "at least 99 % of the variance"),
        ("DIMENSION_NEIGHBORS", (6, 66), "6 or 66 neighbours"),
        ("ROW_SHARES", (0.3, 1.0), "30 % or 100 % of the images, drawn at random"),
        ("RANDOM_STARTS", 19, "25 random starts"),  # with the random planes
        ("UMAP_NEIGHBORS", 33, "UMAP with 33 neighbours"),
        ("LOSS_SHARE", 0.8, "80 % of the whole fall"),
        ("WARM_UP_FRACTION", 0.44, "first 44 % of the updates"),
        ("START_DIVISOR", 10.0, "from 0.00071 to"),
        ("FEWEST_IN_THE_FIRST_EPOCH", 5, "fewer than 5"),
    ],
)
def test_numbers_are_those_of_the_code(monkeypatch, name, value, said):
    found = everything()
    assert said not in methods_text(found)
    for module in MODULES:
        if hasattr(module, name):
            monkeypatch.setattr(module, name, value)
    assert said in methods_text(found)


NO_PARAMETERS = (
    *("R2", "H1", "1/e", "stress-1", "SHA-256", "modulo 2", "became 1", "to a sum of 1", "^2", "0 (nothing) to 1"),
    *("1 - ", "1 minus", "(1 for the same order)", " - 1 degrees", "log(1 + m", " to 0 "),
)
"""Digits in names and formulas."""


def test_no_number_is_typed_into_the_text():
    """Digits in the sentences are those of names and formulas; all others come from the statistics or the code."""
    files = [Path(module.__file__) for module in MODULES if module is not references]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    spoken = [
        node for tree in trees for node in tree.body if isinstance(node, (ast.FunctionDef, ast.Assign, ast.AnnAssign))
    ]
    skipped = {id(part) for node in spoken for part in _no_sentences(node)}
    texts = [
        part.value
        for node in spoken
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in skipped
    ]
    assert len(texts) > 200
    for text in texts:
        text = CITED.sub("", text)
        for name in NO_PARAMETERS:
            text = text.replace(name, "")
        assert not re.search(r"\d", text), text


def _no_sentences(spoken):
    """Docstrings, formats of numbers and keys of statistics."""
    for node in ast.walk(spoken):
        if isinstance(node, ast.Subscript):
            yield from ast.walk(node.slice)
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[0], ast.Expr):
            yield from ast.walk(node.body[0])
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            yield from ast.walk(node.format_spec)


def test_shares_of_shifts_are_those_of_the_nulls():
    assert comparison._turned_by() == (0.25, 0.75)
    assert probes._shifted_by() == 0.125
    text = methods_text(everything())
    assert "shifts of 25 % to 75 % of the images" in text
    assert "by up to 12.5 % of each segment" in text


# ------------------------------------------------------------------------------------------------ what was not measured


@pytest.mark.parametrize("name", PARTS)
def test_what_was_not_measured_is_named_and_not_described(name):
    full = everything()
    text = methods_text(full)
    assert PARTS[name] not in paragraph(text, "What was not done")
    partial = copy.deepcopy(full)
    del partial[name]
    emptied = changed(full, name, {CONTENT.get(name, "effects"): {}, "notes": ["the reason"]})
    if name == "convergence":
        emptied = changed(full, name, {"why_not": "the reason", "notes": []})
    refused = changed(full, name, {"why_not": "the reason", "notes": []})
    for found in (partial, emptied, refused):
        without = methods_text(found)
        assert PARTS[name] in paragraph(without, "What was not done")
        assert ("the reason" in paragraph(without, "What was not done")) is (found is not partial)
        assert len(without) < len(text) + 200
        if name in HEADINGS:
            assert f"## {HEADINGS[name]}\n" not in without
            assert f"## {HEADINGS[name]}\n" in text
    if name == "matched":
        assert "unequal training" in text
        assert "unequal training" not in methods_text(partial)


def test_statistics_of_what_was_not_compared_are_not_told():
    found = {name: part for name, part in everything().items() if name in ("described", "settings")}
    text = methods_text(found)
    assert "## Statistics" not in text
    for word in ("PERMANOVA", "confidence", "Procrustes", "ripser", "umap-learn"):
        assert word not in text
    for what in PARTS.values():
        assert what in paragraph(text, "What was not done")


def test_notes_are_told_once():
    text = paragraph(methods_text(everything()), "What was not done")
    assert text.count("seed 54 is not tested") == 1
    assert text.count("angle-59 is left out") == 1


def test_a_study_of_before_is_refused():
    found = everything()
    del found["described"]
    with pytest.raises(UserError, match="study report"):
        methods_text(found)


# ----------------------------------------------------------------------------------------------------------- citations


def citations(text):
    """References in brackets in the text above the list, and the list."""
    body, listed = text.split("## References\n\n")
    return body, listed.strip().splitlines()


@pytest.mark.parametrize("left", [list(PARTS), [], ["topology"], ["probes", "similarity"], ["units", "space"]])
def test_every_citation_has_its_reference_and_every_reference_is_cited(left):
    found = everything()
    body, listed = citations(methods_text({k: v for k, v in found.items() if k not in PARTS or k in left}))
    assert listed == [f"- {full}" for short, full in REFERENCES.items() if short in body]
    named = re.findall(r"[A-Z][\w. &-]*(?: et al\.)?, (?:19|20)\d\d(?=[;)])", body)
    assert len(named) >= 5
    assert {short.split(" ")[-1] for short in REFERENCES} >= {name.split(" ")[-1] for name in named}
    assert all(any(name.strip() in short for short in REFERENCES) for name in named)


def test_every_reference_can_be_cited():
    """By a study of every kind; the list holds none that no text cites."""
    full = everything()
    cited = set()
    for path, value in {
        "described/common/training.schedule": "cosine",
        "described/common/training.optimizer": "muon",
        "described/common/training.weight_decay": 0.1,
        "described/common/model.encoder": "umap",
        "described/split/seed": 1,
    }.items():
        _, listed = citations(methods_text(changed(full, path, value)))
        cited.update(listed)
    assert cited == {f"- {full}" for full in REFERENCES.values()}


def test_every_citation_in_the_code_has_its_reference():
    """Also those of sentences that are seldom said."""
    parts = [part for module in MODULES for part in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8")))]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    written = [short for text in texts for group in CITED.findall(text) for short in group.split("; ")]
    assert set(written) == REFERENCES.keys()


def test_what_is_cited_without_a_reference_is_an_error():
    with pytest.raises(KeyError, match="Nobody, 1900"):
        with_references("It was done so [[Kruskal, 1964; Nobody, 1900]].")


def test_names_of_the_user_cite_nothing():
    found = everything()
    assert "Loshchilov" not in methods_text(found)
    _, listed = citations(methods_text(changed(found, "notes", ["[[Loshchilov & Hutter, 2017]]"])))
    assert "Loshchilov" not in " ".join(listed)


def test_references_are_in_alphabetical_order_and_hold_their_year():
    assert list(REFERENCES.values()) == sorted(REFERENCES.values(), key=str.casefold)
    for short, full in REFERENCES.items():
        assert f"({short[-4:]})" in full
        assert full.endswith(".")


# --------------------------------------------------------------------------------------------------- names of the user


def with_names(name):
    """Everything that a user can call something is called so."""
    found = everything()
    said = found["described"]
    said["data"]["name"] = name
    said["data"]["columns"] = {name: "linear"}
    said["codes"][0]["name"] = name
    said["common"]["training.init_from"] = name
    said["common"]["model.kind"] = name
    said["split"] |= {"kind": "group", "column": name, "groups": {"trained_on": ["a"], "held_out": [name]}}
    for entry in said["settings"]:
        entry |= {"setting": name, "levels": {name: name}, "device": [name]}
        entry["differing"]["objective.target"] = name
    found["settings"] = {name: [name, "other"]}
    found["probes"]["columns"] = {name: {"kind": "linear"}}
    found["notes"] = [name]
    found["robustness"] = {"why_not": name, "notes": []}
    return found


@pytest.fixture(scope="module")
def harmless():
    """Markdown, text and markup of a study whose names hold nothing."""
    markdown = methods_text(with_names("a name"))
    return markdown, *shown(markdown)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(name, harmless):
    markdown = methods_text(with_names(name))
    text, kinds = shown(markdown)
    assert kinds <= harmless[2]
    seen = " ".join(name.split())
    if seen.isprintable() and seen:
        written_with_spaces = "_" in seen  # the name of what varies
        assert text.count(seen) >= harmless[1].count("a name") - written_with_spaces
    assert markdown.count("\n") == harmless[0].count("\n")


# ------------------------------------------------------------------------------------------------- studies of all kinds


def test_one_setting_and_one_seed():
    found = everything()
    entry = configuration("all runs")
    entry |= {"seeds": [51], "runs": ["run-51"]}
    said = found["described"]
    said["common"] |= {"objective.name": "reconstruct", "objective.loss": "mse"}
    said["settings"], found["settings"] = [entry], {}
    why = "with 1 seed it is not known how much seeds differ: train 6 or more"
    for measure in found["similarity"]["measures"].values():
        measure |= {"test": {"why_not": why}, "dispersion": {}}
    text = methods_text(found)
    assert "Networks of one setting were trained, with the seed 51 (1 run)." in text
    assert "PERMANOVA" not in text
    assert f"The effect of settings was not tested: {why}." in text
    assert "Runs of one seed shared" not in text


def test_no_metadata_and_no_time():
    found = everything()
    said = found["described"]
    said["data"] |= {"columns": {}, "is_video": False, "recordings": None}
    said["split"] |= {"kind": "random", "block_size": None, "gap": None, "neither": 0}
    said["probing"] = None
    found["probes"] = {"columns": {}, "notes": ["no column can be probed"]}
    found["similarity"] |= {"tau_frames": None, "frames_between_neighbours": 0.0}
    text = methods_text(found)
    assert "Nothing else was known of the images." in text
    assert "permutations of the images" in text
    assert "no column can be probed" in paragraph(text, "What was not done")
    assert "frames apart" not in text
    assert "correlation time tau" not in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("described/data/is_video", False),
        ("described/probing/gap_frames", 0.0),
        ("described/split/groups", {"trained_on": ["a", "b", "c", "d", "e"], "held_out": ["f"]}),
    ],
)
def test_folds_are_stretches_only_where_frames_were_dealt_so(path, value):
    found = everything()
    assert "(stretches of about" in methods_text(found)
    assert "(stretches of about" in methods_text(changed(found, "described/split/groups", {"trained_on": ["a", "b"]}))
    assert "(stretches of about" not in methods_text(changed(found, path, value))


@pytest.mark.parametrize(
    ("null", "said"),
    [
        ("exchange between recordings", "exchanging the labels between recordings"),
        ("permutation", "permuting the labels within groups"),
    ],
)
def test_nulls_are_those_that_were_drawn(null, said):
    found = everything()
    found["described"]["probing"] |= {"null": null, "in_groups": True, "draws": 175}
    text = paragraph(methods_text(found), "Probes of the metadata")
    assert said in text
    assert "each of 175" in text
    assert "linear shift" not in text


def test_a_table_of_runs_that_have_little_in_common():
    found = everything()
    one, other = configuration("tool", **{"objective.name": "mask"}), configuration("tool", **{"objective.name": "new"})
    one["runs"], other["runs"], other["seeds"] = ["a"], ["b"], [None]
    one["network"] = {"why_not": "it is of another version"}
    one["without_target"] = 12
    for entry in (one, other):
        entry["differing"]["training.epochs"] = 3
    found["described"]["settings"], found["settings"] = [one, other], {"tool": ["tool"]}
    text = paragraph(methods_text(found), "Networks and training")
    assert "'tool (a)' with the seeds 51, 52 and 53 and 'tool (b)' with no seed given" in text
    assert "With 'tool (b)', networks were trained with the objective 'new'" in text
    assert "could not be read (it is of another version)" in text
    assert "12 at most, were not trained on" in text
    assert "the order of the training images" not in text


def test_same_weights_are_claimed_only_where_networks_are_the_same():
    found = everything()
    assert "shared the initial weights of the encoder and the order" in methods_text(found)
    varied = copy.deepcopy(found)
    del varied["described"]["common"]["model.latent_dim"]
    for entry, units in zip(varied["described"]["settings"], (14, 2), strict=True):
        entry["differing"]["model.latent_dim"] = units
    text = methods_text(varied)
    assert "initial weights of the encoder" not in text
    assert "Runs of one seed shared the order of the training images" in text
    fitted = methods_text(changed(found, "described/common/model.encoder", "pca"))
    assert "initial weights of the encoder" not in fitted
    assert "The encoder was a principal component analysis" in fitted


def test_early_stopping_is_a_use_of_held_out_images():
    found = everything()
    assert "no influence on training, and no checkpoint" in methods_text(found)
    text = methods_text(changed(found, "described/common/training.patience", 4))
    assert "no influence on training but for early stopping" in text
    assert "for 4 validations" in text


def test_all_runs_are_told_once_and_others_by_their_settings():
    text = paragraph(methods_text(everything()), "Networks and training")
    assert text.count("The encoder consisted of two 3 x 3 convolutions with stride 2 and padding 1") == 1
    assert "(31 and 67 channels), each followed by batch normalisation and SiLU; and a linear layer to the code" in text
    assert "The code had 14 units. The encoder had 123,456 trained parameters." in text
    assert "With 'angle', networks were trained to predict the angle in column 'heading_deg'" in text
    assert "With 'regress', networks were trained to predict the quantity in column 'speed'" in text


def test_settings_are_called_by_what_they_have_in_common():
    found = everything()
    del found["described"]["common"]["model.latent_dim"]
    entries = []
    for objective in ("angle", "mask"):
        for units in (14, 2):
            entry = configuration(f"{objective}, {units}", **{"objective.name": objective, "model.latent_dim": units})
            entry["network"]["encoder"]["layers"][-2]["units"] = units
            entry["network"]["encoder"]["n_parameters"] = 100 + units
            entries.append({**entry, "levels": {"objective": objective, "latent_dim": str(units)}})
    found["described"]["settings"] = entries
    text = paragraph(methods_text(found), "Networks and training")
    assert text.count("The encoder consisted of") == 1
    assert "With objective 'mask', networks were trained to predict which pixels" in text
    assert "The code had 14 units (latent dim '14') and 2 units (latent dim '2')." in text
    assert "The encoder had 114 trained parameters (latent dim '14') and 102 trained parameters" in text
    for entry in entries:
        del entry["levels"]["objective"]
    assert "With 'mask, 14' and 'mask, 2', networks" in methods_text(found)


def test_versions_that_differ_are_told():
    text = paragraph(methods_text(everything()), "Software")
    assert "Networks were trained with torch 6.5 and 7.1." in text
    same = changed(everything(), "described/versions/trained_with", {"torch": ["7.1"], "autoencoder": ["9.1"]})
    assert "were trained with" not in paragraph(methods_text(same), "Software")


def test_the_same_statistics_give_the_same_text():
    found = everything()
    assert methods_text(found) == methods_text(json.loads(json.dumps(found)))
    assert list(SECTIONS)[:2] == ["Data and split", "Networks and training"]


# ----------------------------------------------------------------------------------------------------------- described


def test_layers_are_told_as_they_are():
    network = nn.Sequential(
        nn.Conv2d(1, 5, 3, stride=2, padding=1),
        nn.BatchNorm2d(5),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Sequential(nn.Flatten(), nn.Linear(20, 7)),
        nn.BatchNorm1d(7, affine=False),
        nn.Identity(),
        nn.Unflatten(1, (7, 1, 1)),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(7, 3, 2, stride=2),
    )
    assert layers.layers_text(layers_of(network)) == (
        "a 3 x 3 convolution with stride 2 and padding 1 (5 channels), followed by batch normalisation and 2 x 2 max "
        "pooling; a linear layer (7 units), followed by batch normalisation without learned scale and shift and "
        "nearest-neighbour upsampling by a factor of 2; and a 2 x 2 transposed convolution with stride 2 (3 channels)"
    )


@pytest.mark.parametrize("encoder", LEARNED_ENCODERS)
def test_layers_of_every_encoder_hold_all_its_parameters(encoder):
    module = build_encoder(ModelConfig(encoder, 6, norm="none"), (1, 20, 20))
    weighted = [layer for layer in layers_of(module) if layer["layer"] in layers.WEIGHTED]
    sizes = [len(parameter) for name, parameter in module.named_parameters() if name.endswith("weight")]
    assert [layer.get("channels", layer.get("units")) for layer in weighted] == sizes
    assert weighted[-1]["units"] == 6


def test_a_finished_run_is_described_as_its_files_say(finished):
    run = Run(finished)
    listed = [Listed(finished, "mine", None, {"tool": "this"})]
    said = describe(with_controls(population_of(listed), untrained=True))
    assert json.loads(json.dumps(said)) == said
    config, split, environment = json.loads(run.config_file.read_text()), run.split(), run.environment()
    assert said["data"]["sha256"] == environment["data_sha256"]
    assert said["data"]["images"] == environment["n_images"] == 120
    assert (said["split"]["trained_on"], said["split"]["held_out"]) == (len(split.train), len(split.val))
    assert said["split"]["neither"] == 120 - len(split.train) - len(split.val)
    assert said["common"]["training.lr"] == config["training"]["lr"]
    assert said["common"]["objective.noise.kind"] == "gaussian"
    assert "training.seed" not in said["common"]
    (entry,) = said["settings"]
    assert (entry["setting"], entry["seeds"], entry["epochs"], entry["updates"]) == ("this", [7], [3], [18])
    parts = entry["network"]
    assert sum(part["n_parameters"] for part in parts.values()) == run_parameters(finished)
    assert said["controls"] == ["untrained", "PCA 6 of the pixels"]
    assert said["pixel_components"] == [6]
    assert said["versions"]["measured_with"]["numpy"] == np.__version__
    text = methods_text({"described": said, "settings": {"tool": ["this"]}})
    assert "for 3 epochs (18 updates) in batches of 16 images" in text
    assert "Gaussian noise with a standard deviation of 0.2" in text


def run_parameters(path):
    import autoencoder

    return autoencoder.load_run(path, device="cpu").network.n_parameters()
