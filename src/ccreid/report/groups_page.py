"""Groups of crops as one page to look at and to decide on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL.Image import Image

from ccreid.data.crops import Crop, Frames
from ccreid.errors import ImageError
from ccreid.machine.files import write_text
from ccreid.machine.progress import Track, untracked
from ccreid.report.page import Picture, data_address, rendered
from ccreid.report.ranked_lists import small_jpeg
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.grouping.pile import PROBABILITY, PROPOSED

TEMPLATE = "groups.html.j2"
MOST_GROUPS, MOST_PAIRS, MOST_CROPS = 150, 60, 12
"""On the page: a page of all of a large pile would open nowhere."""
THUMBNAIL_PX = (72, 144)


@dataclass(frozen=True)
class _Crop:
    id: str
    picture: Picture | None
    title: str


@dataclass(frozen=True)
class _Group:
    """A group as it is shown: some of its crops, spread over all; who it is, or in words who it probably is."""

    name: str
    size: int
    person: str | None
    likely: str | None
    loose: bool
    crops: tuple[_Crop, ...]


@dataclass(frozen=True)
class _Pair:
    first: _Group
    second: _Group
    similarity: float
    probability: float | None


def write_groups_page(
    path: Path,
    crops: CropFile,
    pairs: pa.Table,
    loose: Collection[str],
    facts: Mapping[str, str],
    called: Mapping[str, str],
    *,
    pictures: bool = True,
    track: Track[Any] = untracked,
) -> None:
    """Write a page that needs nothing but a browser. What is decided on it is saved as a file, and sent nowhere.

    Parameters
    ----------
    path:
        Of the page; written whole or not at all.
    crops:
        With the columns `group`, `person`, `proposed_person` and `probability`.
    pairs:
        With the columns `first`, `second`, `similarity` and `probability`, the likeliest first.
    loose:
        Names of groups that may well hold several people.
    facts:
        What is told above, by what it is called.
    called:
        Names of those people who are proposed by an id.
    pictures:
        Whether crops are shown; one whose picture is no longer there is named.
    track:
        Follows the work.

    Raises
    ------
    StorageError
        The page cannot be written.
    """
    members = members_of(crops)
    several = of_several(members, loose)
    shown = several[:MOST_GROUPS]
    asked = pairs.slice(0, MOST_PAIRS).to_pylist()
    wanted = dict.fromkeys([*shown, *(pair[end] for pair in asked for end in ("first", "second"))])
    drawn = {
        name: _group(name, members[name], crops, name in loose, called, pictures)
        for name in track(wanted, "Drawing groups", len(wanted))
    }
    contents = {
        "facts": facts,
        "groups": [drawn[name] for name in shown],
        "hidden": len(several) - len(shown),
        "pairs": [
            _Pair(drawn[one["first"]], drawn[one["second"]], one["similarity"], one["probability"]) for one in asked
        ],
        "further": pairs.num_rows - len(asked),
        "pictures": pictures,
    }
    write_text(path, rendered(TEMPLATE, contents))


def members_of(crops: CropFile) -> dict[str, list[int]]:
    """The rows of each group, by its name."""
    members: dict[str, list[int]] = {}
    for row, name in enumerate(crops.table["group"].to_pylist()):
        members.setdefault(name, []).append(row)
    return members


def of_several(members: Mapping[str, Sequence[int]], loose: Collection[str]) -> list[str]:
    """The groups of several crops as they are shown: loose ones first, then the largest."""
    several = [name for name, rows in members.items() if len(rows) > 1]
    return sorted(several, key=lambda name: (name not in loose, -len(members[name]), name))


def spread(rows: Sequence[int], most: int) -> list[int]:
    """So many of some rows at most, evenly spread over them."""
    count = min(most, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def crop_image(path: str, box: list[int] | None, frames: Frames) -> Image | None:
    """A crop to be shown; None where its picture is not there any more, or cannot be read."""
    try:
        return frames.whole(path) if box is None else frames.cut(Crop(path, (box[0], box[1], box[2], box[3])))
    except ImageError:
        return None


def _group(
    name: str, rows: Sequence[int], crops: CropFile, loose: bool, called: Mapping[str, str], pictures: bool
) -> _Group:
    table = crops.table
    chosen = spread(rows, MOST_CROPS)
    people, proposed = (table[name].take(pa.array(rows)).drop_null().to_pylist() for name in ("person", PROPOSED))
    probable = table[PROBABILITY].take(pa.array(rows)).drop_null().to_pylist()
    likely = f"{called.get(proposed[0], proposed[0])}, {probable[0]:.0%}" if proposed and probable else None
    frames = Frames() if pictures else None
    return _Group(
        name,
        len(rows),
        people[0] if people else None,
        likely,
        loose,
        tuple(_crop(crops.ids[row], table, row, frames) for row in chosen),
    )


def _crop(crop: str, table: pa.Table, row: int, frames: Frames | None) -> _Crop:
    path: str = table["path"][row].as_py()
    camera = table["camera"][row].as_py() if "camera" in table.column_names else None
    title = path if camera is None else f"{path}, camera {camera}"
    return _Crop(crop, None if frames is None else _picture(path, table["box"][row].as_py(), frames), title)


def _picture(path: str, box: list[int] | None, frames: Frames) -> Picture | None:
    image = crop_image(path, box, frames)
    if image is None:
        return None
    return Picture(data_address(small_jpeg(image, THUMBNAIL_PX), "jpeg"), f"Crop {path}")
