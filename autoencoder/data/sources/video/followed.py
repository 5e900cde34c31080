"""Crops that follow an animal without a pose, by what differs from the video's median frame."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.dataset import checked_rows
from autoencoder.data.sources.video.animal.moving import Found, Scene, see_scene, take_samples
from autoencoder.data.sources.video.crops import Cut, Squares, crop_mask, crop_square, room_for
from autoencoder.data.sources.video.cutting.light import Light, light_entry, see_light
from autoencoder.data.sources.video.follow import (
    MOST_LOST,
    Trajectory,
    crop_note,
    default_crop,
    middle_note,
    refuse_wide,
    speeds,
)
from autoencoder.data.sources.video.frames import Film, gray
from autoencoder.data.sources.video.made import Made, refuse_too_many
from autoencoder.data.sources.video.options import Follow, VideoOptions
from autoencoder.errors import UserError

SAY_WHICH = "Say which of the two the animal is (--follow brightest or darkest)"
"""What to do where the animal seems to be part of the median frame."""

ANOTHER = "follow something else (--follow brightest, darkest or moving), or give a pose (--pose)"
"""What to do where nothing is found."""

MOST_TWIN = 0.25
"""Where so large a share of the samples has two pieces that differ alike, there are probably two animals."""

MOST_VARIED = 6.0
"""Times by which the animal's area may vary, between the 10th and the 90th percentile: one that rears and stretches
varies by two or three, and a lamp that goes on is another thing than the animal."""


def take_followed(film: Film, follow: Follow, options: VideoOptions, notes: Sequence[str]) -> Made:
    """Squares around what differs from the median frame.

    The video is decoded twice: for that frame, and for the images.

    Args:
        film: the video.
        follow: which differences count.
        options: how crops are cut out; what they say of poses is not for this.
        notes: about the video.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: nothing differs, the video is damaged, or the images do not fit into memory.
    """
    film.tally.expect(2 * len(film))
    samples = take_samples(film)
    light = None if options.normalise == "none" else see_light(samples, options.normalise, film.video)
    scene = see_scene(film, follow, samples=samples)
    crop = default_crop(np.array([scene.length])) if options.crop is None else options.crop
    refuse_wide(crop, film.video, film.picture)
    most = min(math.ceil(len(film) / options.every), options.limit or len(film))
    refuse_too_many(most, (crop, crop), options, film.room)
    following = _Following(scene, crop, room_for(most, options, film.room, with_masks=options.mask), options, light)
    film.watch(len(film), following.look)
    path, rows = following.path(film)
    squares = Squares(path.x[rows], path.y[rows], crop, options.size, film.picture)
    arena_center = path.middle() if options.arena_center is None else options.arena_center
    said = [
        *notes,
        scene.describe(),
        None if options.crop is not None else crop_note(crop),
        None if options.arena_center is not None else middle_note(arena_center),
        following.left_out(),
        None if light is None else light.describe(),
        squares.edge_note(options.fill),
    ]
    columns = path.take(rows).columns(arena_center, film.clock)
    made = following.made.first(len(rows))
    return Made(
        made.images,
        columns | {"area_px": following.areas(rows), "inside": squares.shares()},
        inside=squares.inside(film.room),
        mask=made.masks,
        marks=squares.marks(checked_rows(len(rows)), {}),
        notes=tuple(note for note in said if note is not None),
        warnings=(
            *scene.warnings(SAY_WHICH),
            *following.warnings(),
            *([] if light is None else light.warnings()),
        ),
        recipe={
            **dataclasses.replace(options, crop=crop).recipe(with_pose=False),
            **light_entry(light, film.video),
        },
    )


class _Following:
    """Follows the animal from frame to frame, and cuts it out of those that are wanted."""

    def __init__(self, scene: Scene, crop: int, made: Cut, options: VideoOptions, light: Light | None) -> None:
        self.made = made
        self._scene, self._crop, self._options, self._light = scene, crop, options, light
        self._frames: list[int] = []
        self._found: list[Found] = []
        self._rows: list[int] = []
        self._seen = 0

    def look(self, number: int, frame: NDArray[np.uint8]) -> bool:
        """See `frames.Look`."""
        self._seen += 1
        whole = gray(frame)
        last = (self._found[-1].x, self._found[-1].y) if self._found else None
        found = self._scene.find(whole, self._crop, last)
        if found is None:
            return False
        if number % self._options.every == 0:
            self._take(frame, whole, (found.x, found.y))
        self._frames.append(number)
        self._found.append(found)
        return len(self._rows) == self._options.limit

    def _take(self, frame: NDArray[np.uint8], whole: NDArray[np.float32], place: tuple[float, float]) -> None:
        row, size = len(self._rows), self._options.size
        self.made.images[row] = crop_square(frame, *place, self._crop, size, self._options.fill, self._light)
        if self.made.masks is not None and self.made.areas is not None:
            self.made.masks[row], self.made.areas[row] = crop_mask(self._scene, whole, place, self._crop, size)
        self._rows.append(len(self._frames))

    def path(self, film: Film) -> tuple[Trajectory, NDArray[np.int64]]:
        """The animal's way through the frames in which it was found, and which of those images were taken of.

        Raises:
            UserError: there are none.
        """
        if not self._rows:
            lost = self.left_out()
            why = "none is selected (--every)" if lost is None else f"{lost}; {ANOTHER}"
            raise UserError(f"no frame of {film.video} is left to take: {why}")
        frame = np.array(self._frames, np.int64)
        center = np.array([(found.x, found.y) for found in self._found])
        path = Trajectory(frame, center[:, 0], center[:, 1], None, speeds(center, frame, film.clock))
        return path, np.array(self._rows, np.int64)

    def areas(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Area of the animal, (M,) pixels of the video: of the masks where there are such."""
        if self.made.areas is not None:
            return self.made.areas[: len(rows)]
        return np.array([found.area for found in self._found], np.int64)[rows]

    def left_out(self) -> str | None:
        """A sentence about the frames in which nothing was found."""
        lost = self._seen - len(self._frames)
        if not lost:
            return None
        return (
            f"left out {lost:,} of {self._seen:,} frames, because less than a tenth of the animal's usual area differs "
            "from the median frame"
        )

    def warnings(self) -> list[str]:
        """What is probably not as it should be."""
        return [*self._of_others(), *self._of_lost()]

    def _of_others(self) -> list[str]:
        """What is said where other things than one animal seem to have been followed."""
        said = []
        if self._scene.twin >= MOST_TWIN:
            said.append(
                f"in {self._scene.twin:.0%} of the frames two pieces of about the same weight differ from the median "
                "frame: --follow is for one animal, and switches between several. Look at the crops; "
                "if you can, give a pose (--pose)"
            )
        low, high = np.percentile([found.area for found in self._found], (10, 90))
        if high > MOST_VARIED * low:
            said.append(
                f"the area of what was followed varies from {low:,.0f} to {high:,.0f} pixels (percentiles 10 and 90), "
                "more than an animal's: a lamp that was switched on, a hand or another thing may have been taken for "
                "it. Look "
                "at the crops"
            )
        return said

    def _of_lost(self) -> list[str]:
        said = self.left_out()
        if said is None or self._seen - len(self._frames) <= MOST_LOST * self._seen:
            return []
        return [
            f"{said}: an animal that rests most of the time is part of that frame, and is not seen where it rests. "
            "Look at the crops; if you can, give a pose (--pose), or a recording in which it moves more"
        ]
