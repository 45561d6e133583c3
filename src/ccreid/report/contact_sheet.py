"""Contact sheets: the images of a person, a row of thumbnails for each attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ccreid.analysis.agreement import most_frequent
from ccreid.data.decode import read_image
from ccreid.machine.files import replacing
from ccreid.report.ranked_lists import shortened
from ccreid.vocabulary import UNKNOWN, Ids, Samples

THUMBNAIL_PX = (72, 144)
CELL_PX = (80, 182)
"""Width and height of a thumbnail with its bar above and its two lines of caption below."""
MARGIN_PX, LABEL_PX, LINE_PX = 12, 150, 16
PER_LINE, LINES, MOST_ROWS = 12, 2, 16
MOST_LETTERS, MOST_LETTERS_BESIDE = 14, 24
"""Of a line of caption, and of a line beside a row."""
PALE, INK, SOFT = "#f4f5f7", "#1a1a1a", "#505050"
CLOTHES = ("#0b5fa5", "#d55e00", "#007a5a", "#8a3c82", "#e0b000", "#404040", "#56b4e9", "#b3261e", "#7fb23a", "#d98cb3")
"""Bars of different clothes; they repeat after ten."""


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One row: what is written beside it, and which images it shows."""

    lines: tuple[str, ...]
    images: Ids


def sheet_rows(samples: Samples, groups: Sequence[tuple[int, Ids]]) -> list[SheetRow]:
    """A row for each attribute of several images, in the order given, and one for all those of a single image.

    No more than `MOST_ROWS` rows: the last one then says how many attributes are not shown.
    """
    single = [images for _, images in groups if len(images) == 1]
    rows = [
        SheetRow((f"attribute {attribute}", _counted(len(images)), *_majorities(samples, images)), images)
        for attribute, images in groups
        if len(images) > 1 or len(single) == 1
    ]
    if len(single) > 1:
        rows.append(SheetRow((f"{len(single)} attributes", "of one image each"), np.concatenate(single)))
    if len(rows) > MOST_ROWS:
        hidden = rows[MOST_ROWS - 1 :]
        images = sum(len(row.images) for row in hidden)
        words = (f"+{len(groups) - MOST_ROWS + 1} more", "attributes of", f"{images} images")
        rows = [*rows[: MOST_ROWS - 1], SheetRow(words, np.empty(0, dtype=np.int64))]
    return rows


def draw_sheet(samples: Samples, heading: Sequence[str], rows: Sequence[SheetRow]) -> Image.Image:
    """Draw a sheet; of a long row only some images, evenly spread, and how many more there are.

    Where clothes are annotated, the bar above an image has the colour of its clothes. Raises ImageError.
    """
    shown = [(row, _spread(row.images)) for row in rows]
    width = 2 * MARGIN_PX + LABEL_PX + PER_LINE * CELL_PX[0]
    heights = [max(1, -(-_cells(row) // PER_LINE)) * CELL_PX[1] if len(row.images) else 4 * LINE_PX for row in rows]
    top = 2 * MARGIN_PX + len(heading) * (LINE_PX + 2)
    sheet = Image.new("RGB", (width, top + sum(heights) + MARGIN_PX), "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(heading):
        place = (MARGIN_PX, MARGIN_PX + number * (LINE_PX + 2))
        pen.text(place, line, fill=SOFT if number else INK, font=ImageFont.load_default(13 if number else 15))
    colours = _colours(samples, rows)
    for (row, images), height in zip(shown, heights, strict=True):
        pen.line((MARGIN_PX, top - 4, width - MARGIN_PX, top - 4), fill="#c9c9c9")
        for number, line in enumerate(row.lines):
            font = ImageFont.load_default(12)
            pen.text((MARGIN_PX, top + 4 + number * LINE_PX), line, fill=SOFT if number else INK, font=font)
        for number, image in enumerate(images):
            _draw_cell(sheet, pen, _corner(top, number), samples, int(image), colours)
        if more := len(row.images) - len(images):
            left, upper = _corner(top, len(images))
            pen.text((left + 8, upper + 60), f"+{more}\nmore", fill=INK, font=ImageFont.load_default(14))
        top += height
    return sheet


def save_sheet(path: Path, sheet: Image.Image) -> None:
    """Write a sheet as PNG, whole or not at all. Raises StorageError."""
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def as_jpeg(sheet: Image.Image) -> bytes:
    """A sheet for a page, where a PNG would weigh ten times as much."""
    stream = BytesIO()
    sheet.save(stream, format="JPEG", quality=85)
    return stream.getvalue()


def _counted(images: int) -> str:
    return f"{images} images" if images != 1 else "1 image"


def _majorities(samples: Samples, images: Ids) -> list[str]:
    columns = {"clothes": samples.clothes, "camera": samples.camera}
    found = {name: most_frequent(column[images]) for name, column in columns.items() if column is not None}
    return [
        f"{shortened(f'{name} {samples.called(name, most[0])}', MOST_LETTERS_BESIDE - 7)}: {100 * most[1]:.0f} %"
        for name, most in found.items()
        if most is not None
    ]


def _cells(row: SheetRow) -> int:
    """How many places a row takes: its images, or as many as there are with the last one for "+n more"."""
    return min(len(row.images), PER_LINE * LINES)


def _spread(images: Ids) -> Ids:
    if len(images) <= PER_LINE * LINES:
        return images
    places = np.linspace(0, len(images) - 1, PER_LINE * LINES - 1).round().astype(int)
    spread: Ids = images[places]
    return spread


def _corner(top: int, number: int) -> tuple[int, int]:
    line, column = divmod(number, PER_LINE)
    return MARGIN_PX + LABEL_PX + column * CELL_PX[0], top + line * CELL_PX[1]


def _colours(samples: Samples, rows: Sequence[SheetRow]) -> dict[int, str]:
    """A colour for each of the clothes, those of most images first."""
    if samples.clothes is None or not rows:
        return {}
    worn = samples.clothes[np.concatenate([row.images for row in rows])]
    values, counts = np.unique(worn[worn != UNKNOWN], return_counts=True)
    by_count = values[np.argsort(-counts, kind="stable")].tolist()
    return {value: CLOTHES[place % len(CLOTHES)] for place, value in enumerate(by_count)}


def _draw_cell(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    samples: Samples,
    row: int,
    colours: dict[int, str],
) -> None:
    left, top = corner
    (width, height), bar = THUMBNAIL_PX, 5
    pen.rectangle((left, top + bar, left + width - 1, top + bar + height - 1), fill=PALE)
    if samples.clothes is not None and (colour := colours.get(int(samples.clothes[row]))):
        pen.rectangle((left, top, left + width - 1, top + bar - 2), fill=colour)
    image = read_image(samples.path(row))
    image.thumbnail(THUMBNAIL_PX)
    sheet.paste(image, (left + (width - image.width) // 2, top + bar + (height - image.height) // 2))
    for number, line in enumerate(samples.described(row)[1:]):
        place = (left, top + bar + height + 2 + 12 * number)
        pen.text(place, shortened(line, MOST_LETTERS), fill=SOFT, font=ImageFont.load_default(11))
