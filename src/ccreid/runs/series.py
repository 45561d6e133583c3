"""Several runs, summed up as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, stdev

from ccreid.errors import InterruptedRun, SettingError
from ccreid.machine.devices import processes_of
from ccreid.machine.writing import sole_writer
from ccreid.recipe import Recipe, RunFolder, with_seed
from ccreid.records import Measures, ProtocolScores
from ccreid.report.schema import Report, Summary
from ccreid.runs import beforehand, build, train
from ccreid.runs.watch import Follow, Watch


def run_seeds(recipe: Recipe, seeds: Sequence[int], folder: Path, follow: Follow) -> Summary:
    """Run a recipe once a seed, into `folder/seed-N`, and sum the runs up in `folder/seeds.json`.

    Runs that are there already are taken as they are, interrupted ones go on: the same command can be repeated.

    Returns
    -------
    Summary
        Protocols with mean and standard deviation (of a sample) of every score over the seeds.

    Raises
    ------
    SettingError
        A seed stands twice or can be none, the folder is a run itself, or one in it holds a run of other settings.
    InterruptedRun
        A stop was requested; everything is saved.
    """
    with writing_several(folder):
        return run_checked(check_seeds(recipe, seeds, folder), folder, follow)


def run_checked(of_seeds: Mapping[int, Recipe], folder: Path, follow: Follow) -> Summary:
    """As :func:`run_seeds`, in a folder that is held, for what :func:`check_seeds` gave."""
    reports = []
    for seed, of_seed in of_seeds.items():
        try:
            reports.append(_report_of(of_seed, folder / f"seed-{seed}", follow(f"seed {seed}")))
        except InterruptedRun as stop:
            raise InterruptedRun(stop.message, "Go on by repeating the command with the same --out.") from None
    selection = "; ".join(dict.fromkeys(str(report.conditions.selection) for report in reports))
    shared = {"seed": f"mean over {', '.join(map(str, of_seeds))}", "selection": selection}
    summary = Summary(
        recipe=next(iter(of_seeds.values())).name,
        seeds=tuple(of_seeds),
        benchmark=reports[0].benchmark,
        conditions=reports[0].conditions.model_copy(update=shared),
        protocols=tuple(_over(rows) for rows in zip(*(report.protocols for report in reports), strict=True)),
    )
    summary.write(folder / "seeds.json")
    return summary


def check_seeds(recipe: Recipe, seeds: Sequence[int], folder: Path) -> dict[int, Recipe]:
    """The recipe of each seed, once it is known that all runs still to be trained can be. Raises CcreidError."""
    if len(set(seeds)) < len(seeds) or not seeds:
        raise SettingError(f"The seeds {', '.join(map(str, seeds))} are not different.", "Name each seed once.")
    of_seeds = {seed: with_seed(recipe, seed) for seed in seeds}
    runs = {seed: RunFolder(folder / f"seed-{seed}") for seed in seeds}
    for seed, run in runs.items():
        if run.begun and run.recipe() != of_seeds[seed]:
            raise SettingError(f"{run.path} holds a run of other settings.", "Name another folder with --out.")
    missing = {seed: run for seed, run in runs.items() if not run.finished}
    if missing:
        benchmark, processes = build.benchmark(recipe), processes_of(build.fabric(recipe))
        for seed, run in missing.items():
            beforehand.check(of_seeds[seed], benchmark, processes, pretrained=not run.checkpoint.exists())
    return of_seeds


@contextmanager
def writing_several(folder: Path) -> Iterator[None]:
    """Hold a folder that several runs go into. Raises SettingError where it is a run, or another writes there."""
    with sole_writer(folder):
        if RunFolder(folder).begun:
            raise SettingError(
                f"{folder} is a run; several cannot be written there.", "Name another folder with --out."
            )
        yield


def _report_of(recipe: Recipe, folder: Path, watch: Watch) -> Report:
    run = RunFolder(folder)
    if not run.begun:
        return train.begin(recipe, folder, watch)
    if run.finished:
        return Report.read(run.report)
    return train.resume(folder, watch)


def _over(rows: Sequence[ProtocolScores]) -> ProtocolScores:
    """One protocol's rows of several seeds as one row, with the deviation over the seeds."""

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    def deviation(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return stdev(known) if len(known) > 1 else None

    def summed(by: Callable[[list[float | None]], float | None]) -> Measures:
        return Measures(
            cmc={rank: by([row.at(rank) for row in rows]) for rank in rows[0].cmc},
            map=by([row.map for row in rows]),
            minp=by([row.minp for row in rows]),
        )

    return rows[0].model_copy(update={**dict(summed(mean)), "deviation": summed(deviation)})
