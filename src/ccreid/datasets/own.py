"""A user's own images: how they are numbered, and by which protocols they are scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

from ccreid.datasets.reader import Found
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore, Protocol, Samples

SUBSETS = ("train", "val-query", "val-gallery", "query", "gallery")

# A table keeps of these rules what is annotated.
_SAME_VIEW = Ignore.SAME_CAMERA | Ignore.SAME_TRACKLET
_SOURCE = "the rule of LTCC (Qian et al., ACCV 2020), as far as columns are annotated"
PROTOCOLS = (
    Protocol("standard", _SAME_VIEW, source=_SOURCE),
    Protocol("cloth-changing", _SAME_VIEW | Ignore.SAME_CLOTHES, source=_SOURCE),
    Protocol("same-clothes", _SAME_VIEW | Ignore.OTHER_CLOTHES, source=_SOURCE),
)
VALIDATION = (Protocol("validation", _SAME_VIEW, "val-query", "val-gallery", source=_SOURCE),)

LICENCE = "your own"


@dataclass(frozen=True)
class Row:
    """One image as a user describes it; an empty text is an unknown value."""

    file: str
    person: str
    subset: str
    camera: str = ""
    clothes: str = ""
    tracklet: str = ""


def number_rows(root: Path, rows: Sequence[Row], source: Path) -> Found:
    """Number what the rows call by name, in sorted order over all subsets: one name, one person everywhere.

    Clothes are numbered by (person, clothes), so that two people never share a number.

    Parameters
    ----------
    root:
        The folder that the rows' files are relative to.
    rows:
        The images.
    source:
        Where the rows come from, for messages.

    Raises
    ------
    DataError
        Of query and gallery one alone is empty, or of the two validation subsets; or there is neither train nor query.
    """
    given = {row.subset for row in rows}
    pairs = [{"query", "gallery"}, {"val-query", "val-gallery"}]
    needed = {subset for pair in pairs if given & pair for subset in pair}
    if not given & {"train", "query", "gallery"}:
        needed |= pairs[0]
    for subset in sorted(needed - given):
        raise DataError(f"{source} has no image for {subset}.", f"Give {subset} at least one image.")
    rows = sorted(map(_spelt_alike, rows), key=lambda row: row.file)
    called: dict[str, list[tuple[str, ...] | None]] = {
        "person": [(row.person,) for row in rows],
        "camera": [(row.camera,) if row.camera else None for row in rows],
        "clothes": [(row.person, row.clothes) if row.clothes else None for row in rows],
        "tracklet": [(row.tracklet,) if row.tracklet else None for row in rows],
    }
    columns = {column: _numbers(names) for column, names in called.items()}
    names = {column: _name_of(columns[column], called[column]) for column in columns}
    subsets: dict[str, Samples] = {}
    warnings: list[str] = []
    for subset in SUBSETS:
        chosen = [place for place, row in enumerate(rows) if row.subset == subset]
        if not chosen:
            continue
        values = {name: [column[place] for place in chosen] for name, column in columns.items()}
        subsets[subset] = Samples(**values, root=root, files=tuple(rows[place].file for place in chosen), names=names)  # type: ignore[arg-type]  # Samples turns sequences into columns
        warnings += [
            f"{subset}: {column.count(None)} of {len(column)} images have no {name}; they never match a rule about it."
            for name, column in values.items()
            if 0 < column.count(None) < len(column)
        ]
    if any(subsets[subset].camera is None for subset in pairs[0] & subsets.keys()):
        warnings.append(
            "No cameras are annotated: images of the query's own camera count as right answers, and the scores are "
            "higher than across cameras."
        )
    absent = {subset: f"{subset}" for subset in ("train", "query", "gallery") if subset not in subsets}
    return Found(root, subsets, warnings=tuple(warnings), absent=absent)


def _spelt_alike(row: Row) -> Row:
    """A name may be spelt in two ways that look the same (ü as one letter or as u with dots): it is one name."""
    names = {name: normalize("NFC", getattr(row, name)) for name in ("person", "camera", "clothes", "tracklet")}
    return replace(row, **names)


def _numbers(names: Sequence[tuple[str, ...] | None]) -> list[int | None]:
    number_of = {name: number for number, name in enumerate(sorted({name for name in names if name is not None}))}
    return [None if name is None else number_of[name] for name in names]


def _name_of(numbers: Iterable[int | None], names: Iterable[tuple[str, ...] | None]) -> dict[int, str]:
    """What each number stands for; of clothes, which belong to a person, the clothes alone."""
    pairs = zip(numbers, names, strict=True)
    return {number: name[-1] for number, name in pairs if number is not None and name is not None}
