"""Which parts of a pose are the front and the back of the body, and its centre."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoencoder.data.sources.pose.pose import Pose
from autoencoder.data.sources.video.options import SEEN, VideoOptions
from autoencoder.errors import UserError, did_you_mean

FRONT_NAMES = (
    *(
        "nose",
        "nosetip",
        "tipofnose",
        "snout",
        "snouttip",
        "tipofsnout",
        "rostrum",
        "muzzle",
        "beak",
        "beaktip",
        "bill",
    ),
    *("mouth", "proboscis", "mandible", "mandibles", "upperjaw", "lowerjaw", "chin", "jaw"),
    *("head", "headfront", "headf", "headcenter", "headcentre", "headmidpoint", "headmiddle", "midhead", "headtop"),
    *("forehead", "crown", "skull", "face", "eyes", "eye", "headbase", "headback", "headb", "ears", "ear"),
    *("neck", "neckend", "neckmid", "nape", "throat", "throatend", "neckbase", "baseneck", "baseofneck", "throatbase"),
    *("front", "anterior", "thorax", "spinef", "spine1", "withers", "shoulder", "shoulders", "chest", "pronotum"),
)
"""Names, without punctuation and capitals, of the parts that the body angle may end in, the foremost first; the first
that a pose has counts. Where it has only a left and a right one, their middle does."""

BACK_NAMES = (
    *("tailroot", "tailbase", "basetail", "baseoftail", "tailstart", "proximaltail", "tailproximal"),
    *("taili", "tailinsertion", "tti", "tb", "tailtorsointerface", "rump", "butt", "bum", "midhip", "hips", "hip"),
    *("pelvis", "pelvic", "croup", "sacrum", "root", "haunch", "caudalpeduncle", "peduncle", "tail1", "tail0"),
    *("abdomentip", "tipofabdomen", "abdomenend", "abdomenback", "abdomen", "gaster", "backend", "midbackend3"),
    *("spinel", "spineend", "posterior", "rear", "backbase"),
    *("caudalfin", "tailfin", "caudal", "fluke", "tailmid", "midtail", "tailmiddle", "tail2", "tail"),
    *("taildistal", "distaltail", "tailend", "tailtip", "tiptail", "tipoftail", "endoftail", "stinger"),
    *("midback", "centerspine", "spinem", "body", "trunk", "torso", "bodycenter", "bodycentre", "mousecenter"),
    *("centerback", "backcenter", "backmiddle", "centroid", "center", "centre", "middle", "thorax", "spine", "back"),
    *("swimbladder", "neck", "neckbase"),
)
"""The same of the parts that it may begin in, the best first: where the tail begins, the hips, the abdomen's tip. The
end of a tail, which swings, is taken only where there is none of these, and the body's middle after that."""

SIDES = (("left", "right"), ("l", "r"))
"""What stands before or behind the names of parts that there are two of."""


@dataclass(frozen=True)
class Body:
    """The parts of a pose that matter, by number.

    Attributes:
        front: parts whose mean is where the body's axis ends; empty where no axis is known.
        back: parts whose mean is where it begins; empty as well.
        center: parts whose mean is the animal's place; empty for all that are seen in a frame.
    """

    front: tuple[int, ...]
    back: tuple[int, ...]
    center: tuple[int, ...]

    @property
    def has_axis(self) -> bool:
        """Whether it is known which way the animal looks."""
        return bool(self.front and self.back)

    @property
    def needed(self) -> tuple[int, ...]:
        """Parts without which a frame is left out."""
        return tuple(dict.fromkeys((*self.front, *self.back, *self.center)))

    def describe(self, track: Pose, options: VideoOptions) -> list[str]:
        """Sentences about what was found by its name, or was not."""
        if not self.has_axis:
            return [_without_axis(track, options)]
        found = (("front", options.front, self.front), ("back", options.back, self.back))
        missing = [(end, named(track, parts)) for end, name, parts in found if name is None]
        return [f"the {end} of the body is {parts} (--{end})" for end, parts in missing]


def named(track: Pose, parts: tuple[int, ...]) -> str:
    """Such as "'Nose'", or "the middle between 'lefthip' and 'righthip'"."""
    names = [f"'{track.parts[part]}'" for part in parts]
    return names[0] if len(names) == 1 else f"the middle between {' and '.join(names)}"


def find_body(track: Pose, options: VideoOptions) -> Body:
    """The parts that the options name, or else those that have telling names.

    Raises:
        UserError: a part that is named is not there, or front and back are the same although there are others.
    """
    front: tuple[int, ...] = () if options.front is None else (_named_part(track, options.front, "front"),)
    back: tuple[int, ...] = () if options.back is None else (_named_part(track, options.back, "back"),)
    if len(track.parts) > 1:
        if front and front == back:
            raise UserError(
                f"front and back are both '{track.parts[front[0]]}': name two parts of {track.source} (--front, --back)"
            )
        front = front or _usual(track, FRONT_NAMES, back)
        back = back or _usual(track, BACK_NAMES, front)
    if not front or not back or front == back:
        if options.front is not None and options.back is None and len(track.parts) > 1:
            raise _unknown_end(track, "back")
        if options.back is not None and options.front is None and len(track.parts) > 1:
            raise _unknown_end(track, "front")
        front = back = ()
    return Body(front, back, _center(track, options, (*front, *back)))


def _center(track: Pose, options: VideoOptions, axis: tuple[int, ...]) -> tuple[int, ...]:
    if options.center is None:
        return (0,) if len(track.parts) == 1 else axis
    if tuple(map(_plain, options.center)) == (SEEN,):
        return ()
    return tuple(_named_part(track, name, "center") for name in options.center)


def _usual(track: Pose, usual: Sequence[str], other_end: tuple[int, ...]) -> tuple[int, ...]:
    """The first part with one of the `usual` names, or the left and the right one of it; empty if there is none."""
    plain = [_plain(part) for part in track.parts]
    for name in usual:
        if name in plain and plain.index(name) not in other_end:
            return (plain.index(name),)
        for left, right in SIDES:
            for pair in ((left + name, right + name), (name + left, name + right)):
                both = tuple(plain.index(part) for part in pair if part in plain)
                if len(both) == len(pair) and not set(both) & set(other_end):
                    return both
    return ()


def _unknown_end(track: Pose, end: str) -> UserError:
    return UserError(
        f"which part is the {end} of the body? None in {track.source} has a name that says so: choose one (--{end}) of "
        f"{', '.join(track.parts)}"
    )


def _without_axis(track: Pose, options: VideoOptions) -> str:
    if len(track.parts) == 1:
        return (
            f"{track.source} has one body part, '{track.parts[0]}', so it is not known which way the animal faces, "
            "and there is no column 'body_angle_deg'"
        )
    center = (
        "" if options.center is not None else "; the crop's centre is the mean of all parts that are seen (--center)"
    )
    return (
        f"no two parts of {track.source} can be recognised by name as the front and the back of the body, so there is "
        f"no column 'body_angle_deg': to get one, name them (--front, --back), from {', '.join(track.parts)}{center}"
    )


def _named_part(track: Pose, name: str, where: str) -> int:
    if name in track.parts:
        return track.parts.index(name)
    plain = [_plain(part) for part in track.parts]
    alike = [part for part, other in zip(track.parts, plain, strict=True) if other == _plain(name)]
    if len(alike) > 1:
        raise UserError(
            f"'{name}' could be any of {', '.join(alike)} in {track.source}: write it as it is spelt there (--{where})"
        )
    if not alike:
        guess = did_you_mean(name, track.parts)
        raise UserError(
            f"no part of {track.source} is called '{name}'{guess}: choose one (--{where}) of {', '.join(track.parts)}"
        )
    return plain.index(_plain(name))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
