"""How a person stands and walks, as numbers that stay with the person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccreid.synthetic.body.shapes import Build


@dataclass(frozen=True)
class Gait:
    """Angles in degrees, of the whole swing from the middle to one side where a joint swings.

    Attributes
    ----------
    stride, knee_swing, knee_load, knee_rest:
        The thigh's swing, the knee's bend in the swing and under load, and the bend that never goes.
    toe_out, stance:
        How far feet point outwards, and legs stand apart.
    arm_swing, arm_rest, arm_uneven, arms_out, elbow_rest, elbow_swing, wrist_turn:
        The arms: `arm_uneven` is how much more the left one swings, from -1 to 1.
    shoulders_up, twist, sway, bounce:
        Shoulders raised; the shoulders' turn against the hips; leaning over the standing leg; a nod with each step.
    lean, stoop, neck_forward, chin_up:
        Posture: the trunk as a whole, its upper end, the neck, the head.
    cadence_hz:
        Strides (two steps) a second.
    """

    stride: float
    knee_swing: float
    knee_load: float
    knee_rest: float
    toe_out: float
    stance: float
    arm_swing: float
    arm_rest: float
    arm_uneven: float
    arms_out: float
    elbow_rest: float
    elbow_swing: float
    wrist_turn: float
    shoulders_up: float
    twist: float
    sway: float
    bounce: float
    lean: float
    stoop: float
    neck_forward: float
    chin_up: float
    cadence_hz: float


def draw_gait(random: np.random.Generator, build: Build) -> Gait:
    """A gait. The old stoop more and step shorter; arms stand off a broad body."""
    between = random.uniform
    stout = max(0.0, build.weight - 0.6)
    return Gait(
        stride=float(between(12, 23) * (1 - 0.25 * build.age)),
        knee_swing=float(between(38, 58)),
        knee_load=float(between(4, 18)),
        knee_rest=float(between(0, 5) + 4 * build.age),
        toe_out=float(between(-3, 17)),
        stance=float(between(-1, 4)),
        arm_swing=float(between(4, 36)),
        arm_rest=float(between(-8, 6)),
        arm_uneven=float(between(-0.4, 0.4)),
        arms_out=float(between(4, 11) + 20 * stout),
        elbow_rest=float(between(5, 34)),
        elbow_swing=float(between(0, 30)),
        wrist_turn=float(between(0, 55)),
        shoulders_up=float(between(-4, 6)),
        twist=float(between(1, 12)),
        sway=float(between(0, 6)),
        bounce=float(between(0, 3)),
        lean=float(between(-2, 5)),
        stoop=float(between(-3, 9) + 9 * build.age),
        neck_forward=float(between(-1, 15)),
        chin_up=float(between(-7, 7)),
        cadence_hz=float(between(0.75, 1.1)),
    )
