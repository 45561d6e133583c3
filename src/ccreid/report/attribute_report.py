"""What the attributes of a run are, as plain values, as tables and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ccreid.analysis.agreement import SHUFFLES, Agreement, Comparison, both, compare, most_frequent, rows_by_value
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import UNKNOWN, Ids, Samples

FORMAT = 1
TRUTHS = {"clothes": "clothes", "camera": "cameras", "clothes x camera": "clothes and camera together"}
"""What attributes are compared with, and how it is called in a sentence."""
ANNOTATED = ("clothes", "camera")
MEASURES = Agreement._fields
STRENGTHS = ((0.6, "largely"), (0.3, "partly"), (0.1, "weakly"), (-math.inf, "hardly"))
"""Words for a mutual information of at least so much, on a scale where chance is 0 and full agreement 1."""
SAME = 0.05
"""Two agreements nearer than this on that scale are called about equal."""


@dataclass(frozen=True, eq=False)
class Mined:
    """The attributes of a train set and what they are compared with.

    Attributes
    ----------
    samples:
        The N training images.
    of_image:
        (N,) the attribute of each.
    comparisons:
        By the names of `TRUTHS`, as far as they are annotated.
    clothes_with_camera:
        How far the annotated clothes agree with the cameras: who agrees with one may owe it to the other.
    """

    samples: Samples
    of_image: Ids
    comparisons: Mapping[str, Comparison]
    clothes_with_camera: Comparison | None

    @classmethod
    def of(cls, samples: Samples, of_image: Ids, *, seed: int = 0, track: Track[Any] = untracked) -> Mined:
        """Compare attributes (N,) with whatever is annotated. Raises SettingError where scikit-learn is missing."""
        columns = {name: column for name in ANNOTATED if (column := getattr(samples, name)) is not None}
        identities, clothes_with_camera = samples.identities, None
        if len(columns) == len(ANNOTATED):
            clothes, camera = columns["clothes"], columns["camera"]
            columns["clothes x camera"] = both(clothes, camera)
            of_dressed = np.where(clothes == UNKNOWN, UNKNOWN, camera)
            doing = "Comparing clothes with cameras"
            clothes_with_camera = compare(identities, clothes, of_dressed, seed=seed, track=track, doing=doing)
        comparisons = {
            name: compare(identities, of_image, column, seed=seed, track=track, doing=f"Comparing with {name}")
            for name, column in columns.items()
        }
        return cls(samples, of_image, comparisons, clothes_with_camera)

    def rows(self) -> Iterator[tuple[int, Ids]]:
        """Each identity with the rows of its images."""
        return rows_by_value(self.samples.identities)

    def groups(self, rows: Ids) -> list[tuple[int, Ids]]:
        """The attributes among some rows with the rows of each, the largest first."""
        groups = [(attribute, rows[places]) for attribute, places in rows_by_value(self.of_image[rows])]
        return sorted(groups, key=lambda group: -len(group[1]))


def attribute_values(mined: Mined, about: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every number, as plain values for JSON.

    Parameters
    ----------
    mined:
        The attributes.
    about:
        The run that they are of; "attributes" says whether they are "mined" or the annotated "clothes".
    epochs:
        How many attributes each mining found: "epoch" and "attributes", in order.
    """
    counts = np.array([len(mined.groups(rows)) for _, rows in mined.rows()])
    sizes = np.unique(mined.of_image, return_counts=True)[1]
    values = {
        "format": FORMAT,
        "about": dict(about),
        "people": len(counts),
        "images": len(mined.of_image),
        "attributes": {
            "number": len(sizes),
            "of_one_image": int((sizes == 1).sum()),
            "per_person": {
                "mean": float(counts.mean()),
                "median": float(np.median(counts)),
                "fewest": int(counts.min()),
                "most": int(counts.max()),
            },
            "people_with_one": int((counts == 1).sum()),
        },
        "epochs": [dict(row) for row in epochs],
        "true_values_per_person": {name: _values_per_person(mined, name) for name in ANNOTATED},
        "shuffles": SHUFFLES,
        "agreement": {name: _comparison_values(mined.comparisons.get(name)) for name in TRUTHS},
        "clothes_with_camera": _comparison_values(mined.clothes_with_camera),
    }
    values["conclusion"] = _conclusion(mined, values)
    values["identities"] = [_identity_values(mined, identity, rows) for identity, rows in mined.rows()]
    return values


def attribute_table(values: Mapping[str, Any]) -> Table:
    """The agreement with each annotation, with what chance gives in brackets."""
    table = Table(title="Agreement of the attributes (chance)", title_justify="left", caption_justify="left")
    table.box, table.pad_edge, table.collapse_padding = SIMPLE_HEAD, False, True
    table.add_column("with")
    for name in ("NMI", "homogeneity", "completeness", "purity", "people", "images"):
        table.add_column(name, justify="right")
    for name, found in values["agreement"].items():
        if found is not None and found["found"] is not None:
            cells = (f"{found['found'][m]:.2f}\n({found['chance'][m]:.2f})" for m in MEASURES)
            table.add_row(name, *cells, str(found["people"]), str(found["images"]))
        else:
            table.add_row(name, "not annotated" if found is None else "-", *[""] * 5)
    table.caption = "\n".join(
        [
            "Means over people, weighted by their images. Chance: the attributes shuffled inside each person, "
            f"mean of {values['shuffles']} shuffles.",
            *left_out(values),
        ]
    )
    return table


def left_out(values: Mapping[str, Any]) -> list[str]:
    """In words, who and what has no part in each comparison."""
    lines = []
    for name, found in values["agreement"].items():
        if found is None:
            continue
        parts = [
            *([f"{found['single']} people with a single value"] if found["single"] else []),
            *([f"{found['without']} people without annotated images"] if found["without"] else []),
            *([f"{found['unknown']} images that are not annotated"] if found["unknown"] else []),
        ]
        if parts:
            lines.append(f"Left out for {name}: {', '.join(parts)}.")
    return lines


def summary(values: Mapping[str, Any]) -> list[str]:
    """How many attributes there are, and how their number moved, in plain sentences."""
    attributes, people = values["attributes"], values["people"]
    per_person = attributes["per_person"]
    known = [
        f"{number:.1f} {'clothes' if name == 'clothes' else 'cameras'}"
        for name, number in values["true_values_per_person"].items()
        if number is not None
    ]
    lines = [
        f"{attributes['number']} attributes of {people} people and {values['images']} images: "
        f"{per_person['mean']:.1f} a person on average (median {per_person['median']:g}, "
        f"{per_person['fewest']} to {per_person['most']})"
        + (f"; annotated are {' and '.join(known)} a person" if known else "")
        + ".",
        f"{attributes['of_one_image']} attributes are of one image only; {attributes['people_with_one']} people have "
        "a single attribute.",
    ]
    epochs = values["epochs"]
    if epochs:
        shown = epochs if len(epochs) <= 12 else [*epochs[:6], None, *epochs[-5:]]
        moved = ", ".join("..." if row is None else f"{row['attributes']} (epoch {row['epoch']})" for row in shown)
        lines.append(f"Attributes found before each epoch: {moved}.")
    return lines


def _values_per_person(mined: Mined, name: str) -> float | None:
    column: Ids | None = getattr(mined.samples, name)
    if column is None:
        return None
    found = [len(np.unique(column[rows][column[rows] != UNKNOWN])) for _, rows in mined.rows()]
    return float(np.mean([number for number in found if number]))  # of the others nothing is annotated


def _comparison_values(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "people": len(comparison.identities),
        "images": comparison.images,
        "single": comparison.single,
        "without": comparison.without,
        "unknown": comparison.unknown,
        "found": _plain(comparison.found),
        "chance": _plain(comparison.chance),
        "deviation": _plain(comparison.deviation),
    }


def _identity_values(mined: Mined, identity: int, rows: Ids) -> dict[str, Any]:
    found = {name: comparison.identities.get(identity) for name, comparison in mined.comparisons.items()}
    return {
        "person": int(mined.samples.person[rows[0]]),
        "name": mined.samples.called("person", mined.samples.person[rows[0]]),
        "images": len(rows),
        "attributes": [
            {"attribute": attribute, "images": len(group), **_majorities(mined.samples, group)}
            for attribute, group in mined.groups(rows)
        ],
        "agreement": {
            name: None if of is None else {"images": of.images, "found": _plain(of.found), "chance": _plain(of.chance)}
            for name, of in found.items()
        },
    }


def _majorities(samples: Samples, group: Ids) -> dict[str, Any]:
    """The most frequent clothes and camera of some images, where annotated."""
    columns = {name: column for name in ANNOTATED if (column := getattr(samples, name)) is not None}
    found = {name: most_frequent(column[group]) for name, column in columns.items()}
    return {
        name: None if most is None else {"value": most[0], "name": samples.called(name, most[0]), "share": most[1]}
        for name, most in found.items()
    }


def _plain(found: Agreement | None) -> dict[str, float] | None:
    return None if found is None else found._asdict()


def _conclusion(mined: Mined, values: Mapping[str, Any]) -> list[str]:
    """One or two sentences that say no more than the numbers."""
    told = {name: c for name in ANNOTATED if (c := mined.comparisons.get(name)) is not None and c.found is not None}
    given = values["about"]["attributes"] == "clothes"
    sentences = ["The attributes are the annotated outfits: nothing was mined."] if given else []
    sentences += [_agreement_sentence(told)] if told else []
    for name in ANNOTATED:
        if name not in mined.comparisons:
            sentences.append(f"{TRUTHS[name].capitalize()} are not annotated, so nothing is known of them.")
        elif name not in told:
            sentences.append(f"Nobody has images of two {TRUTHS[name]}, so nothing can be told of them.")
    if not told:
        sentences.append("Whether the attributes are outfits, viewpoints or noise is left to the eye.")
    confounded = mined.clothes_with_camera
    if len(told) == len(ANNOTATED) and confounded is not None and _tells(confounded):
        sentences.append(
            f"Clothes and cameras agree with each other, too ({_numbers(confounded)}): agreement with one may come "
            "from the other."
        )
    if values["attributes"]["people_with_one"] == values["people"]:
        why = "nobody has two outfits" if given else "mining tells nothing apart"
        sentences.append(f"Every person has a single attribute: {why}.")
    return sentences


def _agreement_sentence(told: Mapping[str, Comparison]) -> str:
    if not any(comparison.beyond_chance for comparison in told.values()):
        return f"The attributes agree with {_listed(told, ' or ')} no more than by chance."
    clauses = [
        f"{_strength(c)} with {TRUTHS[name]} ({_numbers(c)})"
        if c.beyond_chance
        else f"with {TRUTHS[name]} no more than by chance ({_numbers(c)})"
        for name, c in told.items()
    ]
    if len(told) == 1:
        return f"The attributes agree {clauses[0]}."
    (more, first), (less, second) = sorted(told.items(), key=lambda item: -item[1].above_chance)
    if first.above_chance - second.above_chance < SAME:
        return f"The attributes agree about equally with clothes and cameras: {', '.join(clauses)}."
    return f"The attributes agree more with {TRUTHS[more]} than with {TRUTHS[less]}: {', '.join(clauses)}."


def _listed(told: Mapping[str, Comparison], joint: str) -> str:
    return joint.join(f"{TRUTHS[name]} ({_numbers(comparison)})" for name, comparison in told.items())


def _numbers(comparison: Comparison) -> str:
    found, chance = comparison.found, comparison.chance
    return "" if found is None or chance is None else f"NMI {found.nmi:.2f}, chance {chance.nmi:.2f}"


def _strength(comparison: Comparison) -> str:
    return next(word for least, word in STRENGTHS if comparison.above_chance >= least)


def _tells(comparison: Comparison) -> bool:
    """Whether an agreement is more than chance, and more than hardly any."""
    return comparison.beyond_chance and comparison.above_chance >= STRENGTHS[-2][0]
