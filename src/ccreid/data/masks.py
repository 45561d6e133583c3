"""What is seen where on pictures of synthetic people: the masks that lie beside a set.

``masks/train/NAME.png`` belongs to ``train/NAME.jpg``: 8-bit RGB of the same size. Red says what is seen (a code a
part), green how much of the pixel is the person, blue how dark the person's shadow on the ground is. ``backgrounds/``
holds pictures without people. `ccreid people make` writes them; any other set may have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccreid.data.decode import unreadable
from ccreid.data.pixels import Bytes, PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import CcreidError, DataError, ImageError
from ccreid.machine.devices import default_workers
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import Pictures, Samples

UPPER, LOWER, SHOES, OTHER = 3, 4, 5, 7
"""The codes that are looked at; OTHER is whatever stands in front of the person."""
GARMENTS = (UPPER, LOWER, SHOES)

FOLDER, BACKGROUNDS = "masks", "backgrounds"

_PACKED = "-masks1"  # goes up with every change of how a mask is packed
_STEPS = 64


class Worn(NamedTuple):
    """A garment on a picture.

    Attributes
    ----------
    where:
        The rows and columns that it lies in.
    share:
        (h, w) float32: how much of their pixels is it.
    """

    where: tuple[slice, slice]
    share: NDArray[np.float32]


class Mask:
    """A mask at the network's input size.

    Parameters
    ----------
    packed:
        (H, W, 3) uint8. Red: which of the garments covers most of a pixel (from 1; times 64), and how much of it are
        garments (0 to 63); green: how much stands before the background; blue: how dark the shadow is.
    """

    def __init__(self, packed: Bytes) -> None:
        self.packed = packed

    @property
    def front(self) -> NDArray[np.float32]:
        """(H, W) how much of a pixel stands before the background."""
        return self.packed[..., 1] * np.float32(1 / 255)

    @property
    def shadow(self) -> NDArray[np.float32]:
        """(H, W) how dark the shadow on the ground is."""
        return self.packed[..., 2] * np.float32(1 / 255)

    def garments(self) -> Iterator[Worn]:
        """Those of which something is seen, from above."""
        red = np.ascontiguousarray(self.packed[..., 0])
        code = red >> 6
        for number in range(1, len(GARMENTS) + 1):
            of_it = code == number
            rows, columns = of_it.any(axis=1).nonzero()[0], of_it.any(axis=0).nonzero()[0]
            if len(rows):
                where = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
                yield Worn(where, (red[where] & (_STEPS - 1)) * of_it[where] * np.float32(1 / (_STEPS - 1)))


class MaskPixels(Pixels):
    """Masks at the input size, from a cache where it has them."""

    def __init__(self, preprocessing: Preprocessing, cache: PixelCache | None) -> None:
        super().__init__(preprocessing, cache)
        self._kind = _PACKED

    def mask(self, path: Path) -> Mask:
        """The mask in a file. Raises ImageError."""
        return Mask(self.read(path))

    def _made(self, image: Image.Image) -> Bytes:
        """Each channel averaged by itself: codes cannot be, so that each garment's share is."""
        size = (self.preprocessing.width_px, self.preprocessing.height_px)
        parts, alpha, shadow = image.split()
        codes = np.asarray(parts)
        *garments, other = (
            np.asarray(Image.fromarray((codes == code) * np.uint8(255)).resize(size, Image.Resampling.BOX), np.int64)
            for code in (*GARMENTS, OTHER)
        )
        front, dark = (np.asarray(part.resize(size, Image.Resampling.BOX), np.int64) for part in (alpha, shadow))
        worn = np.minimum(sum(garments), 255) * (_STEPS - 1) // 255
        most = (np.argmax(garments, axis=0) + 1) * _STEPS
        return np.stack([np.where(worn, most + worn, 0), np.minimum(front + other, 255), dark], axis=2).astype(np.uint8)


@dataclass(frozen=True)
class Masks:
    """Where the masks and backgrounds of a set lie.

    Attributes
    ----------
    pictures:
        Those that the masks belong to.
    backgrounds:
        Files, sorted.
    """

    pictures: Pictures
    backgrounds: tuple[Path, ...]

    def path(self, row: int) -> Path:
        """Where the mask of picture `row` lies."""
        return mask_of(self.pictures.root, self.pictures.files[row])

    @property
    def files(self) -> dict[str, Samples]:
        """Every file that is used, by what for, as what a fingerprint is made of."""
        used = {
            "masks": [mask_of(Path(), file).as_posix() for file in self.pictures.files],
            "backgrounds": [path.relative_to(self.pictures.root).as_posix() for path in self.backgrounds],
        }
        return {
            use: Samples(root=self.pictures.root, files=tuple(files), person=np.zeros(len(files), np.int64))
            for use, files in used.items()
        }

    def check(self, track: Track[CcreidError | None] = untracked) -> None:
        """Raise DataError where a mask is not what its picture needs, ImageError where one cannot be read."""
        with ThreadPoolExecutor(default_workers() + 1) as pool:
            found = pool.map(self._problem, range(len(self.pictures)))
            for problem in track(found, "Looking at every mask", len(self.pictures)):
                if problem is not None:
                    pool.shutdown(cancel_futures=True)
                    raise problem

    def _problem(self, row: int) -> CcreidError | None:
        path, picture = self.path(row), self.pictures.path(row)
        try:
            kind, size = _header(path)
            wanted = _header(picture)[1]
        except ImageError as error:
            return error
        if kind != "RGB" or size != wanted:
            return DataError(
                f"{path} ({kind}, {size[0]} x {size[1]} pixels) is no mask of {picture} ({wanted[0]} x {wanted[1]}).",
                "A mask is an RGB picture of the same size. Make the set anew, or set data.redress and "
                "data.background to 0.",
            )
        return None


def find_masks(pictures: Pictures, settings: Iterable[str], *, backgrounds: bool) -> Masks:
    """The masks beside some pictures.

    Parameters
    ----------
    pictures:
        Those to train on.
    settings:
        What asks for masks, for the message.
    backgrounds:
        Whether there must be pictures without people, too.

    Raises
    ------
    DataError
        A mask is not there, or there are no backgrounds.
    """
    asked, root = " and ".join(settings), pictures.root
    mend = f"Use a set made by `ccreid people make`, or set {asked} to 0."
    if not (root / FOLDER).is_dir():
        raise DataError(f"{root} has no folder {FOLDER}/, which {asked} needs.", mend)
    for file in pictures.files:
        if not (path := mask_of(root, file)).is_file():
            raise DataError(f"{path} is not there: the mask of {file}, which {asked} needs.", mend)
    folder = root / BACKGROUNDS
    found = tuple(sorted(path for path in folder.glob("*") if not path.name.startswith("."))) if backgrounds else ()
    if backgrounds and not found:
        raise DataError(f"{folder} holds no picture, which data.background needs.", mend)
    return Masks(pictures, found)


def mask_of(root: Path, file: str) -> Path:
    """Where the mask of a file of a set lies."""
    return root / FOLDER / PurePosixPath(file).with_suffix(".png")


def _header(path: Path) -> tuple[str, tuple[int, int]]:
    """Mode and size (width, height) of a picture that is not decoded. Raises ImageError."""
    try:
        with Image.open(path) as image:
            return image.mode, image.size
    except Exception as error:  # decoders raise whatever comes
        raise unreadable(path, str(error).rstrip(".") or type(error).__name__) from error
