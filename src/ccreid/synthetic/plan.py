"""Who is seen in which outfit by which camera: a set of people before any picture is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ccreid.errors import SettingError
from ccreid.records import Record
from ccreid.synthetic.draws import draws
from ccreid.synthetic.people import Person, draw_person, look_alike

ALIKE = 0.16
"""The share of people who come in pairs with the same hair and the same outfits, and differ in body, face and gait."""
MOST_CAMERAS = 4
"""An outfit that is worn more than once is seen by about so many cameras."""


class Wanted(Record):
    """What a set is to hold.

    Attributes
    ----------
    people:
        How many, those of the test among them.
    test_share:
        How many of them are for the test: query and gallery; the others are for training.
    outfits:
        Of each person. They come from one wardrobe, which all share.
    cameras:
        How many there are, with a scene each.
    images:
        Views of each person; where there are more than outfits, the first outfits are seen by several cameras.
    frames:
        Consecutive pictures of each view: a tracklet where there are several.
    height_px, width_px:
        Of a picture.
    seed:
        Of every draw. Sets of different seeds share neither people, outfits nor cameras.
    """

    people: int
    test_share: float
    outfits: int
    cameras: int
    images: int
    frames: int
    height_px: int
    width_px: int
    seed: int

    def check(self) -> None:
        """Raise SettingError where no set can be made so."""
        bounds = {
            "people": (1, 1_000_000),
            "outfits": (1, 1_000),
            "cameras": (1, 10_000),
            "images": (1, 10_000),
            "frames": (1, 100),
            "seed": (0, 2**32 - 1),
        }
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise SettingError(f"--{name} is {getattr(self, name)}.", f"Give {low} to {high}.")
        if not 0 <= self.test_share <= 1:
            raise SettingError(f"--test-share is {self.test_share}.", "Give a share between 0 and 1.")
        for side in (self.height_px, self.width_px):
            if not 32 <= side <= 1024:
                raise SettingError(f"--size has a side of {side} pixels.", "Give 32 to 1024, such as 256x128.")
        if not 1 <= self.height_px / self.width_px <= 4:
            raise SettingError(
                f"--size is {self.height_px}x{self.width_px}.", "Give height x width: people are taller than wide."
            )

    @property
    def train_people(self) -> int:
        """How many are for training: the first ones."""
        return self.people - round(self.people * self.test_share)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have people."""
        train = ("train",) if self.train_people else ()
        return train if self.train_people == self.people else (*train, "query", "test")

    @property
    def wardrobe(self) -> int:
        """How many outfits all people share."""
        return max(3 * self.outfits, self.people * self.outfits // 4)

    @property
    def pictures(self) -> int:
        """How many there are in all."""
        return self.people * self.images * self.frames


@dataclass(frozen=True)
class View:
    """One look of one camera at one person.

    Attributes
    ----------
    number:
        Of the view among those of the person.
    split:
        train, query or test.
    outfit, wardrobe_outfit:
        Its number among the person's, from 1, and in the wardrobe that all share, from 0.
    camera:
        From 1.
    """

    number: int
    split: str
    outfit: int
    wardrobe_outfit: int
    camera: int


def person_of(wanted: Wanted, number: int) -> Person:
    """The person of this number (from 0), who may look much like the one before."""
    if not is_alike(wanted, number):
        return draw_person(wanted.seed, number)
    return look_alike(draw_person(wanted.seed, number - 1), wanted.seed, number)


def is_alike(wanted: Wanted, number: int) -> bool:
    """Whether this person is the second of a pair with the same hair and outfits."""
    return number % 2 == 1 and bool(draws(wanted.seed, "alike", number).random() < ALIKE)


def views_of(wanted: Wanted, number: int) -> Iterator[View]:
    """All views of the person of this number."""
    random = draws(wanted.seed, "views", number)
    chooser = number - 1 if is_alike(wanted, number) else number
    worn = draws(wanted.seed, "outfits", chooser).permutation(wanted.wardrobe)[: wanted.outfits]
    outfits = _worn_in(wanted.images, wanted.outfits)
    tested = number >= wanted.train_people
    often = {outfit for outfit in outfits if outfits.count(outfit) > 1}
    asked: set[int] = set()
    cameras: dict[int, list[int]] = {}
    for view, outfit in enumerate(outfits):
        left = cameras.setdefault(outfit, [])
        if not left:
            left += random.permutation(wanted.cameras).tolist()
        split = "train"
        if tested:
            # One picture of an outfit asks for the others; where all are worn once, every second one asks.
            asks = outfit not in asked and (outfit in often or (not often and outfit % 2 == 0))
            split = "query" if asks else "test"
            asked.add(outfit)
        yield View(view, split, outfit + 1, int(worn[outfit]), left.pop() + 1)


def _worn_in(images: int, outfits: int) -> list[int]:
    """The outfit of each view: all once, then the first ones again until each was seen by several cameras."""
    once = list(range(min(images, outfits)))
    more = images - len(once)
    again = min(outfits, max(1, -(-more // (MOST_CAMERAS - 1)))) if more else 1
    return once + [view % again for view in range(more)]


def moment_of(wanted: Wanted, number: int, view: View) -> np.random.Generator:
    """What draws a view, the same whoever draws it and when."""
    return draws(wanted.seed, "moment", number, view.number)
