"""What is answered to "who is this?": plain values that JSON can carry."""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

from ccreid.records import Record
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.retrieval.calibration.thresholds import Threshold

Decision = Literal["person", "nobody", "uncertain", "cannot say"]
"""The nearest person reaches the threshold; nobody does; several do, or nobody is as probable; it cannot be known."""


class Candidate(Record):
    """An enrolled person who may be the one.

    Attributes
    ----------
    person, name:
        The person's id, and what they are called, which is no id.
    probability:
        That it is they: with the other candidates' and that of nobody it adds up to 1 over all who are enrolled. None
        without a calibration for the model.
    lr:
        The likelihood ratio: how much better the crop fits this person than somebody else. None as above.
    similarity:
        Mean cosine similarity to the three nearest crops.
    outfit:
        The nearest outfit's id, or None.
    crops:
        The nearest crops' ids, nearest first.
    """

    person: str
    name: str
    probability: float | None
    lr: float | None
    similarity: float
    outfit: str | None
    crops: tuple[str, ...]


class FoundCrop(Record):
    """A crop of the gallery that is like the one that was searched for.

    Attributes
    ----------
    crop, path:
        Its id, and its picture.
    similarity:
        Cosine of the two embeddings.
    state, person, name, outfit:
        Whether it is confirmed, proposed or unknown whom it shows, who that is and in what; None where it is not known.
    """

    crop: str
    path: str
    similarity: float
    state: str
    person: str | None
    name: str | None
    outfit: str | None


class CalibrationNote(Record):
    """What stands behind probabilities and threshold.

    Attributes
    ----------
    source:
        The people of the calibration, in words.
    date, people:
        When it was made, and with how many people.
    in_scope:
        Whether the search is like what was calibrated with.
    remarks:
        Why not, a sentence each.
    here:
        The FPIR that the threshold has in this gallery, with its enrolled people searched for as strangers; None
        without a threshold, or with too few people.
    """

    source: str
    date: str
    people: int
    in_scope: bool
    remarks: tuple[str, ...]
    here: Rate | None = None


class Answer(Record):
    """The answer to one search.

    Attributes
    ----------
    decision, reason:
        In one of four words, and why, in a sentence.
    threshold:
        In force, with the FPIR that it was asked for; None where no calibration can promise one.
    fpir, n_enrolled:
        The FPIR asked for, and with how many enrolled people the crop was compared.
    candidates:
        The most probable first; the most similar first without a calibration.
    p_nobody:
        The probability that it is nobody who is enrolled in the clothes that are seen; None without a calibration.
    calibration:
        What stands behind the numbers; None where there is no calibration for the model.
    quality:
        What is wrong with the picture, a sentence each.
    """

    decision: Decision
    reason: str
    threshold: Threshold | None
    fpir: float
    n_enrolled: int
    candidates: tuple[Candidate, ...]
    p_nobody: float | None
    calibration: CalibrationNote | None
    quality: tuple[str, ...] = ()


_SCALE = (
    (0.30103, "no support either way"),
    (1.0, "weak support"),
    (2.0, "moderate support"),
    (3.0, "moderately strong support"),
    (4.0, "strong support"),
    (6.0, "very strong support"),
)
_HIGHEST = "extremely strong support"

CONVENTION = "The words for likelihood ratios are a convention of forensic science (ENFSI, 2015), no measurement."


def in_words(log10_lr: float, this: str, otherwise: str) -> str:
    """A likelihood ratio in words of fixed meaning, for one statement or for the other.

    Between 1/2 and 2 it supports neither; it is weak up to 10, moderate up to 100, moderately strong up to 1,000,
    strong up to 10,000, very strong up to a million, extremely strong beyond; for the other statement in reverse.
    """
    strength = abs(log10_lr)
    words = [word for _, word in _SCALE] + [_HIGHEST]
    word = words[bisect_right([end for end, _ in _SCALE], strength)]
    return word if word == words[0] else f"{word} for {this if log10_lr > 0 else otherwise}"
