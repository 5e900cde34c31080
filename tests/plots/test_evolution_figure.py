from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from autoencoder.config.movies import DPI
from autoencoder.errors import UserError
from autoencoder.plots.colors import MISSING, color_by
from autoencoder.plots.movies.figure import EvolutionFigure
from autoencoder.plots.movies.frames import Examples, choose_examples
from autoencoder.plots.movies.layout import MAX_PANELS, MAX_WIDTH, Place
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.plots.movies.panels import Shown
from autoencoder.plots.movies.tiles import Outputs

ANGLE = np.linspace(0, 360, 200, endpoint=False)
RING = np.stack([np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))], axis=1)
LIMITS = ((-1.2, 1.2), (-1.2, 1.2))
BY_ANGLE = Shown(ANGLE, "circular", "body angle (deg)")
BY_DIGIT = Shown(np.arange(200) % 10, "category", "digit")
EPOCHS = np.arange(1, 6, dtype=float)
LOSS = Curve("training", EPOCHS, 1 / EPOCHS, "loss (MSE)")


def examples(n: int, shape: tuple[int, ...] = (8, 8)) -> Examples:
    return Examples(choose_examples(RING, n), np.zeros((n, *shape)))


def is_near(frame: np.ndarray, pixel: np.ndarray, color: tuple[int, ...] | np.ndarray, reach: int = 2) -> bool:
    """Whether `color` is seen within `reach` of `pixel` (column, row)."""
    column, row = int(pixel[0]), int(pixel[1])
    around = frame[row - reach : row + reach + 1, column - reach : column + reach + 1].astype(int)
    return bool((np.abs(around - np.asarray(color)).max(axis=2) < 40).any())


def within(frame: np.ndarray, place: Place, inset: int = 5) -> np.ndarray:
    """The pixels of a place, without the line around it."""
    top, left = round(place.top) + inset, round(place.left) + inset
    return frame[top : round(place.bottom) - inset, left : round(place.right) - inset]


# -------------------------------------------------------------------------------------------------------------- points


def test_points_are_drawn_where_they_are_in_their_colour() -> None:
    figure = EvolutionFigure(LIMITS, [BY_ANGLE])
    frame = figure.draw(RING, 2, 345)
    assert frame.shape == (figure.layout.height, figure.layout.width, 3)
    assert frame.dtype == np.uint8
    colors = color_by(ANGLE, "circular").colors
    pixels = figure.panels[0].positions(RING)
    for i in range(0, 200, 25):
        assert is_near(frame, pixels[i], colors[i])


def test_frames_do_not_keep_anything_of_those_before() -> None:
    outputs = Outputs(np.array([50]), np.array([1.0]), np.ones((1, 2, 8, 8)))
    figure = EvolutionFigure(LIMITS, [BY_ANGLE, BY_DIGIT], examples=examples(2), outputs=outputs, curves=[LOSS])
    trail = np.stack([RING[:2] * 0.2, RING[:2]])
    first = figure.draw(RING, 0, 0)
    other = figure.draw(RING * 0.5, 1.5, 100, trail)
    assert (first != other).any()
    np.testing.assert_array_equal(figure.draw(RING, 0, 0), first)
    np.testing.assert_array_equal(figure.draw(RING * 0.5, 1.5, 100, trail), other)


def test_unknown_values_are_grey_and_below() -> None:
    values = np.where(np.arange(200) < 100, np.nan, 5.0)
    figure = EvolutionFigure(LIMITS, [Shown(values, "linear", "distance"), Shown(1 * (values > 0), "linear", "known")])
    frame = figure.draw(np.zeros((200, 2)), 0, 0)
    assert not is_near(frame, figure.panels[0].positions(np.zeros(2)), MISSING)


# --------------------------------------------------------------------------------------------------------- side by side


def test_panels_show_the_same_points_in_their_own_colours() -> None:
    one = EvolutionFigure(LIMITS, [BY_ANGLE])
    figure = EvolutionFigure(LIMITS, [BY_ANGLE, BY_DIGIT])
    frame = figure.draw(RING, 0, 0)
    first, second = figure.layout.panels
    assert first.right < second.left
    assert (first.top, first.width) == (second.top, second.width)
    assert figure.layout.width > first.width + second.width > one.layout.panels[0].width
    for panel, shown in zip(figure.panels, (BY_ANGLE, BY_DIGIT), strict=True):
        colors = color_by(shown.values, shown.kind).colors
        pixels = panel.positions(RING)
        for i in range(3, 200, 25):
            assert is_near(frame, pixels[i], colors[i])
    drawn = [(within(frame, place, 2) < 200).any(axis=2) for place in (first, second)]
    assert (drawn[0] == drawn[1]).mean() > 0.995  # but for pale pixels at the points' edges


def test_leader_lines_lead_from_the_left_to_the_first_panel_and_from_the_right_to_the_last() -> None:
    figure = EvolutionFigure(LIMITS, [BY_ANGLE, BY_DIGIT, BY_ANGLE], examples=examples(5))
    figure.draw(RING, 0, 0)
    lines = [panel.leader_lines() for panel in figure.panels]
    assert [len(part) for part in lines] == [3, 0, 2]
    first, _, last = figure.layout.panels
    assert (lines[0][:, 0, 0] < first.left).all()
    assert (lines[2][:, 0, 0] > last.right).all()


# ------------------------------------------------------------------------------------------------------------- examples


def test_leader_lines_end_at_their_points() -> None:
    shown = examples(6, (10, 12, 3))
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=shown)
    for embedding in (RING, RING[::-1] * 0.7):
        frame = figure.draw(embedding, 0, 0)
        lines = figure.panels[0].leader_lines()
        np.testing.assert_allclose(lines[:, 1], figure.panels[0].positions(embedding)[shown.indices])
        for start, end in lines:
            assert is_near(frame, start + 0.9 * (end - start), (89, 89, 89))  # the line's grey
        (panel,) = figure.layout.panels
        assert (lines[:3, 0, 0] < panel.left).all()
        assert (lines[3:, 0, 0] > panel.right).all()


def test_leader_lines_stay_in_the_frame_when_a_point_leaves_it() -> None:
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=Examples(np.array([0]), np.zeros((1, 8, 8))))
    figure.draw(RING * 100, 0, 0)
    assert figure.panels[0].leader_lines()[0, 1, 0] == figure.layout.panels[0].right


def test_trails_lie_where_the_points_were_and_fade() -> None:
    shown = examples(1)
    figure = EvolutionFigure(LIMITS, [Shown(np.full(200, np.nan), "linear", "nothing")], examples=shown)
    trail = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-0.2, 1.0)])[:, None]
    without, frame = figure.draw(RING * 0.1, 0, 0), figure.draw(RING * 0.1, 0, 0, trail)
    path = figure.panels[0].positions(trail)[:, 0]
    darkness = []
    for start, end in itertools.pairwise(path):
        column, row = ((start + end) / 2).astype(int)
        around = np.s_[row - 2 : row + 3, column - 2 : column + 3]
        assert (without[around] == 255).all()
        darkness.append(255 - int(frame[around].min()))
    assert darkness == sorted(darkness)
    assert darkness[0] > 30
    assert darkness[-1] > 200


def test_a_trail_of_one_moment_draws_nothing_and_none_leaves_its_panel() -> None:
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=examples(2))
    without = figure.draw(RING, 0, 0)
    now = RING[figure.panels[0].n_examples * [0]][None]
    np.testing.assert_array_equal(figure.draw(RING, 0, 0, now), without)
    far = np.concatenate([now * 50, now * -50, now])
    changed = (figure.draw(RING, 0, 0, far) != without).any(axis=2)
    rows, columns = np.nonzero(changed)
    (panel,) = figure.layout.panels
    assert rows.min() >= panel.top - 1
    assert rows.max() <= panel.bottom + 1
    assert columns.min() >= panel.left - 1
    assert columns.max() <= panel.right + 1


@pytest.mark.parametrize(("n", "shape"), [(1, (8, 8)), (6, (30, 70, 3)), (5, (61, 23))])
def test_outputs_are_those_of_the_latest_kept_network(n: int, shape: tuple[int, ...]) -> None:
    levels = np.array([0.2, 0.8])
    pictures = np.broadcast_to(levels.reshape(2, 1, *[1] * len(shape)), (2, n, *shape))
    outputs = Outputs(np.array([10, 20]), np.array([1.0, 2.0]), pictures)
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=examples(n, shape), outputs=outputs)
    for step, level in ((0, None), (9, None), (10, 0.2), (19, 0.2), (20, 0.8), (500, 0.8), (3, None)):
        frame = figure.draw(RING, 0, step)
        for tile in figure.layout.tiles:
            assert tile.output is not None
            assert (within(frame, tile.image) == 0).all()
            shown = within(frame, tile.output).astype(int)
            if level is None:  # no empty box: it is said that there is none, and since when there are
                assert (shown == 255).mean() > 0.2
                assert shown.min() < 200
            else:
                assert np.abs(shown - round(255 * level)).max() <= 1, step


def test_the_epoch_of_the_network_is_written() -> None:
    outputs = Outputs(np.array([10, 20]), np.array([1.0, 2.0]), np.zeros((2, 1, 8, 8)))
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=examples(1), outputs=outputs)
    (tile,) = figure.layout.tiles
    assert tile.output is not None
    below = Place(tile.output.left, tile.output.bottom + 4, tile.output.width, 36)
    captions = [within(figure.draw(RING, 0, step), below, 0).tobytes() for step in (0, 10, 15, 20)]
    assert captions[1] == captions[2]
    assert len(set(captions)) == 3


# --------------------------------------------------------------------------------------------------------------- layout


def test_a_curve_makes_room_below() -> None:
    without = EvolutionFigure(LIMITS, [BY_ANGLE])
    empty = EvolutionFigure(LIMITS, [BY_ANGLE], curves=[Curve("validation", EPOCHS, np.full(5, np.nan))])
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], curves=[LOSS], last_epoch=5)
    assert empty.layout.height == without.layout.height < figure.layout.height
    (curve,) = figure.layout.curves
    assert curve.top > figure.layout.panels[0].bottom
    columns = []
    for epoch in (0, 1.5, 5):
        figure.draw(RING, epoch, 0)
        columns += figure.curves.marker_columns()
    assert columns == sorted(set(columns))


LONG = "experimental condition of the animal in the arena of the other room"
MANY = np.array([f"group {i} of the animals" for i in range(26)])[np.arange(200) % 26]


@pytest.mark.parametrize(("n_panels", "shape"), [(1, (61, 23)), (2, (20, 60, 3)), (MAX_PANELS, (61, 23))])
def test_nothing_overlaps(n_panels: int, shape: tuple[int, ...], check_texts: Callable[[Figure], list[str]]) -> None:
    shown = [Shown(MANY, "category", LONG), BY_ANGLE, BY_DIGIT, Shown(ANGLE * 1e5, "linear", LONG)]
    outputs = Outputs(np.array([0]), np.array([0.0]), np.zeros((1, 6, *shape)))
    curves = [LOSS, Curve(LONG, EPOCHS, EPOCHS)]
    figure = EvolutionFigure(LIMITS, shown[:n_panels], examples=examples(6, shape), outputs=outputs, curves=curves)
    check_texts(figure.figure)
    layout = figure.layout
    assert layout.width % 2 == layout.height % 2 == 0
    tiles = [place for tile in layout.tiles for place in (tile.image, tile.output) if place is not None]
    places = [*layout.panels, *layout.curves, *tiles]
    for i, a in enumerate(places):
        assert min(a.left, a.top, layout.width - a.right, layout.height - a.bottom) >= 8
        for b in places[i + 1 :]:
            assert a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top
    for tile in tiles:
        assert tile.width / tile.height == pytest.approx(shape[1] / shape[0], rel=0.05)


@pytest.mark.parametrize("n_panels", range(1, MAX_PANELS + 1))
@pytest.mark.parametrize(
    "panel",
    [BY_ANGLE, BY_DIGIT, Shown(MANY, "category", LONG), Shown(ANGLE * 1e5, "linear", LONG)],
    ids=["angle", "digit", "many names", "long numbers"],
)
def test_no_frame_is_wider_than_a_slide_and_all_texts_can_be_read(
    n_panels: int, panel: Shown, check_texts: Callable[[Figure], list[str]]
) -> None:
    split = dataclasses.replace(panel, held_out=np.arange(200) < 50)
    outputs = Outputs(np.array([0]), np.array([0.0]), np.zeros((1, 6, 50, 50)))
    shown = examples(6, (50, 50))
    figure = EvolutionFigure(LIMITS, [split] * n_panels, examples=shown, outputs=outputs, curves=[LOSS])
    assert figure.layout.width <= MAX_WIDTH
    assert figure.layout.width % 2 == figure.layout.height % 2 == 0
    assert min(place.width for place in figure.layout.panels) >= 250
    texts = check_texts(figure.figure)
    assert sum(text.startswith("held out") for text in texts) == 1  # said once for all panels
    drawn = [text for text in figure.figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert min(text.get_fontsize() * DPI / 72 for text in drawn) >= 12


def test_dark_examples_are_brighter_with_their_outputs_and_it_is_said(
    check_texts: Callable[[Figure], list[str]],
) -> None:
    images = np.full((2, 8, 8), 0.05)
    shown = Examples(choose_examples(RING, 2), images)
    pictures = np.full((1, 2, 8, 8), 0.04)
    for like_images, expected in ((True, 0.04 * 16), (False, 0.04)):
        outputs = Outputs(np.array([0]), np.array([0.0]), pictures, like_images=like_images)
        figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=shown, outputs=outputs)
        assert "brightness x 16 for display" in " ".join(check_texts(figure.figure)).replace("\n", " ")
        frame = figure.draw(RING, 0, 0)
        for tile in figure.layout.tiles:
            assert tile.output is not None
            assert np.abs(within(frame, tile.image) - round(255 * 0.8)).max() <= 1
            assert np.abs(within(frame, tile.output).astype(int) - round(255 * expected)).max() <= 1


def test_long_category_names_widen_the_frame() -> None:
    short = EvolutionFigure(LIMITS, [BY_DIGIT]).layout
    assert EvolutionFigure(LIMITS, [Shown(MANY, "category", "digit")]).layout.width > short.width


def test_bad_use_is_refused() -> None:
    figure = EvolutionFigure(LIMITS, [BY_ANGLE], examples=examples(2))
    with pytest.raises(UserError, match="200 points are coloured"):
        figure.draw(RING[:10], 0, 0)
    with pytest.raises(UserError, match="trail of 2 examples"):
        figure.draw(RING, 0, 0, np.zeros((3, 1, 2)))
    with pytest.raises(UserError, match="not among the points"):
        EvolutionFigure(LIMITS, [BY_ANGLE], examples=Examples(np.array([200]), np.zeros((1, 8, 8))))
    with pytest.raises(UserError, match="up to 6"):
        EvolutionFigure(LIMITS, [BY_ANGLE], examples=Examples(np.arange(7), np.zeros((7, 8, 8))))
    with pytest.raises(UserError, match="1 to 4 panels"):
        EvolutionFigure(LIMITS, [BY_ANGLE] * 5)
    with pytest.raises(UserError, match="the same points"):
        EvolutionFigure(LIMITS, [BY_ANGLE, Shown(ANGLE[:5], "linear", "x")])
    of_three = Outputs(np.zeros(1, int), np.zeros(1), np.zeros((1, 3, 8, 8)))
    with pytest.raises(UserError, match="outputs of 2 examples"):
        EvolutionFigure(LIMITS, [BY_ANGLE], examples=examples(2), outputs=of_three)
