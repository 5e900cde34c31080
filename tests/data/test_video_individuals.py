from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.pose.pose import LIKELIHOOD, make_poses
from autoencoder.data.sources.video.animal.individuals import choose_individuals
from autoencoder.data.sources.video.frames import Film, Tally
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.data.sources.video.posed import find_tracked, match_rows
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.data.sources.video.timing import Clock
from autoencoder.errors import UserError

WIDTH, HEIGHT, N_FRAMES = 96, 64, 20
PLACES = {"ann": (30.0, 20.0), "bob": (60.0, 40.0)}


def poses(names=("ann", "bob"), n_frames=N_FRAMES, **options):
    xy = np.zeros((n_frames, len(names), 2, 2))
    for i in range(len(names)):
        xy[:, i, 0] = np.array([30.0 * (i + 1), 20.0]) + np.arange(n_frames)[:, None] * (1, 0)
        xy[:, i, 1] = xy[:, i, 0] - (10, 0)
    return make_poses(("nose", "tailbase"), names, xy, np.ones(xy.shape[:3]), Path("p.csv"), LIKELIHOOD, **options)


def choose(some, **options):
    return choose_individuals(some, VideoOptions(**options))


def test_a_file_with_one_individual_needs_no_flag():
    chosen = choose(poses(("ann",)))
    assert (chosen.names, chosen.is_column, chosen.notes) == (("ann",), False, ())


def test_unique_parts_of_no_animal_are_none_of_the_individuals():
    chosen = choose(poses(("single", "ann")))
    assert chosen.names == ("ann",)
    assert choose(poses(("single", "ann", "bob")), all_individuals=True).names == ("ann", "bob")


def test_several_are_refused_with_their_names_and_the_flags():
    with pytest.raises(
        UserError, match=r"2 individuals \(ann, bob\): .*--individual NAME.*--track N.*--all-individuals"
    ):
        choose(poses())
    assert [track.name for track in choose(poses(), individual="bob").tracks] == ["bob"]
    assert [track.name for track in choose(poses(), track=1).tracks] == ["bob"]
    with pytest.raises(
        UserError, match=r"called 'bobb' \(did you mean 'bob'\?\): choose one \(--individual\) of ann, bob"
    ):
        choose(poses(), individual="bobb")
    with pytest.raises(UserError, match=r"no track 2: it has numbers 0 to 1"):
        choose(poses(), track=2)


def test_a_name_that_two_of_them_have_is_ambiguous():
    same = poses(("ann", "bob", "ann"))
    with pytest.raises(UserError, match=r"2 individuals in p\.csv are called 'ann': .*\(--track 0 or 2\)"):
        choose(same, individual="ann")
    assert choose(same, individual="bob").tracks[0].xy[0, 0, 0] == 60
    assert choose(same, all_individuals=True).names == ("0", "1", "2")


def test_individuals_that_are_never_found_are_no_choice():
    some = poses(("ann", "bob"))
    some.xy[:, 0] = np.nan
    chosen = choose(some)
    assert (chosen.names, chosen.notes[-1].split(",")[0]) == (("bob",), "the individual is 'bob'")
    with pytest.raises(UserError, match=r"'ann' was found in no frame of p\.csv: choose another .*such as 'bob' in 20"):
        choose(some, individual="ann")
    some.xy[:] = np.nan
    for one in (some, poses(("",))):
        one.xy[:] = np.nan
        with pytest.raises(UserError, match=r"in no frame of p\.csv: its parts were not found"):
            choose(one, all_individuals=True)


def test_fragments_of_tracks_are_not_called_animals():
    tracks = poses(("a", "b", "c"), tracked=True)
    tracks.xy[5:, 0] = np.nan
    with pytest.raises(UserError) as caught:
        choose(tracks)
    said = str(caught.value)
    assert "3 tracks, which may be fragments" in said
    assert "of 20 frames, track 1 ('b') in 20, track 2 ('c') in 20, track 0 ('a') in 5:" in said
    (note,) = choose(tracks, track=0).notes
    assert "track 0 ('a') is one of 3 tracks" in note
    assert "found in 5 of 20 frames" in note
    assert "confused it with others is not checked" in note


def test_individuals_without_names_have_their_numbers():
    assert choose(poses(("", "")), all_individuals=True).names == ("0", "1")
    with pytest.raises(UserError, match=r"names no individuals.*take one by its number \(--track N\)"):
        choose(poses(("", "")), individual="ann")


# ---------------------------------------------------------------------------------------------------------------- rows


def rows(n_video, n_rows, first_frame=0, step=1, **options):
    options = VideoOptions(**options)
    film = Film(Path("v.mp4"), (200, 100), Clock(np.arange(n_video), Fraction(1, 10)), False, Tally())
    tracked = find_tracked(poses(("ann",), n_rows, first_frame=first_frame), options)
    tracked.tracks[0].xy[np.arange(n_rows) % step != 0] = np.nan
    return match_rows(film, tracked, options)


@pytest.mark.parametrize(
    ("n_video", "n_rows", "number", "first", "stop", "said"),
    [
        (20, 20, 0, 0, 20, None),
        (20, 20, 1, 0, 20, "counts its rows from 1"),
        (20, 21, 1, 0, 20, "counts its rows from 1"),
        (20, 19, 1, 1, 20, "left out the first 1 of 20 frames"),
        (20, 15, 5, 5, 20, "left out the first 5 of 20 frames: the first row of p.csv is of frame 5"),
        (20, 18, 0, 0, 18, "left out the last 2 of 20"),
    ],
)
def test_which_frame_a_row_is_of(n_video, n_rows, number, first, stop, said):
    found = rows(n_video, n_rows, number)
    assert (found.first, found.stop) == (first, stop)
    assert (found.notes == ()) if said is None else said in found.notes[0]


def test_a_pose_that_ends_early_needs_leave():
    with pytest.raises(UserError, match=r"20 frames and p.csv has 12 rows: .*\(--allow-short\)"):
        rows(20, 12)
    found = rows(20, 12, allow_short=True)
    assert (found.first, found.stop) == (0, 12)
    assert "left out the last 8 of 20 frames" in found.notes[0]
    with pytest.raises(UserError, match="do not belong together"):
        rows(20, 25, allow_short=True)
    with pytest.raises(UserError, match="the first of which is of frame 10: they do not belong together"):
        rows(20, 20, 10)
    with pytest.raises(UserError, match="numbered by something else than frames, such as times"):
        rows(20, 20 * 33, step=33)


# ------------------------------------------------------------------------------------------------------------- a video


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two bright blobs, of which the second is the brighter one, and a pose of both."""
    folder = tmp_path_factory.mktemp("two")
    down, right = np.mgrid[:HEIGHT, :WIDTH]
    writer = imageio_ffmpeg.write_frames(
        str(folder / "v.mp4"), (WIDTH, HEIGHT), fps=10, pix_fmt_in="gray", quality=9, macro_block_size=1
    )
    writer.send(None)
    for i in range(N_FRAMES):
        frame = np.full((HEIGHT, WIDTH), 20.0)
        for (x, y), gray in zip(PLACES.values(), (100, 220), strict=True):
            frame[np.hypot(right - x - i, down - y) <= 6] = gray
        writer.send(frame.astype(np.uint8))
    writer.close()
    header = ["scorer", "individuals", "bodyparts", "coords"]
    columns = [(name, part) for name in PLACES for part in ("nose", "tailbase")]
    lines = [
        ",".join([title] + [["net", name, part][i] for name, part in columns for _ in range(2)])
        for i, title in enumerate(header[:3])
    ]
    lines.append("coords" + ",x,y" * len(columns))
    for i in range(N_FRAMES):
        # Ann is not found in frames 4 and 5.
        places = [
            (x + i + d, y) if not (name == "ann" and i in (4, 5)) else ("", "")
            for name, (x, y) in PLACES.items()
            for d in (5, -5)
        ]
        lines.append(",".join([str(i), *(str(value) for place in places for value in place)]))
    (folder / "p.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_all_individuals_give_an_image_each(film, tmp_path):
    options = VideoOptions(all_individuals=True, crop=16, size=16)
    prepared = prepare_video(film / "v.mp4", film / "p.csv", tmp_path / "m", options)
    loaded = load_images(prepared.npz)
    table = loaded.metadata
    assert prepared.columns[:2] == ("frame", "individual")
    frames = [i for i in range(N_FRAMES) for _ in range(1 if i in (4, 5) else 2)]
    assert table.column("frame").tolist() == frames
    names = table.column("individual")
    assert names[:4].tolist() == ["ann", "bob", "ann", "bob"]
    for name, gray in (("ann", 100), ("bob", 220)):
        own = names == name
        place = PLACES[name]
        np.testing.assert_allclose(table.column("x")[own], place[0] + table.column("frame")[own], atol=1e-3)
        np.testing.assert_allclose(table.column("speed_px_per_s")[own], 10, atol=1e-3)  # of each along its own track
        assert np.abs(loaded.images[own, 0, 7:9, 7:9].astype(int) - gray).max() < 15
    assert any("left out 2 of 40 views of 2 individuals" in note for note in prepared.notes)
    alone = load_images(
        prepare_video(
            film / "v.mp4", film / "p.csv", tmp_path / "n", VideoOptions(individual="bob", crop=16, size=16)
        ).npz
    )
    np.testing.assert_array_equal(alone.images, loaded.images[names == "bob"])
    assert "individual" not in alone.metadata.names
