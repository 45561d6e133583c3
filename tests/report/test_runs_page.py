"""Names of runs in the plots of a page."""

from __future__ import annotations

import warnings
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ccreid.report.curves import as_png
from ccreid.report.runs_page import _legend


def inked(png: bytes) -> int:
    """How many pixels are not white."""
    return int((np.asarray(Image.open(BytesIO(png)).convert("L")) < 200).sum())


def titled(title: str) -> bytes:
    figure = Figure(figsize=(4, 1))
    figure.text(0, 0.5, title)
    return as_png(figure)


@pytest.mark.parametrize("name", ["$x$", "$\\frac{$", "a$b_c$d", "_hidden", "安娜", "[red]x[/]"])
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inked(titled(name)) > 0
        legend = _legend({name: ("#000000", "-"), "other": ("#000000", "-")})
    assert name in legend.alt


def test_a_dollar_begins_no_formula() -> None:
    """In a formula the dollars are not drawn, and letters lean."""
    assert inked(titled("$x$")) > 2 * inked(titled("x"))


def test_a_name_with_an_underscore_stands_in_the_legend() -> None:
    drawn = [
        b64decode(_legend({name: ("#000000", "-")}).source.split(",")[1])
        for name in ("_name of a run", "name of a run")
    ]
    hidden, shown = map(inked, drawn)
    assert hidden > 0.9 * shown
