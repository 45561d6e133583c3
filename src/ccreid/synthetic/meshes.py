"""Triangles and what is done with them: cutting along a line, subdividing, normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Piece:
    """A mesh whose n points are mixtures of the m points of another one, so that it fits every body.

    Attributes
    ----------
    mixture:
        (n, m) rows that sum to 1.
    triangles:
        (F, 3) numbers of the n points, counter-clockwise from outside.
    """

    mixture: sparse.csr_array
    triangles: Ints


def triangulated(quads: Ints) -> Ints:
    """Two triangles for every quadrangle."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def subdivided(quads: Ints, points: int) -> tuple[sparse.csr_array, Ints]:
    """One step of Catmull and Clark's subdivision: four quadrangles for one, on a smoother surface.

    Parameters
    ----------
    quads:
        (Q, 4) of a mesh with any number of holes.
    points:
        How many points it has; those that no quadrangle uses stay where they are.

    Returns
    -------
    (points + edges + Q, points) what each new point is a mixture of, and (4 Q, 4) quadrangles.

    Source: Catmull & Clark, Computer-Aided Design 10 (1978); edges with one face are smoothed as cubic splines.
    """
    count = len(quads)
    corners = quads.ravel()
    ends = np.sort(np.stack([corners, np.roll(quads, -1, axis=1).ravel()], axis=1), axis=1)
    edges, edge_of = np.unique(ends, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(count, 4)
    uses = np.bincount(edge_of.ravel(), minlength=len(edges))
    face = _matrix(np.repeat(np.arange(count), 4), corners, 0.25, (count, points))
    middle = _matrix(np.repeat(np.arange(len(edges)), 2), edges.ravel(), 0.5, (len(edges), points))
    faces_of_edge = _matrix(edge_of.ravel(), np.repeat(np.arange(count), 4), 1.0, (len(edges), count))
    rim = uses == 1
    inner = sparse.diags_array(np.where(rim, 0, 0.5))
    edge = sparse.diags_array(np.where(rim, 1, 0.5)) @ middle + inner @ (0.5 * faces_of_edge @ face)

    valence = np.bincount(corners, minlength=points)
    at_rim = np.zeros(points, bool)
    at_rim[edges[rim].ravel()] = True
    faces_of_point = _matrix(corners, np.repeat(np.arange(count), 4), 1.0, (points, count))
    ends_of = _matrix(edges.ravel(), np.repeat(np.arange(len(edges)), 2), 1.0, (points, len(edges)))
    rims_of = ends_of @ sparse.diags_array(rim.astype(float))
    degree = np.maximum(1, np.asarray(ends_of.sum(axis=1)).ravel())
    smooth = (valence > 0) & ~at_rim
    n = np.where(smooth, degree, 1)
    point = (
        sparse.diags_array(np.where(smooth, (n - 3) / n, np.where(at_rim, 0.5, 1.0)))
        + sparse.diags_array(np.where(smooth, 1 / (n * np.maximum(valence, 1)), 0)) @ faces_of_point @ face
        + sparse.diags_array(np.where(smooth, 2 / n**2, 0)) @ ends_of @ middle
        + sparse.diags_array(np.where(at_rim, 0.25, 0)) @ rims_of @ middle
    )
    mixture = sparse.csr_array(sparse.vstack([point, edge, face]), dtype=np.float32)
    at_edge, at_face = points + edge_of, points + len(edges) + np.arange(count)[:, None]
    finer = np.stack([quads, at_edge, np.repeat(at_face, 4, axis=1), np.roll(at_edge, 1, axis=1)], axis=2)
    return mixture, finer.reshape(-1, 4).astype(np.int32)


def parted(triangles: Ints, side: NDArray[np.floating]) -> tuple[Ints, NDArray[np.int64], NDArray[np.float64]]:
    """What lies on the positive side of a line, with a clean edge along it.

    Parameters
    ----------
    triangles:
        (F, 3) numbers of points.
    side:
        (n,) for each point: positive is kept, negative falls away; the line is where it is 0.

    Returns
    -------
    (F, 3) triangles, in which the new points have the numbers after those of `side`; (M, 2) between which two points
    each of them lies; (M,) how much of the second it has.
    """
    side = np.asarray(side, float)
    inside = side[triangles] >= 0
    count = inside.sum(axis=1)
    # Turned so that the odd one out comes first: the only one inside, or the only one outside.
    ones, twos = triangles[count == 1], triangles[count == 2]
    ones = _turned(ones, inside[count == 1].argmax(axis=1))
    twos = _turned(twos, (~inside[count == 2]).argmax(axis=1))
    crossed = np.concatenate([ones[:, [0, 1]], ones[:, [0, 2]], twos[:, [0, 1]], twos[:, [0, 2]]])
    old = len(side)
    codes, place = np.unique(crossed.min(axis=1).astype(np.int64) * old + crossed.max(axis=1), return_inverse=True)
    pairs = np.stack([codes // old, codes % old], axis=1)
    share = side[pairs[:, 0]] / (side[pairs[:, 0]] - side[pairs[:, 1]])
    number = (old + place).astype(np.int32)
    a, b = number[: len(ones)], number[len(ones) : 2 * len(ones)]
    c, d = number[2 * len(ones) : 2 * len(ones) + len(twos)], number[2 * len(ones) + len(twos) :]
    left = np.concatenate(
        [
            triangles[count == 3],
            np.stack([ones[:, 0], a, b], axis=1),
            np.stack([c, twos[:, 1], twos[:, 2]], axis=1),
            np.stack([c, twos[:, 2], d], axis=1),
        ]
    )
    return left, pairs, share


def kept(piece: Piece) -> Piece:
    """The piece without the points that no triangle uses."""
    used = np.zeros(piece.mixture.shape[0], np.bool_)
    used[piece.triangles] = True
    place = np.cumsum(used, dtype=np.int32) - 1
    return Piece(piece.mixture[used], place[piece.triangles])


def normals_of(vertices: Floats, triangles: Ints) -> Floats:
    """(V, 3) of length 1: the mean over a point's triangles, weighted by their areas."""
    summed = np.zeros((len(vertices), 3))
    _add_faces(vertices, triangles, summed)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    up = np.broadcast_to(np.array((0.0, 1.0, 0.0)), summed.shape)
    return np.where(length > 1e-12, summed / np.maximum(length, 1e-12), up).astype(np.float32)


@njit(cache=True)
def _add_faces(vertices, triangles, summed):  # type: ignore[no-untyped-def]
    """Each triangle's normal, as long as twice its area, is added at its corners."""
    for number in range(len(triangles)):
        a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
        vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            summed[corner, 0] += x
            summed[corner, 1] += y
            summed[corner, 2] += z


def grid_triangles(rows: int, columns: int, *, closed: bool) -> Ints:
    """Triangles of a net of points that are numbered row by row.

    Counter-clockwise from outside where rows go down and columns go round, seen from above, counter-clockwise.
    Where it is closed, the last column joins the first.
    """
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij")
    after = (column + 1) % columns
    a, b = row * columns + column, row * columns + after
    c, d = a + columns, b + columns
    return np.stack([a, c, d, a, d, b], axis=-1).reshape(-1, 3).astype(np.int32)


def _turned(triangles: Ints, first: NDArray[np.intp]) -> Ints:
    order = (first[:, None] + np.arange(3)) % 3
    turned: Ints = np.take_along_axis(triangles, order, axis=1)
    return turned


def _matrix(
    rows: NDArray[np.integer], columns: NDArray[np.integer], values: object, shape: tuple[int, int]
) -> sparse.csr_array:
    filled = np.broadcast_to(np.asarray(values, float), rows.shape)
    return sparse.csr_array((filled, (rows, columns)), shape=shape)
