"""How a person's bones turn in a pose, by the person's gait."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import Body
from ccreid.synthetic.body.gaits import Gait
from ccreid.synthetic.body.skinning import X, Y, Z, onto, transforms, turn
from ccreid.synthetic.poses import Arm, Pose

Floats = NDArray[np.floating]

# Over the stride from heel strike to heel strike, shapes after the curves of level walking in Winter, "Biomechanics and
# Motor Control of Human Movement": the thigh from 1 (before) to -1 (behind); the knee's bend under load and in the
# swing, as shares; the foot's pitch in degrees, toes up positive, of which toes keep flat what they can.
THIGH = ((0, 1.0), (0.12, 0.82), (0.3, 0.05), (0.5, -0.98), (0.6, -0.8), (0.75, 0.45), (0.87, 1.02), (1, 1.0))
LOAD = ((0, 0.1), (0.15, 1.0), (0.38, 0.0), (0.6, 0.0), (0.8, 0.0), (1, 0.1))
SWING = ((0, 0.0), (0.15, 0.0), (0.4, 0.03), (0.5, 0.2), (0.62, 0.72), (0.72, 1.0), (0.85, 0.5), (0.96, 0.03), (1, 0.0))
PITCH = ((0, 18.0), (0.09, 0.0), (0.36, 0.0), (0.5, -18.0), (0.62, -52.0), (0.74, -34.0), (0.88, 8.0), (1, 18.0))
TOES_BEND_MOST = 32.0

SPINE = (("spine05", 0.1), ("spine04", 0.2), ("spine03", 0.25), ("spine02", 0.25), ("spine01", 0.2))


@dataclass(frozen=True)
class Held:
    """Where an arm is held, in degrees.

    Forward, outward, the elbow's bend, the forearm's turn inwards, the fingers' curl; `swings` is the share of the
    gait's swing that is left.
    """

    forward: float
    outward: float
    elbow: float
    inward: float
    curl: float
    swings: float


HELD = {
    Arm.CARRY: Held(forward=2, outward=9, elbow=9, inward=0, curl=62, swings=0.25),
    Arm.STRAP: Held(forward=8, outward=12, elbow=142, inward=24, curl=60, swings=0.0),
    Arm.PHONE: Held(forward=58, outward=11, elbow=144, inward=56, curl=52, swings=0.0),
    Arm.SCREEN: Held(forward=20, outward=8, elbow=98, inward=32, curl=45, swings=0.05),
    Arm.POCKET: Held(forward=-14, outward=15, elbow=46, inward=6, curl=25, swings=0.1),
}


def bones_in(body: Body, gait: Gait, pose: Pose) -> Floats:
    """(B, 3, 4) transforms of all bones; the root stays above the origin."""
    turns: dict[str, Floats] = {}
    _trunk(turns, gait, pose)
    for side in "LR":
        _leg(turns, gait, pose, side)
        _arm(turns, body, gait, pose, side)
    numbered = {anatomy().bone(name): rotation for name, rotation in turns.items()}
    bones = transforms(body.joints, anatomy().parents, numbered)
    root = bones[0, :, :3] @ body.joints[0] + bones[0, :, 3]
    bones[:, :, 3] -= np.array((root[0], 0, root[2]))
    return bones


def _trunk(turns: dict[str, Floats], gait: Gait, pose: Pose) -> None:
    beat, phase = 2 * np.pi * pose.phase, pose.walking
    twist = phase * gait.twist * np.cos(beat)
    sway = phase * gait.sway * np.cos(beat - 0.25 * np.pi * 2) - (1 - min(1, phase)) * 4 * pose.shifted
    nod = phase * gait.bounce * np.cos(2 * beat)
    turns["root"] = turn(Y, -0.5 * twist) @ turn(Z, -0.5 * sway) @ turn(X, 0.3 * gait.lean)
    for bone, share in SPINE:
        bend = 0.7 * gait.lean * share + gait.stoop * share * (1.4 if bone in ("spine01", "spine02") else 0.7)
        turns[bone] = turn(Y, 1.5 * twist * share) @ turn(Z, 1.0 * sway * share) @ turn(X, bend)
    turns["neck01"] = turn(Y, 0.3 * pose.head_turn) @ turn(X, gait.neck_forward + 0.3 * pose.head_down)
    level = gait.neck_forward + gait.stoop + gait.lean - gait.chin_up  # eyes look ahead whatever the back does
    turns["head"] = turn(Y, 0.7 * pose.head_turn - twist) @ turn(X, 0.7 * pose.head_down - level + nod)


def _leg(turns: dict[str, Floats], gait: Gait, pose: Pose, side: str) -> None:
    sign = 1 if side == "L" else -1
    phase = (pose.phase + (0 if side == "L" else 0.5)) % 1
    steps = pose.walking
    still = 1 - min(1.0, steps)
    thigh = steps * gait.stride * _curve(THIGH, phase) + 3 * steps + still * 3 * sign * pose.shifted
    resting = still * max(0.0, -sign * pose.shifted)  # the leg that bears no weight bends
    knee = gait.knee_rest + steps * (gait.knee_load * _curve(LOAD, phase) + gait.knee_swing * _curve(SWING, phase))
    knee += 10 * resting
    thigh += 0.5 * gait.knee_rest + 5 * resting
    pitch = steps * _curve(PITCH, phase)
    outward = 4.5 + 0.3 * gait.stance + still * 1.5  # the base mesh stands with its legs some 8 degrees apart
    turns[f"upperleg01.{side}"] = (
        turn(X, -thigh) @ turn(Z, sign * (gait.stance - outward)) @ turn(Y, sign * 0.6 * gait.toe_out)
    )
    turns[f"lowerleg01.{side}"] = turn(X, knee)
    turns[f"foot.{side}"] = turn(Y, sign * (0.4 * gait.toe_out - 6)) @ turn(X, -pitch + thigh - knee)
    rolls = min(TOES_BEND_MOST, max(0.0, -pitch)) if phase < 0.66 else 0.0
    fades = np.clip((0.7 - phase) / 0.08, 0, 1)
    turns[f"toe2-1.{side}"] = turn(X, -rolls * fades)


def _arm(turns: dict[str, Floats], body: Body, gait: Gait, pose: Pose, side: str) -> None:
    sign = 1 if side == "L" else -1
    deed = pose.left if side == "L" else pose.right
    phase = (pose.phase + (0 if side == "L" else 0.5)) % 1
    forth = -pose.walking * pose.swing * _curve(THIGH, phase) * (1 + sign * gait.arm_uneven)
    held = HELD.get(deed) or Held(
        gait.arm_rest, gait.arms_out, gait.elbow_rest + gait.elbow_swing * max(0.0, forth), 12, 24, 1.0
    )
    forward = held.forward + 0.5 * held.swings * gait.arm_swing * forth
    shoulder, elbow, wrist = (body.joint(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist"))
    upper = turn(X, -forward) @ turn(Z, sign * max(held.outward, 0.6 * gait.arms_out)) @ -Y
    lowering = onto(elbow - shoulder, upper)
    turns[f"clavicle.{side}"] = turn(Z, sign * (gait.shoulders_up - 3))
    turns[f"upperarm01.{side}"] = turns[f"clavicle.{side}"].T @ lowering
    across = turn(upper, sign * held.inward) @ (turn(X, -forward) @ X)
    fore = turn(across, -held.elbow) @ upper
    bending = onto(lowering @ (wrist - elbow), fore)
    turns[f"lowerarm01.{side}"] = lowering.T @ bending @ lowering
    axis = wrist - elbow
    turns[f"lowerarm02.{side}"] = turn(axis, -sign * 0.5 * gait.wrist_turn)
    turns[f"wrist.{side}"] = turn(axis, -sign * 0.3 * gait.wrist_turn)
    knuckles = body.joint(f"finger2-1.{side}") - body.joint(f"finger5-1.{side}")
    back = np.cross(body.joint(f"finger3-1.{side}") - wrist, knuckles)
    for finger in (2, 3, 4, 5):
        together = turn(back, sign * 4.5 * (finger - 3.3))  # the base mesh spreads its fingers
        for joint in (1, 2, 3):
            curled = turn(knuckles, -sign * held.curl * (0.55 + 0.06 * finger))
            turns[f"finger{finger}-{joint}.{side}"] = curled @ together if joint == 1 else curled


@lru_cache(maxsize=8)
def _spline(points: tuple[tuple[float, float], ...]) -> CubicSpline:
    """Through the points, going on smoothly from one stride to the next."""
    phase, value = zip(*points, strict=True)
    return CubicSpline(phase, value, bc_type="periodic")


def _curve(points: tuple[tuple[float, float], ...], phase: float) -> float:
    return float(_spline(points)(phase))
