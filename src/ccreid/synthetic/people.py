"""Who a person is, in numbers: nothing here depends on clothes, pose or camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ccreid.synthetic.body.gaits import Gait, draw_gait
from ccreid.synthetic.body.looks import Looks, draw_looks
from ccreid.synthetic.body.shapes import Build, draw_build
from ccreid.synthetic.draws import draws


@dataclass(frozen=True)
class Person:
    """A person who does not exist.

    Attributes
    ----------
    build:
        The body and the shape of the face.
    looks:
        Skin, hair, beard, eyes, glasses.
    gait:
        How the person stands and walks.
    """

    build: Build
    looks: Looks
    gait: Gait


def draw_person(seed: int, number: int) -> Person:
    """The person of this number among those of this seed."""
    random = draws(seed, "person", number)
    build = draw_build(random)
    return Person(build, draw_looks(random, build), draw_gait(random, build))


def look_alike(person: Person, seed: int, number: int) -> Person:
    """Somebody with this person's hair, beard, glasses and kind of skin, but another face, body and gait.

    Beside the person, in the same clothes, only face, body and gait tell them apart.
    """
    random = draws(seed, "look-alike", number)
    build = replace(draw_build(random), male=person.build.male, age=person.build.age, origins=person.build.origins)
    shade = np.exp(random.normal(0, 0.05))
    skin = tuple(float(value) for value in np.clip(np.array(person.looks.skin) * shade, 0, 0.8))
    return Person(build, replace(person.looks, skin=(skin[0], skin[1], skin[2])), draw_gait(random, build))
