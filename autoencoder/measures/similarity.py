"""How alike two representations are: codes of the same images, in any number of units, to one number.

Every measure takes all pairs at once, so that what can be prepared for each code is, and products of pairs are those of
large matrices. None of them changes when codes are moved, scaled, rotated or reflected.

Codes of frames that follow each other are alike by chance: two slow signals that have nothing to do with each other
have a CKA far from 0 and an angle far from 90 degrees. What a value has to be compared with is that of the same codes
moved against each other in time; `pairwise` takes the rows.

Sources: Williams, Kunz, Kornblith & Linderman (2021), "Generalized shape metrics on neural representations"; Song,
Smola, Gretton, Bedo & Borgwardt (2012), "Feature selection via dependence maximization"; Kornblith, Norouzi, Lee &
Hinton (2019), "Similarity of neural network representations revisited"; Klabunde, Schumacher, Strohmaier & Lemmerich
(2023), "Similarity of neural network models" (a survey, for the Jaccard index of neighbours).
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from autoencoder.array_types import Integers, Reals, Rows
from autoencoder.measures.timeline import Timeline
from autoencoder.neighbors.compiled import compiled
from autoencoder.neighbors.exact import candidates, nearest_apart

CONSTANT = 1e-6
"""A unit whose deviation is no more than this share of its root mean square is constant: codes are float32."""

SMALLEST_DIRECTION = 1e-5
"""A direction of whitened codes has at least this share of the deviation of the widest one: codes are float32."""

NO_KERNEL = 1e-12
"""A debiased kernel of a smaller square, of codes whose squares sum to 1, is rounding."""

COLUMNS_AT_ONCE = 1024
"""Products of pairs are taken from blocks of so many units a side: 8 MB."""

NEIGHBORS = 10


class Similarity(abc.ABC):
    """One measure of how alike codes are.

    Attributes:
        name: its key in tables.
        title: its name for people.
        unit: "deg" or "".
        is_distance: whether a smaller value is more alike.
        fewest_rows: images that it needs.
    """

    name: str
    title: str
    unit: str
    is_distance: bool
    fewest_rows = 2

    def pairwise(self, codes: Sequence[Reals], moved: Rows | None = None) -> NDArray[np.float64]:
        """Every code against every code; (m, m).

        Args:
            codes: m of them, each (n, d) with any d, rows of all of them the same n images.
            moved: (n,) row numbers: value i, j is that of codes[i] and codes[j][moved]. A null: rows moved in time, or
                permuted. None for the rows as they are, where the matrix is symmetric.

        Returns:
            (m, m), NaN in the row and the column of a code that is the same for all images, up to rounding.

        Raises:
            ValueError: codes that are no matrices of the same number of rows, that are too few rows, or that hold NaN
                or infinity; `moved` holds no n row numbers.
        """
        n = _rows_of(codes, self.fewest_rows)
        if moved is not None and (moved.shape != (n,) or moved.min() < 0 or moved.max() >= n):
            raise ValueError(f"moved rows are {n} numbers from 0 to {n - 1}")
        return self._pairwise(codes, moved) if len(codes) else np.empty((0, 0))

    def too_few(self, n: int) -> str | None:
        """Why codes of n images are too few to be compared, in words; None where they are not."""
        return f"{n} images are compared, and {self.fewest_rows} are needed" if n < self.fewest_rows else None

    def between(self, one: Reals, other: Reals) -> float:
        """The value of two codes (n, d), (n, e); NaN if one of them is constant.

        Raises:
            ValueError: as of `pairwise`.
        """
        return float(self.pairwise([one, other])[0, 1])

    def by_chance(self, codes: Sequence[Reals], draws: Integers) -> NDArray[np.float64]:
        """What codes that have nothing to do with each other are like; (m, m).

        Args:
            codes: as of `pairwise`.
            draws: (r, n) orders of the rows; the mean of `pairwise` with each of them is taken.

        Raises:
            ValueError: as of `pairwise`.
        """
        return np.asarray(np.mean([self.pairwise(codes, moved) for moved in draws], axis=0))

    @abc.abstractmethod
    def distances(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of this measure, of any shape, as distances: 0 for codes that it holds to be the same."""

    @abc.abstractmethod
    def _pairwise(self, codes: Sequence[Reals], moved: Rows | None) -> NDArray[np.float64]:
        """`pairwise` of one code or more, with arguments that are checked."""


def _rows_of(codes: Sequence[Reals], fewest: int) -> int:
    """How many rows each of the codes has; `fewest` where there is no code."""
    shapes = [code.shape for code in codes]
    if any(len(shape) != 2 for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
        raise ValueError(f"codes are matrices with a row for each image, not {', '.join(map(str, shapes))}")
    broken = [str(number) for number, code in enumerate(codes) if not np.isfinite(code).all()]
    if broken:
        raise ValueError(f"NaN or infinity in {len(broken)} of {len(codes)} codes: number {', '.join(broken)}")
    n = shapes[0][0] if shapes else fewest
    if n < fewest:
        raise ValueError(f"codes are compared on {fewest} images or more, not {n}")
    return n


def _centred(code: Reals) -> NDArray[np.float64] | None:
    """A code (n, d) with columns of mean 0, its squares summing to 1; None where all columns are constant."""
    values = np.asarray(code, np.float64)
    centred = values - values.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    varies = lengths > CONSTANT * np.linalg.norm(values, axis=0)
    return np.where(varies, centred, 0.0) / np.linalg.norm(lengths[varies]) if varies.any() else None


@dataclass(frozen=True, eq=False)
class _Stack:
    """Prepared codes of one width, side by side.

    Attributes:
        numbers: (c,) which of the codes they are.
        values: (n, c, w).
    """

    numbers: Integers
    values: NDArray[np.float64]

    def products(self, other: _Stack) -> NDArray[np.float64]:
        """X'Y of each X of this stack and Y of the other one: (c, w, c', w')."""
        n = len(self.values)
        flat = self.values.reshape(n, -1).T @ other.values.reshape(n, -1)
        return np.asarray(flat.reshape(*self.values.shape[1:], *other.values.shape[1:]))

    @property
    def squares(self) -> NDArray[np.float64]:
        """Squared length of each row of each code: (n, c)."""
        return np.asarray(np.einsum("ncw,ncw->nc", self.values, self.values))


def _stacked(codes: Sequence[NDArray[np.float64] | None]) -> list[_Stack]:
    """Codes of the same width stacked, in blocks of `COLUMNS_AT_ONCE`; those that are None are left out."""
    by_width: dict[int, list[int]] = {}
    for number, code in enumerate(codes):
        if code is not None:
            by_width.setdefault(code.shape[1], []).append(number)
    stacks = []
    for width, numbers in by_width.items():
        size = max(1, COLUMNS_AT_ONCE // width)
        for part in (numbers[start : start + size] for start in range(0, len(numbers), size)):
            stacks.append(_Stack(np.array(part), np.stack([code for i in part if (code := codes[i]) is not None], 1)))
    return stacks


class _OfProducts(Similarity):
    """A measure that needs no more of two prepared codes X and Y than X'Y and their rows' lengths."""

    @abc.abstractmethod
    def _prepared(self, code: Reals) -> NDArray[np.float64] | None:
        """What stands for a code (n, d): (n, w), or None where it is constant."""

    @abc.abstractmethod
    def _compare(self, ones: _Stack, others: _Stack) -> NDArray[np.float64]:
        """Every code of one stack against every code of another: (c, c')."""

    def _pairwise(self, codes: Sequence[Reals], moved: Rows | None) -> NDArray[np.float64]:
        values = np.full((len(codes), len(codes)), np.nan)
        stacks = _stacked([self._prepared(code) for code in codes])
        # Rows that are left out by `moved`, or taken twice, change what is prepared.
        moved_stacks = stacks if moved is None else _stacked([self._prepared(code[moved]) for code in codes])
        for number, ones in enumerate(stacks):
            for others in moved_stacks if moved is not None else moved_stacks[number:]:
                block = self._compare(ones, others)
                values[np.ix_(ones.numbers, others.numbers)] = block
                if moved is None:
                    values[np.ix_(others.numbers, ones.numbers)] = block.T
        return values if moved is not None else (values + values.T) / 2  # the same to the last bit both ways


class ProcrustesAngle(_OfProducts):
    """The angle that is left between two codes when one is rotated or reflected onto the other, in degrees.

    arccos of the nuclear norm of X'Y, where columns of X and Y have mean 0 and their squares sum to 1 (Williams et al.
    2021). 0 for codes of the same shape, 90 for those that have nothing in common. It is a metric. Rounding leaves
    about 1e-5 degrees between a code and itself.
    """

    name = "procrustes"
    title = "Procrustes angle"
    unit = "deg"
    is_distance = True

    def distances(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The angles as they are, in degrees."""
        return values

    def _prepared(self, code: Reals) -> NDArray[np.float64] | None:
        return _centred(code)

    def _compare(self, ones: _Stack, others: _Stack) -> NDArray[np.float64]:
        products = ones.products(others).transpose(0, 2, 1, 3)
        cosines = np.linalg.svd(products, compute_uv=False).sum(axis=-1)
        return np.asarray(np.degrees(np.arccos(cosines.clip(0, 1))))


class WhitenedProcrustesAngle(ProcrustesAngle):
    """The Procrustes angle of whitened codes, in degrees: any invertible linear map of a code changes nothing.

    Its cosine is the sum of the canonical correlations over the root of the product of both ranks, so codes of
    different rank are never the same. Directions narrower than `SMALLEST_DIRECTION` do not count.
    """

    name = "procrustes_whitened"
    title = "Procrustes angle, whitened"

    def _prepared(self, code: Reals) -> NDArray[np.float64] | None:
        centred = _centred(code)
        if centred is None:
            return None
        # Not by singular values of the code: with other work beside it, that takes up to a hundred times as long.
        variances, directions = np.linalg.eigh(centred.T @ centred)
        kept = variances > SMALLEST_DIRECTION**2 * variances[-1]
        return np.asarray(centred @ (directions[:, kept] / np.sqrt(variances[kept] * kept.sum())))


class DebiasedCKA(_OfProducts):
    """Linear CKA with the unbiased estimate of HSIC: 1 for the same shape, 0 on average for independent rows.

    With K = XX' and L = YY' whose diagonals are set to 0 (Song et al. 2012, equation 5), up to a factor of n only,

        HSIC = tr KL + 1'K1 1'L1 / ((n - 1) (n - 2)) - 2 1'KL1 / (n - 2),

    and CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) (Kornblith et al. 2019), which lies in [-1, 1]. Of codes with
    columns of mean 0 and rows of squared lengths p and q, this HSIC is ::

        |X'Y|^2 - p'q n / (n - 2) + sum p sum q / ((n - 1) (n - 2)),

    which needs no n x n matrix. A code in which only one image differs from the rest has no debiased kernel, and counts
    as constant.
    """

    name = "cka"
    title = "linear CKA, debiased"
    unit = ""
    is_distance = False
    fewest_rows = 4

    def distances(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The angle that CKA is the cosine of, in degrees; beyond 90 where CKA is negative."""
        return np.asarray(np.degrees(np.arccos(values.clip(-1, 1))))

    def _prepared(self, code: Reals) -> NDArray[np.float64] | None:
        """The centred code, scaled so that its HSIC with itself is 1."""
        centred = _centred(code)
        if centred is None:
            return None
        alone = _Stack(np.zeros(1, np.int64), centred[:, None])
        own = float(self._compare(alone, alone)[0, 0])
        return centred / own**0.25 if own > NO_KERNEL else None

    def _compare(self, ones: _Stack, others: _Stack) -> NDArray[np.float64]:
        n, p, q = len(ones.values), ones.squares, others.squares
        products = ones.products(others)
        total = np.einsum("awbv,awbv->ab", products, products)
        sums = np.outer(p.sum(axis=0), q.sum(axis=0))
        return np.asarray(total - p.T @ q * (n / (n - 2)) + sums / ((n - 1) * (n - 2)))


class NeighborOverlap(Similarity):
    """Which share of their nearest neighbours images have in common: the Jaccard index, its mean over images.

    `len(N(x) & N(y)) / len(N(x) | N(y))` of the k nearest neighbours by Euclidean distance, never the image itself nor,
    with a timeline, those of the same recording that are near in time. Of images at the same distance that of the lower
    row is taken, in every code.

    Args:
        k: neighbours of each image.
        timeline: of the rows; None, or one without frames, where all other images may be neighbours.
        apart: frames; images of one recording that are no further apart are no neighbours of each other.
    """

    name = "knn_jaccard"
    unit = ""
    is_distance = False

    def __init__(self, k: int = NEIGHBORS, timeline: Timeline | None = None, apart: float = 0.0) -> None:
        self.k = k
        self.timeline = timeline
        self.apart = apart
        self.title = f"shared neighbours of {k}, Jaccard"

    def too_few(self, n: int) -> str | None:
        """As of every measure; or some image has fewer than k candidates."""
        least = int(candidates(*self._times(n), math.floor(self.apart)).min(initial=n))
        return (
            f"an image has {least} others that are far enough in time, and {self.k} are needed"
            if least < self.k
            else None
        )

    def pairwise(self, codes: Sequence[Reals], moved: Rows | None = None) -> NDArray[np.float64]:
        """As of every measure; but `moved` has to be a permutation, and neighbours are those before rows are moved.

        Raises:
            ValueError: also where an image has fewer than k candidates, `moved` is no permutation, or the timeline is
                that of other rows.
        """
        return super().pairwise(codes, moved)

    def distances(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 - Jaccard."""
        return 1 - values

    def _pairwise(self, codes: Sequence[Reals], moved: Rows | None) -> NDArray[np.float64]:
        return self._shared(codes, [moved])

    def by_chance(self, codes: Sequence[Reals], draws: Integers) -> NDArray[np.float64]:
        """As of every measure; neighbours are looked for once for all draws.

        Raises:
            ValueError: as of `pairwise`.
        """
        _rows_of(codes, self.fewest_rows)
        return self._shared(codes, list(draws))

    def _shared(self, codes: Sequence[Reals], draws: Sequence[Rows | None]) -> NDArray[np.float64]:
        """The mean over draws of what codes share; None leaves rows as they are."""
        n, values = len(codes[0]), np.full((len(codes), len(codes)), np.nan)
        if any(moved is not None and len(np.unique(moved)) < n for moved in draws):
            raise ValueError("neighbours of moved rows are compared for a permutation only; some row is taken twice")
        numbers, neighbors = self._neighbors(codes)
        shared = np.arange(self.k + 1)
        jaccard = shared / (2 * self.k - shared)
        overlaps = [
            _overlaps(neighbors, neighbors if moved is None else _renamed(neighbors, moved), jaccard) for moved in draws
        ]
        values[np.ix_(numbers, numbers)] = np.mean(overlaps, axis=0)
        return values

    def _neighbors(self, codes: Sequence[Reals]) -> tuple[list[int], NDArray[np.int32]]:
        """Which codes are not constant, and the neighbours of their rows: (c,), (n, c, k)."""
        recordings, frames = self._times(len(codes[0]))
        found: dict[int, NDArray[np.int32]] = {}
        for number, code in enumerate(codes):
            centred = _centred(code)  # float32 is finest around 0
            if centred is not None:
                points = centred.astype(np.float32)
                found[number] = nearest_apart(points, self.k, recordings, frames, self.apart)
        none = np.empty((len(codes[0]), 0, self.k), np.int32)
        return list(found), np.stack(list(found.values()), axis=1) if found else none

    def _times(self, n: int) -> tuple[Integers, Integers]:
        """Recordings and frames (n,); a recording for each row where there is no time."""
        if self.timeline is None or self.timeline.frames is None:
            return np.arange(n), np.zeros(n, np.int64)
        if len(self.timeline) != n:
            raise ValueError(f"the timeline is of {len(self.timeline)} rows, and codes of {n}")
        return self.timeline.recordings, self.timeline.frames


def _renamed(neighbors: NDArray[np.int32], moved: Rows) -> NDArray[np.int32]:
    """Neighbours (n, c, k) of rows that are moved: place p holds row `moved[p]`, and rows are named by their places."""
    places = np.empty(len(moved), np.int32)
    places[moved] = np.arange(len(moved))
    return np.asarray(places[neighbors[moved]])


@compiled
def _overlaps(ones: NDArray[np.int32], others: NDArray[np.int32], jaccard: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over rows of `jaccard` (k + 1,) of how many of `ones` (n, a, k) are in `others` (n, b, k): (a, b)."""
    n, a, k = ones.shape
    b = others.shape[1]
    means = np.zeros((a, b))
    for i in numba.prange(a):
        marks = np.zeros(n, np.uint8)  # looked up k times, which is quicker than two sorted lists are merged
        for row in range(n):
            for place in range(k):
                marks[ones[row, i, place]] = 1
            for j in range(b):
                shared = 0
                for place in range(k):
                    shared += marks[others[row, j, place]]
                means[i, j] += jaccard[shared]
            for place in range(k):
                marks[ones[row, i, place]] = 0
    means /= n
    return means


def similarities(timeline: Timeline | None = None, apart: float = 0.0, k: int = NEIGHBORS) -> tuple[Similarity, ...]:
    """Every measure, in the order of tables; the arguments are those of `NeighborOverlap`."""
    return ProcrustesAngle(), WhitenedProcrustesAngle(), DebiasedCKA(), NeighborOverlap(k, timeline, apart)
