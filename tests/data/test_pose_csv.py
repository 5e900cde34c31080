"""Poses in tables of text: what people's trackers, spreadsheets and scripts leave is read to the last coordinate."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.sources.pose.pose import LIKELIHOOD, NO_SCORES, SCORE
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.errors import UserError

PARTS = ("Nose", "Left ear", "tail-base")
ANIMALS = ("mouse b", "mouse a")


def made(n_frames=7, n_animals=1, n_parts=3, seed=0):
    """Coordinates and likelihoods that differ everywhere; some parts are missing."""
    rng = np.random.default_rng(seed)
    xy = np.round(rng.uniform(0, 1500, (n_frames, n_animals, n_parts, 2)), 3)
    likelihood = np.round(rng.uniform(0.01, 1, (n_frames, n_animals, n_parts)), 3)
    missing = rng.random(likelihood.shape) < 0.2
    xy[missing], likelihood[missing] = np.nan, 0
    return xy, likelihood


def deeplabcut(xy, likelihood, *, animals=None, numbers=None, parts=PARTS, scores=True, missing="", more=()):
    """Rows of fields, as DeepLabCut has them; `more` are names of further coordinates."""
    coordinates = ("x", "y", *(["likelihood"] if scores else []), *more)
    whose = [(a, p, c) for a in range(xy.shape[1]) for p in range(xy.shape[2]) for c in range(len(coordinates))]
    rows = [["scorer", *("DLC_net" for _ in whose)]]
    if animals:
        rows.append(["individuals", *(animals[a] for a, _, _ in whose)])
    rows.append(["bodyparts", *(parts[p] for _, p, _ in whose)])
    rows.append(["coords", *(coordinates[c] for _, _, c in whose)])
    for f in range(len(xy)):
        row = [str(numbers[f] if numbers is not None else f)]
        for a, p, c in whose:
            value = xy[f, a, p, c] if c < 2 else likelihood[f, a, p] if c == 2 and scores else 0.5
            row.append(missing if np.isnan(value) else f"{value:.3f}")
        rows.append(row)
    return rows


def save(path: Path, rows, separator=",", end="\n", encoding="utf-8", before=""):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    path.write_bytes((before + text.getvalue()).encode(encoding))
    return path


def expect(poses, xy, likelihood, parts=PARTS):
    assert poses.parts == parts[: xy.shape[2]]
    np.testing.assert_allclose(poses.xy, xy, atol=1e-3)
    np.testing.assert_allclose(poses.likelihood, likelihood, atol=1e-6)


def with_commas(rows, n_titles=3):
    return [*rows[:n_titles], *([field.replace(".", ",") for field in row] for row in rows[n_titles:])]


DIALECTS = {
    "plain": (lambda rows: rows, {}),
    "CRLF": (lambda rows: rows, {"end": "\r\n"}),
    "a mark of UTF-8": (lambda rows: rows, {"encoding": "utf-8-sig"}),
    "semicolons": (lambda rows: rows, {"separator": ";"}),
    "semicolons and decimal commas": (with_commas, {"separator": ";"}),
    "tabs": (lambda rows: rows, {"separator": "\t"}),
    "tabs and decimal commas": (with_commas, {"separator": "\t"}),
    "quoted decimal commas": (with_commas, {}),
    "sep=": (lambda rows: rows, {"separator": ";", "before": "sep=;\n"}),
    "empty columns": (lambda rows: [[*row, "", ""] for row in rows], {}),
    "empty columns of the titles alone": (lambda rows: [[*row, ""] for row in rows[:3]] + rows[3:], {}),
    "empty rows": (lambda rows: [*rows, [""] * len(rows[0]), []], {}),
    "spaces": (lambda rows: [[f" {field} " for field in row] for row in rows], {}),
    "frames as 0.0": (lambda rows: [*rows[:3], *([f"{row[0]}.0", *row[1:]] for row in rows[3:])], {}),
    "titles in capitals": (lambda rows: [*([row[0].upper(), *row[1:]] for row in rows[:3]), *rows[3:]], {}),
    "coordinates in capitals": (lambda rows: [*rows[:2], [field.upper() for field in rows[2]], *rows[3:]], {}),
    "no names of the titles": (lambda rows: [*(["", *row[1:]] for row in rows[:3]), *rows[3:]], {}),
    "no scorer": (lambda rows: rows[1:], {}),
    "a counter before the index": (
        lambda rows: [*(["", *row] for row in rows[:3]), *([i, *row] for i, row in enumerate(rows[3:]))],
        {},
    ),
    "a column of the index, without a name": (
        lambda rows: [*([f"Unnamed: 0_level_{i}", *row[1:]] for i, row in enumerate(rows[:3])), *rows[3:]],
        {},
    ),
    "a column of the index, as pandas calls it": (
        lambda rows: [["index", *rows[0][1:]], *(["", *row[1:]] for row in rows[1:3]), *rows[3:]],
        {},
    ),
    "titles as rows, below numbers and behind a counter": (
        lambda rows: [["", *range(len(rows[0]))], *([i, *row] for i, row in enumerate(rows))],
        {},
    ),
    "titles as rows, below the first": (
        lambda rows: [["", *rows[0]], *([i, *row] for i, row in enumerate(rows[1:]))],
        {},
    ),
    "a name of the index": (lambda rows: [*rows[:3], ["frame", *[""] * (len(rows[0]) - 1)], *rows[3:]], {}),
}


@pytest.mark.parametrize(("change", "how"), DIALECTS.values(), ids=DIALECTS)
def test_dialects(tmp_path, change, how):
    xy, likelihood = made()
    poses = load_poses(save(tmp_path / "p.csv", change(deeplabcut(xy, likelihood)), **how))
    expect(poses, xy, likelihood)
    assert (poses.individuals, poses.first_frame, poses.tracked, poses.notes) == (("",), 0, False, ())
    assert poses.scores == LIKELIHOOD
    assert poses.source == tmp_path / "p.csv"


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "null", "-", "inf", "-inf", "1e999", "9" * 400])
def test_missing_fields(tmp_path, missing):
    xy, likelihood = made(seed=1)
    assert np.isnan(xy).any()
    expect(load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, missing=missing))), xy, likelihood)


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".txt", ".tsv", ""])
def test_a_table_is_known_by_what_it_holds(tmp_path, suffix):
    xy, likelihood = made()
    expect(load_poses(save(tmp_path / f"pose{suffix}", deeplabcut(xy, likelihood))), xy, likelihood)


@pytest.mark.parametrize("animals", [ANIMALS, ANIMALS[:1]], ids=len)
def test_individuals(tmp_path, animals):
    xy, likelihood = made(n_animals=len(animals))
    poses = load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, animals=animals)))
    expect(poses, xy, likelihood)
    assert poses.individuals == animals
    assert poses.animals == tuple(range(len(animals)))
    for i, name in enumerate(animals):
        one = poses.one(i)
        assert (one.name, one.parts) == (name, PARTS)
        np.testing.assert_array_equal(one.xy, poses.xy[:, i])
        np.testing.assert_array_equal(one.likelihood, poses.likelihood[:, i])


def test_unique_parts_are_no_animal(tmp_path):
    """What DeepLabCut files under 'single' has parts of its own, and is not among the animals."""
    xy, likelihood = made(n_animals=2)
    corner, sure = made(n_parts=1, seed=5)
    rows = deeplabcut(xy, likelihood, animals=ANIMALS)
    more = deeplabcut(corner, sure, animals=("single",), parts=("corner",))
    poses = load_poses(save(tmp_path / "p.csv", [[*row, *extra[1:]] for row, extra in zip(rows, more, strict=True)]))
    assert poses.individuals == (*ANIMALS, "single")
    assert poses.parts == (*PARTS, "corner")
    assert poses.animals == (0, 1)
    np.testing.assert_allclose(poses.xy[:, :2, :3], xy)
    np.testing.assert_allclose(poses.xy[:, 2:, 3:], corner)
    assert np.isnan(poses.xy[:, :2, 3]).all()
    assert np.isnan(poses.xy[:, 2, :3]).all()
    assert (poses.likelihood[:, 2, :3] == 0).all()


@pytest.mark.parametrize("first", [1, 250])
def test_frames_from_another_number(tmp_path, first):
    xy, likelihood = made()
    poses = load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, numbers=np.arange(7) + first)))
    expect(poses, xy, likelihood)
    assert (poses.first_frame, poses.notes) == (first, ())


def test_frames_that_are_left_out(tmp_path):
    numbers = np.array([1, 2, 5, 6, 7, 9, 10])
    xy, likelihood = made()
    poses = load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, numbers=numbers)))
    assert (len(poses), poses.first_frame) == (10, 1)
    np.testing.assert_allclose(poses.xy[numbers - 1], xy)
    np.testing.assert_allclose(poses.likelihood[numbers - 1], likelihood)
    assert np.isnan(poses.xy[[2, 3, 7]]).all()
    assert (poses.likelihood[[2, 3, 7]] == 0).all()
    assert len(poses.notes) == 1
    assert "leaves out 3 of its 10 frames (3-4, 8)" in poses.notes[0]


def test_without_likelihoods(tmp_path):
    xy, likelihood = made()
    poses = load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, scores=False)))
    expect(poses, xy, ~np.isnan(xy[..., 0]))
    assert poses.scores == NO_SCORES


@pytest.mark.parametrize("name", ["confidence", "Prob"])
def test_likelihoods_of_another_name(tmp_path, name):
    xy, likelihood = made()
    rows = deeplabcut(xy, likelihood)
    rows[2] = [name if field == "likelihood" else field for field in rows[2]]
    poses = load_poses(save(tmp_path / "p.csv", rows))
    expect(poses, xy, likelihood)
    assert poses.scores == LIKELIHOOD
    assert f"'{name.lower()}' in {tmp_path}" in poses.notes[0]


@pytest.mark.parametrize("n_parts", [1, 2])
def test_few_parts(tmp_path, n_parts):
    xy, likelihood = made(n_parts=n_parts)
    expect(load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood))), xy, likelihood)


def test_columns_of_an_ensemble(tmp_path):
    """EKS has more of each part, which is left out and said."""
    xy, likelihood = made()
    more = ("x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var", "x_posterior_var", "zscore")
    poses = load_poses(save(tmp_path / "p.csv", deeplabcut(xy, likelihood, more=more)))
    expect(poses, xy, likelihood)
    assert len(poses.notes) == 1
    assert "x_ens_median" in poses.notes[0]


@pytest.mark.parametrize("n_animals", [1, 2])
@pytest.mark.parametrize("named", [False, True])
def test_written_by_pandas(tmp_path, n_animals, named):
    pandas = pytest.importorskip("pandas")
    xy, likelihood = made(n_animals=n_animals)
    levels = [["net"], *([ANIMALS] if n_animals > 1 else []), PARTS, ["x", "y", "likelihood"]]
    names = ["scorer", *(["individuals"] if n_animals > 1 else []), "bodyparts", "coords"]
    columns = pandas.MultiIndex.from_product(levels, names=names if named or n_animals > 1 else None)
    frame = pandas.DataFrame(np.concatenate([xy, likelihood[..., None]], axis=-1).reshape(7, -1), columns=columns)
    if named:
        frame.index.name = "frame"
    frame.to_csv(tmp_path / "p.csv")
    poses = load_poses(tmp_path / "p.csv")
    expect(poses, xy, likelihood)
    assert poses.individuals == (ANIMALS if n_animals > 1 else ("",))


def test_written_by_sleap_io(tmp_path):
    """Tracks whose instances stand in another order in every other frame, and frames without any."""
    sio = pytest.importorskip("sleap_io")
    xy, score = made(n_animals=2)
    xy[0] = xy[3] = np.nan  # the first frame, too: SLEAP counts from 0 all the same
    skeleton, video = sio.Skeleton(list(PARTS)), sio.Video("absent.mp4", open_backend=False)
    tracks = [sio.Track(name) for name in ANIMALS]
    frames = []
    for f in range(len(xy)):
        instances = [
            sio.PredictedInstance.from_numpy(xy[f, a], skeleton, point_scores=score[f, a], score=0.5, track=tracks[a])
            for a in range(2)
            if np.isfinite(xy[f, a]).any()
        ]
        frames.append(sio.LabeledFrame(video, f, instances[:: 1 if f % 2 else -1]))
    labels = sio.Labels([frame for frame in frames if frame.instances], tracks=tracks)
    sio.save_csv(labels, str(tmp_path / "p.csv"), format="sleap")
    poses = load_poses(tmp_path / "p.csv")
    assert (poses.scores, poses.tracked, poses.first_frame) == (SCORE, True, 0)
    assert (set(poses.individuals), set(poses.parts)) == (set(ANIMALS), set(PARTS))
    place = np.ix_(
        range(len(xy)), [poses.individuals.index(name) for name in ANIMALS], [poses.parts.index(name) for name in PARTS]
    )
    np.testing.assert_allclose(poses.xy[place], xy, atol=1e-3)
    np.testing.assert_allclose(poses.likelihood[place], np.where(np.isnan(xy[..., 0]), 0, score), atol=1e-6)


SLEAP = "track,frame_idx,instance.score,Nose.x,Nose.y,Nose.score\n"


def test_sleap_without_tracks(tmp_path):
    (tmp_path / "p.csv").write_text(SLEAP + ",0,1,1,2,.5\n,2,1,3,4,.5\n,2,1,5,6,.5\n")
    poses = load_poses(tmp_path / "p.csv")
    assert (poses.individuals, poses.tracked) == (("instance 0", "instance 1"), True)
    np.testing.assert_array_equal(poses.xy[[0, 2], :, 0, 0], [[1, np.nan], [3, 5]])
    assert any("no tracks" in note for note in poses.notes)
    (tmp_path / "p.csv").write_text(SLEAP + ",0,1,1,2,.5\n,1,1,3,4,.5\n")
    poses = load_poses(tmp_path / "p.csv")
    assert (poses.individuals, poses.tracked, poses.notes) == (("",), False, ())


def test_sleap_what_a_person_put_right_has_no_score(tmp_path):
    (tmp_path / "p.csv").write_text(SLEAP + "a,0,1,1,2,.5\na,1,,3,4,\na,2,1,,,\n")
    np.testing.assert_array_equal(load_poses(tmp_path / "p.csv").likelihood[:, 0, 0], [0.5, 1, 0])


def test_sleap_with_some_tracks(tmp_path):
    (tmp_path / "p.csv").write_text(SLEAP + "anna,0,1,1,2,.5\n,0,1,3,4,.5\nanna,1,1,5,6,.5\n")
    poses = load_poses(tmp_path / "p.csv")
    assert poses.individuals == ("anna",)
    np.testing.assert_array_equal(poses.xy[:, 0, 0], [[1, 2], [5, 6]])
    assert any("instances without a track (1)" in note for note in poses.notes)


HEADER = [["scorer", *["net"] * 3], ["bodyparts", *["Nose"] * 3], ["coords", "x", "y", "likelihood"]]
ANIPOSE_3D = "nose_x,nose_y,nose_z,nose_error,nose_ncams,nose_score,M_00,fnum\n1,2,3,.1,2,.9,1,0\n"

REFUSED = {
    "rows in another order": ([*HEADER, [1, 1, 1, 1], [0, 1, 1, 1]], "row 5 .*frame 0 .*frame 1.*ascending"),
    "a frame twice": ([*HEADER, [0, 1, 1, 1], [0, 1, 1, 1]], "row 5 .*frame 0 .*each once"),
    "half a frame": ([*HEADER, ["0.5", 1, 1, 1]], "row 4 .*'0.5' where the number of its frame"),
    "a negative frame": ([*HEADER, [-1, 1, 1, 1]], "row 4 .*'-1' where"),
    "no frame": ([*HEADER, ["", 1, 1, 1]], "row 4 .*'' where"),
    "a header between": ([*HEADER, [0, 1, 1, 1], *HEADER], "row 5 .*'scorer' where"),
    "points and commas": (
        [*HEADER, [0, "1.5", 1, 1], [1, "2,5", 1, 1]],
        "decimal points .*'1.5' in row 4.*'2,5' in row 5",
    ),
    "a word": ([*HEADER, [0, 1, "high", 1]], "row 4 .*not a number .*'high'"),
    "too few fields": ([*HEADER, [0, 1, 1]], "row 4 .*3 fields .*4"),
    "too many fields": ([*HEADER, [0, 1, 1, 1, 1]], "row 4 .*5 fields .*4"),
    "x twice": ([*HEADER[:2], ["coords", "x", "x", "y"], [0, 1, 1, 1]], "x of 'Nose' twice"),
    "names that pandas has numbered": (
        [["bodyparts", "Nose", "Nose.1"], ["coords", "x", "y"], [0, 1, 1]],
        r"no x or no y of 'Nose' \(pandas has made 'Nose\.1' of its name.*header=\[0, 1, 2\]",
    ),
    "commas that may be decimal ones": (
        [*HEADER, [0, "1,024", "997", "1"], [1, "1,030", "1,001", "1"]],
        r"between thousands \('1,024'\): export it again, with decimal points",
    ),
    "shares of the picture": ([*HEADER, [0, 0.1, 0.9, 1]], "fractions of the picture"),
    "no y": ([*HEADER[:2], ["coords", "x", "z_", "likelihood"], [0, 1, 1, 1]], "no x or no y of 'Nose'"),
    "a part without a name": ([HEADER[0], ["bodyparts", "Nose", "", ""], HEADER[2], [0, 1, 1, 1]], "column 3"),
    "a part without coordinates": (
        [*HEADER[:2], ["coords", "x", "y", ""], [0, 1, 1, 1]],
        "coordinate of 'Nose'.*column 4",
    ),
    "positions in space": ([*HEADER[:2], ["coords", "x", "y", "z"], [0, 1, 1, 1]], "3D positions"),
    "nothing but titles": (HEADER, "no pose: it has 0 frames"),
    "cut within the titles": (HEADER[:2], "begins with 'scorer' as DeepLabCut's files do"),
    "a frame of the far future": ([*HEADER, [0, 1, 1, 1], [10**15, 1, 1, 1]], "of memory"),
    "labels": (
        [*HEADER, ["labeled-data/m1/img017.png", 1, 1, 1]],
        r"labels of pictures \(1; .*img017\.png'\), that a tracker found in them, .*in DeepLabCut: analyze_videos",
    ),
    "labels on Windows": ([*HEADER, ["labeled-data\\m1\\img017.PNG", 1, 1, 1]], r"labels of pictures \(1;"),
    "labels that people clicked": (
        [*([*row[:3]] for row in HEADER), ["img017.png", 1, 1]],
        r"as people click them .*in Lightning Pose: litpose predict\)",
    ),
    "labels in three columns": (
        [
            ["scorer", "", "", *["net"] * 3],
            ["bodyparts", "", "", *["Nose"] * 3],
            ["coords", "", "", "x", "y", "likelihood"],
        ]
        + [["labeled-data", "m1", "img017.png", 1, 1, 1]] * 2,
        r"labels of pictures \(2; .*'labeled-data/m1/img017\.png'",
    ),
    "labels of several animals": (
        [HEADER[0], ["individuals", "b", "b", "a"], *HEADER[1:], ["img017.png", 1, 1, 1]],
        r"labels of pictures .*\(such as b, a\) choose one by --individual",
    ),
    "centres": ([["frame", "time", "X#wcentroid (cm)", "Y#wcentroid (cm)"], [0, 0, 1, 1]], "TRex.*--follow"),
    "speeds": ([["frame", "SPEED#wcentroid (cm/s)", "blobid"], [0, 0, 1]], "TRex.*--follow"),
    "trajectories": ([["time", "x1", "y1", "x2", "y2"], [0, 1, 1, 2, 2]], "idtracker.ai.*--follow"),
    "something else": ([["when", "how much"], [0, 1]], "a table with the columns when, how much, which is not a pose"),
    "no titles": ([[0, 1, 2], [1, 2, 3]], "without titles .*0, 1, 2"),
    "a track twice in a frame": (
        [SLEAP.strip().split(","), ["a", 0, 1, 1, 1, 1], ["a", 0, 1, 1, 1, 1]],
        "rows 2 and 3 .*same track",
    ),
    "instances side by side": (
        [["frame_idx", "inst0.track", "inst0.nose.x", "inst0.nose.y"], [0, "a", 1, 1]],
        "not a pose",
    ),
}


@pytest.mark.parametrize(("rows", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(tmp_path, rows, message):
    with pytest.raises(UserError, match=message) as caught:
        load_poses(save(tmp_path / "bad.csv", rows))
    assert "bad.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_anipose_in_space(tmp_path):
    (tmp_path / "p.csv").write_text(ANIPOSE_3D)
    with pytest.raises(UserError, match=r"p\.csv holds 3D positions .*pose-2d"):
        load_poses(tmp_path / "p.csv")


def test_advice_is_for_the_tracker_that_the_file_is_of(tmp_path):
    """Nobody with another tool's table is sent to DeepLabCut or SLEAP."""
    for rows in ([["when", "how much"], [0, 1]], [["frame", "x", "y"], [0, 1, 1]], [[0, 1], [1, 2]]):
        with pytest.raises(UserError) as caught:
            load_poses(save(tmp_path / "bad.csv", rows))
        assert not [name for name in ("DeepLabCut", "SLEAP", "Anipose") if name in str(caught.value)]


# ------------------------------------------------------------------------------------------------- one row of titles


def flat(xy, likelihood, title, scored="p", frame="frame", first=0):
    names = [title.format(part=part, what=what) for part in PARTS for what in ("x", "y", *([scored] if scored else []))]
    rows = [[*([frame] if frame is not None else []), *names]]
    for f in range(len(xy)):
        values = [
            "" if np.isnan(value) else f"{value:.3f}"
            for p in range(len(PARTS))
            for value in (*xy[f, 0, p], *([likelihood[f, 0, p]] if scored else []))
        ]
        rows.append([*([str(f + first)] if frame is not None else []), *values])
    return rows


@pytest.mark.parametrize(
    ("title", "scored", "frame"),
    [
        ("{part}_{what}", "p", ""),  # SimBA
        ("{part}_{what}", "likelihood", "Frame"),
        ("{part}.{what}", "score", "frame_number"),
        ("{part} {what}", None, "index"),
        ("{part}_{what}", "conf", None),
    ],
)
def test_one_row_of_titles(tmp_path, title, scored, frame):
    xy, likelihood = made()
    poses = load_poses(save(tmp_path / "pose.csv", flat(xy, likelihood, title, scored, frame)))
    expect(poses, xy, likelihood if scored else np.isfinite(xy[..., 0]).astype(float))
    assert poses.scores == (LIKELIHOOD if scored else NO_SCORES)
    assert any("does not number its rows" in note for note in poses.notes) == (frame is None)


def test_other_columns_beside_one_row_of_titles_are_said(tmp_path):
    xy, likelihood = made()
    rows = flat(xy, likelihood, "{part}_{what}", first=1)
    rows = [[*row, extra, "7"] for row, extra in zip(rows, ["vel_x", *"1234567"], strict=True)]
    rows[0][-1] = "arousal"
    poses = load_poses(save(tmp_path / "pose.csv", rows))
    expect(poses, xy, likelihood)
    assert poses.first_frame == 1
    assert any("vel_x, arousal" in note for note in poses.notes)


@pytest.mark.parametrize("more", ["nose_z", "track_id", "animal"])
def test_one_row_of_titles_in_space_or_of_instances_is_refused(tmp_path, more):
    rows = [["frame", "nose_x", "nose_y", more], *([str(f), "10", "20", "1"] for f in range(5))]
    with pytest.raises(UserError, match=more):
        load_poses(save(tmp_path / "pose.csv", rows))


def test_numbers_that_all_parts_bear_are_animals(tmp_path):
    xy, likelihood = made(n_animals=2, n_parts=2)
    names = [f"{part}_{a}_{what}" for a in (1, 2) for part in ("Nose", "Tail_base") for what in ("x", "y", "p")]
    rows = [["", *names]]
    for f in range(len(xy)):
        values = [v for a in range(2) for p in range(2) for v in (*xy[f, a, p], likelihood[f, a, p])]
        rows.append([str(f), *("" if np.isnan(value) else f"{value:.3f}" for value in values)])
    poses = load_poses(save(tmp_path / "pose.csv", rows))
    expect(poses, xy, likelihood, parts=("Nose", "Tail_base"))
    assert poses.individuals == ("1", "2")


def test_a_tail_in_pieces_is_one_animal(tmp_path):
    rows = [["frame", *(f"{p}_{c}" for p in ("tail_1", "tail_2", "nose") for c in "xy")]]
    rows += [[str(f), *map(str, range(10, 16))] for f in range(4)]
    poses = load_poses(save(tmp_path / "pose.csv", rows))
    assert poses.parts == ("tail_1", "tail_2", "nose")
    assert poses.individuals == ("",)
