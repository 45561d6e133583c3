"""Everything about a data set that spoils a score, asked before one is believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ccreid.datasets import READERS
from ccreid.datasets.reader import count
from ccreid.inspection.finding import Finding, sides_of
from ccreid.inspection.images import check_images
from ccreid.inspection.people import check_people
from ccreid.machine.progress import Track, untracked
from ccreid.version import __version__
from ccreid.vocabulary import Benchmark


def check_benchmark(benchmark: Benchmark, track: Track[Any] = untracked, *, smallest_px: int = 32) -> list[Finding]:
    """Read every image of a benchmark once and put each question of the check to it.

    Parameters
    ----------
    benchmark:
        As it was read.
    track:
        Follows the reading of the images.
    smallest_px:
        An image whose shorter side is below this is tiny.

    Returns
    -------
    One finding for each question and each subset, side or protocol that it is put to, "ok" ones included.

    Raises
    ------
    DataError
        A protocol looks at a subset that is not there.
    """
    for protocol in benchmark.protocols + benchmark.validation:
        for subset in (protocol.query, protocol.gallery):
            benchmark.subset(subset)
    sides = sides_of(benchmark)
    return [
        _counts(benchmark),
        *(Finding("remark", "warning", 1, warning) for warning in benchmark.warnings),
        _unmatched(benchmark),
        _absent(benchmark),
        _empty(benchmark),
        *check_images(benchmark, sides, track, smallest_px),
        *check_people(benchmark, sides),
    ]


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether something was found that spoils every score."""
    return any(finding.severity == "error" for finding in findings)


def as_values(benchmark: Benchmark, findings: Sequence[Finding]) -> dict[str, Any]:
    """A check as plain values, for JSON."""
    severities = [finding.severity for finding in findings]
    return {
        "ccreid": __version__,
        "dataset": benchmark.name,
        "edition": benchmark.edition,
        "root": str(benchmark.root),
        "subsets": {
            subset: {"people": people, "images": images}
            for subset, (people, images) in count(benchmark.subsets).items()
        },
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "findings": [finding.as_values() for finding in findings],
    }


def _counts(benchmark: Benchmark) -> Finding:
    reader = READERS.get(benchmark.name)
    images = sum(map(len, benchmark.subsets.values()))
    if benchmark.edition:
        return Finding("counts", "ok", images, f"People and images are those of the {benchmark.edition} edition.")
    if reader is None or not reader.editions:
        return Finding("counts", "ok", images, "No counts are known that people and images could be compared with.")
    known = " or ".join(reader.editions)
    mend = "rename those images of other names that belong to it" if benchmark.unmatched else "unpack the set again"
    detail = f"People and images are not those of the {known} edition: {mend}; the remarks say what differs."
    return Finding("counts", "warning", images, detail)


def _unmatched(benchmark: Benchmark) -> Finding:
    count = len(benchmark.unmatched)
    detail = benchmark.unmatched_in_words if count else "Every image bears a name of the set."
    return Finding("unmatched-names", "warning" if count else "ok", count, detail, examples=benchmark.unmatched)


def _absent(benchmark: Benchmark) -> Finding:
    missing = tuple(dict.fromkeys(benchmark.absent.values()))
    detail = "Every part of the set is here."
    if missing:
        uses = ["nobody can be trained on"] if "train" in benchmark.absent else []
        uses += [] if benchmark.protocols else ["nothing can be scored"]
        detail = f"Not here: {', '.join(missing)}{'; ' if uses else ''}{' and '.join(uses)}."
    return Finding("absent-parts", "ok", len(missing), detail)


def _empty(benchmark: Benchmark) -> Finding:
    empty = [subset for subset, samples in benchmark.subsets.items() if not len(samples)]
    detail = (
        f"There is no image for {', '.join(empty)}: unpack the set again." if empty else "Every subset holds images."
    )
    return Finding("empty-subsets", "error" if empty else "ok", len(empty), detail)
