"""A look at the people of a data set: whether their numbers, cameras and clothes allow what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ccreid.inspection.finding import MOST_EXAMPLES, Finding, Severity, Side, pairs_of
from ccreid.vocabulary import UNKNOWN, Benchmark, Ids, Protocol, Samples, answerable

LARGEST_RANK = 20
"""Of the ranks that a report prints."""

_WORD_OF_COLUMN = {"camera": "camera", "clothes": "outfit"}
_HARM_OF_CHOICE = "a model that is chosen on them is chosen for the test"
_HARM_OF_COLUMN = {
    "camera": "nothing is learned or asked across cameras with them",
    "clothes": "nothing is learned or asked across a change of clothes with them",
}


def check_people(benchmark: Benchmark, sides: Sequence[Side]) -> list[Finding]:
    """Say what the columns of a benchmark give away or do not allow; opens no image."""
    protocols = benchmark.protocols + benchmark.validation
    searches = list(dict.fromkeys((protocol.query, protocol.gallery) for protocol in protocols))
    galleries = list(dict.fromkeys((protocol.gallery, protocol.draws > 0) for protocol in protocols))
    return [
        *_on_two_sides(benchmark, sides),
        *(finding for side in sides for finding in _clothes(side)),
        *(finding for side in sides for finding in _of_one(side)),
        *(_only_in_query(benchmark, *search) for search in searches),
        *(_distractors(benchmark, *search) for search in searches),
        *(_without_answer(benchmark, protocol) for protocol in protocols),
        *(_small_gallery(benchmark, *gallery) for gallery in galleries),
    ]


def _on_two_sides(benchmark: Benchmark, sides: Sequence[Side]) -> list[Finding]:
    name = "people-on-two-sides"
    if not benchmark.shared_people_numbers:
        detail = "People are numbered anew in each split, so that numbers say nothing about who is in both."
        return [Finding(name, "ok", 0, detail)]
    found = []
    for one, other, both, severity in pairs_of(sides):
        left, right = one.pooled(), other.pooled()
        common = np.intersect1d(left.person, right.person)
        detail = f"Nobody is in {one.name} and in {other.name}."
        if common.size:
            harm = "scores on them say nothing about strangers" if one.name == "train" else _HARM_OF_CHOICE
            detail = (
                f"{common.size:,} of {right.people.size:,} people of {other.name} are in {one.name} too: {harm}; take "
                "them out of one."
            )
        pairs = zip(_a_file_each(left, common), _a_file_each(right, common), strict=True)
        examples = tuple(f"{mine} = {theirs}" for mine, theirs in pairs)
        found.append(Finding(name, severity if common.size else "ok", common.size, detail, both, examples))
    return found


def _clothes(side: Side) -> list[Finding]:
    """Whether a label of clothes names the person who wears them."""
    samples = side.pooled()
    if samples.clothes is None:
        detail = "No clothes are annotated."
        return [Finding(name, "ok", 0, detail, side.name) for name in ("clothes-name-the-person", "clothes-of-several")]
    labelled = samples.select(samples.clothes != UNKNOWN)
    worn, wearers = _distinct(np.asarray(labelled.clothes), labelled.person)
    total, shared = worn.size, worn[wearers > 1]
    owned = total - shared.size
    use = "for training" if side.name == "train" else "in the ignore rule"
    naming = (
        f"{owned:,} of {total:,} clothes numbers belong to one person each, so that the number names the person: use "
        f"those of {side.name} {use} alone, and never give one to a model that is scored."
    )
    several = "No clothes number is worn by two people."
    if shared.size:
        several = (
            f"{shared.size:,} of {total:,} clothes numbers are worn by several people: in ccreid they stand for one "
            "person's outfit; number them by person and outfit."
        )
    files = tuple(labelled.files[int(np.flatnonzero(labelled.clothes == number)[0])] for number in _some(shared))
    return [
        Finding("clothes-name-the-person", "ok", owned, naming, side.name),
        Finding("clothes-of-several", "warning" if shared.size else "ok", shared.size, several, side.name, files),
    ]


def _of_one(side: Side) -> list[Finding]:
    """People who have one image, one camera or one outfit; beside train, only those who are asked for."""
    samples = side.subsets.get("train") if side.name == "train" else side.pooled()
    if samples is None:
        return []
    if side.asked:
        people = np.concatenate([side.subsets[name].person for name in sorted(side.asked)])
        samples = samples.select(np.isin(samples.person, people))
    people, images = np.unique(samples.person, return_counts=True)
    found = [_finding_of_one(side, samples, "image", people[images == 1], "they have no positive pair")]
    for column, word in _WORD_OF_COLUMN.items():
        values: Ids | None = getattr(samples, column)
        if values is None:
            detail = f"{'Cameras' if column == 'camera' else 'Clothes'} are not annotated."
            found.append(Finding(f"people-of-one-{word}", "ok", 0, detail, side.name))
            continue
        annotated, distinct = _distinct(samples.person, values)
        known = np.setdiff1d(annotated[distinct == 1], samples.person[values == UNKNOWN])
        found.append(_finding_of_one(side, samples, word, known, _HARM_OF_COLUMN[column]))
    return found


def _finding_of_one(side: Side, samples: Samples, word: str, people: Ids, harm: str) -> Finding:
    total = samples.people.size
    detail = f"Everybody has more than one {word}."
    if people.size:
        detail = f"{people.size:,} of {total:,} people have one {word} only: {harm}."
    severity: Severity = "warning" if people.size else "ok"
    return Finding(f"people-of-one-{word}", severity, people.size, detail, side.name, _a_file_each(samples, people))


def _only_in_query(benchmark: Benchmark, query: str, gallery: str) -> Finding:
    asked, searched = benchmark.subset(query), benchmark.subset(gallery)
    lonely = np.setdiff1d(asked.person, searched.person)
    detail = f"Everybody in {query} is in {gallery}."
    if lonely.size:
        detail = (
            f"{lonely.size:,} of {asked.people.size:,} people in {query} are not in {gallery}: their queries are "
            "skipped; give them gallery images under the same name."
        )
    severity: Severity = "ok" if not lonely.size else "error" if lonely.size == asked.people.size else "warning"
    return Finding("people-only-in-query", severity, lonely.size, detail, query, _a_file_each(asked, lonely))


def _distractors(benchmark: Benchmark, query: str, gallery: str) -> Finding:
    searched = benchmark.subset(gallery)
    others = ~np.isin(searched.person, benchmark.subset(query).person)
    count = int(others.sum())
    detail = (
        f"{count:,} of {len(searched):,} images in {gallery} are of nobody in {query}: they make the search harder."
    )
    if not count:
        detail = f"Every image in {gallery} is of somebody in {query}."
    files = tuple(searched.files[row] for row in _some(np.flatnonzero(others)))
    return Finding("distractors", "ok", count, detail, gallery, files)


def _without_answer(benchmark: Benchmark, protocol: Protocol) -> Finding:
    query, gallery = benchmark.subset(protocol.query), benchmark.subset(protocol.gallery)
    lost = np.flatnonzero(~answerable(protocol.ignore, query, gallery))
    detail = f"Every query has a right answer in {protocol.gallery}."
    if lost.size:
        rule = protocol.ignore.sentence
        detail = (
            f"{lost.size:,} of {len(query):,} queries have no right answer in {protocol.gallery} (ignored: same person "
            f"and {rule}): they are skipped{', and nothing is left to score' if lost.size == len(query) else ''}."
        )
    severity: Severity = "ok" if not lost.size else "error" if lost.size == len(query) else "warning"
    files = tuple(query.files[row] for row in _some(lost))
    return Finding("queries-without-answer", severity, lost.size, detail, protocol.name, files)


def _small_gallery(benchmark: Benchmark, gallery: str, single_shot: bool) -> Finding:
    searched = benchmark.subset(gallery)
    size = searched.people.size if single_shot else len(searched)
    what = "images, one a person," if single_shot else "images"
    small = size < LARGEST_RANK
    detail = f"{gallery} has {size:,} {what} for ranks up to {LARGEST_RANK}."
    if small:
        detail = (
            f"{gallery} has {size:,} {what} and ranks are reported up to {LARGEST_RANK}: the rates at ranks beyond "
            f"{size:,} say nothing; add gallery images or do not quote them."
        )
    return Finding("small-gallery", "warning" if small else "ok", size, detail, gallery)


def _distinct(owners: Ids, values: Ids) -> tuple[Ids, Ids]:
    """The different owners, sorted, and how many different known values each has."""
    pairs = np.unique(np.stack([owners, values])[:, values != UNKNOWN], axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    return found, counts.astype(np.int64)


def _a_file_each(samples: Samples, people: Ids) -> tuple[str, ...]:
    """The first file of each of the first few people."""
    return tuple(samples.files[int(np.flatnonzero(samples.person == person)[0])] for person in _some(people))


def _some(values: Ids) -> Ids:
    return values[:MOST_EXAMPLES]
