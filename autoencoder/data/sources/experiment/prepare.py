"""Many recordings to a data set: what a killed process has finished is taken again, and new rows of the table added."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from autoencoder.data.dataset import Prepared, check_output, npz_file
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.sources.experiment.assembly import Source, assemble, of_part, of_set
from autoencoder.data.sources.experiment.identity import content_key, file_hash
from autoencoder.data.sources.experiment.parts import PART, fill_part, new_part, read_part
from autoencoder.data.sources.experiment.recordings import Recording
from autoencoder.data.sources.experiment.survey import (
    Decision,
    Look,
    Surveyed,
    beside,
    decide_crop,
    survey,
    tracked_of,
)
from autoencoder.data.sources.video.frames import Tally
from autoencoder.data.sources.video.options import COMMAND_OF_MANY, DEFAULTS, VideoOptions
from autoencoder.data.sources.video.prepare import make_images, open_video
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.file_names import file_stem
from autoencoder.machine.files import read_json, write_json
from autoencoder.machine.processes import Lost, in_processes, share_of_cores
from autoencoder.machine.stopping import Interrupted

BEGUN = "begun.json"
"""In the folder of the parts: the options of the command, and what was decided over all recordings."""

SAME_COMMAND = "the same command continues where this one stopped"

KEY_LETTERS = 16
"""Of the hash in the name of a part's folder."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of an experiment.

    Attributes:
        prepared: the data set; None where it was what the table says already, and was left alone.
        failed: recordings of which there are no images, by name, and why.
        n_taken: recordings that were made before, and taken as they were.
    """

    prepared: Prepared | None
    failed: Mapping[str, str]
    n_taken: int


def prepare_experiment(
    recordings: Sequence[Recording],
    output: Path,
    options: VideoOptions = DEFAULTS,
    *,
    table: Path | None = None,
    crop_cm: float | None = None,
    jobs: int = 1,
    strict: bool = False,
    compress: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
    on_made: Callable[[Prepared], object] | None = None,
) -> Outcome:
    """Make a data set of many recordings, each as `prepare_video` does.

    Beside the columns of `prepare_video` there are `recording`, the columns of the table, and, where `px_per_cm` is
    known, `speed_cm_per_s` and `distance_from_center_cm`. The crop is decided once over all recordings, and the arena's
    centre over those with frames of one size and scale, unless the table or the options give them.

    Finished recordings lie in a folder beside the set until it is put together. The same call continues after a kill;
    it also adds recordings to a set that it made before, and makes those anew whose row or files have changed. What was
    decided first stays.

    Args:
        recordings: of a table, in its order.
        output: path with or without `.npz`.
        options: how images are made; `limit` is of each recording.
        table: the file that the recordings are of, which is not to be replaced.
        crop_cm: side of the crop in centimetres, where `px_per_cm` is known; None to derive it.
        jobs: recordings that are made at a time, in processes where it is more than one.
        strict: write no data set where a recording fails; what was finished is kept for the next call.
        compress: write smaller files in more time.
        overwrite: begin anew, and replace files of these names.
        on_progress: called with the number of frames decoded since the last call.
        on_total: called with the number of frames that will be decoded in all, once it is known.
        on_made: called with the data set, before what it was put together of goes: whoever is killed meanwhile is
            called again with the same.

    Raises:
        UserError: options do not go together, a pose is of another video, options are not those that the set was begun
            with, no recording has images, or the output cannot be written.
        Interrupted: a signal came; what was finished is kept.
    """
    with_pose = recordings[0].pose is not None
    raise_if_any([*options.problems(with_pose=with_pose), *_problems(recordings, options, crop_cm)])
    inputs = [file for one in recordings for file in (one.video, one.pose) if file is not None]
    npz, folder = _paths(output)
    known = None if overwrite or not npz.exists() else _own_set(npz)
    check_output(output, overwrite=overwrite or known is not None, inputs=[*inputs, *([table] if table else [])])
    if overwrite:
        shutil.rmtree(folder, ignore_errors=True)

    asked = {**options.recipe(with_pose=with_pose), "command": COMMAND_OF_MANY, "crop_cm": crop_cm}
    begun = _begun(npz, folder, known, asked)
    hashes = {file: file_hash(file) for file in inputs}
    looked: dict[str, Surveyed] = {}
    workers = _Workers(jobs, npz)
    if begun is None:
        is_measured = (with_pose or options.follow is not None) and options.crop is None and crop_cm is None
        looked = _surveyed(recordings, options, jobs, with_length=is_measured)
        begun = _decided(recordings, looked, options, crop_cm, is_measured=is_measured)

    works = {one.name: _Work.of(one, options, begun, hashes, folder) for one in recordings}
    keys = {name: work.key for name, work in works.items()}
    taken = {} if known is None else of_set(known, {one.name: one for one in recordings}, keys)
    open_ones = [one for one in recordings if one.name not in taken and not works[one.name].folder.exists()]
    n_taken = len(recordings) - len(open_ones)
    missing = [one for one in open_ones if one.name not in looked]
    looked |= _surveyed(missing, options, jobs, with_length=False)
    failed = {name: one.failure for name, one in looked.items() if one.failure is not None}
    open_ones = [one for one in open_ones if one.name not in failed]
    n_passes = 2 if options.follow is not None or options.mask or options.normalise != "none" else 1
    most = None if options.limit is None else options.limit * options.every
    frames = [n_passes * min(looked[one.name].n_frames, most or looked[one.name].n_frames) for one in open_ones]
    if on_total is not None:
        on_total(sum(frames))
    if open_ones:
        write_json(folder / BEGUN, {"asked": asked, **vars(begun)})
    failed |= workers.make([works[one.name] for one in open_ones], frames, on_progress or _nowhere)
    if len(failed) == len(recordings):
        shutil.rmtree(folder, ignore_errors=True)
    _refuse_failures(failed, recordings, strict=strict)

    sources = [
        of_part(read_part(work.folder), work.recording, work.key) if work.folder.exists() else taken[name]
        for name, work in works.items()
        if name not in failed
    ]
    prepared = _put_together(sources, npz, asked, begun, known, options, compress=compress)
    if prepared is not None and on_made is not None:
        on_made(prepared)
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(prepared, failed, n_taken)


def _nowhere(n_frames: int) -> None:
    """Tells nobody."""


def _problems(recordings: Sequence[Recording], options: VideoOptions, crop_cm: float | None) -> list[str]:
    problems = []
    if crop_cm is not None and options.crop is not None:
        problems.append("--crop and --crop-cm each say how large the square is: choose one of them")
    if crop_cm is not None and any(one.px_per_cm is None for one in recordings):
        problems.append("--crop-cm is in centimetres, so the table must give px_per_cm for each recording")
    is_followed = recordings[0].pose is not None or options.follow is not None
    if not is_followed and any(one.crop or one.arena_center for one in recordings):
        problems.append(
            "columns 'crop' and 'arena_center' only make sense for an animal that is followed: add a column 'pose', "
            "or say what to follow (--follow)"
        )
    return problems


def _paths(output: Path) -> tuple[Path, Path]:
    """Of the set, and of the folder with its parts."""
    npz = npz_file(output)
    return npz, beside(npz)


# ------------------------------------------------------------------------------------------------ what there is already


def _own_set(npz: Path) -> ImageSet | None:
    """A set that was made of an experiment before; None for any other, which `check_output` refuses."""
    images = load_images(npz)
    return images if images.recipe is not None and images.recipe["command"] == COMMAND_OF_MANY else None


def _begun(npz: Path, folder: Path, known: ImageSet | None, asked: Mapping[str, Any]) -> Decision | None:
    """What was decided when the set was begun; None where it is begun now.

    Raises:
        UserError: it was begun with other options.
    """
    if known is not None and known.recipe is not None:
        content: Mapping[str, Any] = known.recipe["begun"]
    elif (folder / BEGUN).exists() and any((part / PART).exists() for part in folder.iterdir()):
        content = read_json(folder / BEGUN)
    else:
        return None
    before = content["asked"]
    differ = [
        f"{name} {before.get(name)}, not {value}"
        for name, value in asked.items()
        if before.get(name) != value and name != "version"
    ]
    if differ:
        raise UserError(
            f"{npz} was begun with other options ({', '.join(differ)}): give the same ones, choose another name "
            "(--out), or start over (--overwrite)"
        )
    return Decision(content["crop"], content["crop_cm"], content["note"])


# ------------------------------------------------------------------------------------------------- looking and deciding


def _surveyed(
    recordings: Sequence[Recording], options: VideoOptions, jobs: int, *, with_length: bool
) -> dict[str, Surveyed]:
    """What is known of recordings, by name.

    Raises:
        UserError: rows of the table are wrong.
    """
    looks = [Look(one, options, with_length and one.crop is None) for one in recordings]
    with ThreadPoolExecutor(jobs) as threads:  # it is ffmpeg that works
        found = dict(zip([one.name for one in recordings], threads.map(survey, looks), strict=True))
    raise_if_any(f"recording '{name}': {problem}" for name, one in found.items() for problem in one.problems)
    return found


def _decided(
    recordings: Sequence[Recording],
    looked: Mapping[str, Surveyed],
    options: VideoOptions,
    crop_cm: float | None,
    *,
    is_measured: bool,
) -> Decision:
    if not is_measured:
        return Decision(options.crop, crop_cm)
    lengths = {one.name: looked[one.name].length for one in recordings if one.crop is None}
    measured = [one for one in recordings if lengths.get(one.name) is not None]
    if not measured:
        if lengths:
            raise UserError(_said_of({name: one.failure for name, one in looked.items() if one.failure is not None}))
        return Decision()
    return decide_crop(measured, [float(lengths[one.name] or 0) for one in measured])


def _said_of(failed: Mapping[str, str]) -> list[str]:
    return [f"recording '{name}' failed: {why}" for name, why in failed.items()]


def _refuse_failures(failed: Mapping[str, str], recordings: Sequence[Recording], *, strict: bool) -> None:
    if failed and (strict or len(failed) == len(recordings)):
        done = len(recordings) - len(failed)
        kept = f"; the images of the other {done} are kept, and {SAME_COMMAND} (--strict)" if done else ""
        raise UserError([*_said_of(failed)[:-1], _said_of(failed)[-1] + kept])


# ----------------------------------------------------------------------------------------------------------------- work


@dataclass(frozen=True)
class _Work:
    """A recording that is to be made.

    Attributes:
        recording: of the table.
        options: with the crop that was decided.
        key: hash of all that its images depend on.
        folder: of its part.
    """

    recording: Recording
    options: VideoOptions
    key: str
    folder: Path

    @staticmethod
    def of(one: Recording, options: VideoOptions, decision: Decision, hashes: Mapping[Path, str], parts: Path) -> _Work:
        """The work for one recording.

        Args:
            one: of the table.
            options: of the command.
            decision: over all recordings.
            hashes: of the files.
            parts: the folder of all parts.
        """
        # Distances from the arena's centre are taken when all tracks are known: see `assembly`.
        centered = one.pose is not None or options.follow is not None
        own = dataclasses.replace(options, crop=decision.of(one), arena_center=(0.0, 0.0) if centered else None)
        content = {
            "options": own.recipe(with_pose=one.pose is not None),
            "files": [hashes[file] for file in (one.video, one.pose) if file is not None],
            "geometry": [one.px_per_cm, one.arena_center],
            "name": one.name,
        }
        key = content_key(content)
        return _Work(one, own, key, parts / f"{file_stem(one.name)}-{key[:KEY_LETTERS]}")


def _make(work: _Work, on_progress: Callable[[int], None] | None = None) -> None:
    """Make the part of a recording.

    Raises:
        UserError: it cannot be made.
    """
    recording, options = work.recording, work.options
    tracked = tracked_of(recording, options)
    with new_part(work.folder) as room:
        opened = open_video(recording.video, tracked, options, Tally(on_progress), room)
        made = opened.with_right_clock(lambda opened: make_images(opened, options))
        fill_part(room, made, opened.film.picture)


class _Stopped(BaseException):
    """A signal came to a process that makes a recording."""


def _make_elsewhere(work: _Work) -> Lost | None:
    """The same in a process that a signal stops, which then leaves nothing behind."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it comes again, until this process has ended its work
        raise _Stopped

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
    try:
        _make(work)
    except _Stopped:
        return Lost("it was stopped")
    return None


@dataclass(frozen=True)
class _Workers:
    """Makes recordings, several at a time.

    Attributes:
        jobs: how many.
        npz: the set that it is for, for messages.
    """

    jobs: int
    npz: Path

    def make(self, works: Sequence[_Work], frames: Sequence[int], on_progress: Callable[[int], None]) -> dict[str, str]:
        """Make recordings; returns why there are none of some, by name.

        Args:
            works: what is to be made.
            frames: to be decoded of each.
            on_progress: is told of frames that are done.

        Raises:
            Interrupted: a signal came.
        """
        n = min(self.jobs, len(works))
        if n > 1:
            share = {"OMP_NUM_THREADS": str(share_of_cores(n))}
            answers = in_processes(_make_elsewhere, works, [share] * n, lambda number, _: on_progress(frames[number]))
            if answers.signum is not None:
                raise Interrupted(answers.signum, f"interrupted; what is done of {self.npz} is kept: {SAME_COMMAND}")
            named = zip(works, answers.each, strict=True)
            return {work.recording.name: lost.why for work, lost in named if lost is not None}
        failed = {}
        for work in works:
            try:
                _make(work, on_progress)
            except UserError as error:
                failed[work.recording.name] = str(error)
        return failed


def _put_together(
    sources: Sequence[Source],
    npz: Path,
    asked: Mapping[str, Any],
    begun: Decision,
    known: ImageSet | None,
    options: VideoOptions,
    *,
    compress: bool,
) -> Prepared | None:
    """Write the set; None where the one that is there is the same."""
    recipe = {
        **asked,
        "crop": begun.crop,
        "crop_cm": begun.crop_cm,
        "begun": {"asked": dict(asked), **vars(begun)},
    }
    return assemble(sources, npz, recipe, known, options, note=begun.note, compress=compress)
