"""What a person does at one moment: a phase of the stride, the arms, the head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ccreid.synthetic.people import Person

FRAMES_PER_S = 25


class Arm(StrEnum):
    """What an arm does."""

    SWING = "swing"
    CARRY = "carry"
    """Hangs with something in the hand, and swings little."""
    STRAP = "strap"
    """The hand holds a strap at the shoulder."""
    PHONE = "phone"
    """The hand is at the ear."""
    SCREEN = "screen"
    """The hand is before the chest, where one looks at it."""
    POCKET = "pocket"


@dataclass(frozen=True)
class Pose:
    """One moment.

    Attributes
    ----------
    phase:
        Of the stride, 0 to 1: at 0 the left heel touches the ground, at 0.5 the right one.
    walking:
        1 walks as the person's gait says, less takes smaller steps, 0 stands.
    swing:
        Factor on the arms' swing.
    left, right:
        What the arms do.
    head_turn, head_down:
        Degrees to the person's left, and downwards.
    shifted:
        Who stands rests on the right leg at -1, on the left one at 1.
    travelled_m:
        How far a walk has come since its first frame.
    """

    phase: float
    walking: float
    swing: float = 1.0
    left: Arm = Arm.SWING
    right: Arm = Arm.SWING
    head_turn: float = 0.0
    head_down: float = 0.0
    shifted: float = 0.0
    travelled_m: float = 0.0


def draw_pose(person: Person, random: np.random.Generator) -> Pose:
    """A moment in the life of a person: most walk, some stand, old people more often than young ones."""
    walks = random.random() < 0.86 - 0.12 * person.build.age
    left = right = Arm.SWING
    if random.random() < 0.3:
        deed = Arm(random.choice(list(Arm)[1:], p=(0.3, 0.15, 0.15, 0.25, 0.15)))
        left, right = (deed, right) if random.random() < 0.5 else (left, deed)
    if not walks and random.random() < 0.2:
        left = right = Arm.POCKET
    looks_down = Arm.SCREEN in (left, right)
    return Pose(
        phase=float(random.random()),
        walking=float(random.uniform(0.8, 1.12)) if walks else 0.0,
        swing=float(random.uniform(0.7, 1.25)),
        left=left,
        right=right,
        head_turn=float(np.clip(random.normal(0, 5 if looks_down else 15), -55, 55)),
        head_down=float(random.uniform(15, 30) if looks_down else np.clip(random.normal(2, 6), -12, 20)),
        shifted=float(random.uniform(-1, 1)),
    )


def walk(person: Person, random: np.random.Generator, frames: int) -> tuple[Pose, ...]:
    """Consecutive frames of a walk, :data:`FRAMES_PER_S` a second.

    The phase goes on evenly; the head turns slowly; arms keep doing what they do.
    """
    first = replace(draw_pose(person, random), walking=float(random.uniform(0.85, 1.1)))
    hertz = person.gait.cadence_hz * random.uniform(0.93, 1.07)
    drift, wave = random.uniform(0, 14), random.uniform(0.1, 0.4)
    length = stride_m(person, first)
    time = np.arange(frames) / FRAMES_PER_S
    return tuple(
        replace(
            first,
            phase=float((first.phase + hertz * second) % 1),
            head_turn=float(first.head_turn + drift * np.sin(2 * np.pi * wave * second)),
            travelled_m=float(hertz * second * length),
        )
        for second in time
    )


def stride_m(person: Person, pose: Pose) -> float:
    """How far two steps carry: the thighs' swing at the length of the legs, which are about half the height."""
    angle = np.radians(person.gait.stride * pose.walking)
    return float(4 * 0.5 * person.build.height_m * np.sin(angle))
