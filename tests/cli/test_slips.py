"""Slips on the command line: the command's own help is named, the nearest name, the right folder suggested."""

import numpy as np
import pytest


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=np.zeros((40, 16, 16), np.uint8), body_angle_deg=np.arange(40.0), x=np.arange(40.0))
    return path


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("train", "a.npz", "--encoderr", "dense"), ("--encoderr dense (did you mean '--encoder'?)", "train --help")),
        (("visualize", "--run", "a", "--epochs", "3"), ("unrecognized arguments: --epochs;", "visualize --help")),
        (("prepare", "arena", "--out", "a", "--pose", "b"), ("--pose b;", "prepare arena --help")),
        (("info", "presets", "rat-ae"), ("unrecognized arguments: rat-ae;", "autoencoder info --help")),
        (("trian", "a.npz"), ("(did you mean 'train'?)", "autoencoder --help")),
        (("prepare", "vidoe", "a.mp4"), ("(did you mean 'video'?)", "prepare --help")),
        (("train", "a.npz", "--encoder", "desne"), ("(did you mean 'dense'?)",)),
        (("train", "a.npz", "--noise", "gausian:0.1"), ("(did you mean 'gaussian'?)",)),
        (("study", "a.npz", "--vary", "objectiv=angle,mask"), ("(did you mean 'objective'?)",)),
        (("study", "a.npz", "--vary", "objective=angel,mask"), ("'angel' (did you mean 'angle'?)",)),
    ],
)
def test_a_slip_is_refused_by_the_command_with_the_nearest_name(command, words, call):
    call(*command).refused(*words)


def test_an_unknown_column_is_answered_with_the_nearest_one(images, call):
    told = call("train", images, "--objective", "angle", "--target", "body_angle").refused()
    assert "(did you mean 'body_angle_deg'?); its columns are body_angle_deg, x" in told


def test_a_misspelt_setting_in_a_file_is_answered_with_the_nearest_one(images, tmp_path, call):
    settings = tmp_path / "settings.toml"
    settings.write_text("[training]\nbatchsize = 8\n")
    call("train", images, "--config", settings).refused(
        str(settings), "training.batchsize", "(did you mean 'batch_size'?)"
    )


def test_a_run_given_for_data_is_called_a_run_and_another_folder_is_not(tmp_path, call):
    run = tmp_path / "run"
    run.mkdir()
    told = call("train", run).refused(str(run), "'autoencoder prepare images'")
    assert "--resume" not in told
    (run / "config.json").write_text("{}")
    call("train", run).refused(str(run), "it is a run", "--resume")


@pytest.mark.parametrize(
    "command",
    [
        ("train", "--resume", "nope"),
        ("test", "--run", "nope"),
        ("visualize", "--run", "nope"),
        ("visualize", "--run", "nope", "--score", "all"),
        ("explore", "nope"),
        ("encode", "nope", "--out", "codes.npz"),
        ("clips", "nope", "--rows", "rows.csv"),
        ("compare", "nope", "other"),
        ("compare", "nope", "--by", "condition", "--unit", "animal"),
    ],
)
def test_a_run_that_does_not_exist_is_said_not_to(command, call):
    call(*command).refused("there is no run folder nope: check the path")


def test_a_study_that_does_not_exist_is_said_not_to(call):
    call("study", "report", "nope").refused("there is no study nope: check the path")


def test_slips_in_the_methods_to_score_are_answered_by_near_names_and_not_by_long_lists(call):
    told = call("visualize", "--run", "a", "--score", "joint", "every", "umap-pooldd").refused(
        "'joint' (did you mean 'umap-joint'?), 'every' (did you mean 'umap-every'?)", "(did you mean 'umap-pooled'?)"
    )
    assert "choose from" not in told
    told = call("visualize", "--run", "a", "--score", "joint", "zzz", "qqq").refused("'zzz'", "'qqq'")
    assert told.count("choose from all, umap-joint, umap-last") == 1


def test_data_given_for_a_run_are_called_a_file(images, call):
    for command in (("train", "--resume"), ("test", "--run"), ("visualize", "--run"), ("explore",)):
        call(*command, images).refused(f"{images} is a file, not the folder of a run")


def test_what_holds_no_settings_is_told_what_does(tmp_path, images, call):
    call("train", images, "--config", tmp_path).refused(f"--config {tmp_path / 'config.json'}")
    call("train", images, "--config", images).refused(str(images), "a run's config.json, or a .toml")


def test_resume_names_the_flags_that_it_does_not_take(tmp_path, call):
    call("train", "--resume", tmp_path, "--batch-size", "4").refused("it does not take --batch-size: leave it out")


def test_files_that_are_there_are_named_in_one_sentence(tmp_path, call):
    for name in ("a.npz", "a.csv"):
        (tmp_path / name).touch()
    told = call("prepare", "arena", "--images", "1", "--out", tmp_path / "a").refused("already exist", "replace them")
    assert told.count("--overwrite") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("train", "DATA", "--out", "r"), "did you mean '--run'?"),
        (("train", "--data", "DATA"), "DATA has no flag before it"),
        (("train", "DATA", "runs/x1"), "did you mean '--run runs/x1'?"),
        (("train", "DATA", "--epoch", 3), "did you mean '--epochs'?"),
        (("test",), "no run is named: give one of RUN, --run"),
        (("test", "a", "--run", "b"), "the run is named by RUN and --run: leave one out"),
    ],
)
def test_what_other_commands_call_otherwise_is_named(images, call, line, said):
    call(*(images if part == "DATA" else part for part in line)).refused(said)


def test_a_run_is_named_with_and_without_a_flag(images, tmp_path, succeed, call):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--quiet")
    for flag in ((), ("--run",)):
        succeed("test", *flag, run, "--no-movies", "--out", tmp_path / f"test{len(flag)}", "--quiet")
        call("visualize", *flag, run, "--reduce", "pca").refused("all 40 images")
    assert (tmp_path / "test0" / "metrics.json").read_bytes() == (tmp_path / "test1" / "metrics.json").read_bytes()


def test_a_run_that_exists_hides_nothing_else(images, tmp_path, call, succeed):
    run = tmp_path / "run"
    succeed("train", images, "--run", run, "--epochs", 1, "--batch-size", 16, "--quiet")
    call("train", images.with_suffix(""), "--run", run).refused("already exists", f"did you mean {images}?")
