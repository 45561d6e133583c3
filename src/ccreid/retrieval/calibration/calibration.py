"""A calibration: what makes probabilities and thresholds of evidence, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.arguments import PathLike
from ccreid.records import Record
from ccreid.retrieval.calibration.answers import CalibrationNote, Decision
from ccreid.retrieval.calibration.likelihood import LikelihoodRatio, posteriors
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.retrieval.calibration.pairs import PairRatio
from ccreid.retrieval.calibration.person_scores import Cohort, Enrolled, Evidence, Mask, Prepared, person_evidence
from ccreid.retrieval.calibration.thresholds import OperatingPoints, Threshold
from ccreid.retrieval.crops.models import differing
from ccreid.vocabulary import Ids

Figures = NDArray[np.float64]

FORMAT: Final = "ccreid-calibration-1"
NAME = "calibration.json"
MORE_PEOPLE = 2
"""A gallery of so many times the people of the calibration is worth a word."""


class Scope(Record):
    """The crops that a calibration was made from.

    Attributes
    ----------
    data, people_are:
        The data set, file or gallery; which of its people, and whether the model was trained on them, in words.
    people, crops, cameras:
        Counts; cameras None where they are not known.
    outfits:
        Of the person who has most; None where they are not known.
    synthetic:
        Whether no real person is shown; None where that is not known.
    date, version, seed:
        The day, ccreid's version, and the seed of the draws.
    """

    data: str
    people_are: str
    people: int
    crops: int
    cameras: int | None
    outfits: int | None
    synthetic: bool | None
    date: str
    version: str
    seed: int

    @property
    def in_words(self) -> str:
        """In half a sentence."""
        kind = {True: " synthetic", False: "", None: ""}[self.synthetic]
        only = "; synthetic people only" if self.synthetic else ""
        return f"{self.people}{kind} people of {self.data} ({self.people_are}), {self.crops:,} crops, {self.date}{only}"


class Bin(Record):
    """Searches for which a probability in some range was told: their mean, and the share of which it was true."""

    said: float
    happened: Rate


class Quality(Record):
    """How good the ratios and probabilities are on people whom they were not fitted on: one half, then the other.

    Attributes
    ----------
    cllr, cllr_min:
        Of pairs of crop and person; what no recalibration could mend of it. 1 is the cost of saying nothing.
    enrolled, known:
        People in each simulated gallery, and the share of searches for somebody enrolled.
    nobody, nearest:
        Reliability of the probability of nobody, and of that of the nearest person.
    """

    cllr: float
    cllr_min: float
    enrolled: int
    known: float
    nobody: tuple[Bin, ...]
    nearest: tuple[Bin, ...]


@dataclass(frozen=True)
class Verdict:
    """The answer to one search, in one of four words, and why."""

    decision: Decision
    reason: str


class Calibration(Record):
    """Makes likelihood ratios, probabilities and thresholds of the evidence of one model.

    Attributes
    ----------
    made_with:
        The embeddings that it is for, see :attr:`ccreid.model.embedder.Embedder.made_with`.
    scope:
        Where it comes from.
    cohort, likelihood:
        Of searches for people.
    points:
        Error rates by threshold and by the size of the gallery.
    quality:
        Of ratios and probabilities.
    pairs:
        For one crop against one crop.
    """

    mend = "Make it anew with ccreid calibrate."

    format: Literal["ccreid-calibration-1"] = FORMAT
    made_with: dict[str, str]
    scope: Scope
    cohort: Cohort
    likelihood: LikelihoodRatio
    points: OperatingPoints
    quality: Quality
    pairs: PairRatio

    @classmethod
    def of(cls, bundle: PathLike) -> Self:
        """The calibration that lies in a bundle, which is named as everywhere. Raises ArtefactError where none does."""
        from ccreid.model.bundle import bundle_folder  # with it comes torch, which nothing else here needs

        return cls.at(bundle_folder(bundle) / NAME)

    @classmethod
    def at(cls, path: Path) -> Self:
        """Read a calibration. Raises ArtefactError where there is none, or it is damaged or of another version."""
        if not path.is_file():
            raise ArtefactError(
                f"There is no calibration: {path} is not there.",
                "Make one with ccreid calibrate, from people whom the model has not seen.",
            )
        return cls.read(path)

    def check_fits(self, made_with: Mapping[str, str]) -> None:
        """Raise ArtefactError where embeddings were made with another model, or in another way."""
        if other := differing(self.made_with, made_with):
            raise ArtefactError(
                f"The calibration is for another model: {', '.join(other)} of the embeddings differ.",
                "Calibrate this model with ccreid calibrate.",
            )

    def evidence(
        self,
        queries: NDArray[np.float32],
        enrolled: Enrolled | Prepared,
        query_camera: Ids | None = None,
        query_height: NDArray[np.int_] | None = None,
        allowed: Mask | None = None,
    ) -> Evidence:
        """What :func:`person_evidence` finds, beside this calibration's cohort."""
        return person_evidence(queries, enrolled, query_camera, query_height, allowed, cohort=self.cohort)

    def log10_lr(self, evidence: Evidence) -> Figures:
        """(Q, P) logarithms of likelihood ratios, for its being the person in clothes that they are enrolled in.

        NaN where a person has no crop to compare with. Raises SettingError for evidence beside another cohort.
        """
        if evidence.cohort != self.cohort:
            raise SettingError(
                "The evidence was told against another cohort than the calibration's.", "Use Calibration.evidence."
            )
        return self.likelihood.log10(evidence)

    def answer(self, evidence: Evidence, prior_known: float) -> tuple[Figures, Figures]:
        """The probability of each person, (Q, P), and of nobody, (Q,), which add up to 1.

        See :func:`ccreid.retrieval.calibration.likelihood.posteriors`; `prior_known` is how probable it is beforehand
        that the person is enrolled, in (0, 1).
        """
        return posteriors(self.log10_lr(evidence), prior_known)

    def threshold(self, fpir: float, enrolled: int) -> Threshold:
        """What to ask of the nearest person's log10 likelihood ratio for a false-positive identification rate.

        Raises
        ------
        SettingError
            The people of the calibration cannot support it; how many could is told.
        """
        return self.points.threshold(fpir, enrolled, self.scope.in_words)

    def decide(
        self,
        evidence: Evidence,
        threshold: Threshold,
        prior_known: float,
        *,
        same_clothes: bool = False,
        here: Rate | None = None,
    ) -> list[Verdict]:
        """Answer each of the Q searches.

        Parameters
        ----------
        threshold:
            Of this calibration, for as many people as the evidence has.
        prior_known:
            As in :meth:`answer`.
        same_clothes:
            Whether whoever asks knows that people wear what they are enrolled in, as within one day. Otherwise nobody
            can be ruled out by a model that was not shown to see past clothes, and the answer is "cannot say".
        here:
            What the threshold gives in the gallery that is asked, see
            :func:`ccreid.retrieval.calibration.strangers.rate_here`. Where that is surely more than was asked for, the
            calibration is of people who are told apart more easily: nobody is named, and the answer is "cannot say".
        """
        probable, nobody = self.answer(evidence, prior_known)
        ratios = self.log10_lr(evidence)
        verdicts = [
            self._verdict(ratios[row], probable[row], float(nobody[row]), threshold, same_clothes)
            for row in range(len(evidence))
        ]
        if here is None or here.interval[0] <= threshold.fpir:
            return verdicts
        unsure = Verdict("cannot say", broken_promise(threshold, here))
        return [unsure if verdict.decision == "person" else verdict for verdict in verdicts]

    def _verdict(
        self, ratios: Figures, probable: Figures, nobody: float, threshold: Threshold, same_clothes: bool
    ) -> Verdict:
        reached = np.flatnonzero(np.nan_to_num(ratios, nan=-np.inf) >= threshold.value)
        if len(reached):
            best = float(probable[reached].max())
            if best >= 0.5:
                return Verdict("person", f"reaches the threshold for an FPIR of {threshold.fpir:.1%}")
            rival = "nobody is as probable" if nobody >= best else f"{len(reached)} people reach the threshold"
            return Verdict("uncertain", f"{rival}, and no person is more probable than all else")
        below = f"nobody reaches the threshold for an FPIR of {threshold.fpir:.1%}"
        if same_clothes or threshold.sees_past_clothes:
            return Verdict("nobody", below)
        return Verdict("cannot say", f"{below}, and {blindness(threshold)}")

    def note(
        self,
        people: int,
        heights: NDArray[np.int_] | None = None,
        *,
        cameras_known: bool = True,
        fpir: float | None = None,
        here: Rate | None = None,
    ) -> CalibrationNote:
        """What stands behind an answer, and whether a search is like what was calibrated with.

        Parameters
        ----------
        people:
            How many are enrolled.
        heights:
            Of the crops that are searched for, in pixels.
        cameras_known:
            Whether the cameras of the enrolled crops are.
        fpir, here:
            The FPIR asked for, and what came of it in the gallery that is asked, as in :meth:`decide`.
        """
        remarks = self._remarks(people, heights, cameras_known)
        if fpir is not None and here is not None and not here.interval[0] <= fpir <= here.interval[1]:
            more = "More" if here.value > fpir else "Fewer"
            remarks.append(
                f"{more} strangers than the {fpir:.1%} asked for would be taken for somebody in this gallery: "
                f"{_told(here)}. The calibration is of other people or cameras: calibrate with your own."
            )
        return CalibrationNote(
            source=self.scope.in_words,
            date=self.scope.date,
            people=self.scope.people,
            in_scope=not remarks,
            remarks=tuple(remarks),
            here=here,
        )

    def _remarks(self, people: int, heights: NDArray[np.int_] | None, cameras_known: bool) -> list[str]:
        found = []
        if self.scope.synthetic:
            found.append("The calibration was made from synthetic people only: for real ones its numbers are a guess.")
        if people > MORE_PEOPLE * self.scope.people:
            found.append(f"{people} people are enrolled, more than twice the {self.scope.people} of the calibration.")
        seen = self.likelihood.height_px
        if seen is not None and heights is not None and (lower := int((heights < seen.low).sum())):
            which = "The crop is" if len(heights) == 1 else f"{lower} of {len(heights)} crops are"
            found.append(f"{which} lower than {seen.low:.0f} px, the lowest of the calibration.")
        if self.scope.cameras is not None and not cameras_known:
            found.append("The enrolled crops' cameras are not known; the calibration made use of them.")
        return found


def broken_promise(threshold: Threshold, here: Rate) -> str:
    """Why somebody who reaches the threshold is not named, in half a sentence."""
    return (
        f"somebody reaches the threshold for an FPIR of {threshold.fpir:.1%}, but in this gallery it would be "
        f"{_told(here)}"
    )


def _told(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%}, over {rate.people} people who were searched for as strangers)"


def blindness(threshold: Threshold) -> str:
    """Why nobody can be ruled out, in half a sentence."""
    if threshold.sees_past_clothes is None:
        return "outfits were not told apart in calibration, so it is not known whether the model sees past clothes"
    missed = threshold.fnir_changed
    if missed is None:
        return "the calibration held nobody in changed clothes, so it is not known whether the model sees past clothes"
    return (
        f"this model does not see past clothes: it misses {missed.value:.1%} of enrolled people in other clothes than "
        "they are enrolled in"
    )
