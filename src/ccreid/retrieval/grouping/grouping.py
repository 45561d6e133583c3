"""Which crops of a pile show one person: groups that hold too few crops sooner than crops of two people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ccreid.machine.arguments import as_count, as_number
from ccreid.ops.neighbour_graph import jaccard_graph
from ccreid.ops.ranking import runs
from ccreid.ops.similarity import similarity_blocks
from ccreid.vocabulary import UNKNOWN, Ids

STRAYING = 0.25
"""Share of a group's crops that are nearer to another group's mean than to their own, from which on it is too loose."""
NEAREST_GROUPS = 10
"""Of each group, those that are looked at for a proposal to merge."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of N crops before they are grouped.

    Attributes
    ----------
    person:
        (N,) int64, the confirmed person of a crop, `UNKNOWN` where nobody has said.
    frame:
        (N,) int64, the picture that a crop was cut from: two crops of one frame are never one person. `UNKNOWN` where
        there is none.
    group:
        (N,) int64, the group that a crop was in before: those of one stay together. `UNKNOWN` for a new crop.
    apart:
        (M, 2) int64, rows of crops of which somebody has said that they are not one person.
    """

    person: Ids
    frame: Ids
    group: Ids
    apart: Ids = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))

    @classmethod
    def nothing(cls, count: int) -> Known:
        """Of N crops."""
        return cls(*(np.full(count, UNKNOWN) for _ in range(3)))


@dataclass(frozen=True, eq=False)
class Groups:
    """N crops in G groups.

    Attributes
    ----------
    group:
        (N,) int64, from 0, in the order of their first crops.
    means:
        (G, D) float32, of the vectors, not of unit length: the product of two is the mean similarity of their crops.
    straying:
        (G,) the share of a group's crops that are nearer to another group's mean than to the mean of their own others.
    """

    group: Ids
    means: NDArray[np.float32]
    straying: NDArray[np.float64]

    @property
    def sizes(self) -> Ids:
        """(G,) crops of each."""
        return np.bincount(self.group, minlength=len(self.means))

    @property
    def loose(self) -> NDArray[np.bool_]:
        """(G,) whether so many of its crops stray that it may well hold several people."""
        return self.straying >= STRAYING


@dataclass(frozen=True)
class Joining:
    """How near crops must be to be joined.

    The defaults join so little that few people are joined with another, and most are in several groups at first.

    Attributes
    ----------
    k1, k2:
        Length of a neighbour list, over how many a neighbourhood is averaged: see
        :func:`ccreid.ops.neighbour_graph.jaccard_graph`.
    eps:
        Largest Jaccard distance between two crops that are joined.
    dense:
        Crops within eps of each other, itself included, that make a crop join others.

    Raises
    ------
    SettingError
        One is none.
    """

    k1: int = 12
    k2: int = 4
    eps: float = 0.2
    dense: int = 3

    def __post_init__(self) -> None:
        as_number(self.eps, "eps", 0, 1)
        for name in ("k1", "k2", "dense"):
            as_count(getattr(self, name), name)


SURE = Joining()


class Pairs(NamedTuple):
    """P pairs of groups that may be one person, the likeliest first.

    Attributes
    ----------
    first, second:
        (P,) int64, the groups, the larger one first.
    similarity:
        (P,) the mean cosine similarity of their crops.
    """

    first: Ids
    second: Ids
    similarity: NDArray[np.float32]


def group_crops(vectors: NDArray[np.float32], known: Known, joining: Joining = SURE) -> Groups:
    """Put the crops of one person together, as far as that is sure.

    Density clusters of the k-reciprocal Jaccard distance: crops with enough others near them join those, nearest
    first; a crop with too few joins the nearest of them, and what is near nobody stays alone. Nothing is joined that is
    known to be apart; crops of one confirmed person are always together, and so are those of a group that was there
    before, unless they are known to be apart by now.

    Parameters
    ----------
    vectors:
        (N, D) of unit length.
    known:
        Of the same N crops.
    joining:
        How near they must be.

    Raises
    ------
    DataError
        There are no crops, or an embedding is not finite.
    """
    own = np.require(vectors, np.float32, "W")  # torch warns of what it cannot write
    near = jaccard_graph(torch.from_numpy(own), joining.k1, joining.k2).tocoo()
    kept = (near.data <= joining.eps) & (near.row < near.col)
    left, right, distance = near.row[kept].astype(np.int64), near.col[kept].astype(np.int64), near.data[kept]
    neighbours = np.bincount(left, minlength=len(vectors)) + np.bincount(right, minlength=len(vectors))
    core = neighbours + 1 >= joining.dense
    edges = _in_order(left, right, distance, core)
    return _described(vectors, _joined(len(vectors), edges, known))


def _in_order(left: Ids, right: Ids, distance: NDArray[np.float32], core: NDArray[np.bool_]) -> tuple[Ids, Ids]:
    """Edges between dense crops, the shortest first; then, of every other crop, the shortest to a dense one."""
    order = np.lexsort((right, left, distance))
    left, right = left[order], right[order]
    inner = core[left] & core[right]
    outer = core[left] ^ core[right]
    lone = np.where(core[left[outer]], right[outer], left[outer])
    _, first = np.unique(lone, return_index=True)
    first.sort()
    chosen = np.concatenate([np.flatnonzero(inner), np.flatnonzero(outer)[first]])
    return left[chosen], right[chosen]


def _joined(count: int, edges: tuple[Ids, Ids], known: Known) -> Ids:
    """(N,) groups. Where nothing is known to be apart, groups are the connected parts; only the others are walked."""
    given = (_together(known.person), _together(known.group), edges)
    left, right = (np.concatenate(ends) for ends in zip(*given, strict=True))
    ones = np.ones(len(left), dtype=np.int8)
    _, found = connected_components(csr_array((ones, (left, right)), shape=(count, count)), directed=False)
    part: Ids = found.astype(np.int64)
    torn = _torn(part, known)
    walked = torn[part[left]]
    label = np.where(torn[part], -1, part)
    unions = _Unions(np.flatnonzero(torn[part]), known)
    for one, other in zip(left[walked].tolist(), right[walked].tolist(), strict=True):
        unions.join(one, other)
    for row in np.flatnonzero(label < 0).tolist():
        label[row] = count + unions.root(row)
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _together(value: Ids) -> tuple[Ids, Ids]:
    """Edges from the first crop of each known value to the others of the same."""
    rows = np.flatnonzero(value != UNKNOWN)
    _, first, inverse = np.unique(value[rows], return_index=True, return_inverse=True)
    return rows[first][inverse], rows


def _torn(part: Ids, known: Known) -> NDArray[np.bool_]:
    """Which parts hold crops that are known to be apart: (number of parts,) bool."""
    torn = np.zeros(int(part.max()) + 1, dtype=np.bool_)
    framed = known.frame != UNKNOWN
    torn[_twice(part[framed], known.frame[framed])] = True
    seen = known.person != UNKNOWN
    several = np.unique(np.stack([part[seen], known.person[seen]]), axis=1)[0]
    torn[np.unique(several[:-1][np.diff(several) == 0])] = True
    one, other = part[known.apart[:, 0]], part[known.apart[:, 1]]
    torn[one[one == other]] = True
    return torn


def _twice(part: Ids, value: Ids) -> Ids:
    """The parts in which a value stands more than once."""
    pairs, counts = np.unique(np.stack([part, value]), axis=1, return_counts=True)
    found: Ids = pairs[0][counts > 1]
    return found


class _Unions:
    """Crops that are joined one pair at a time, unless that would join what is known to be apart."""

    def __init__(self, rows: Ids, known: Known) -> None:
        self.parent = {row: row for row in rows.tolist()}
        self.members = {row: [row] for row in self.parent}
        self.frames = {row: set() if known.frame[row] == UNKNOWN else {int(known.frame[row])} for row in self.parent}
        self.person = {row: int(known.person[row]) for row in self.parent}
        self.apart: dict[int, set[int]] = {row: set() for row in self.parent}
        for one, other in known.apart.tolist():
            if one in self.apart and other in self.apart:
                self.apart[one].add(other)
                self.apart[other].add(one)

    def root(self, row: int) -> int:
        while self.parent[row] != row:
            self.parent[row] = self.parent[self.parent[row]]
            row = self.parent[row]
        return row

    def join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        if one == other or self._kept_apart(one, other):
            return
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self.parent[other] = one
        self.members[one] += self.members.pop(other)
        self.frames[one] |= self.frames.pop(other)
        self.apart[one] |= self.apart.pop(other)
        if self.person[one] == UNKNOWN:
            self.person[one] = self.person[other]

    def _kept_apart(self, one: int, other: int) -> bool:
        people = {self.person[one], self.person[other]} - {UNKNOWN}
        if UNKNOWN not in (self.person[one], self.person[other]) and len(people) == 1:
            return False  # somebody has confirmed it: that stands
        return (
            len(people) > 1
            or not self.frames[one].isdisjoint(self.frames[other])
            or not self.apart[one].isdisjoint(self.members[other])
        )


def _described(vectors: NDArray[np.float32], group: Ids) -> Groups:
    order = np.argsort(group, kind="stable")
    starts, sizes = runs(group[order])
    sums = np.add.reduceat(vectors[order], starts)
    means: NDArray[np.float32] = (sums / sizes[:, None]).astype(np.float32)
    own = np.einsum("nd,nd->n", vectors, sums[group]) - 1  # without itself
    own = own / np.maximum(sizes[group] - 1, 1)
    strays = np.zeros(len(group), dtype=np.bool_)
    several = np.flatnonzero(sizes[group] > 1)
    start = 0
    for block in similarity_blocks(torch.from_numpy(vectors[several]), torch.from_numpy(means)):
        rows = several[start : start + len(block)]
        block[np.arange(len(rows)), group[rows]] = -np.inf
        strays[rows] = block.max(axis=1) > own[rows]
        start += len(block)
    return Groups(group, means, np.bincount(group, strays, len(sizes)) / sizes)


def pairs_to_merge(groups: Groups, known: Known) -> Pairs:
    """Pairs of groups that lie near each other and are not known to be apart, by falling similarity."""
    means = torch.from_numpy(groups.means)
    near: list[tuple[Ids, Ids, NDArray[np.float32]]] = []
    start = 0
    for block in similarity_blocks(means, means):
        rows = np.arange(start, start + len(block))
        block[np.arange(len(rows)), rows] = -np.inf
        count = min(NEAREST_GROUPS, block.shape[1])
        nearest = np.argpartition(-block, count - 1, axis=1)[:, :count]
        near.append((rows.repeat(count), nearest.ravel(), block[np.arange(len(rows))[:, None], nearest].ravel()))
        start += len(block)
    one, other, similarity = (np.concatenate(column) for column in zip(*near, strict=True))
    sizes = groups.sizes
    swapped = (sizes[one] < sizes[other]) | ((sizes[one] == sizes[other]) & (one > other))
    first, second = np.where(swapped, other, one), np.where(swapped, one, other)
    pairs, place = np.unique(np.stack([first, second]), axis=1, return_index=True)
    similarity = similarity[place]
    open_ = np.isfinite(similarity) & ~_kept_apart(pairs, groups, known)
    order = np.lexsort((pairs[1][open_], pairs[0][open_], -similarity[open_]))
    return Pairs(pairs[0][open_][order], pairs[1][open_][order], similarity[open_][order])


def _kept_apart(pairs: Ids, groups: Groups, known: Known) -> NDArray[np.bool_]:
    """(P,) whether two groups hold crops that are known to be apart."""
    frames = _values_of(groups.group, known.frame)
    people = _values_of(groups.group, known.person)
    said = {frozenset(pair) for pair in groups.group[known.apart].tolist()}
    return np.array(
        [
            bool(frames.get(one, set()) & frames.get(other, set()))
            or (one in people and other in people and people[one] != people[other])
            or frozenset((one, other)) in said
            for one, other in pairs.T.tolist()
        ],
        dtype=np.bool_,
    )


def _values_of(group: Ids, value: Ids) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    known = value != UNKNOWN
    pairs: Iterable[list[int]] = np.unique(np.stack([group[known], value[known]]), axis=1).T.tolist()
    for one, held in pairs:
        found.setdefault(one, set()).add(held)
    return found
