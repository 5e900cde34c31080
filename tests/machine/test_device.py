from __future__ import annotations

import json
import platform
import sys

import numpy as np
import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.machine.device import choose_device, describe_environment, keep_freed_memory, prepare_machine


def test_the_processor_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_takes_what_is_there() -> None:
    device = choose_device("auto")
    if torch.cuda.is_available():
        assert device.type == "cuda"
    elif torch.backends.mps.is_available():
        assert device.type == "mps"
    else:
        assert device.type == "cpu"
    assert (torch.zeros(2, device=device) + 1).sum() == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"--device cuda.*--device cpu"):
        choose_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_gpu_is_used_where_there_is_one() -> None:
    assert choose_device("cuda").type == "cuda"


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an Apple GPU")
def test_missing_apple_gpu_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"--device mps.*--device cpu"):
        choose_device("mps")


def test_memory_setting_can_be_made_twice_and_memory_still_works() -> None:
    first, second = keep_freed_memory(), keep_freed_memory()
    assert first is second
    assert isinstance(first, bool)
    assert first == (sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc")
    big = [torch.full((1 << 20,), float(i)) for i in range(8)]
    assert [int(values.mean()) for values in big] == list(range(8))


def test_preparing_sets_the_threads_and_no_more_than_asked() -> None:
    before = torch.get_num_threads()
    try:
        prepare_machine(torch.device("cpu"), 1)
        assert torch.get_num_threads() == 1
        prepare_machine(torch.device("cpu"))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_environment_says_what_numbers_depend_on() -> None:
    found = describe_environment(torch.device("cpu"))
    assert found["torch"] == torch.__version__
    assert found["numpy"] == np.__version__
    assert found["device"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
    assert json.loads(json.dumps(found)) == found
