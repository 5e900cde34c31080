"""Whole frames of a video, or one region of each: of an animal that stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.sources.resize import Fitting, fit_image
from autoencoder.data.sources.video.animal.moving import Scene, see_scene, take_samples
from autoencoder.data.sources.video.crops import SOLID, room_for
from autoencoder.data.sources.video.cutting.light import Light, in_8_bits, light_entry, pick, see_light
from autoencoder.data.sources.video.frames import Film, Room, gray
from autoencoder.data.sources.video.made import LOOK_AT_MASKS, Made, of_empty_masks, refuse_too_many
from autoencoder.data.sources.video.options import VideoOptions
from autoencoder.errors import UserError


def take_whole(film: Film, options: VideoOptions, notes: Sequence[str]) -> Made:
    """Images of whole frames, or of a region of them.

    Args:
        film: the video.
        options: how; what they say of poses and crops is not for whole frames.
        notes: about the video.

    Raises:
        WrongClockError: the frames are not those that the file announces.
        UserError: the region is not in the picture, the video is damaged, or the images do not fit into memory.
    """
    rows, columns = _region(film, options)
    frame_numbers = np.arange(0, len(film), options.every, dtype=np.int64)[: options.limit]
    n_last = int(frame_numbers[-1]) + 1
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    refuse_too_many(len(frame_numbers), shape, options, film.room)
    evens_out = options.normalise != "none"
    film.tally.expect(n_last + (len(film) if options.mask or evens_out else 0))
    samples = take_samples(film) if options.mask or evens_out else None
    light, scene = None, None
    if samples is not None and evens_out:
        light = see_light(samples, options.normalise, film.video, whole=(rows, columns))
    if samples is not None and options.mask:
        scene = see_scene(film, "moving", samples=samples)
    taking = _Taking(frame_numbers, (rows, columns), scene, light, options, film.room)
    film.watch(n_last, taking.look)
    columns_of_table = {
        "frame": frame_numbers,
        "time_s": film.clock.seconds(frame_numbers),
        "motion_energy": taking.motion_energy(),
    }
    if taking.made.areas is not None:
        columns_of_table["area_px"] = taking.made.areas
    whole = _of_whole(film.video, options)
    return Made(
        taking.made.images,
        columns_of_table,
        inside=_inside(shape, len(frame_numbers), taking.fitting),
        mask=taking.made.masks,
        marks=None,
        notes=(
            *notes,
            *whole,
            *_of_shape(shape, options),
            *([] if light is None else [light.describe()]),
            *([] if scene is None else [scene.describe()]),
            *of_empty_masks(taking.made.areas),
        ),
        warnings=(
            *([] if light is None else light.warnings()),
            *([] if scene is None else scene.warnings(LOOK_AT_MASKS)),
        ),
        recipe={**options.recipe(with_pose=False), **light_entry(light, film.video)},
        of_options=whole,
    )


class _Taking:
    """Takes the images of some frames while all are decoded."""

    def __init__(
        self,
        frame_numbers: NDArray[np.int64],
        part: tuple[slice, slice],
        scene: Scene | None,
        light: Light | None,
        options: VideoOptions,
        room: Room,
    ) -> None:
        n = len(frame_numbers)
        self.fitting = Fitting(resize=options.size, fit=options.fit or "pad")
        self.made = room_for(n, options, room, with_masks=scene is not None)
        self._frame_numbers, (self._rows, self._columns) = frame_numbers, part
        self._scene, self._light = scene, light
        self._motion = np.full(n, np.nan)
        self._before: NDArray[np.float32] | None = None
        self._taken = 0

    def look(self, number: int, frame: NDArray[np.uint8]) -> bool:
        """See `frames.Look`."""
        whole = gray(frame)
        part = whole[self._rows, self._columns]
        if number == self._frame_numbers[self._taken]:
            row = self._taken
            shown = pick(frame, (self._rows, self._columns), self._light)
            self.made.images[row] = in_8_bits(fit_image(shown, self.fitting), self._light)
            if self._before is not None:
                self._motion[row] = np.abs(part - self._before).mean()
            if self._scene is not None and self.made.masks is not None and self.made.areas is not None:
                mask = self._scene.mask(whole, self._rows, self._columns)
                self.made.masks[row] = fit_image(SOLID * mask.astype(np.uint8), self.fitting) > SOLID // 2
                self.made.areas[row] = mask.sum()
            self._taken += 1
        self._before = part
        return self._taken == len(self._frame_numbers)

    def motion_energy(self) -> NDArray[np.float64]:
        """Mean absolute difference from the frame before, (M,) gray values; the video's first takes the second's."""
        motion = self._motion.copy()
        if np.isnan(motion[0]):
            motion[0] = motion[1] if len(motion) > 1 else 0.0
        return motion


def _region(film: Film, options: VideoOptions) -> tuple[slice, slice]:
    width, height = film.picture
    left, top, across, down = options.region or (0, 0, width, height)
    if left + across > width or top + down > height:
        raise UserError(
            f"the region {left},{top},{across},{down} (left, top, width, height) reaches beyond the frames of "
            f"{film.video}, which are {width}x{height}: give one that lies within them (--region)"
        )
    return slice(top, top + down), slice(left, left + across)


def _inside(shape: tuple[int, int], n: int, fitting: Fitting) -> NDArray[np.uint8] | None:
    """(n, size, size), 0 where padding was added; None where none was."""
    if shape[0] == shape[1] or fitting.fit != "pad":
        return None
    inside = (fit_image(np.full(shape, SOLID, np.uint8), fitting) > SOLID // 2).astype(np.uint8)
    return np.broadcast_to(inside, (n, *inside.shape))


def _of_whole(video: Path, options: VideoOptions) -> list[str]:
    return (
        [] if options.region is not None else [f"the images are whole frames of {video} (--pose, --follow, --region)"]
    )


def _of_shape(shape: tuple[int, int], options: VideoOptions) -> list[str]:
    height, width = shape
    what = "whole frames" if options.region is None else "the region"
    if height == width:
        return []
    done = {
        "pad": "padded to squares, in black, which is marked in the array 'inside' (--fit crop takes the middle)",
        "crop": "cut to the square in the middle",
        "stretch": "stretched to squares, which changes shapes and angles in them",
    }[options.fit or "pad"]
    return [f"{what} of {width}x{height} pixels (width x height): the images are {done}"]
