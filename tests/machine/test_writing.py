"""Work beside training is done in order, and what goes wrong with it is raised where training goes on."""

import os
import threading

import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.machine.copies import Sent, room_for
from autoencoder.machine.files import replacing
from autoencoder.machine.writing import AtOnce, Beside


@pytest.fixture
def beside():
    writing = Beside()
    yield writing
    writing.close()


def failing():
    raise UserError("no space left")


def test_in_order_and_elsewhere(beside):
    done, here = [], threading.current_thread()
    for number in range(20):
        beside.do(lambda number=number: done.append((number, threading.current_thread() is here)))
    beside.drain()
    assert done == [(number, False) for number in range(20)]


def test_asking_does_not_wait(beside):
    """Not before as much waits as may."""
    may_go, done = threading.Event(), []
    for number in range(4):
        beside.do(lambda number=number: (may_go.wait(10), done.append(number)))
    assert done == []
    may_go.set()
    beside.settle()
    assert done == [0, 1, 2, 3]


def test_what_fails_is_raised_later_and_nothing_is_done_after_it(beside):
    done = []
    beside.do(lambda: done.append("before"))
    beside.do(failing)
    beside.do(lambda: done.append("after"))
    beside.settle()
    assert beside.has_failed()
    with pytest.raises(UserError, match="no space left"):
        beside.drain()
    assert done == ["before"]


def test_closing_does_what_waits():
    done, writing = [], Beside()
    for number in range(3):
        writing.do(lambda number=number: done.append(number))
    writing.close()
    assert done == [0, 1, 2]
    writing.close()


def test_work_may_settle(beside):
    """It waits for what was asked for before, which is done, and not for itself."""
    beside.do(beside.settle)
    beside.drain()


def test_at_once_raises_at_once():
    writing = AtOnce()
    with pytest.raises(UserError):
        writing.do(failing)
    assert not writing.has_failed()
    writing.drain()


def test_what_was_sent_is_as_it_was_and_keeps_its_layout():
    values = torch.arange(48.0).reshape(2, 3, 2, 4).to(memory_format=torch.channels_last)
    sent = Sent({"a": [values, 3.5], "b": (values, "text", None)}, copy=True)
    values.zero_()
    content = sent.content()
    assert sent.has_come()
    assert torch.equal(content["a"][0], torch.arange(48.0).reshape(2, 3, 2, 4))
    assert content["a"][0].stride() == values.stride()
    assert content["a"][1:] == [3.5]
    assert content["b"][1:] == ("text", None)


def test_one_piece_of_memory_for_all():
    """Each tensor has its own part of it, with its type and layout."""
    last = torch.rand(2, 3, 2, 4).to(memory_format=torch.channels_last)
    values = [torch.rand(3), torch.tensor(7), torch.zeros(0), torch.tensor([True, False]), torch.rand(4, 6).T, last]
    values += [torch.rand(8, 6)[:, ::2], torch.rand(1).expand(3), torch.rand(5, dtype=torch.float64)]
    room = room_for(values, pinned=False)
    for there, here in zip(room, values, strict=True):
        there.copy_(here)
    assert len({there.untyped_storage().data_ptr() for there in room}) == 1
    for there, here in zip(room, values, strict=True):
        assert there.dtype == here.dtype
        assert torch.equal(there, here)
    assert room[5].stride() == last.stride()


def test_threads_that_write_leave_the_mask_as_it_is(tmp_path):
    before = os.umask(0o027)
    try:

        def write(name):
            for number in range(40):
                with replacing(tmp_path / f"{name}-{number}") as temporary:
                    temporary.write_text("x")

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        after = os.umask(before)
    assert after == 0o027
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o640}
