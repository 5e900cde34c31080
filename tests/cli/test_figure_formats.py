"""`--format` and `--dpi` of the commands that draw."""

import argparse

import pytest

from autoencoder.cli.flags.options import add_figure_flags, figure_options, movie_format
from autoencoder.config.movies import FigureOptions
from autoencoder.errors import UserError


def given(*words, movies=True):
    parser = argparse.ArgumentParser()
    add_figure_flags(parser, default="mp4 and png", movies=movies)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "movie", "figures"),
    [
        ((), "mp4", ("png", "svg")),
        (("--format", "gif"), "gif", ("png", "svg")),
        (("--format", "mp4"), "mp4", ("png", "svg")),
        (("--format", "pdf"), "mp4", ("pdf",)),
        (("--format", "gif", "svg", "png", "svg"), "gif", ("svg", "png")),
    ],
)
def test_formats_go_to_movies_and_to_figures(words, movie, figures):
    arguments = given(*words)
    assert movie_format(arguments) == movie
    assert figure_options(arguments, ("png", "svg")) == FigureOptions(figures)


def test_two_formats_of_a_movie_are_one_too_many():
    with pytest.raises(UserError, match="--format mp4 gif: a movie is written in only one of them"):
        movie_format(given("--format", "gif", "mp4"))


@pytest.mark.parametrize("words", [("--format", "jpeg"), ("--format",), ("--dpi", "0"), ("--dpi", "12.5")])
def test_nonsense_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        given(*words)
    assert words[0] in capsys.readouterr().err


def test_a_command_without_movies_takes_no_format_of_one(capsys):
    with pytest.raises(SystemExit):
        given("--format", "mp4", movies=False)
    assert "png" in capsys.readouterr().err


def test_stills_are_written_as_asked_for(finished, tmp_path, succeed):
    flags = ("--snapshot", "last", "--show", "units", "--format", "svg", "pdf", "--dpi", 50)
    succeed("visualize", "--run", finished, *flags, "--out", tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"units.svg", "units.pdf", "codes.json"}


def test_a_test_leaves_figures_and_movies_as_asked_for(finished, tmp_path, succeed):
    flags = ("--format", "gif", "pdf", "--movie-frames", 2, "--examples", 1, "--limit", 5)
    succeed("test", "--run", finished, *flags, "--out", tmp_path / "out")
    suffixes = {file.suffix for file in (tmp_path / "out").iterdir()}
    assert suffixes == {".gif", ".pdf", ".json"}


@pytest.mark.parametrize("flags", [("--format", "svg"), ("--dpi", 200)])
def test_a_movies_last_frame_is_pixels(finished, tmp_path, call, flags):
    out = ("--out", tmp_path / "out")
    call("visualize", "--run", finished, *flags, *out).refused(flags[0], "one snapshot", "--snapshot last")
    assert not (tmp_path / "out").exists()
