"""The Python API does what the command line does, by the same functions and with the same defaults."""

import importlib
import inspect
from pathlib import Path

import pytest

import autoencoder as ae
from autoencoder.cli.main import COMMANDS, main
from autoencoder.config.settings import setting_types

NOT_DEFAULTS = {"quiet", "say"}
"""The command line talks, and the Python API is silent: `quiet` is what they differ in."""


class CalledError(Exception):
    """Instead of the work."""


LINES = {
    "demo": ("demo", "demo", {"out"}),
    "prepare arena": ("prepare_arena", "prepare arena --out OUT", {"out"}),
    "prepare video": ("prepare_video", "prepare video v.mp4 --out OUT", {"video", "out"}),
    "prepare experiment": ("prepare_experiment", "prepare experiment t.csv --out OUT", {"table", "out"}),
    "prepare idx": ("prepare_idx", "prepare idx i.gz --out OUT", {"images", "out"}),
    "prepare images": ("prepare_images", "prepare images pictures --out OUT", {"pictures", "out"}),
    "join": ("join", "join DATA t.csv --on frame --out OUT.csv", {"data", "tables", "on", "out"}),
    "train": ("train", "train DATA", {"config"}),
    "train --resume": ("resume", "train --resume RUN", {"run"}),
    "test": ("test", "test --run RUN", {"run"}),
    "encode": ("encode", "encode RUN --out OUT.csv", {"run", "out"}),
    "export": ("export", "export RUN", {"run"}),
    "visualize": ("visualize", "visualize --run RUN", {"run", "fit"}),
    "visualize --score": ("score_methods", "visualize --run RUN --score all", {"run"}),
    "visualize --snapshot": ("look", "visualize --run RUN --snapshot last", {"run"}),
    "visualize --traverse": ("traverse", "visualize --run RUN --traverse x", {"run", "along"}),
    "explore": ("explore", "explore RUN", {"run"}),
    "clips": ("clips", "clips RUN --rows rows.csv", {"run", "rows"}),
    "compare": ("compare_runs", "compare RUN", {"runs"}),
    "compare --train": (
        "compare_reference",
        "compare --train DATA --seeds 1 --jobs 1 --backend loky --scheduler s",
        {"data", "scheduler"},
    ),
    "compare --by": ("compare_groups", "compare RUN --by arm --unit animal", {"runs", "by", "unit"}),
    "study": ("run_study", "study DATA", {"data"}),
    "study report": ("measure_study", "study report STUDY", {"study"}),
    "study --leave-one-out": ("leave_one_out", "study DATA --leave-one-out port", {"data", "column"}),
    "study --dry-run": ("plan_study", "study DATA --dry-run", {"data"}),
    "info": ("describe", "info DATA", {"path"}),
}
"""By the command: the function, the shortest line, and the parameters that are not compared: those that have to be
given, and the fit of `visualize`, of which the command names what the function takes for None."""


def plain(value):
    """A value as it is compared: what is empty is the same whether it is a list, a tuple or None."""
    if value in ((), [], {}) or value is None:
        return None
    if isinstance(value, list):
        return tuple(value)
    return str(value) if hasattr(value, "__fspath__") else value


@pytest.mark.parametrize("command", LINES)
def test_a_command_without_flags_calls_the_function_with_its_defaults(command, finished, arena, tmp_path, monkeypatch):
    name, line, required = LINES[command]
    module = importlib.import_module(ae._API[name])
    function, calls = getattr(module, name), []

    def catch(*args, **options):
        calls.append(inspect.signature(function).bind(*args, **options))
        raise CalledError

    monkeypatch.setattr(module, name, catch)
    monkeypatch.chdir(tmp_path)
    places = {"RUN": finished, "DATA": arena, "OUT": tmp_path / "out", "STUDY": tmp_path}
    words = [str(places.get(word, word)).replace("OUT", str(tmp_path / "out")) for word in line.split()]
    with pytest.raises(CalledError):
        main(words)
    (call,) = calls
    given = set(call.arguments)
    call.apply_defaults()
    parameters = inspect.signature(function).parameters
    for argument, value in call.arguments.items():
        if argument in required | NOT_DEFAULTS or parameters[argument].kind is inspect.Parameter.VAR_KEYWORD:
            continue
        assert plain(value) == plain(parameters[argument].default), argument
    without = {"data", "encoder", "inline", "max_bytes", "shelf", "settings", *NOT_DEFAULTS}
    missing = parameters.keys() - given - without - setting_types().keys()
    assert not missing, "a parameter that no flag reaches"


def test_every_command_has_its_functions():
    without = {"doctor"}  # which looks at the machine, for whoever has a terminal
    assert {command.split()[0] for command in LINES} == set(COMMANDS) - without


def test_a_run_s_settings_are_those_of_the_command(arena, tmp_path, monkeypatch):
    """`run_config` and the command's flags make the same configuration, from the defaults and from a preset."""
    from autoencoder.training import start

    made = []
    monkeypatch.setattr(
        start, "train", lambda config, *args, **options: made.append(config) or (_ for _ in ()).throw(CalledError)
    )
    flags = ("--preset", "mnist-conv", "--epochs", "3", "--noise", "gaussian:0.5", "--objective", "reconstruct")
    for line in ((), flags):
        with pytest.raises(CalledError):
            main(["train", str(arena), *line])
    assert made[0] == ae.run_config(arena) == ae.RunConfig(ae.DataConfig(str(arena)))
    assert made[1] == ae.run_config(arena, preset="mnist-conv", epochs=3, noise="gaussian:0.5", objective="reconstruct")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, "there is no setting 'epoch' (did you mean 'epochs'?)"),
        ({"preset": "mnist"}, "unknown preset 'mnist': choose from fine, rat-ae"),
        ({"noise": "loud:1"}, "loud"),
    ],
    ids=str,
)
def test_settings_that_there_are_not_are_refused(arena, settings, said):
    with pytest.raises(ae.UserError) as refused:
        ae.run_config(arena, **settings)
    assert said in str(refused.value)


def test_no_name_of_the_api_is_that_of_a_module():
    """Importing the module would put it in the function's place."""
    for name in ae._API:
        assert importlib.util.find_spec(f"autoencoder.{name}") is None, name


def test_what_varies_can_be_given_as_python_has_it(arena):
    plan = ae.plan_study(arena, vary={"latent_dim": [2, 4], "objective": ["reconstruct", "angle"]}, seeds=2, epochs=1)
    same = ae.plan_study(arena, vary=["latent_dim=2,4", "objective=reconstruct,angle"], seeds=[42, 43], epochs=1)
    assert plan.design == same.design
    assert len(plan.design.members) == 8
    assert plan.design.members[0].config.training.epochs == 1
    assert "8 runs" in plan.said[0]


def test_objects_stand_for_what_they_are_of(tmp_path, monkeypatch):
    """A data set for its file, a trained network for its run, an image set for its images."""
    monkeypatch.chdir(tmp_path)
    data = ae.prepare_arena("data/small", 60, size=16)
    trained = ae.train(ae.run_config(data, epochs=1, batch_size=16))
    assert trained.run.path == Path("runs/small-narrow-001")
    images = ae.load_images(data)
    assert (trained.encode(images) == trained.encode(images.images)).all()
    assert ae.compare(trained).runs[0].name == "small-narrow-001"
    found, _ = ae.compare_runs([trained], reducer="pca", color_by="x")
    assert found.comparisons[0].runs[0].name == "small-narrow-001"
    (codes,) = ae.encode(trained, out="codes.csv", overwrite=True)
    assert len(codes.read_text().splitlines()) == 61
    assert ae.describe("data/small.npz")["images"].startswith("60 of")
    plan = ae.plan_study(data, vary={"objective": "angle"}, seeds=2, epochs=1, batch_size=16)
    assert [member.name for member in plan.design.members] == ["angle-42", "angle-43"]
    with pytest.raises(ae.UserError, match=r"run_config\('data/small.npz'\)"):
        ae.train("data/small.npz")


def test_one_name_stands_for_itself_and_not_for_its_letters(finished, tmp_path):
    made = ae.look(finished, show="scatter", reducer="pca", color_by="x", out=tmp_path / "look")
    assert list(made.figures) == ["x"]
    _, files = ae.compare_runs(finished, out=tmp_path / "compare", reducer="pca", color_by="x", given="y")
    assert list(files.figures) == ["comparison-x"]
    with pytest.raises(ae.UserError, match="nothing"):
        ae.encode(finished, "nothing.mp4", pose="none.csv", out=tmp_path / "codes.csv")
