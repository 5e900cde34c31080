"""Names out of a pickle, which is not loaded: only what stands for texts, numbers, lists, tuples and dicts is read.

Loading a pickle can run any code. Here its instructions are taken apart by `pickletools.genops`, which runs nothing,
and those that name a class or call a function are refused.
"""

from __future__ import annotations

import pickletools
from typing import Any

MARK = object()
"""Where a list, tuple or dict of the pickle begins on the stack."""

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}

MAKERS: dict[str, Any] = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict}

VALUES = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    }
)
"""Instructions that put their argument on the stack."""

FIXED_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class NotPlainError(ValueError):
    """A pickle holds more than plain values, or is damaged."""


def read_plain(pickled: bytes) -> Any:
    """The value of a pickle of plain values.

    Args:
        pickled: of any protocol.

    Raises:
        NotPlainError: it names a class or a function, or is damaged.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for instruction, argument, _ in pickletools.genops(pickled):
            if instruction.name == "STOP":
                return stack.pop()
            _do(instruction.name, argument, stack, memo)
    except NotPlainError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise NotPlainError(f"a damaged list of names: {error}") from None
    raise NotPlainError("a list of names that is cut short")


def _do(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """One instruction."""
    if name in VALUES:
        stack.append(argument)
    elif name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in MAKERS:
        stack.append(MAKERS[name]())
    elif name in FIXED_TUPLES:
        n = FIXED_TUPLES[name]
        stack[-n:] = [tuple(stack[-n:])]
    elif name == "MARK":
        stack.append(MARK)
    elif name in ("LIST", "TUPLE", "DICT"):
        items = _since_mark(stack)
        stack.append(_pairs(items) if name == "DICT" else list(items) if name == "LIST" else tuple(items))
    elif name == "APPEND":
        item = stack.pop()
        stack[-1].append(item)
    elif name == "APPENDS":
        items = _since_mark(stack)
        stack[-1].extend(items)
    elif name == "SETITEM":
        items = [stack.pop(-2), stack.pop()]
        stack[-1].update(_pairs(items))
    elif name == "SETITEMS":
        items = _since_mark(stack)
        stack[-1].update(_pairs(items))
    elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name not in ("PROTO", "FRAME"):
        raise NotPlainError(f"Python objects ({name}), which are not loaded because they can run code")


def _since_mark(stack: list[Any]) -> list[Any]:
    """What lies above the last mark, taken off with the mark."""
    place = max(i for i, item in enumerate(stack) if item is MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    keys = items[::2]
    # A key of tuples within tuples can take forever to hash.
    if len(items) % 2 or not all(key is None or isinstance(key, (str, bytes, int)) for key in keys):
        raise NotPlainError("a dict whose keys are no names")
    return dict(zip(keys, items[1::2], strict=True))
