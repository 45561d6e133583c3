"""People in clothes stand on the ground, are of one piece, and are the same each time."""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import fields

import numpy as np
import pytest

from ccreid.synthetic.figure import Figure
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.poses import draw_pose

NUMBERS = range(6)


def figure(number: int) -> Figure:
    person = draw_person(7, number)
    return make_figure(person, draw_outfit(7, number), draw_pose(person, np.random.default_rng(number)))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_figure_stands_on_the_ground_at_the_height_of_a_grown_up(number: int) -> None:
    made = figure(number)
    assert made.vertices[:, 1].min() == pytest.approx(0, abs=1e-6)
    assert 1.45 < made.height_m < 2.0
    assert 0.8 * made.height_m < made.vertices[:, 1].max() < 1.2 * made.height_m
    assert np.abs(made.vertices[:, [0, 2]]).max() < 1.2


@pytest.mark.parametrize("number", NUMBERS)
def test_its_arrays_fit_together(number: int) -> None:
    made = figure(number)
    count = len(made.vertices)
    assert made.normals.shape == made.cloth.shape == made.paint.shape == (count, 3)
    assert made.triangles.min() == 0
    assert made.triangles.max() == count - 1
    assert len(made.surface) == len(made.triangles)
    assert set(made.surface.tolist()) == set(range(len(made.surfaces)))
    np.testing.assert_allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-4)
    for field in fields(made):
        value = getattr(made, field.name)
        if isinstance(value, np.ndarray):
            assert value.dtype in (np.float32, np.int32)
            assert np.isfinite(value).all()


def test_the_same_numbers_give_the_same_figure() -> None:
    first = figure(3)
    draw_outfit.cache_clear()
    second = figure(3)
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.cloth, second.cloth)
    assert not np.array_equal(first.vertices[:100], figure(4).vertices[:100])


@pytest.mark.slow
def test_another_process_makes_the_same_figure_byte_for_byte() -> None:
    for number in (0, 5, 2):  # what was made before does not matter
        mine = figure(number)
    code = (
        "import sys, zlib, numpy as np\n"
        "from ccreid.synthetic.figures import make_figure\n"
        "from ccreid.synthetic.outfits import draw_outfit\n"
        "from ccreid.synthetic.people import draw_person\n"
        "from ccreid.synthetic.poses import draw_pose\n"
        "person = draw_person(7, 2)\n"
        "made = make_figure(person, draw_outfit(7, 2), draw_pose(person, np.random.default_rng(2)))\n"
        "print(zlib.crc32(made.vertices.tobytes() + made.normals.tobytes() + made.cloth.tobytes()))\n"
        "raise SystemExit('torch' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    expected = zlib.crc32(mine.vertices.tobytes() + mine.normals.tobytes() + mine.cloth.tobytes())
    assert int(ran.stdout) == expected
