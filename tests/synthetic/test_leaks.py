"""Nothing but the person tells who it is: no file, camera, box, background or garment does.

A linear probe is asked for the person, given one thing at a time, and never learns from an outfit that it is asked
about. It is said to know something where it favours the right person more than it favours those of any but one in a
hundred random deals of the people to the pictures. That it can know is seen on skin, hair and height, and on faint
leaks that are put there.

What is the person, and what is not:

- The outline in the mask, the share of pixels that it fills (`visible`), pose and gait are the person. The size of a
  mask's file follows the outline, too, but so faintly that these pictures are too few to show it.
- A detector's box has the person's height, so `native_px` tells tall from short, as it does in a street. It must tell
  nothing more: it is asked with the height taken out.
- A camera's automatic exposure sees skin and hair as well, and a taller person's box has more of the scene. Both may
  colour a background, but nothing that can be told in pictures of this number.
- `person`, `tracklet`, `looks_like` and the names of files are labels. Nobody here looks like somebody else on purpose:
  these wear the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ccreid.synthetic.figure import Part
from ccreid.synthetic.person_set import pictures_of_person
from ccreid.synthetic.plan import Wanted, is_alike

pytestmark = pytest.mark.slow

WANTED = Wanted(people=12, test_share=0, outfits=16, cameras=8, images=16, frames=1, height_px=64, width_px=32, seed=2)
DEALS, LEVEL = 1000, 0.01
SIDES = ("box_left", "box_top", "box_right", "box_bottom")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """N pictures: rows of the manifest, sizes of files (N,) in bytes, pixels and masks (N, H, W, 3)."""

    rows: list[dict[str, Any]]
    picture_bytes: Floats
    mask_bytes: Floats
    pixels: NDArray[np.uint8]
    masks: NDArray[np.uint8]

    def column(self, name: str) -> Floats:
        return np.array([float(row[name]) for row in self.rows])


@pytest.fixture(scope="module")
def made() -> Made:
    assert not any(is_alike(WANTED, number) for number in range(WANTED.people))
    files = [file for number in range(WANTED.people) for file in pictures_of_person(WANTED, number)]
    contents = {name: content for name, content, _ in files}
    rows = [row for _, _, row in files if row]
    pictures = [contents[row["file"]] for row in rows]
    masks = [contents[f"masks/{row['file']}".replace(".jpg", ".png")] for row in rows]
    return Made(rows, sizes(pictures), sizes(masks), decoded(pictures), decoded(masks))


def sizes(contents: list[bytes]) -> Floats:
    return np.array([float(len(content)) for content in contents])


def decoded(contents: list[bytes]) -> NDArray[np.uint8]:
    read = [np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)) for content in contents]
    return np.stack(read)[..., ::-1].astype(np.uint8)


def quarters(*columns: Floats) -> Floats:
    """Which quarter of all values each is in, as indicators: a line can follow any curve over them."""
    places = [np.searchsorted(np.quantile(column, (0.25, 0.5, 0.75)), column) for column in columns]
    return np.concatenate([np.eye(4)[place] for place in places], axis=1)


def cameras(column: Floats) -> Floats:
    indicators: Floats = np.eye(WANTED.cameras)[column.astype(int) - 1]
    return indicators


def mean_color(made: Made, *parts: Part) -> Floats:
    """(N, 3) mean of the pixels that surely show these parts; that of all pictures where there are none."""
    where = np.isin(made.masks[..., 0], parts) & (made.masks[..., 1] > 200)
    means = np.array(
        [one[there].mean(0) if there.any() else [np.nan] * 3 for one, there in zip(made.pixels, where, strict=True)]
    )
    return np.where(np.isnan(means), np.nanmean(means, axis=0), means)


def background(made: Made) -> Floats:
    """Mean colour of what is not the person at all, and that of 4 x 2 cells; a cell without any has the mean."""
    found = []
    for pixels, mask in zip(made.pixels, made.masks, strict=True):
        free = (mask[..., 1] == 0).astype(np.float64)
        mean = (pixels * free[..., None]).sum((0, 1)) / free.sum()
        cells = cv2.resize(pixels * free[..., None], (2, 4), interpolation=cv2.INTER_AREA)
        share = cv2.resize(free, (2, 4), interpolation=cv2.INTER_AREA)[..., None]
        found.append(np.concatenate([mean, np.where(share > 0.1, cells / np.maximum(share, 1e-9), mean).ravel()]))
    return np.array(found)


def garments(made: Made) -> Floats:
    """Which share of the garments' pixels has each of 64 colours."""
    where = np.isin(made.masks[..., 0], (Part.UPPER, Part.LOWER, Part.SHOES)) & (made.masks[..., 1] == 255)
    red, green, blue = np.moveaxis(made.pixels // 64, -1, 0)
    colors = zip(16 * red + 4 * green + blue, where, strict=True)
    counts = [np.bincount(one[there], minlength=64) for one, there in colors]
    return np.array([count / max(count.sum(), 1) for count in counts])


def by_chance(made: Made, known: Floats) -> float:
    """The share of deals of the people whom a probe that is given (N, D) numbers favours as much as the true ones."""
    true = made.column("person").astype(int) - 1
    random = np.random.default_rng(0)
    dealt = np.stack([true, *(random.permutation(true) for _ in range(DEALS - 1))], axis=1)
    # One fit does for all deals: (N, DEALS * people), 1 for whom the picture shows.
    shown = np.eye(WANTED.people, dtype=np.float32)[dealt].reshape(len(true), -1)
    favoured = np.zeros(DEALS)
    for learnt, asked in GroupKFold(8).split(known, groups=made.column("wardrobe_outfit")):
        probe = make_pipeline(StandardScaler(), Ridge(alpha=10.0)).fit(known[learnt], shown[learnt])
        scores = probe.predict(known[asked]).reshape(len(asked), DEALS, WANTED.people)
        right = np.take_along_axis(scores, dealt[asked][..., None], axis=2)[..., 0]
        favoured += (right - scores.mean(axis=2)).sum(axis=0)
    return float((favoured >= favoured[0]).mean())


PERSON: dict[str, Callable[[Made], Floats]] = {
    "skin": lambda made: mean_color(made, Part.SKIN),
    "hair": lambda made: mean_color(made, Part.HAIR),
    "height": lambda made: quarters(made.column("height_m")),
}
OTHER: dict[str, Callable[[Made], Floats]] = {
    "bytes of the picture": lambda made: quarters(made.picture_bytes),
    "bytes of the mask": lambda made: quarters(made.mask_bytes),
    "camera": lambda made: cameras(made.column("camera")),
    "background": background,
    "box": lambda made: quarters(*(made.column(side) for side in SIDES)),
    "rows in the frame": lambda made: quarters(made.column("native_px") / made.column("height_m")),
    "place": lambda made: quarters(*(made.column(name) for name in ("distance_m", "heading_deg", "phase", "others"))),
    "garments": garments,
}


@pytest.mark.parametrize("what", PERSON)
def test_the_probe_finds_the_person(made: Made, what: str) -> None:
    assert by_chance(made, PERSON[what](made)) == 1 / DEALS


def test_the_probe_finds_faint_leaks(made: Made) -> None:
    random, person = np.random.default_rng(0), made.column("person")
    own = random.random(len(person)) < 0.3
    assert by_chance(made, cameras(np.where(own, person % WANTED.cameras + 1, made.column("camera")))) < LEVEL
    shift = random.standard_normal(WANTED.people + 1)[person.astype(int)] * made.picture_bytes.std()
    assert by_chance(made, quarters(made.picture_bytes + 0.7 * shift)) < LEVEL


@pytest.mark.parametrize("what", OTHER)
def test_what_is_not_the_person_tells_nothing(made: Made, what: str) -> None:
    assert by_chance(made, OTHER[what](made)) > LEVEL
