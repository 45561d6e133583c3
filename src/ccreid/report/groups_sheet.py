"""Groups of crops as one picture to look at: a row of crops for each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ccreid.data.crops import Frames
from ccreid.machine.progress import Track, untracked
from ccreid.report.contact_sheet import INK, MARGIN_PX, PALE, SOFT, THUMBNAIL_PX, save_sheet
from ccreid.report.groups_page import crop_image, members_of, of_several, spread
from ccreid.report.ranked_lists import shortened
from ccreid.retrieval.crops.crop_file import CropFile

MOST_GROUPS, MOST_CROPS = 40, 12
ROW_PX, LABEL_PX, LINE_PX = THUMBNAIL_PX[1] + 12, 150, 16
MOST_LETTERS = 20


def write_groups_sheet(path: Path, crops: CropFile, loose: Collection[str], *, track: Track[Any] = untracked) -> None:
    """Draw the largest groups as PNG; of a large one some crops, evenly spread, and grey for what cannot be read.

    Parameters
    ----------
    crops:
        With the columns `group` and `person`.
    loose:
        Names of groups that may well hold several people: they come first and say so.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    members = members_of(crops)
    several = of_several(members, loose)
    shown = several[:MOST_GROUPS]
    step = THUMBNAIL_PX[0] + 6
    width = 2 * MARGIN_PX + LABEL_PX + MOST_CROPS * step
    sheet = Image.new("RGB", (width, 2 * MARGIN_PX + 24 + ROW_PX * len(shown)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    hidden = f", {len(several) - len(shown)} more are not shown" if len(several) > len(shown) else ""
    heading = f"{len(several)} groups of several crops{hidden}"
    pen.text((MARGIN_PX, MARGIN_PX), heading, fill=INK, font=ImageFont.load_default(15))
    frames = Frames()
    for number, name in enumerate(track(shown, "Drawing the sheet", len(shown))):
        top = MARGIN_PX + 24 + number * ROW_PX
        rows = members[name]
        person = crops.table["person"][rows[0]].as_py()
        lines = (name, f"{len(rows)} crops", *([person] if person else []), *(["loose"] if name in loose else []))
        for line, text in enumerate(lines):
            place = (MARGIN_PX, top + 4 + line * LINE_PX)
            pen.text(place, shortened(text, MOST_LETTERS), fill=SOFT if line else INK, font=font)
        for column, row in enumerate(spread(rows, MOST_CROPS)):
            corner = (MARGIN_PX + LABEL_PX + column * step, top)
            image = crop_image(crops.table["path"][row].as_py(), crops.table["box"][row].as_py(), frames)
            if image is None:
                pen.rectangle((*corner, corner[0] + THUMBNAIL_PX[0], top + THUMBNAIL_PX[1]), fill=PALE)
            else:
                small = image.convert("RGB")
                small.thumbnail(THUMBNAIL_PX)
                sheet.paste(small, corner)
    save_sheet(path, sheet)
