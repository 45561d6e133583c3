"""What is written to be read again: values with types, each a file or a part of one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from ccreid.errors import ArtefactError
from ccreid.machine.files import write_json
from ccreid.vocabulary import Benchmark

UNIT_TOLERANCE = 1e-4
"""How far from 1 the length of an embedding that is written may be."""


class Record(BaseModel):
    """Values under fixed names; ``model_dump(mode="json")`` gives them as plain ones.

    A file may hold more than is known here, so that what a newer version wrote opens; nothing in it is guessed at: a
    number in quotes is no number, and NaN and infinity are none either.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    mend: ClassVar[str] = "Make the file anew."
    """What to do where a file cannot be read."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote. Raises ArtefactError, which names the file and the value."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read: {error.strerror or error}.", cls.mend) from error
        except ValidationError as error:
            raise ArtefactError(f"{path} cannot be read: {told(error)}.", cls.mend) from error

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all. Raises StorageError."""
        write_json(path, self.model_dump(mode="json"))


def told(error: ValidationError) -> str:
    """The first thing that is wrong with a record, and where."""
    wrong = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"{part}: " for part in (".".join(map(str, wrong["loc"])),) if part)
    return place + wrong["msg"][0].lower() + wrong["msg"][1:]


def _is_json(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, allow_nan=False)  # ValueError where a number is none
    return value


Plain = Annotated[dict[str, JsonValue], AfterValidator(_is_json)]
"""Values by name of which the record knows nothing."""


def _none_for_nan(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


Figure = Annotated[float | None, BeforeValidator(_none_for_nan)]
"""A number, or None where there is none, such as mAP without a valid query: computations and older files say NaN."""

Rank = Annotated[int, Field(strict=False, ge=1)]
"""A 1-based rank. Not strict, because names in JSON are text."""

Interval = tuple[float, float]
"""Lower and upper end."""


class Counts(Record):
    """How many people and images a subset has."""

    people: int
    images: int


class BenchmarkCard(Record):
    """What a data set is, without its images.

    Attributes
    ----------
    name, edition, licence, synthetic:
        As in a benchmark; no edition where the counts are those of none.
    subsets:
        Counts by the subset's name.
    unmatched:
        How many files bear other names than the set's.
    left_out:
        The images that could not be read.
    warnings:
        What a user should know before believing a number, as :attr:`Benchmark.remarks` says it.
    """

    name: str
    edition: str | None
    licence: str
    synthetic: bool
    subsets: dict[str, Counts]
    unmatched: int
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, benchmark: Benchmark) -> Self:
        """The card of a benchmark."""
        return cls(
            name=benchmark.name,
            edition=benchmark.edition or None,
            licence=benchmark.licence,
            synthetic=benchmark.synthetic,
            subsets={
                name: Counts(people=len(samples.people), images=len(samples))
                for name, samples in benchmark.subsets.items()
            },
            unmatched=len(benchmark.unmatched),
            left_out=tuple(benchmark.left_out),
            warnings=benchmark.remarks,
        )

    def shareable(self) -> Self:
        """The card as it may be shared: what names files, folders or people gives way to counts."""
        return self.model_copy(update={"left_out": (), "warnings": tuple(self._counted())})

    def _counted(self) -> Iterator[str]:
        if self.unmatched:
            yield f"Images of other names than the set's, which were not read: {self.unmatched}."
        if self.left_out:
            yield f"Images that could not be read and were left out: {len(self.left_out)}."


class Measures(Record):
    """CMC at some ranks, mAP and mINP, or how far each deviates; None where there is no number."""

    cmc: dict[Rank, Figure]
    map: Figure
    minp: Figure

    def at(self, rank: int) -> float | None:
        """CMC at a rank."""
        return self.cmc.get(rank)


class ProtocolScores(Measures):
    """The scores under one protocol, as shares in 0..1.

    Attributes
    ----------
    name, query, gallery:
        Of the protocol.
    ignored:
        What its rule ignores of the query's person, in words.
    shots:
        How often the gallery is drawn, in words.
    valid, skipped:
        Queries with and without a relevant gallery image.
    deviation:
        Standard deviations (of a sample) over the draws or the seeds; None where there is one of them.
    selected_on_test:
        Whether the epoch was selected on these very numbers.
    """

    name: str
    query: str
    gallery: str
    ignored: str
    shots: str
    valid: int
    skipped: int
    deviation: Measures | None = None
    selected_on_test: bool = False


class Scored(Record):
    """Whatever has scores."""

    protocols: tuple[ProtocolScores, ...]


class ScoreIntervals(Record):
    """The intervals of a protocol's scores; None where fewer than two people have a valid query.

    Attributes
    ----------
    people:
        How many have one; None in files from before that was told.
    """

    people: int | None = None
    rank1: Interval | None = None
    map: Interval | None = None
    minp: Interval | None = None


class Intervals(Record):
    """Confidence intervals by protocol.

    Attributes
    ----------
    level:
        Share of the resampled scores inside, in (0, 1).
    resamples:
        How many.
    unit:
        What is drawn, and how.
    protocols:
        By name. A single-shot protocol has none: its spread over the draws stands beside its scores.
    """

    level: float
    resamples: int
    unit: str
    protocols: dict[str, ScoreIntervals]

    def of(self, protocol: str) -> ScoreIntervals:
        """Those of a protocol."""
        return self.protocols.get(protocol, ScoreIntervals())
