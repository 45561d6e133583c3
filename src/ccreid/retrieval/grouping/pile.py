"""A pile of crops with what is known of them, and the pile in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, DataError
from ccreid.ops.ranking import runs
from ccreid.retrieval.crops.crop_file import CropFile, stacked
from ccreid.retrieval.crops.frames import frames_of
from ccreid.retrieval.crops.labels import codes, labels_of
from ccreid.retrieval.crops.models import check_same_model
from ccreid.retrieval.grouping.decisions import Decisions
from ccreid.retrieval.grouping.grouping import Groups, Known, Pairs
from ccreid.vocabulary import UNKNOWN, Ids

PERSON, GROUP, STATE, PROPOSED, PROBABILITY = "person", "group", "state", "proposed_person", "probability"
CONFIRMED, LIKELY, NOBODY_YET = "confirmed", "proposed", "unknown"
"""Whether somebody has said who is seen in a crop, or its group says it, or nothing does."""
TEXT = pa.string()
ONE_BUNDLE = "Embed both with the same bundle."
FEWEST_DIGITS = 8
"""Of the crop's id that a new group is called after."""


@dataclass(frozen=True, eq=False)
class Pile:
    """N crops to be grouped.

    Attributes
    ----------
    crops:
        Those that were grouped before first.
    known:
        What is known of them.
    apart:
        Pairs of ids of crops that are not one person.
    """

    crops: CropFile
    known: Known
    apart: tuple[tuple[str, str], ...] = ()

    @property
    def new(self) -> int:
        """How many crops were not grouped before."""
        return int((self.known.group == UNKNOWN).sum())


def pile(
    crops: Sequence[CropFile],
    before: CropFile | None = None,
    apart: Sequence[tuple[str, str]] = (),
    decisions: Decisions | None = None,
) -> Pile:
    """Put crops together, each once, with what is known of them.

    Parameters
    ----------
    crops:
        New ones, or some that were grouped before; their column `person`, where there is one, is taken as confirmed.
    before:
        The pile as it was grouped before.
    apart:
        Pairs of crops that are not one person, from before.
    decisions:
        What was decided about the groups of `before`.

    Raises
    ------
    ArtefactError
        The embeddings are of different models.
    DataError
        There are no crops, or a decision is about a group or a crop that is not there.
    """
    files = [*([] if before is None else [before]), *crops]
    joined = _joined(files)
    ids = joined.ids
    rows = {one: row for row, one in enumerate(ids)}
    table = joined.table
    group = labels_of(table, GROUP).to_pylist()
    person = labels_of(table, PERSON).to_pylist()
    decided = decisions or Decisions()
    _check_decisions(decided, {one for one in group if one is not None}, rows)
    out = {rows[one] for one in decided.taken_out}
    links = [*apart, *_apart_by(decided, group, ids, out)]
    person = [
        decided.names.get(one, who) if who is None and one is not None and row not in out else who
        for row, (who, one) in enumerate(zip(person, group, strict=True))
    ]
    called = _merged(decided.merged)
    group = [None if row in out or one is None else called.get(one, one) for row, one in enumerate(group)]
    table = _with(_with(table, PERSON, person), GROUP, group)
    known = Known(
        person=codes(person),
        frame=frames_of(table),
        group=codes(group),
        apart=np.array(
            [(rows[one], rows[other]) for one, other in links if {one, other} <= rows.keys()], dtype=np.int64
        ).reshape(-1, 2),
    )
    return Pile(CropFile(table, joined.made_with, joined.source), known, tuple(dict.fromkeys(links)))


class Likely(NamedTuple):
    """Whom G groups probably show: (G,) people, None where nobody is probable, and (G,) how probable, NaN there."""

    person: list[str | None]
    probability: NDArray[np.float64]


def confirmed_people(pile: Pile, groups: Groups) -> list[str | None]:
    """(G,) the person of whom somebody has said that a crop of the group shows them; None without one."""
    whose: list[str | None] = [None] * len(groups.means)
    for group, who in zip(groups.group.tolist(), labels_of(pile.crops.table, PERSON).to_pylist(), strict=True):
        whose[group] = whose[group] or who
    return whose


def likely_merges(pile: Pile, groups: Groups, pairs: Pairs, probability: NDArray[np.float64]) -> Likely:
    """Who groups of nobody known are, if they are one person with a group whose person was confirmed.

    Of several such groups the most probable; none that is not more probable than not.
    """
    whose = confirmed_people(pile, groups)
    found = Likely([None] * len(whose), np.full(len(whose), np.nan))
    ends = (pairs.first.tolist(), pairs.second.tolist())
    for one, other, likely in [*zip(*ends, probability, strict=True), *zip(*ends[::-1], probability, strict=True)]:
        if whose[one] is None and whose[other] is not None and likely > np.fmax(0.5, found.probability[one]):
            found.person[one], found.probability[one] = whose[other], likely
    return found


def grouped(pile: Pile, groups: Groups, names: Sequence[str], likely: Sequence[Likely] = ()) -> CropFile:
    """The pile with the columns `group`, `state`, `proposed_person` and `probability`.

    Parameters
    ----------
    names:
        From :func:`group_names`.
    likely:
        Who groups are for which nobody is confirmed; of several that know somebody the most probable counts.
    """
    table = pile.crops.table
    person = labels_of(table, PERSON).to_pylist()
    proposal: list[tuple[str | None, float | None]] = [(who, None) for who in confirmed_people(pile, groups)]
    for group, (who, _) in enumerate(proposal):
        known = [(float(one.probability[group]), one.person[group]) for one in likely if one.person[group] is not None]
        if who is None and known:
            probability, who = max(known, key=lambda pair: pair[0])
            proposal[group] = who, probability
    own = [proposal[group][0] for group in groups.group.tolist()]
    said = [proposal[group][1] if who is None else None for group, who in zip(groups.group, person, strict=True)]
    state = [
        CONFIRMED if who is not None else NOBODY_YET if likely is None else LIKELY
        for who, likely in zip(person, own, strict=True)
    ]
    proposed = [None if who is not None else likely for who, likely in zip(person, own, strict=True)]
    for name, values in ((GROUP, [names[one] for one in groups.group]), (STATE, state), (PROPOSED, proposed)):
        table = _with(table, name, values)
    table = _with(table, PROBABILITY, said, pa.float64())
    return CropFile(table, pile.crops.made_with, pile.crops.source)


def labelled(crops: CropFile) -> tuple[Ids, Known]:
    """Who is seen in crops of which that is known, (N,), and what else is known of them; no group was there before."""
    count = len(crops)
    nothing = Known.nothing(count)
    person = codes(labels_of(crops.table, PERSON))
    return person, Known(nothing.person, frames_of(crops.table), nothing.group)


def group_names(pile: Pile, groups: Groups) -> list[str]:
    """(G,) what each group is called.

    A group keeps its name where most of a former group is in it; a new one is called after one of its crops.
    """
    before = labels_of(pile.crops.table, GROUP).to_pylist()
    names: dict[int, str] = {}
    for group, former in _overlaps(groups.group, before):
        if group not in names and former not in names.values():
            names[group] = former
    taken = {*names.values(), *(one for one in before if one is not None)}
    ids = np.array(pile.crops.ids)
    order = np.lexsort((ids, groups.group))
    for group, row in enumerate(order[runs(groups.group[order])[0]].tolist()):
        if group in names:
            continue
        name = next(called for digits in range(FEWEST_DIGITS, 33) if (called := f"g-{ids[row][:digits]}") not in taken)
        taken.add(name)
        names[group] = name
    return [names[group] for group in range(len(groups.means))]


def _overlaps(group: Ids, before: Sequence[str | None]) -> list[tuple[int, str]]:
    """Pairs of a group and a former one, those with the most crops in common first."""
    common: dict[tuple[int, str], int] = {}
    for one, former in zip(group.tolist(), before, strict=True):
        if former is not None:
            common[one, former] = common.get((one, former), 0) + 1
    return sorted(common, key=lambda pair: (-common[pair], pair))


def _joined(files: Sequence[CropFile]) -> CropFile:
    """The crops of all files, each once; of whom it is says the first that says it."""
    for file in files[1:]:
        check_same_model(file.made_with, file.source, files[0].made_with, files[0].source, ONE_BUNDLE)
    if not any(map(len, files)):
        raise DataError("There are no crops to group.", "Name a file of crops: ccreid embed makes one.")
    try:
        table = stacked([file.table for file in files])
    except pa.ArrowException as error:
        names = ", ".join(file.source for file in files)
        raise ArtefactError(f"{names} do not fit together: {error}.", "Give a column the same type in each.") from error
    said: dict[str, str] = {}
    first: dict[str, int] = {}
    ids = [one for file in files for one in file.ids]
    for row, (one, who) in enumerate(zip(ids, labels_of(table, PERSON).to_pylist(), strict=True)):
        first.setdefault(one, row)
        if who is not None:
            said.setdefault(one, who)
    once = _with(table.take(list(first.values())), PERSON, [said.get(one) for one in first])
    return CropFile(once, files[0].made_with, files[0].source)


def _check_decisions(decided: Decisions, groups: set[str], crops: Mapping[str, int]) -> None:
    unknown = sorted(decided.groups - groups) or [one for one in decided.taken_out if one not in crops]
    if unknown:
        raise DataError(
            f"The decisions are about {unknown[0]}, which is not in what was grouped before.",
            "Save decisions on the page of the same grouping.",
        )


def _apart_by(
    decided: Decisions, group: Sequence[str | None], ids: Sequence[str], out: set[int]
) -> list[tuple[str, str]]:
    """A pair of crops for each decision that says that something is not one person."""
    first: dict[str, int] = {}
    for row, one in enumerate(group):
        if one is not None and row not in out:
            first.setdefault(one, row)
    pairs = [(ids[first[one]], ids[first[other]]) for one, other in decided.apart if one in first and other in first]
    left = [(ids[first[one]], ids[row]) for row in sorted(out) if (one := group[row]) is not None and one in first]
    return pairs + left


def _merged(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What a group is called after all merges, by its name before."""
    called: dict[str, str] = {}

    def end(one: str) -> str:
        while one in called:
            one = called[one]
        return one

    for one, other in pairs:
        if (keeps := end(one)) != (goes := end(other)):
            called[goes] = keeps
    return {one: end(one) for one in called}


def _with(table: pa.Table, name: str, values: Sequence[object], kind: Any = TEXT) -> pa.Table:
    column = pa.array(values, kind)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)
