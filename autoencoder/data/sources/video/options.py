"""What a user can choose about images from a video."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args, get_type_hints

from autoencoder.config.value_types import check_types, is_a
from autoencoder.data.recipe import RECIPE_VERSION, Recipe
from autoencoder.data.sources.resize import SQUARES
from autoencoder.errors import UserError, did_you_mean, listed, raise_if_any
from autoencoder.flags import shortened

Fill = Literal["median", "edge", "mean"]

FILLS: tuple[str, ...] = get_args(Fill)
"""What stands in a crop beyond the picture's edge: the picture's median, its mean, or its edge repeated."""

Follow = Literal["brightest", "darkest", "moving"]

FOLLOWS: tuple[str, ...] = get_args(Follow)
"""What is followed without a pose: what is brighter than the median of the frames, darker, or either."""

Normalise = Literal["none", "background", "intensity"]

NORMALISATIONS: tuple[str, ...] = get_args(Normalise)
"""How a recording's light is evened out: not at all, by its median frame, or by its brightness and contrast."""

COMMAND, COMMAND_OF_MANY = "prepare video", "prepare experiment"
"""What makes images by these options, as it stands in recipes: of one recording, and of many."""

NOT_TAKEN_AGAIN = frozenset({"limit"})
"""Options that say something about one data set and nothing about another one of the same recipe."""

NO_OPTIONS = frozenset({"command", "version", "pose", "video", "light", "crop_cm", "begun", "columns", "recordings"})
"""What else a recipe holds: whether there was a pose, the video's name, and what of its light was evened out; of many
recordings also the crop in centimetres, how they were begun, and what each of them is."""

SEEN = "seen"
"""In place of a part's name: the centre is the mean of all parts that are seen in a frame, whichever those are."""


@dataclass(frozen=True)
class VideoOptions:
    """How images are made of a video. Places are pixels of the video as players show it, y down.

    Attributes:
        front: part at the front of the body; None to find it by its name, such as Nose.
        back: part at its back; None to find it by its name, such as Tailroot.
        center: parts whose mean is the crop's centre, or `("seen",)` for all that are seen; None for front and back.
        individual: name of the individual of the pose that is followed; None for the only one.
        track: its number in the file, from 0, instead of its name.
        all_individuals: follow all of them; an image each.
        allow_short: the pose may lack frames at the end of the video.
        min_likelihood: parts that score less count as not seen; None for what is usual for the pose's tracker.
        pose_offset: x and y of the corner of the window that the pose was tracked in.
        pose_turned: the pose was tracked on the frames as they are stored, which players turn.
        follow: without a pose, what the animal is: what is `brightest` compared with the median of the frames, what is
            `darkest`, or whatever is `moving`, which is either. None for whole frames.
        region: left, top, width and height of the part of the frames that is taken; None for all.
        mask: store where the animal is, which is what differs from the median frame.
        crop: side of the square that is cut out; None to derive it from the animal's size.
        align: turn each image by the body angle, so that the animal looks to the right.
        normalise: how the recording's light is evened out: `none`, by its median frame (`background`), or by its
            brightness and contrast (`intensity`).
        size: side of the image that the square is shrunk to, by the mean over the area of each new pixel.
        fit: how frames or regions that are not square become so: `pad`, `crop` or `stretch`; None for padding.
        fill: what stands in a crop beyond the picture's edge: the frame's `median`, its `mean`, or its `edge` repeated.
        arena_center: x and y of the place that distances are measured from; None for the middle of the track.
        fps: frames per second, in place of the times that the video gives its frames; None for those.
        limit: stop after so many images; None for all.
        every: take every so many frames.
        color: keep three channels.
    """

    front: str | None = None
    back: str | None = None
    center: tuple[str, ...] | None = None
    individual: str | None = None
    track: int | None = None
    all_individuals: bool = False
    allow_short: bool = False
    min_likelihood: float | None = None
    pose_offset: tuple[float, float] = (0.0, 0.0)
    pose_turned: bool = False
    follow: Follow | None = None
    region: tuple[int, int, int, int] | None = None
    mask: bool = False
    crop: int | None = None
    align: bool = False
    normalise: Normalise = "none"
    size: int = 50
    fit: str | None = None
    fill: Fill = "median"
    arena_center: tuple[float, float] | None = None
    fps: Fraction | None = None
    limit: int | None = None
    every: int = 1
    color: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        raise_if_any(self._bad_values())

    def recipe(self, *, with_pose: bool) -> dict[str, Any]:
        """These options as a recipe, in plain JSON; `crop` and the like as they are here, so fill in what was derived.

        Args:
            with_pose: whether there is a pose.
        """
        options = {name: _as_json(value) for name, value in vars(self).items()}
        return {"command": COMMAND, "version": RECIPE_VERSION, "pose": with_pose, **options}

    def _bad_values(self) -> list[str]:
        problems = []
        if self.center is not None and not self.center:
            problems.append(f"the centre must be the mean of at least one part, or of all that are '{SEEN}'")
        if self.track is not None and self.track < 0:
            problems.append(f"tracks are numbered from 0 (--track), so there is none with number {self.track}")
        if self.follow is not None and self.follow not in FOLLOWS:
            problems.append(f"what is followed must be one of {', '.join(FOLLOWS)}, not '{self.follow}'")
        if self.region is not None and (min(self.region[:2]) < 0 or min(self.region[2:]) < 1):
            problems.append(f"a region must lie within the picture: X,Y,W,H of 0,0,1,1 or more, not {self.region}")
        if self.fit is not None and self.fit not in SQUARES:
            problems.append(f"pictures are made square by {', '.join(SQUARES)} (--fit), not '{self.fit}'")
        if self.normalise not in NORMALISATIONS:
            problems.append(f"light is evened out by one of {', '.join(NORMALISATIONS)}, not '{self.normalise}'")
        if self.crop is not None and self.crop < 2:
            problems.append(f"a crop must be at least 2 pixels wide, not {self.crop}")
        if self.size < 1:
            problems.append(f"an image must be at least 1 pixel wide, not {self.size}")
        if self.fill not in FILLS:
            problems.append(f"a crop is filled with one of {', '.join(FILLS)}, not '{self.fill}'")
        if self.min_likelihood is not None and not 0 <= self.min_likelihood <= 1:
            problems.append(f"a likelihood must lie between 0 and 1, not {self.min_likelihood}")
        if self.arena_center is not None and not all(math.isfinite(value) for value in self.arena_center):
            problems.append(f"the arena's centre must be a pair of numbers, not {self.arena_center}")
        if not all(math.isfinite(value) for value in self.pose_offset):
            problems.append(f"the pose's offset must be a pair of numbers, not {self.pose_offset}")
        if self.fps is not None and not self.fps > 0:
            problems.append(f"a video must have more than 0 frames per second, not {self.fps}")
        if self.limit is not None and self.limit < 1:
            problems.append(f"a limit must be 1 image or more, not {self.limit}")
        if self.every < 1:
            problems.append(f"every N-th frame is taken, and N must be 1 or more (--every), not {self.every}")
        return problems

    def problems(self, *, with_pose: bool = True) -> list[str]:
        """Which of them cannot be together, one sentence each.

        Args:
            with_pose: whether there is a pose.
        """
        problems = []
        finders = [name for name, given in self._finders(with_pose).items() if given]
        if len(finders) > 1:
            problems.append(f"{listed(finders)} each say what is cut out: choose one of them")
        of_pose = [name for name, given in self._of_pose().items() if given]
        if of_pose and not with_pose:
            problems.append(f"{listed(of_pose)} {_say(of_pose)} something about a pose: give the pose's file (--pose)")
        if self.align and not with_pose:
            problems.append(
                "--align turns images by the direction in which the animal faces, which only a pose gives: give its "
                "file (--pose), or leave --align out"
            )
        if self.normalise == "background" and self.color:
            problems.append(
                "--normalise background shows differences of gray values, which have no colour: leave out --color, or "
                "use --normalise intensity"
            )
        chosen = [name for name, given in self._chosen().items() if given]
        if len(chosen) > 1:
            problems.append(f"{listed(chosen)} each say which individuals are followed: choose one of them")
        is_followed = with_pose or self.follow is not None
        of_crops = [name for name, given in self._of_crops().items() if given]
        if of_crops and not is_followed:
            problems.append(
                f"{listed(of_crops)} {_say(of_crops)} something about an animal that is followed: give a pose "
                "(--pose), or say what to follow (--follow)"
            )
        if self.fit is not None and is_followed:
            problems.append(
                "--fit says how whole frames or a region become square, and crops are square already: leave it out"
            )
        return problems

    def _finders(self, with_pose: bool) -> dict[str, bool]:
        return {"--pose": with_pose, "--follow": self.follow is not None, "--region": self.region is not None}

    def _chosen(self) -> dict[str, bool]:
        return {
            "--individual": self.individual is not None,
            "--track": self.track is not None,
            "--all-individuals": self.all_individuals,
        }

    def _of_pose(self) -> dict[str, bool]:
        return {
            "--front": self.front is not None,
            "--back": self.back is not None,
            "--center": self.center is not None,
            **self._chosen(),
            "--allow-short": self.allow_short,
            "--min-likelihood": self.min_likelihood is not None,
            "--pose-offset": self.pose_offset != (0.0, 0.0),
            "--pose-turned": self.pose_turned,
        }

    def _of_crops(self) -> dict[str, bool]:
        return {
            "--crop": self.crop is not None,
            "--fill": self.fill != "median",
            "--arena-center": self.arena_center is not None,
        }


def _say(flags: list[str]) -> str:
    return "say" if len(flags) > 1 else "says"


DEFAULTS = VideoOptions()


def options_of(recipe: Recipe, changes: Mapping[str, Any] | None = None) -> VideoOptions:
    """The options by which a recipe's images are made of another video; all of them, and not only its first `limit`.

    Args:
        recipe: of `prepare video`, or of a command that has its options.
        changes: options that are another for this video, such as `{"track": 1}`.

    Raises:
        UserError: the recipe is of another command or of a newer version, or is damaged.
    """
    if type(recipe.get("pose")) is not bool:
        raise UserError(
            f"the images were made by '{recipe['command']}', and no video can be turned into images like them"
        )
    if recipe["version"] > RECIPE_VERSION:
        raise UserError(
            f"the recipe of the images has version {recipe['version']}, and this version of autoencoder reads "
            f"{RECIPE_VERSION}: update autoencoder"
        )
    hints = get_type_hints(VideoOptions)
    stored = {name: value for name, value in recipe.items() if name not in NO_OPTIONS}
    raise_if_any(
        f"the recipe of the images has an unknown option '{name}'{did_you_mean(name, hints)}: it is of another version"
        for name in stored
        if name not in hints
    )
    options = {name: _from_json(name, value) for name, value in stored.items()}
    raise_if_any(
        f"the recipe of the images is damaged: its option '{name}' is {shortened(repr(stored[name]))}"
        for name, value in options.items()
        if not is_a(value, hints[name])
    )
    if recipe.get("crop_cm") is not None and "crop" not in (changes or {}):
        raise UserError(
            f"the images were cut out {recipe['crop_cm']:g} cm wide: say how many pixels of the new video one "
            "centimetre is (--px-per-cm), or how many they are (--crop)"
        )
    made = VideoOptions(**{name: value for name, value in options.items() if name not in NOT_TAKEN_AGAIN})
    return dataclasses.replace(made, **(changes or {}))


def _from_json(name: str, value: Any) -> Any:
    """An option as its field has it; what is of another type stays as it is."""
    if name == "fps" and isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            return value
    return tuple(value) if isinstance(value, list) else value


def _as_json(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
