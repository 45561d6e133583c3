"""What every section of settings is made of: kinds of values, and marks for what a setting affects."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from ccreid.machine.limits import LARGEST_COUNT, LARGEST_PX

Affects = Literal["training", "scores", "images", "machine"]
"""What a setting changes: what training ends with (and so its scores); what is scored of that, or how; which images are
meant, which are compared by their contents; nothing but how the machine gets there."""

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
CountFrom0 = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Side = Annotated[int, Field(ge=1, le=LARGEST_PX)]
Weight = Annotated[float, Field(ge=0)]


class Mark(NamedTuple):
    """What a setting affects, beside its type; one without a mark affects training."""

    affects: Affects


SCORES, IMAGES, MACHINE = Mark("scores"), Mark("images"), Mark("machine")


class Public(NamedTuple):
    """Which free text of a setting may be told to anybody: these words, or any where there are none."""

    words: tuple[str, ...] = ()


PUBLIC = Public()


class Section(BaseModel):
    """Settings that belong together: checked strictly, unknown names refused, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def affects(entry: FieldInfo) -> Affects:
    """What a setting affects, as marked where it is defined."""
    return next((mark.affects for mark in entry.metadata if isinstance(mark, Mark)), "training")
