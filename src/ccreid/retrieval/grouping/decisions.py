"""What somebody has decided about proposed groups of crops."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ccreid.records import Record

Name = Annotated[str, Field(min_length=1)]


class Decisions(Record):
    """Made on the page of a grouping, or by hand.

    Attributes
    ----------
    names:
        Who a group is, by the group: its crops are confirmed to be of that person, but for those that were confirmed to
        be of one before.
    merged:
        Pairs of groups that are one person.
    apart:
        Pairs of groups that are not one person, and are never to be proposed again.
    taken_out:
        Ids of crops that do not belong to their group.
    """

    mend: ClassVar[str] = "Save the decisions on the page again."

    format: Literal["ccreid-decisions-1"] = "ccreid-decisions-1"
    names: dict[str, Name] = Field(default_factory=dict)
    merged: list[tuple[str, str]] = Field(default_factory=list)
    apart: list[tuple[str, str]] = Field(default_factory=list)
    taken_out: list[str] = Field(default_factory=list)

    @property
    def groups(self) -> set[str]:
        """Every group that is named in them."""
        return {*self.names, *(one for pair in (*self.merged, *self.apart) for one in pair)}


class Apart(Record):
    """Pairs of crops, by their ids, of which somebody has said that they are not one person."""

    mend: ClassVar[str] = "Restore it from a copy, or remove it: pairs that were rejected may then be proposed again."

    format: Literal["ccreid-apart-1"] = "ccreid-apart-1"
    pairs: list[tuple[str, str]] = Field(default_factory=list)
