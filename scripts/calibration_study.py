"""Is the FPIR that was asked for the one that is measured, on people whom the model has not seen?

For each data set: calibrate on a random half of its people, measure on the other half, many times; measure the
bundle's own calibration on all of them; and enrol some of them, and see what their gallery itself says of it. Prints
tables in Markdown. See docs/calibration.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ccreid.datasets import read_benchmark
from ccreid.errors import CcreidError
from ccreid.retrieval.calibration.calibrating import FEWEST_PEOPLE, calibrate
from ccreid.retrieval.calibration.calibration import Calibration, Scope
from ccreid.retrieval.calibration.measuring import LARGEST_SHARE, Measured, measure
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.retrieval.calibration.person_scores import Enrolled, Prepared
from ccreid.retrieval.calibration.strangers import as_strangers, rate_here
from ccreid.runs.calibrate import Labelled, of_benchmark, scope_of
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Ids


def of_people(crops: Enrolled, people: Ids) -> Enrolled:
    """The crops of some people, who are numbered anew."""
    rows = np.flatnonzero(np.isin(crops.person, people))
    return crops.select(rows)


def halves(labelled: Labelled, fpir: float, splits: int) -> Iterator[Measured]:
    """Calibrated on one half, measured on the other with a few and with most of its people enrolled."""
    scope: Scope = scope_of(labelled, labelled.crops, seed=0)
    for seed in range(splits):
        random = np.random.default_rng(seed)
        people = random.permutation(labelled.crops.people)
        one, other = (of_people(labelled.crops, half) for half in np.array_split(people, 2))
        calibration = calibrate(one, labelled.made_with, scope, random=random)
        for enrolled in sizes(other.people):
            yield measure(calibration, other, fpir, enrolled, random)


def galleries(calibration: Calibration, crops: Enrolled, fpir: float, draws: int) -> Iterator[tuple[int, list[Rate]]]:
    """By people enrolled: what each of some galleries, of people drawn by lot, says of the threshold."""
    for enrolled in [size for size in (7, 15, 30, 60) if size < crops.people] + [crops.people]:
        told = []
        for seed in range(draws if enrolled < crops.people else 1):
            members = np.random.default_rng(seed).permutation(crops.people)[:enrolled]
            gallery = of_people(crops, members)
            found = as_strangers(calibration, gallery, Prepared.of(gallery), None)
            if found is not None:
                told.append(rate_here(found, calibration.threshold(fpir, enrolled).value))
        yield enrolled, told


def sizes(people: int) -> tuple[int, int]:
    """A small gallery, and the largest that can be measured."""
    return 10, int(LARGEST_SHARE * people)


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}"


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("bundle", type=Path)
    arguments.add_argument("sets", nargs="+", metavar="NAME=DIR", help="data sets in whose test people it is looked")
    arguments.add_argument("--splits", type=int, default=20)
    given = arguments.parse_args()
    for word in given.sets:
        name, _, root = word.partition("=")
        labelled = of_benchmark(given.bundle, read_benchmark(name, Path(root)), "auto", Watch(), 0)
        print(f"\n{word}: {labelled.crops.people} people, {len(labelled.crops.person)} crops\n")
        print("| calibrated on | enrolled | FPIR asked, % | FPIR measured, % | interval, % | asked inside |")
        print("|---|---|---|---|---|---|")
        for fpir in (0.1, 0.05):
            for enrolled in sizes(labelled.crops.people):
                found = measure(Calibration.of(given.bundle), labelled.crops, fpir, enrolled, np.random.default_rng(0))
                ends = " to ".join(map(percent, found.fpir.interval))
                inside = "yes" if found.holds else "no"
                cells = ("the bundle's", enrolled, percent(fpir), percent(found.fpir.value), ends, inside)
                print(f"| {' | '.join(map(str, cells))} |")
        print("\n| the bundle's, in a gallery of | FPIR there, % | its interval, % | asked inside | below | above |")
        print("|---|---|---|---|---|---|")
        for enrolled, told in galleries(Calibration.of(given.bundle), labelled.crops, 0.1, given.splits):
            ends = np.mean([rate.interval for rate in told], axis=0)
            below, above = (sum(rate.interval[0] > 0.1 for rate in told), sum(rate.interval[1] < 0.1 for rate in told))
            print(
                f"| {enrolled}, {len(told)} times | {percent(float(np.mean([rate.value for rate in told])))} (mean) | "
                f"{' to '.join(map(percent, ends))} (mean) | {len(told) - below - above} | {below} | {above} |"
            )
        if labelled.crops.people < 2 * FEWEST_PEOPLE:
            continue
        every = list(halves(labelled, 0.1, given.splits))
        for enrolled in sorted({found.threshold.enrolled for found in every}):
            of_size = [found for found in every if found.threshold.enrolled == enrolled]
            rates = np.array([found.fpir.value for found in of_size])
            ends = np.mean([found.fpir.interval for found in of_size], axis=0)
            print(
                f"| the other half, {len(of_size)} times | {enrolled} | 10.0 | {percent(rates.mean())} (mean; "
                f"{percent(rates.min())} to {percent(rates.max())}) | {' to '.join(map(percent, ends))} (mean) | "
                f"{sum(found.holds for found in of_size)} of {len(of_size)} times |",
                flush=True,
            )


if __name__ == "__main__":
    try:
        main()
    except CcreidError as error:
        raise SystemExit(str(error)) from error
