"""A pile of crops in groups, kept in a folder that further crops and decisions go into.

::

    groups.parquet      the crops, with the columns group, state and proposed_person
    pairs.parquet       pairs of groups that may be one person, the likeliest first
    groups.html         a page to look at and to decide on
    apart.json          pairs of crops that somebody has said are not one person
    odds.json           what probabilities were learnt, where they were
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.machine.files import is_free, replacing
from ccreid.machine.progress import Track, untracked
from ccreid.machine.writing import sole_writer
from ccreid.report.groups_page import write_groups_page
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.models import check_same_model
from ccreid.retrieval.grouping.decisions import Apart, Decisions
from ccreid.retrieval.grouping.grouping import Groups, Pairs, group_crops, pairs_to_merge
from ccreid.retrieval.grouping.merging import MergeOdds, learn_odds
from ccreid.retrieval.grouping.pile import ONE_BUNDLE, Pile, group_names, grouped, labelled, pile
from ccreid.vocabulary import UNKNOWN

GROUPS, PAIRS, PAGE, APART, ODDS = "groups.parquet", "pairs.parquet", "groups.html", "apart.json", "odds.json"


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
        }
        return {name: f"{value:,}" for name, value in told.items()}


def group_into(
    folder: Path,
    crops: Sequence[Path],
    *,
    decisions: Path | None = None,
    learn: Path | None = None,
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
        A file is none, or of another model.
    DataError
        There are no crops, too few people to learn from, or decisions about groups that are not there.
    StorageError
        Something cannot be written.
    """
    if not is_free(folder, GROUPS):
        raise SettingError(f"{folder} is not empty, and holds no groups.", "Name another folder with --out.")
    if dry:
        return _grouped(folder, crops, decisions, learn)[0]
    with sole_writer(folder):
        outcome, heap, groups, pairs = _grouped(folder, crops, decisions, learn)
        names = group_names(heap, groups)
        table = grouped(heap, groups, names)
        probability = None if outcome.odds is None else outcome.odds.probability(groups, pairs)
        proposed = _pairs_table(names, pairs, probability)
        Apart(pairs=list(heap.apart)).write(folder / APART)  # first: to know more of them changes no group
        if outcome.odds is not None:
            outcome.odds.write(folder / ODDS)
        table.write(folder / GROUPS)
        with replacing(folder / PAIRS) as temporary:
            pq.write_table(proposed, temporary)
        loose = {name for name, loose in zip(names, groups.loose, strict=True) if loose}
        write_groups_page(folder / PAGE, table, proposed, loose, outcome.in_words, pictures=pictures, track=track)
    return outcome


def _grouped(
    folder: Path, crops: Sequence[Path], decisions: Path | None, learn: Path | None
) -> tuple[Outcome, Pile, Groups, Pairs]:
    before = CropFile.read(folder / GROUPS) if (folder / GROUPS).exists() else None
    apart = Apart.read(folder / APART).pairs if (folder / APART).exists() else []
    decided = None if decisions is None else Decisions.read(decisions)
    heap = pile([CropFile.read(path) for path in crops], before, apart, decided)
    groups = group_crops(heap.crops.vectors, heap.known)
    pairs = pairs_to_merge(groups, heap.known)
    return _outcome(heap, groups, pairs, _odds(folder, learn, heap)), heap, groups, pairs


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


def _outcome(heap: Pile, groups: Groups, pairs: Pairs, odds: MergeOdds | None) -> Outcome:
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
        pairs=len(pairs.first),
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
