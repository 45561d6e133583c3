"""Variants of a recipe, each over the same seeds, compared query by query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from rich.table import Table

from ccreid.analysis.paired import compare_queries
from ccreid.errors import CcreidError, SettingError
from ccreid.recipe import Recipe, RunFolder, plain_yaml, to_yaml
from ccreid.recipe.section import Affects
from ccreid.report.schema import Ablation, Difference, Summary, Variant
from ccreid.report.tables import comparison_table, paired_table
from ccreid.report.text import write_tables
from ccreid.runs.series import check_seeds, run_checked, writing_several
from ccreid.runs.watch import Follow, Watch

VARIANTS = Path(__file__).parents[1] / "recipe" / "ablations"
RESULT = "ablation.json"

Changes = Mapping[str, Sequence[str]]
"""By a variant's name, the settings that it changes, as ``section.name=value``."""


def variant_names() -> tuple[str, ...]:
    """The lists of variants inside the package."""
    return tuple(sorted(path.stem for path in VARIANTS.glob("*.yaml")))


def load_variants(source: str) -> dict[str, list[str]]:
    """Read a list of variants by its name (see :func:`variant_names`) or from a YAML file.

    Raises
    ------
    SettingError
        There is no such list, or it is no mapping of names to lists of settings.
    """
    path = VARIANTS / f"{source}.yaml" if source in variant_names() else Path(source)
    mend = "A list of variants is YAML, a line each: name: [section.name=value, ...]."
    if not path.is_file():
        known = ", ".join(variant_names())
        raise SettingError(
            f"The variants '{source}' cannot be read: there is no such file.", f"{mend} Known are {known}."
        )
    try:
        values = plain_yaml.read(path)
    except SettingError as error:
        raise SettingError(error.message, mend) from error
    wrong = not isinstance(values, dict) or not values or not all(map(_is_changes, values.values()))
    if wrong:
        raise SettingError(f"{path} holds no variants.", mend)
    return dict(values)


def ablate(
    variants: Mapping[str, Recipe], seeds: Sequence[int], folder: Path, follow: Follow, changes: Changes
) -> Ablation:
    """Run every variant once a seed and compare them, into `folder/VARIANT/seed-N` and `folder/ablation.json`.

    Variants of the same settings are run once. Runs that are there already are taken as they are, interrupted ones go
    on: the same command can be repeated, also with more seeds.

    Parameters
    ----------
    variants:
        By name, each the recipe with its settings changed.
    seeds:
        Of the runs.
    folder:
        Where everything goes.
    follow:
        Gives the watch of a run, by its name.
    changes:
        What was changed in each variant, for the record. The variant without any is the recipe itself.

    Returns
    -------
    Ablation
        Scores of every variant with mean and standard deviation, then the differences to the first variant, and to the
        recipe itself (where it is none of them, to the second), query by query.

    Raises
    ------
    SettingError
        Two variants have the same name but for punctuation, or a folder is a run itself or holds one of other settings.
    InterruptedRun
        A stop was requested; everything is saved.
    """
    folders = _folders(variants)
    with writing_several(folder):
        summaries = _summaries(variants, seeds, folder, folders, follow)
        return _compared(variants, seeds, folder, folders, summaries, changes)


def _summaries(
    variants: Mapping[str, Recipe], seeds: Sequence[int], folder: Path, folders: Mapping[str, str], follow: Follow
) -> dict[str, Summary]:
    """What became of each variant; all are checked before the first trains."""
    checked = {}
    for name, recipe in variants.items():
        try:
            checked[name] = check_seeds(recipe, seeds, folder / folders[name])
        except CcreidError as error:
            raise type(error)(f"The variant '{name}' cannot be trained: {error.message}", error.mend) from None
    summaries = {}
    for name, of_seeds in checked.items():
        with writing_several(folder / folders[name]):
            summaries[name] = run_checked(of_seeds, folder / folders[name], partial(_named, follow, name))
    return summaries


def _compared(
    variants: Mapping[str, Recipe],
    seeds: Sequence[int],
    folder: Path,
    folders: Mapping[str, str],
    summaries: Mapping[str, Summary],
    changes: Changes,
) -> Ablation:
    compared = {
        name: Variant(
            changes=tuple(_told(recipe, changes[name])), folder=folders[name], protocols=summaries[name].protocols
        )
        for name, recipe in variants.items()
    }
    tables = {name: [RunFolder(folder / of / f"seed-{seed}").queries for seed in seeds] for name, of in folders.items()}
    first = next(iter(summaries.values()))
    result = Ablation(
        seeds=tuple(seeds),
        benchmark=first.benchmark.shareable(),
        conditions=first.conditions,
        variants=compared,
        paired=tuple(
            Difference(variant=one, against=other, **dict(paired))
            for one, other in _pairs(folders, [name for name in variants if not changes[name]])
            for paired in compare_queries(tables[one], tables[other])
        ),
    )
    result.write(folder / RESULT)
    write_tables(folder / "ablation.txt", *ablation_tables(result))
    return result


def ablation_tables(result: Ablation) -> tuple[Table, Table]:
    """Scores, then paired differences, for a terminal."""
    seeds = ", ".join(map(str, result.seeds))
    scores = comparison_table(result.variants, f"Mean and standard deviation over the seeds {seeds}, in percent")
    return scores, paired_table(result.paired)


def _named(follow: Follow, variant: str, seed: str) -> Watch:
    return follow(f"{variant}, {seed}")


def _told(recipe: Recipe, changes: Sequence[str]) -> Iterator[str]:
    """The changes of a variant as they may be shared: a value that could name a file or a person is left out."""
    told, values = recipe.told(), recipe.affecting(*get_args(Affects))
    for change in changes:
        path = change.partition("=")[0].strip()
        yield change if path in told and told[path] == values[path] else f"{path}=..."


def _is_changes(changes: object) -> bool:
    return isinstance(changes, list) and all(isinstance(change, str) for change in changes)


def _folders(variants: Mapping[str, Recipe]) -> dict[str, str]:
    """Where each variant's runs lie; those of equal settings share a folder."""
    folders: dict[str, str] = {}
    by_settings: dict[str, str] = {}
    for name, recipe in variants.items():
        own = re.sub(r"\W+", "-", name).strip("-").lower()
        folders[name] = by_settings.setdefault(to_yaml(recipe), own)
        if list(by_settings.values()).count(own) > 1 or not own:
            raise SettingError(f"The variant '{name}' has no name of its own.", "Name variants by letters or numbers.")
    return folders


def _pairs(folders: Mapping[str, str], unchanged: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each variant with the first; each after the recipe itself, or else after the second, with that. Never two that
    share their runs.
    """
    names = list(folders)
    for other in dict.fromkeys([names[0], *(unchanged or names[1:])[:1]]):
        for one in names[names.index(other) + 1 :]:
            if folders[one] != folders[other]:
                yield one, other
