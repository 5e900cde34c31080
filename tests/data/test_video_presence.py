import numpy as np
import pytest

from autoencoder.data.sources.video.presence import LEAST_SHARE, MOST_AT_ONE_PLACE, SAMPLES, Presence, scattered_rows

WIDTH, HEIGHT, LENGTH = 160, 120, 20


def walk(n_frames, seed=0):
    """Places of an animal that roams, (n, 2)."""
    turns = np.random.default_rng(seed).uniform(0, 2 * np.pi, (2, 3, 1))
    time = np.arange(n_frames) * np.array([[0.01], [0.023], [0.041]])
    x, y = np.sin(time + turns).mean(axis=1)
    return np.stack([80 + 75 * x, 60 + 52 * y], axis=1)


def share(animal, pose, noise=4.0, flicker=0.0, contrast=40.0, color=False):
    """What `Presence` says of an animal, and a pose, of the same number of frames."""
    rng = np.random.default_rng(1)
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    ground = 100 + 30 * np.sin(across / 9) * np.cos(down / 7)
    presence = Presence(pose[:, 0], pose[:, 1], LENGTH, (WIDTH, HEIGHT))
    for row in presence.rows:
        x, y = animal[row]
        body = contrast * (np.hypot((across - x) / 9, (down - y) / 6) < 1)
        frame = (ground + body) * (1 + flicker * rng.normal()) + noise * rng.normal(size=ground.shape)
        frame = np.clip(frame, 0, 255).astype(np.uint8)
        presence.look(int(row) + 1, frame)  # of no interest
        presence.look(int(row), np.stack([frame] * 3) if color else frame)
    return presence.share()


def within(animal, pose):
    """Both, in the frames in which the pose is in the picture."""
    rows = ((pose >= 0) & (pose <= [WIDTH - 1, HEIGHT - 1])).all(axis=1)
    return animal[rows], pose[rows]


@pytest.mark.parametrize(
    "kind", [{}, {"noise": 20.0}, {"flicker": 0.2}, {"contrast": 12.0}, {"contrast": -40.0}, {"color": True}], ids=str
)
def test_a_pose_that_sits_on_the_animal(kind):
    animal = walk(600)
    assert share(animal, animal, **kind) > 0.9
    assert share(animal, animal + np.array([4, 3]), **kind) > LEAST_SHARE  # still on its body


@pytest.mark.parametrize(
    "wrong",
    [
        lambda xy: xy - [40, 20],
        lambda xy: xy + np.array([0, 25]),
        lambda xy: xy[:, ::-1] * [4 / 3, 3 / 4],
        lambda xy: np.array([WIDTH - 1, 0]) + xy * [-1, 1],
        lambda xy: np.roll(xy, 200, axis=0),
        lambda xy: xy * 0.5,
    ],
    ids=["in a window", "below", "turned", "mirrored", "of another time", "of half the size"],
)
@pytest.mark.parametrize("flicker", [0.0, 0.2])
def test_a_pose_that_does_not(wrong, flicker):
    animal = walk(600)
    assert share(*within(animal, wrong(animal)), flicker=flicker) < LEAST_SHARE - 0.05


def test_an_animal_that_rests_most_of_the_time():
    animal = np.tile([50.0, 40.0], (2000, 1))
    animal[900:1200] = walk(300)
    assert share(animal, animal) > 0.9
    assert share(*within(animal, animal - np.array([20, 25]))) < LEAST_SHARE


def test_an_animal_that_hardly_moves_says_nothing():
    animal = np.array([80, 60]) + np.random.default_rng(0).normal(0, 3, (500, 2))
    assert share(animal, animal) is None
    assert share(animal, animal + 30) is None
    assert share(walk(5), walk(5)) is None


def test_samples_are_from_all_over_and_few_from_one_place():
    rows = scattered_rows(walk(5000), 1.0)
    assert len(rows) == SAMPLES
    assert np.diff(rows).min() > 0
    assert np.histogram(rows, bins=4, range=(0, 5000))[0].min() >= SAMPLES // 8
    places = np.zeros((5000, 2))
    places[2500:] = [9, 9]
    assert len(scattered_rows(places, 1.0)) == 2 * MOST_AT_ONE_PLACE
