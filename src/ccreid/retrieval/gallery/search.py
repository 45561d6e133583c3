"""Who is this, and is it anybody we know: searches in a snapshot of a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.errors import DataError, SettingError
from ccreid.machine.arguments import as_count, as_number
from ccreid.retrieval.calibration.answers import Answer, CalibrationNote, Candidate, FoundCrop
from ccreid.retrieval.calibration.calibration import Calibration, Verdict
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.retrieval.calibration.person_scores import Evidence, person_evidence
from ccreid.retrieval.calibration.thresholds import Threshold
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.labels import as_labels
from ccreid.retrieval.gallery.quality import by_height
from ccreid.retrieval.gallery.snapshot import Snapshot
from ccreid.retrieval.gallery.where import rows_where
from ccreid.retrieval.stores.exact import nearest
from ccreid.retrieval.stores.store import ID
from ccreid.vocabulary import Ids

UNCALIBRATED = "there is no calibration for this model, so it is not known how similar strangers are"

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """What is asked of a gallery.

    Attributes
    ----------
    count:
        How many candidates are answered, at most.
    where:
        A condition on the enrolled crops (see :func:`ccreid.retrieval.gallery.where.rows_where`): the others are as if
        not enrolled.
    fpir:
        The share of strangers who may be taken for somebody.
    known:
        How probable it is beforehand that somebody enrolled is searched for, in (0, 1).
    same_clothes:
        Whether people wear what they are enrolled in, as within one day.

    Raises
    ------
    SettingError
        A number is none, or outside its range.
    """

    count: int = 5
    where: str | None = None
    fpir: float = 0.1
    known: float = 0.5
    same_clothes: bool = False

    def __post_init__(self) -> None:
        as_count(self.count, "count")
        for name in ("fpir", "known"):
            if not 0 < as_number(getattr(self, name), name, 0, 1) < 1:
                raise SettingError(f"'{name}' is {getattr(self, name)}.", "Give a number between 0 and 1.")


def search_people(
    snapshot: Snapshot, queries: CropFile, question: Question, calibration: Calibration | None
) -> list[Answer]:
    """Answer for each of Q crops who of the gallery it shows, if anybody.

    Parameters
    ----------
    calibration:
        For the model of both; None answers with similarities alone, and says that it cannot say.

    Raises
    ------
    DataError
        The embeddings are of another length than the gallery's.
    SettingError
        The condition is none.
    """
    heights = np.asarray(queries.table["height_px"]).astype(np.int64)
    qualities = by_height(queries.table)
    allowed = None if question.where is None else rows_where(question.where, snapshot.columns)[snapshot.confirmed]
    if not len(snapshot.confirmed) or (allowed is not None and not allowed.any()):
        why = "nobody is enrolled" if allowed is None else "nobody who is enrolled fulfils the condition"
        return [_empty(why, question, quality) for quality in qualities]
    cameras = cameras_of(snapshot, queries)
    find = person_evidence if calibration is None else calibration.evidence
    evidence = find(queries.vectors, snapshot.prepared, cameras, heights, allowed)
    judged = _judged(evidence, question, calibration, snapshot, allowed)
    return [
        _answer(row, snapshot, evidence, judged, question, qualities[row], heights[row : row + 1])
        for row in range(len(evidence))
    ]


def search_crops(snapshot: Snapshot, queries: CropFile, question: Question) -> list[list[FoundCrop]]:
    """The crops that are nearest to each of Q, whoever they show; confirmed, proposed and unknown ones.

    Raises DataError where the embeddings are of another length than the gallery's, SettingError where the condition is
    none.
    """
    allowed = None if question.where is None else rows_where(question.where, snapshot.columns)
    if not len(snapshot):
        return [[] for _ in range(len(queries))]
    if queries.vectors.shape[1] != snapshot.vectors.shape[1]:
        raise DataError(
            f"Embeddings of {queries.vectors.shape[1]} numbers cannot be searched among ones of "
            f"{snapshot.vectors.shape[1]}.",
            "Embed both with one model.",
        )
    rows, similarities = nearest(queries.vectors, snapshot.vectors, question.count, allowed)
    return [
        found_crops(snapshot.columns.take(pa.array(found)), values, snapshot.names)
        for found, values in zip(rows, similarities, strict=True)
    ]


def found_crops(columns: pa.Table, similarities: NDArray[np.float32], names: Mapping[str, str]) -> list[FoundCrop]:
    """Answers with crops: from their columns (see :class:`Snapshot`), how similar each is, and the people's names."""
    return [
        FoundCrop(
            crop=crop[ID],
            path=crop["path"],
            similarity=float(similarity),
            state=crop["state"],
            person=crop["person"],
            name=names.get(crop["person"]),
            outfit=crop["outfit"],
        )
        for crop, similarity in zip(
            columns.select([ID, "path", "state", "person", "outfit"]).to_pylist(), similarities, strict=True
        )
    ]


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a calibration makes of evidence: (Q, P) ratios and probabilities, (Q,) of nobody, verdicts."""

    order: NDArray[np.float64]
    ratios: NDArray[np.float64] | None
    probable: NDArray[np.float64] | None
    nobody: NDArray[np.float64] | None
    threshold: Threshold | None
    verdicts: list[Verdict]
    calibration: Calibration | None
    cameras_known: bool
    here: Rate | None = None


def _judged(
    evidence: Evidence,
    question: Question,
    calibration: Calibration | None,
    snapshot: Snapshot,
    allowed: Mask | None,
) -> _Judged:
    known = bool(snapshot.cameras)
    if calibration is None:
        verdicts = [Verdict("cannot say", UNCALIBRATED)] * len(evidence)
        return _Judged(evidence.similarity, None, None, None, None, verdicts, None, known)
    probable, nobody = calibration.answer(evidence, question.known)
    ratios = calibration.log10_lr(evidence)
    threshold, here = None, None
    try:
        threshold = calibration.threshold(question.fpir, _enrolled(evidence))
        here = snapshot.rate_here(calibration, threshold.value, question.where, allowed)
        verdicts = calibration.decide(
            evidence, threshold, question.known, same_clothes=question.same_clothes, here=here
        )
    except SettingError as error:  # its people cannot support such a promise
        verdicts = [Verdict("cannot say", _clause(error.message))] * len(evidence)
    return _Judged(probable, ratios, probable, nobody, threshold, verdicts, calibration, known, here)


def _enrolled(evidence: Evidence) -> int:
    return int((evidence.crops.max(axis=0) > 0).sum())


def _answer(
    row: int,
    snapshot: Snapshot,
    evidence: Evidence,
    judged: _Judged,
    question: Question,
    quality: tuple[str, ...],
    height: NDArray[np.int64],
) -> Answer:
    there = np.flatnonzero(evidence.crops[row] > 0)
    order = there[np.argsort(-judged.order[row, there], kind="stable")][: question.count]
    enrolled = _enrolled(evidence)
    verdict = judged.verdicts[row]
    return Answer(
        decision=verdict.decision,
        reason=verdict.reason,
        threshold=judged.threshold,
        fpir=question.fpir,
        n_enrolled=enrolled,
        candidates=tuple(_candidate(row, person, snapshot, evidence, judged) for person in order.tolist()),
        p_nobody=None if judged.nobody is None else float(judged.nobody[row]),
        calibration=_note(judged, question, enrolled, height),
        quality=quality,
    )


def _candidate(row: int, person: int, snapshot: Snapshot, evidence: Evidence, judged: _Judged) -> Candidate:
    rows = evidence.rows[row, person]
    crops = snapshot.confirmed[rows[rows >= 0]]
    outfit = int(evidence.outfit[row, person])
    one = snapshot.people[person]
    return Candidate(
        person=one,
        name=snapshot.names[one],
        probability=None if judged.probable is None else float(judged.probable[row, person]),
        lr=None if judged.ratios is None else float(10.0 ** judged.ratios[row, person]),
        similarity=float(evidence.similarity[row, person]),
        outfit=snapshot.outfits[outfit] if outfit >= 0 else None,
        crops=tuple(snapshot.columns[ID].take(pa.array(crops)).to_pylist()),
    )


def _note(judged: _Judged, question: Question, enrolled: int, height: NDArray[np.int64]) -> CalibrationNote | None:
    if judged.calibration is None:
        return None
    return judged.calibration.note(
        enrolled, height, cameras_known=judged.cameras_known, fpir=question.fpir, here=judged.here
    )


def _empty(why: str, question: Question, quality: tuple[str, ...]) -> Answer:
    return Answer(
        decision="nobody",
        reason=why,
        threshold=None,
        fpir=question.fpir,
        n_enrolled=0,
        candidates=(),
        p_nobody=None,
        calibration=None,
        quality=quality,
    )


def cameras_of(snapshot: Snapshot, queries: CropFile) -> Ids | None:
    """(Q,) the cameras of crops as the gallery numbers them; None where it knows none, or they tell none."""
    if not snapshot.cameras or "camera" not in queries.table.column_names:
        return None
    return snapshot.camera_codes(as_labels(queries.table["camera"]))


def _clause(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".")
