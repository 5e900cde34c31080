"""Shells complete the command line as `autoencoder --print-completion` tells them, shown by these shells."""

import argparse
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoencoder.cli.completion import SHELLS, path_kind
from autoencoder.cli.main import build_parser

pty = pytest.importorskip("pty", reason="there are no such shells on Windows")

COMPLETED = {
    "tr": "train",
    "prepare vid": "video",
    "train --objec": "--objective",
    "train --objective an": "angle",
    "train --metadata no": "notes.txt",
    "train arena.npz --run ru": "runs",
    "train arena.npz --deterministic --wan": "--wandb",
    "compare ar": "arena.npz",
    "compare arena.npz no": "notes.txt",
    "prepare video notes.txt --pose no": "notes.txt",
    "prepare video notes.txt --pose notes.txt --al": "--al",
    "prepare video notes.txt --pose notes.txt --alig": "--align",
    "visualize --format pd": "pdf",
    "--print-completion ba": "bash",
}
"""Beginnings of command lines, and the last word as it is after the key was pressed once."""


@pytest.fixture
def place(tmp_path):
    """A folder with a few files, and a home beside it that holds no settings of a shell."""
    (tmp_path / "home").mkdir()
    folder = tmp_path / "place"
    (folder / "runs").mkdir(parents=True)
    for name in ("arena.npz", "notes.txt"):
        (folder / name).touch()
    return folder


def environment(place):
    programs = place.parent / "programs"
    programs.mkdir(exist_ok=True)
    if not (programs / "autoencoder").exists():
        (programs / "autoencoder").symlink_to("/bin/true")  # fish looks whether there is one
    home = str(place.parent / "home")
    return {"HOME": home, "ZDOTDIR": home, "TERM": "dumb", "PATH": f"{programs}:{os.environ['PATH']}"}


def by_bash(script, place, lines):
    code = (
        'source "$1"; shift\n'
        'for line in "$@"; do\n'
        "    COMP_WORDS=($line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()\n"
        '    _shtab_autoencoder; echo "${COMPREPLY[@]}"\n'
        "done"
    )
    command = ["bash", "--norc", "-c", code, "bash", str(script), *lines]
    return run(command, place).splitlines()


def by_fish(script, place, lines):
    code = 'source $argv[1]; for line in $argv[2..]; echo (complete -C "$line" | string split -f 1 \\t); end'
    return run(["fish", "--no-config", "-c", code, str(script), *lines], place).splitlines()


def run(command, place):
    done = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


ZSHRC = """
autoload -U compinit; compinit -u -D
eval "$(<{script})"
unsetopt beep
PS1=
press_tab() {{ zle expand-or-complete; print -rn -- "<<${{BUFFER}}>>"; BUFFER= }}
zle -N press_tab; bindkey '^T' press_tab
print -n '<<ready>>'
"""


def by_zsh(script, place, lines):
    """In a terminal, since zsh completes only what is typed."""
    settings = environment(place)
    (Path(settings["HOME"]) / ".zshrc").write_text(ZSHRC.format(script=script))
    ours, its = pty.openpty()
    ends = {"stdin": its, "stdout": its, "stderr": its}
    process = subprocess.Popen(["zsh", "-i"], cwd=place, env=settings, start_new_session=True, **ends)
    os.close(its)
    try:
        assert said(ours) == "ready"
        found = []
        for line in lines:
            os.write(ours, f"{line}\x14".encode())
            found.append(said(ours).split()[-1])
        return found
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def said(terminal):
    """What comes next in double angle brackets."""
    text = ""
    while ">>" not in text:
        assert select.select([terminal], [], [], 30)[0], f"zsh says nothing more after {text!r}"
        text += os.read(terminal, 4096).decode()
    return text.partition("<<")[2].partition(">>")[0]


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_complete_what_was_begun(shell, place, succeed):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = place.parent / "completion"
    script.write_text(succeed("--print-completion", shell).out)
    ask = {"bash": by_bash, "zsh": by_zsh, "fish": by_fish}[shell]
    found = ask(script, place, [f"autoencoder {line}" for line in COMPLETED])
    expected = dict(COMPLETED)
    if shell != "zsh":  # which leaves what may be either as it is, where the others list both
        expected["prepare video notes.txt --pose notes.txt --al"] = "--align --all-individuals --allow-short"
    words = [" ".join(sorted(word.rstrip("/") for word in text.split())) for text in found]
    assert dict(zip(COMPLETED, words, strict=True)) == expected


def test_bash_puts_a_slash_behind_folders(place, succeed):
    script = place.parent / "completion"
    script.write_text(succeed("--print-completion", "bash").out)
    told = run(["bash", "--norc", "-c", f"source {script}; complete -p autoencoder"], place)
    assert "-o filenames" in told


def test_other_shells_are_refused_by_name(call):
    call("--print-completion", "tcsh").refused("tcsh", *SHELLS)


def test_commands_do_not_hear_of_it():
    """They look at all that was given, such as `train --resume`."""
    assert "print_completion" not in vars(build_parser().parse_args(["info", "presets"]))


def arguments(parser, command=()):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from arguments(one, (*command, name))
        else:
            yield " ".join((*command, max(action.option_strings, key=len, default=action.dest))), action


def test_every_path_is_completed_as_one():
    """What is read as a path, and what is read as a text and names one."""
    actions = dict(arguments(build_parser()))
    kinds = {name: path_kind(action) for name, action in actions.items()}
    assert [name for name, action in actions.items() if action.type is Path and kinds[name] is None] == []
    expected = {
        "file": ("train data", "train --metadata", "train --init-from", "study what", "info path", "encode data"),
        "folder": (
            "train --run",
            "train --resume",
            "study --beside",
            "study --out",
            "test --run",
            "explore run_by_place",
        ),
        None: ("train --objective", "train --epochs", "train --noise", "train --split", "visualize --color-by"),
    }
    for kind, names in expected.items():
        assert {name: kinds[name] for name in names} == dict.fromkeys(names, kind)


def test_help_does_not_load_what_writes_the_scripts(root):
    code = "import sys; from autoencoder.cli.main import build_parser; build_parser(); print('shtab' in sys.modules)"
    settings = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
