"""Tensors on their way from the device to the processor, which go there while the device works on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

ALIGNED = 64
"""Bytes; each tensor begins at a multiple of these."""


class Sent:
    """Tensors, in nested dictionaries, lists and tuples, as they are when all that was asked for before is done.

    From a GPU they are copied behind its work into one piece of pinned memory, since each piece takes long to get;
    nothing waits before `content`.

    Args:
        content: the tensors; what else is in there is passed on as it is.
        copy: also copy tensors that are the processor's already, since they go on changing.
    """

    def __init__(self, content: Any, *, copy: bool = False) -> None:
        self._content, self._copied = content, None
        there = [values.detach() for values in tensors_in(content) if values.is_cuda]
        if there:
            pinned = iter(room_for(there, pinned=True))
            self._content = _with(content, lambda values: _sent_to(values, pinned))
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()
        elif copy:
            self._content = _with(content, lambda values: values.detach().clone())

    def has_come(self) -> bool:
        """Whether `content` need not wait."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def content(self) -> Any:
        """The same with all tensors in ordinary memory, each by itself; one thread may ask, any."""
        if self._copied is not None:
            self._copied.synchronize()
            self._content = _with(self._content, torch.clone)
            self._copied = None
        return self._content


def _sent_to(values: Tensor, pinned: Iterator[Tensor]) -> Tensor:
    return next(pinned).copy_(values.detach(), non_blocking=True) if values.is_cuda else values


def room_for(tensors: list[Tensor], *, pinned: bool) -> list[Tensor]:
    """Tensors on the processor of the same shapes, types and layouts, whose values are not set, in one piece.

    Args:
        tensors: of any kind but sparse ones.
        pinned: whether the piece is memory that a GPU writes to by itself.
    """
    layouts = [torch.empty_like(values, device="meta") for values in tensors]
    sizes = [ALIGNED * math.ceil(layout.numel() * layout.element_size() / ALIGNED) for layout in layouts]
    piece = torch.empty(sum(sizes), dtype=torch.uint8, pin_memory=pinned)
    parts = piece.split(sizes)  # type: ignore[no-untyped-call]
    return [
        part[: layout.numel() * layout.element_size()].view(layout.dtype).as_strided(layout.shape, layout.stride())
        for part, layout in zip(parts, layouts, strict=True)
    ]


def _with(content: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The content with each tensor changed, in the order of `tensors_in`."""
    if isinstance(content, Tensor):
        return change(content)
    if isinstance(content, dict):
        return {key: _with(value, change) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return type(content)(_with(value, change) for value in content)
    return content


def tensors_in(content: Any) -> Iterator[Tensor]:
    """All tensors in nested dictionaries, lists and tuples."""
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from tensors_in(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from tensors_in(value)
