"""All pictures of one person of a set, as files, with every true factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import Outfit, draw_outfit
from ccreid.synthetic.people import Person
from ccreid.synthetic.pictures.pictures import Picture, Stage, stage, take
from ccreid.synthetic.plan import View, Wanted, is_alike, moment_of, person_of, views_of
from ccreid.synthetic.poses import Pose, draw_pose, walk

_QUALITY = 92
"""Of the JPEG files; the cameras' own compression is in the pictures already."""
_VIEWS_A_BACKGROUND = 8
"""Of so many views one is kept without people, too."""

_SIDES = ("left", "top", "right", "bottom")

File = tuple[str, bytes, dict[str, Any]]
"""Its name below the folder of the set, its content, its row in the manifest; none for what is no picture."""


def pictures_of_person(wanted: Wanted, number: int) -> Iterator[File]:
    """Every picture of the person of this number (from 0), its mask, and some backgrounds."""
    person = person_of(wanted, number)
    # An outfit is put on once, and all its pictures are taken.
    for view in sorted(views_of(wanted, number), key=lambda one: one.outfit):
        random = moment_of(wanted, number, view)
        outfit = draw_outfit(wanted.seed, view.wardrobe_outfit)
        poses = (draw_pose(person, random),) if wanted.frames == 1 else walk(person, random, wanted.frames)
        place = stage(wanted.seed, view.camera - 1)
        keeps = (number + view.number) % _VIEWS_A_BACKGROUND == 0
        taken = take(
            wanted.seed,
            place,
            [make_figure(person, outfit, pose) for pose in poses],
            (wanted.height_px, wanted.width_px),
            random,
            travelled_m=[pose.travelled_m for pose in poses],
            background=keeps,
        )
        for frame, (picture, pose) in enumerate(zip(taken, poses, strict=True)):
            name = _name(wanted, number, view, frame)
            row = _row(wanted, number, view, frame, name, picture, person, outfit, pose, place)
            yield f"{view.split}/{name}.jpg", _jpeg(picture.pixels), row
            yield f"masks/{view.split}/{name}.png", _png(picture.mask), {}
            if picture.background is not None:
                yield f"backgrounds/{name}.jpg", _jpeg(picture.background), {}


def _name(wanted: Wanted, number: int, view: View, frame: int) -> str:
    """As LTCC names its pictures."""
    digits = max(3, len(str(wanted.people)))
    return f"{number + 1:0{digits}}_{view.outfit}_c{view.camera}_{view.number * wanted.frames + frame:06}"


def _row(
    wanted: Wanted,
    number: int,
    view: View,
    frame: int,
    name: str,
    picture: Picture,
    person: Person,
    outfit: Outfit,
    pose: Pose,
    place: Stage,
) -> dict[str, Any]:
    """What is true of a picture; of people and clothes the measures that one can ask a model about."""
    moment, camera = picture.moment, place.camera
    build, hair = person.build, person.looks.hair
    return {
        "split": view.split,
        "file": f"{view.split}/{name}.jpg",
        "person": number + 1,
        "outfit": view.outfit,
        "wardrobe_outfit": view.wardrobe_outfit,
        "camera": view.camera,
        "tracklet": number * wanted.images + view.number,
        "frame": frame,
        "looks_like": number if is_alike(wanted, number) else "",
        "height_m": round(build.height_m, 3),
        "male": round(build.male, 3),
        "age": round(build.age, 3),
        "hair_length": round(hair.length, 3),
        "hair_bald": round(hair.bald, 3),
        "hair_tied": hair.tied.value,
        "glasses": int(person.looks.glasses is not None),
        "heading_deg": round(moment.heading, 1),
        "walking": round(pose.walking, 3),
        "phase": round(pose.phase, 3),
        "left_arm": pose.left.value,
        "right_arm": pose.right.value,
        "top_pattern": (outfit.jacket or outfit.top).fabric.pattern.kind,
        "bottom_pattern": outfit.bottom.fabric.pattern.kind if outfit.bottom else "",
        "jacket": int(outfit.jacket is not None),
        "skirt": int(outfit.bottom is not None and outfit.bottom.skirt),
        "hat": outfit.hat.kind.value if outfit.hat else "",
        "bag": outfit.bag.kind.value if outfit.bag else "",
        "scarf": int(outfit.scarf is not None),
        "indoors": int(camera.indoors),
        "light": picture.light,
        "camera_height_m": round(camera.height_m, 2),
        "distance_m": round(moment.away_m, 2),
        "native_px": round(moment.native_px),
        "others": moment.others,
        **{f"box_{side}": round(part, 3) for side, part in zip(_SIDES, moment.box, strict=True)},
        "visible": round(float((picture.mask[..., 1] > 127).mean()), 4),
    }


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()
