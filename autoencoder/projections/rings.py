"""A ring of codes should be a ring in the plane; where it is not, the picture has to say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autoencoder.array_types import FloatArray
from autoencoder.measures.topology import can_find_loops, find_loops


def keep_ring(codes: FloatArray, layouts: Iterable[Callable[[], FloatArray]], seed: int) -> FloatArray:
    """The first layout in the plane that keeps the ring that codes form; the first of all where none does, or where
    there is no ring. Without ripser, which tells, the first.

    Args:
        codes: (n, d).
        layouts: ways to lay them out, (n, 2) each; at least one.
        seed: of the landmarks.
    """
    lay_out_first, *others = layouts
    first = lay_out_first()
    if not others or not can_find_loops():
        return first
    ring = find_loops(codes, seed)
    if not ring.is_ring or find_loops(first, seed).keep(ring):
        return first
    for lay_out in others:
        plane = lay_out()
        if find_loops(plane, seed).keep(ring):
            return plane
    return first


def ring_note(codes: FloatArray, plane: FloatArray, seed: int) -> str | None:
    """What became of a ring of codes (n, d) in the plane (n, 2); None where there is none, or ripser is not there."""
    if not can_find_loops() or codes.shape[1] <= 2:
        return None
    ring = find_loops(codes, seed)
    if not ring.is_ring:
        return None
    return "a ring" if find_loops(plane, seed).keep(ring) else "a ring, which this plane tears"
