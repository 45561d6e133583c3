"""A pile of crops in groups, kept in a folder that further crops and decisions go into.

::

    groups.parquet      the crops, with the columns group, state, proposed_person and probability
    pairs.parquet       pairs of groups that may be one person, the likeliest first
    groups.html         a page to look at and to decide on
    groups.png          the largest groups as a contact sheet
    apart.json          pairs of crops that somebody has said are not one person
    odds.json           what probabilities were learnt, where they were
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.machine.files import is_free, replacing
from ccreid.machine.progress import Track, untracked
from ccreid.machine.writing import sole_writer
from ccreid.report.groups_page import write_groups_page
from ccreid.report.groups_sheet import write_groups_sheet
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.models import check_same_model
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.likely import likely_people
from ccreid.retrieval.gallery.snapshot import Snapshot
from ccreid.retrieval.grouping.decisions import Apart, Decisions
from ccreid.retrieval.grouping.grouping import Groups, Pairs, group_crops, pairs_to_merge
from ccreid.retrieval.grouping.merging import MergeOdds, learn_odds
from ccreid.retrieval.grouping.pile import (
    ONE_BUNDLE,
    Likely,
    Pile,
    confirmed_people,
    group_names,
    grouped,
    labelled,
    likely_merges,
    pile,
)
from ccreid.vocabulary import UNKNOWN

GROUPS, PAIRS, APART, ODDS = "groups.parquet", "pairs.parquet", "apart.json", "odds.json"
PAGE, SHEET = "groups.html", "groups.png"


@dataclass(frozen=True)
class Outcome:
    """What came of a grouping.

    Attributes
    ----------
    crops, new:
        How many there are, and how many of them were not grouped before.
    groups, alone, loose:
        Groups of several crops; crops in no group with another; groups of several that may well hold several people.
    joined:
        New crops that joined a group of several that was there before.
    confirmed:
        Crops of which somebody has said who is seen.
    pairs:
        Pairs of groups that may be one person.
    likely:
        Groups that are probably somebody: of a gallery, or of another group.
    odds:
        What probabilities were learnt; None where pairs are ranked by their similarity.
    """

    crops: int
    new: int
    groups: int
    alone: int
    loose: int
    joined: int
    confirmed: int
    pairs: int
    likely: int
    odds: MergeOdds | None

    @property
    def in_words(self) -> dict[str, str]:
        """Numbers by what they are called."""
        told = {
            "crops": self.crops,
            "new among them": self.new,
            "new in groups that were there": self.joined,
            "groups of several": self.groups,
            "of these loose": self.loose,
            "crops alone": self.alone,
            "confirmed crops": self.confirmed,
            "pairs that are open": self.pairs,
            "groups that are probably somebody who is known": self.likely,
        }
        return {name: f"{value:,}" for name, value in told.items()}


def group_into(
    folder: Path,
    crops: Sequence[Path],
    *,
    decisions: Path | None = None,
    learn: Path | None = None,
    gallery: str | None = None,
    known: float = 0.5,
    dry: bool = False,
    pictures: bool = True,
    track: Track[Any] = untracked,
) -> Outcome:
    """Group crops, with those that the folder has already.

    Parameters
    ----------
    folder:
        New, empty, or from before: its groups stay, but for what the decisions change.
    crops:
        Files of crops to add; none regroups what is there.
    decisions:
        Made on the folder's page.
    learn:
        A file of crops whose column `person` says who is seen, from which probabilities are learnt.
    gallery, known:
        Of whose people it is said who a group probably is, by the gallery's calibration; and how probable it is
        beforehand that it is one of them.
    dry:
        Write nothing.
    pictures:
        Whether the page shows the crops.
    track:
        Follows the work.

    Raises
    ------
    SettingError
        The folder holds something else, or another command writes into it.
    ArtefactError
        A file or the gallery is none, or of another model.
    DataError
        There are no crops, too few people to learn from, or decisions about groups that are not there.
    StorageError
        Something cannot be written.
    """
    if not is_free(folder, GROUPS):
        raise SettingError(f"{folder} is not empty, and holds no groups.", "Name another folder with --out.")
    asked = None if gallery is None else _Asked.of(gallery, known)
    if dry:
        return _grouped(folder, crops, decisions, learn, asked)[0]
    with sole_writer(folder):
        outcome, found = _grouped(folder, crops, decisions, learn, asked)
        heap, groups = found.heap, found.groups
        names = group_names(heap, groups)
        table = grouped(heap, groups, names, found.likely)
        proposed = _pairs_table(names, found.pairs, found.probability)
        Apart(pairs=list(heap.apart)).write(folder / APART)  # first: to know more of them changes no group
        if outcome.odds is not None:
            outcome.odds.write(folder / ODDS)
        table.write(folder / GROUPS)
        with replacing(folder / PAIRS) as temporary:
            pq.write_table(proposed, temporary)
        loose = {name for name, loose in zip(names, groups.loose, strict=True) if loose}
        called = {} if asked is None else asked.snapshot.names
        write_groups_page(
            folder / PAGE, table, proposed, loose, outcome.in_words, called, pictures=pictures, track=track
        )
        if pictures:
            write_groups_sheet(folder / SHEET, table, loose, track=track)
    return outcome


@dataclass(frozen=True, eq=False)
class _Asked:
    """A gallery that is asked who groups are."""

    uri: str
    made_with: dict[str, str]
    snapshot: Snapshot
    calibration: Calibration
    known: float

    @classmethod
    def of(cls, uri: str, known: float) -> Self:
        gallery = Gallery.open(uri)
        snapshot, calibration = gallery.snapshot(), gallery.calibration
        made_with = gallery.settings.made_with
        if made_with is None or calibration is None:
            what = "empty" if made_with is None else "without a calibration, which is what probabilities come from"
            raise SettingError(f"{uri} is {what}.", "See `ccreid gallery add` and `ccreid gallery set --calibration`.")
        return cls(uri, made_with, snapshot, calibration, known)

    def likely(self, heap: Pile, groups: Groups) -> Likely:
        """Who groups probably are."""
        crops = heap.crops
        check_same_model(crops.made_with, crops.source, self.made_with, self.uri, ONE_BUNDLE)
        return Likely(*likely_people(self.snapshot, crops, groups.group, self.calibration, self.known))


class _Found(NamedTuple):
    """A pile in groups, pairs of them with their probability where one was learnt, and who groups probably are."""

    heap: Pile
    groups: Groups
    pairs: Pairs
    probability: NDArray[np.float64] | None
    likely: list[Likely]


def _grouped(
    folder: Path, crops: Sequence[Path], decisions: Path | None, learn: Path | None, asked: _Asked | None
) -> tuple[Outcome, _Found]:
    before = CropFile.read(folder / GROUPS) if (folder / GROUPS).exists() else None
    apart = Apart.read(folder / APART).pairs if (folder / APART).exists() else []
    decided = None if decisions is None else Decisions.read(decisions)
    heap = pile([CropFile.read(path) for path in crops], before, apart, decided)
    groups = group_crops(heap.crops.vectors, heap.known)
    pairs = pairs_to_merge(groups, heap.known)
    odds = _odds(folder, learn, heap)
    probability = None if odds is None else odds.probability(groups, pairs)
    likely = [
        *([] if probability is None else [likely_merges(heap, groups, pairs, probability)]),
        *([] if asked is None else [asked.likely(heap, groups)]),
    ]
    found = _Found(heap, groups, pairs, probability, likely)
    return _outcome(found, odds), found


def _odds(folder: Path, learn: Path | None, heap: Pile) -> MergeOdds | None:
    if learn is not None:
        known = CropFile.read(learn)
        check_same_model(known.made_with, known.source, heap.crops.made_with, heap.crops.source, ONE_BUNDLE)
        person, others = labelled(known)
        return learn_odds(known.vectors, person, others, known.made_with)
    if not (folder / ODDS).exists():
        return None
    odds = MergeOdds.read(folder / ODDS)
    check_same_model(odds.made_with, str(folder / ODDS), heap.crops.made_with, heap.crops.source, ONE_BUNDLE)
    return odds


def _outcome(found: _Found, odds: MergeOdds | None) -> Outcome:
    heap, groups = found.heap, found.groups
    confirmed = confirmed_people(heap, groups)
    several = groups.sizes > 1
    former = np.unique(groups.group[heap.known.group != UNKNOWN])
    new = heap.known.group == UNKNOWN
    return Outcome(
        crops=len(groups.group),
        new=heap.new,
        groups=int(several.sum()),
        alone=int((~several).sum()),
        loose=int((groups.loose & several).sum()),
        joined=int(np.isin(groups.group[new], former).sum()),
        confirmed=int((heap.known.person != UNKNOWN).sum()),
        pairs=len(found.pairs.first),
        likely=sum(
            who is None and any(one.person[group] is not None for one in found.likely)
            for group, who in enumerate(confirmed)
        ),
        odds=odds,
    )


def _pairs_table(names: Sequence[str], pairs: Pairs, probability: NDArray[np.float64] | None) -> pa.Table:
    """The likeliest first."""
    table = pa.table(
        {
            "first": [names[one] for one in pairs.first],
            "second": [names[one] for one in pairs.second],
            "similarity": pairs.similarity,
            "probability": pa.nulls(len(pairs.first), pa.float64()) if probability is None else probability,
        }
    )
    return table.sort_by([("probability", "descending"), ("similarity", "descending")])
