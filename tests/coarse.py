"""Pictures of few pixels or none: a run draws or composes every one that it should, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

DOTS_PER_INCH = 24

_in_full = Figure.savefig


@wraps(_in_full)
def _coarsely(figure: Figure, *arguments: Any, **named: Any) -> None:
    _in_full(figure, *arguments, **named | {"dpi": DOTS_PER_INCH})


def _unrendered(_figure: Figure, target: Path | IO[bytes], **_named: Any) -> None:
    Image.new("L", (1, 1)).save(target, format="png")


@contextmanager
def _saved_by(save: Callable[..., None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        yield


def coarse_pictures() -> AbstractContextManager[None]:
    """Give figures few pixels for a while."""
    return _saved_by(_coarsely)


def unrendered_pictures() -> AbstractContextManager[None]:
    """Compose figures for a while, but put a dot in their place, where nobody looks at them."""
    return _saved_by(_unrendered)


def pictures_in_full() -> AbstractContextManager[None]:
    """Give figures all their pixels for a while, in the midst of coarse ones."""
    return _saved_by(_in_full)
