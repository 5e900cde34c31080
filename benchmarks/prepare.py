"""Frames per second of `prepare experiment` on two videos, beside ffmpeg decoding the same files to nothing.

    python benchmarks/prepare.py [--pairs 3] [--frames 9000] [--side 1064] [--jobs 2]

Both take the two videos at once, in alternation; videos and poses are generated, and repeat themselves every 50 s.
Starting the processes counts. Prints the frames per second of each, and the median of their ratios.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from arguments import parse

from autoencoder.data.sources.experiment.prepare import prepare_experiment
from autoencoder.data.sources.experiment.recordings import Recording
from autoencoder.data.sources.video.options import VideoOptions

RATE, LENGTH = 30, 200
"""Frames per second, and the animal's length in pixels of a picture of 1064."""

ROUND, REPEATED = 300, 1500
"""Frames in which the animal goes round once, and after which the video repeats itself."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=9000, help="of each of the two videos")
    parser.add_argument("--side", type=int, default=1064, help="of their pictures, in pixels; even")
    parser.add_argument("--jobs", type=int, default=2)
    args = parse(parser, pairs=1, frames=12, side=64, jobs=1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        recordings = [_film(folder, name, args.frames, args.side) for name in ("first", "second")]
        ratios = []
        for pair in range(args.pairs):
            begun = time.monotonic()
            prepare_experiment(recordings, folder / "set", VideoOptions(), jobs=args.jobs, overwrite=True)
            prepared = 2 * args.frames / (time.monotonic() - begun)
            decoded = 2 * args.frames / _decode([recording.video for recording in recordings])
            ratios.append(prepared / decoded)
            print(f"pair {pair + 1}: prepare {prepared:,.0f} frames/s, ffmpeg to nothing {decoded:,.0f} frames/s: "
                  f"{ratios[-1]:.2f}", flush=True)  # fmt: skip
        print(
            f"prepare makes {statistics.median(ratios):.2f} of the frames that ffmpeg decodes in the same time (median)"
        )


def _film(folder: Path, name: str, n_frames: int, side: int) -> Recording:
    """A video with a box that goes round on a noisy ground, and its pose."""
    video, pose, length = folder / f"{name}.mp4", folder / f"{name}.csv", LENGTH * side / 1064
    turn = 2 * np.pi * np.arange(n_frames) / ROUND
    x, y = side / 2 + side / 4 * np.cos(turn), side / 2 + side / 4 * np.sin(turn)
    box = f"{length / 2:.0f}"
    place = [f"{side / 2:.0f}+{side / 4:.0f}*{way}(2*PI*n/{ROUND})-{box}/2" for way in ("cos", "sin")]
    scene = f"color=0x505050:size={side}x{side}:rate={RATE},noise=alls=6:allf=t[ground];"
    scene += f"color=white:size={box}x{box}:rate={RATE}[box];[ground][box]overlay=x='{place[0]}':y='{place[1]}'"
    program, once = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"], folder / f"{name}_once.mp4"
    made = [*program, "-f", "lavfi", "-i", scene, "-frames:v", str(min(n_frames, REPEATED))]
    subprocess.run([*made, "-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p", str(once)], check=True)
    repeated = [*program, "-stream_loop", "-1", "-i", str(once), "-frames:v", str(n_frames)]
    subprocess.run([*repeated, "-c", "copy", str(video)], check=True)
    lines = ["scorer" + ",net" * 6, "bodyparts" + ",Nose" * 3 + ",Tailroot" * 3, "coords" + ",x,y,likelihood" * 2]
    for i, (across, down) in enumerate(zip(x, y, strict=True)):
        lines.append(f"{i},{across + length / 2:.2f},{down:.2f},1,{across - length / 2:.2f},{down:.2f},1")
    pose.write_text("\n".join(lines) + "\n")
    return Recording(name, video, pose)


def _decode(videos: list[Path]) -> float:
    """Seconds that ffmpeg takes to decode videos at once."""
    begun = time.monotonic()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i"]
    running = [subprocess.Popen([*command, str(video), "-f", "null", "-"]) for video in videos]
    if any(process.wait() for process in running):
        raise SystemExit("ffmpeg could not decode the videos")
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
