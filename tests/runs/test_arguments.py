"""What callers may give in place of a file, a folder or a list, and what is said of what they may not."""

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.errors import UserError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return ae.prepare_arena(tmp_path_factory.mktemp("data") / "small", 60, size=16)


@pytest.fixture(scope="module")
def trained(data):
    return ae.train(ae.run_config(data, epochs=1, batch_size=16), data.npz.parent / "run")


TAKE_DATA = {
    "run_config": ae.run_config,
    "plan_study": ae.plan_study,
    "run_study": ae.run_study,
    "leave_one_out": lambda given: ae.leave_one_out(given, "x"),
    "compare_reference": ae.compare_reference,
    "load_images": ae.load_images,
    "describe": ae.describe,
    "train": ae.train,
    "join": lambda given: ae.join(given, "a.csv", "b.csv", on="frame"),
    "prepare_images": lambda given: ae.prepare_images(given, "out"),
    "prepare_idx": lambda given: ae.prepare_idx(given, "out"),
}


@pytest.mark.parametrize("call", TAKE_DATA.values(), ids=TAKE_DATA)
def test_images_in_memory_are_refused_by_what_to_do(call, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = data.load()
    with pytest.raises(UserError, match=r"as a file, not as <ImageSet .*: theirs is .*small\.npz; .*numpy\.savez\("):
        call(images)
    with pytest.raises(UserError, match=r"not as an array of shape \(60, 1, 16, 16\): .* by numpy\.savez\('images"):
        call(images.images)
    with pytest.raises(UserError, match="must be given as a file, not as 3"):
        call(3)
    assert not list(tmp_path.iterdir())


def test_what_is_advised_works(data, tmp_path):
    np.savez(tmp_path / "images.npz", images=data.load().images)
    assert len(ae.load_images(tmp_path / "images.npz")) == 60
    assert ae.run_config(tmp_path / "images.npz").data.images == str(tmp_path / "images.npz")
    assert len(ae.load_images(data.load().source)) == 60


def test_a_run_refuses_images_in_memory_where_it_reads_files(trained, data):
    with pytest.raises(UserError, match=r"the images must be given as a file, not as <ImageSet"):
        ae.encode(trained, data=data.load(), out="codes.csv")
    for call in (ae.test, ae.evaluate, lambda run, data: ae.encode(run, data=data, out="codes.csv")):
        with pytest.raises(UserError, match=r"the images must be given as a file, not as an array"):
            call(trained, data=data.load().images)


@pytest.mark.parametrize("call", [ae.resume, ae.open_run, ae.load_run, ae.compare_runs, ae.compare, ae.explore])
def test_what_is_no_run_is_refused(call, data):
    for given in (3, data.load()):
        with pytest.raises(UserError, match="a run must be given as a file or folder, not as"):
            call(given)


def test_a_data_set_stands_for_its_file(trained, data, tmp_path):
    evaluation, _ = ae.test(trained, data=data, movies=False, out=tmp_path / "test")
    assert len(evaluation.rows) == 12
    (codes,) = ae.encode(trained, data=data, out=tmp_path / "codes.csv")
    assert len(codes.read_text().splitlines()) == 61
    assert ae.describe(data)["images"].startswith("60 of")


def test_runs_stand_for_their_folder(trained, data):
    for run in (trained, ae.open_run(trained), ae.load_run(trained)):
        assert ae.describe(run) == ae.describe(trained.run.path)
        assert ae.resume(run).run.path == trained.run.path
        assert len(ae.evaluate(run).rows) == 12


def test_of_runs_by_name_the_values_are_compared(trained, tmp_path):
    assert [run.name for run in ae.compare({("seed", 1): trained}).runs] == ["run"]
    with pytest.raises(UserError, match="nothing"):
        ae.compare_runs({("a", 1): trained, ("a", 2): tmp_path / "nothing"}, out=tmp_path / "out")


def test_a_network_encodes_arrays_and_says_so_of_files(trained, data):
    for given in (data, str(data.npz)):
        with pytest.raises(UserError, match=r"an array \(N, 16, 16\), not .*: load_images\('.*small.npz'\) reads"):
            trained.encode(given)
    with pytest.raises(UserError, match=r"an array \(N, 16, 16\), not 3"):
        trained.encode(3)


def test_a_suffix_that_was_left_out_is_named(trained, data):
    without = data.npz.with_suffix("")
    for call in (
        lambda: ae.test(trained, data=without),
        lambda: ae.encode(trained, data=without, out="codes.csv"),
        lambda: ae.load_images(without),
    ):
        with pytest.raises(UserError, match=r"there is no file .*small: did you mean .*small.npz\?"):
            call()


def test_noise_of_a_test_may_be_text(trained):
    assert ae.evaluate(trained, noise="gaussian:0.3").noise == ae.NoiseConfig("gaussian", 0.3)
    with pytest.raises(UserError, match=r"noise must be a text such as 'gaussian:0.2', or 'none', not 0.3"):
        ae.evaluate(trained, noise=0.3)


def test_what_is_missing_or_misunderstood_is_said(trained):
    with pytest.raises(UserError, match="the first argument is their data file, such as run_config"):
        ae.run_config(epochs=1)
    with pytest.raises(UserError, match=r"leave --columns out, which gives names .* does not choose any"):
        ae.evaluate(trained, columns="x")


def test_a_single_name_is_not_cut_into_letters(trained, data, tmp_path):
    with pytest.raises(UserError, match=r"not similaritie; there is no study mine/study"):
        ae.measure_study(tmp_path, only="similaritie", beside="mine/study")
    with pytest.raises(UserError, match="'heading'"):
        ae.evaluate(trained, column_kinds="heading=radians")
    with pytest.raises(UserError, match="'treated'"):
        ae.plan_folds(data, "frame", by="nearest_port", conditions="treated", epochs=1, batch_size=16)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"only": "similaritie"}, "a study measures similarity, .*, not similaritie"),
        ({"only": ["units", "shape"]}, "not shape"),
        ({"matched": "epochs"}, "unknown matched 'epochs'"),
        ({"movie_format": "avi"}, "unknown format of movies 'avi'"),
        ({"beside": "none"}, "there is no study none"),
    ],
    ids=str,
)
def test_a_study_checks_what_it_measures_before_it_trains(asked, said, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        ae.run_study(data, epochs=1, seeds=1, batch_size=16, **asked)
    assert not list(tmp_path.iterdir())
