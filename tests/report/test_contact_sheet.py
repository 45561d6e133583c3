"""Contact sheets: which images they show, where, and what is written beside them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.errors import ImageError
from ccreid.report.contact_sheet import (
    CELL_PX,
    LABEL_PX,
    LINES,
    MARGIN_PX,
    MOST_ROWS,
    PER_LINE,
    THUMBNAIL_PX,
    SheetRow,
    as_jpeg,
    draw_sheet,
    save_sheet,
    sheet_rows,
)
from ccreid.vocabulary import UNKNOWN, Samples


def samples(folder: Path, images: int, *, clothes: bool = True) -> Samples:
    """Image i is of the red value 5 i, twice as high as wide; clothes change after every third."""
    for row in range(images):
        Image.new("RGB", (50, 100), (5 * row, 0, 0)).save(folder / f"{row}.png")
    worn = np.arange(images) // 3
    return Samples(
        np.ones(images, dtype=np.int64),
        camera=np.full(images, 2),
        clothes=worn if clothes else None,
        root=folder,
        files=tuple(f"{row}.png" for row in range(images)),
    )


def reds(sheet: Image.Image, top: int, count: int) -> list[int]:
    """The red value in the middle of each cell of a row that starts at `top`."""
    found = []
    for number in range(count):
        line, column = divmod(number, PER_LINE)
        x = MARGIN_PX + LABEL_PX + column * CELL_PX[0] + THUMBNAIL_PX[0] // 2
        y = top + line * CELL_PX[1] + THUMBNAIL_PX[1] // 2
        red, green, _ = sheet.getpixel((x, y))  # type: ignore[misc]  # it is RGB
        found.append(red if green == 0 else -1)
    return found


def test_rows_say_what_they_are(tmp_path: Path) -> None:
    images = samples(tmp_path, 9)
    groups = [(7, np.array([0, 1, 2, 3])), (4, np.array([4, 5])), (1, np.array([6]))]
    rows = sheet_rows(images, groups)
    assert rows[0].lines == ("attribute 7", "4 images", "clothes 0: 75 %", "camera 2: 100 %")
    assert rows[2].lines == ("attribute 1", "1 image", "clothes 2: 100 %", "camera 2: 100 %")
    rows = sheet_rows(images, [*groups, (2, np.array([8]))])
    assert [row.lines for row in rows[2:]] == [("2 attributes", "of one image each")]
    assert rows[2].images.tolist() == [6, 8]


def test_what_is_not_annotated_is_not_written(tmp_path: Path) -> None:
    images = samples(tmp_path, 2, clothes=False)
    unknown = Samples(images.person, camera=np.array([UNKNOWN, 3]), root=images.root, files=images.files)
    assert sheet_rows(images, [(0, np.array([0, 1]))])[0].lines == ("attribute 0", "2 images", "camera 2: 100 %")
    assert sheet_rows(unknown, [(0, np.array([0, 1]))])[0].lines[2] == "camera 3: 100 %"
    draw_sheet(unknown, ["Person 1"], sheet_rows(unknown, [(0, np.array([0, 1]))]))


def test_too_many_rows_are_counted_not_drawn(tmp_path: Path) -> None:
    images = samples(tmp_path, 4)
    pairs = [(number, np.array([0, 1])) for number in range(MOST_ROWS)]
    assert len(sheet_rows(images, pairs)) == MOST_ROWS
    assert sheet_rows(images, pairs)[-1].lines[0] == f"attribute {MOST_ROWS - 1}"
    rows = sheet_rows(images, [*pairs, (98, np.array([2])), (99, np.array([3]))])
    assert len(rows) == MOST_ROWS
    assert rows[-1].lines == ("+3 more", "attributes of", "4 images")
    assert len(rows[-1].images) == 0


def test_images_stand_in_their_rows(tmp_path: Path) -> None:
    images = samples(tmp_path, 40)
    rows = [SheetRow(("a",), np.array([3, 9])), SheetRow(("b",), np.arange(10, 24)), SheetRow(("c",), np.array([30]))]
    sheet = draw_sheet(images, ["Person 1", "something"], rows)
    top = sheet.height - MARGIN_PX - 4 * CELL_PX[1]
    assert reds(sheet, top, 3) == [15, 45, -1]
    assert reds(sheet, top + CELL_PX[1], 15) == [*range(50, 120, 5), -1]
    assert reds(sheet, top + 3 * CELL_PX[1], 2) == [150, -1]


def test_a_long_row_is_spread_and_says_how_many_more(tmp_path: Path) -> None:
    images = samples(tmp_path, 50)
    full = PER_LINE * LINES
    whole, long = (draw_sheet(images, ["Person 1"], [SheetRow(("a",), np.arange(n))]) for n in (full, 50))
    assert whole.size == long.size
    top = whole.height - MARGIN_PX - LINES * CELL_PX[1]
    assert reds(whole, top, full) == list(range(0, 5 * full, 5))
    shown = reds(long, top, full - 1)
    assert (shown[0], shown[-1]) == (0, 245)
    assert shown == sorted(set(shown))
    last = (MARGIN_PX + LABEL_PX + (PER_LINE - 1) * CELL_PX[0], top + (LINES - 1) * CELL_PX[1])
    cell = np.asarray(long.crop((*last, last[0] + CELL_PX[0], last[1] + CELL_PX[1])))
    assert cell.min() < 60  # "+27 more" is written there
    assert (cell == 255).mean() > 0.8


def test_clothes_have_a_colour_each(tmp_path: Path) -> None:
    images = samples(tmp_path, 6)
    sheet = draw_sheet(images, ["Person 1"], [SheetRow(("a",), np.array([0, 1, 2, 3, 4, 5]))])
    top = sheet.height - MARGIN_PX - CELL_PX[1]
    bars = [sheet.getpixel((MARGIN_PX + LABEL_PX + 5 + column * CELL_PX[0], top + 1)) for column in range(6)]
    assert bars[0] == bars[1] == bars[2]
    assert bars[3] == bars[4] == bars[5]
    assert bars[0] != bars[3]


def test_a_sheet_is_written_whole(tmp_path: Path) -> None:
    images = samples(tmp_path, 2)
    sheet = draw_sheet(images, ["Person 1"], [SheetRow(("a",), np.array([0, 1]))])
    save_sheet(tmp_path / "out" / "sheet.png", sheet)
    with Image.open(tmp_path / "out" / "sheet.png") as read:
        assert (read.format, read.size) == ("PNG", sheet.size)
    with Image.open(BytesIO(as_jpeg(sheet))) as read:
        assert (read.format, read.size) == ("JPEG", sheet.size)


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    images = samples(tmp_path, 2)
    (tmp_path / "1.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"1\.png cannot be read"):
        draw_sheet(images, ["Person 1"], [SheetRow(("a",), np.array([0, 1]))])
