"""The attributes that a run mined: contact sheets, and whether they agree with clothes and cameras.

::

    attributes.json           every number, overall and per identity
    attributes.txt            the table and the conclusion
    attributes.html           both with plots and sheets, in one file
    identity-PERSON.png       a row of thumbnails for each attribute of a person
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ccreid.data.masks import Masks
from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.files import is_free, write_json
from ccreid.machine.progress import Track, untracked
from ccreid.machine.tensor_files import read_notes, read_tensors
from ccreid.methods.fire2.fire2 import STATE
from ccreid.recipe import RunFolder
from ccreid.recipe.settings import Fire2Settings
from ccreid.report.attribute_page import write_attribute_page
from ccreid.report.attribute_report import Mined, attribute_table, attribute_values, summary
from ccreid.report.contact_sheet import as_jpeg, draw_sheet, save_sheet, sheet_rows
from ccreid.report.text import write_tables
from ccreid.runs import build, loading
from ccreid.runs.score import without_unreadable
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import DAMAGED, METHOD, Notes
from ccreid.training.rows import BeginRow, read_journal
from ccreid.vocabulary import Ids

RESULT, TEXT, PAGE = "attributes.json", "attributes.txt", "attributes.html"
MOST_ON_PAGE = 24
"""Further sheets are files only: a page of thousands would open nowhere."""


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint tells of the last mining.

    Attributes
    ----------
    of_image:
        (N,) the attribute of each training image.
    owners:
        (A,) the identity that each attribute belongs to.
    data:
        The fingerprint of the images that were trained and selected on.
    begun:
        How many epochs of the run have begun.
    """

    of_image: Ids
    owners: Ids
    data: str
    begun: int


def write_attributes(
    folder: Path, out: Path, *, data: Path | None = None, people: int | None = 12, track: Track[Any] = untracked
) -> dict[str, Any]:
    """Write what a run mined last: sheets, numbers and a page.

    Parameters
    ----------
    folder:
        Of the run.
    out:
        Where to write; a folder that is new, empty or of this command.
    data:
        The folder of the data set where it is no longer that of the recipe.
    people:
        How many sheets at most; None draws all.
    track:
        Follows the work.

    Returns
    -------
    dict
        The numbers, as in attributes.json.

    Raises
    ------
    SettingError
        `folder` is no run, `out` holds something else, or scikit-learn is missing.
    ArtefactError
        The run has mined nothing, its checkpoint is damaged, or the data set is not the one trained on.
    DataError, StorageError
        The data set or an image cannot be read; a file cannot be written.
    """
    recipe = RunFolder(folder).recipe(data=data)
    if not is_free(out, RESULT):
        raise SettingError(f"{out} is not empty.", "Name another folder with --out.")
    saved = read_mined(folder)
    benchmark = build.benchmark(recipe)
    if recipe.data.unreadable == "skip":
        benchmark = without_unreadable(benchmark, Watch(track))
    parts = build.parts(recipe, benchmark)
    samples = parts.train
    _check_same(saved, parts, loading.masks(recipe, parts.train), folder, track)
    epochs = _minings(folder, saved.begun)
    about = {
        "recipe": recipe.name,
        "seed": recipe.training.seed,
        "epochs": recipe.training.epochs,
        "attributes": recipe.method.attributes if isinstance(recipe.method, Fire2Settings) else "mined",
        "mined_before_epoch": epochs[-1]["epoch"] if epochs else None,
        "dataset": benchmark.name,
        "edition": benchmark.edition or None,
        "licence": benchmark.licence,
    }
    mined = Mined.of(samples, saved.of_image, track=track)
    values = attribute_values(mined, about, epochs)
    write_json(out / RESULT, values)
    write_tables(out / TEXT, attribute_table(values), *summary(values), *values["conclusion"])
    places, order = telling_identities(values["identities"], people)
    on_page = set(_spread(places, MOST_ON_PAGE))
    shown = []
    rows_of = dict(mined.rows())
    for place in track(places, "Drawing sheets", len(places)):
        identity = values["identities"][place]
        sheet = draw_sheet(samples, _heading(identity), sheet_rows(samples, mined.groups(rows_of[place])))
        save_sheet(out / _name(identity), sheet)
        if place in on_page:
            shown.append((_title(identity), as_jpeg(sheet)))
    chosen = f"{len(shown)} of {values['people']} people, {order}."
    write_attribute_page(out / PAGE, values, shown, chosen, len(places) - len(shown))
    _remove_others(out, {_name(values["identities"][place]) for place in places})
    return values


def read_mined(folder: Path) -> Saved:
    """Read the attributes of a run's last mining from its checkpoint; no network is built.

    Raises
    ------
    ArtefactError
        There is no checkpoint, it is damaged or of another version, or nothing was mined.
    """
    path = RunFolder(folder).checkpoint
    if not path.is_file():
        raise ArtefactError(f"{folder} has no {path.name}.", RunFolder(folder).how_to_go_on)
    notes = Notes.of(path, read_notes(path, DAMAGED))  # first: a file of another version is no damaged one
    tensors, _ = read_tensors(path, DAMAGED)
    names = [METHOD + name for name in STATE[:2]]
    found = [tensors[name].numpy() for name in names if name in tensors]
    begun = notes.epoch + (notes.step > 0)
    if len(found) != 2:
        raise ArtefactError(
            f"The run {folder} has mined no attributes in its first {begun} epochs.",
            "FIRe² mines after epoch method.after_epoch, where method.weights.attribute or "
            "method.weights.recomposition is above 0: let it run longer, or name a run of another recipe.",
        )
    of_image, owners = (of.astype(np.int64) for of in found)
    if of_image.ndim != 1 or owners.ndim != 1 or not np.isin(of_image, np.arange(len(owners))).all():
        raise ArtefactError(f"{path} is damaged: it has images of attributes that are none.", DAMAGED)
    return Saved(of_image, owners, notes.circumstances.data, begun)


def telling_identities(identities: Sequence[Mapping[str, Any]], count: int | None) -> tuple[list[int], str]:
    """Whose sheets tell most: places in a list of identities, in order, and that order in words.

    They go from the best to the worst agreement with clothes, else with cameras, else from the most attributes to the
    fewest; evenly spread. Those without an agreement follow, where there are too few others.

    Parameters
    ----------
    identities:
        As in attributes.json.
    count:
        How many at most; None takes all.
    """
    by_number = sorted(range(len(identities)), key=lambda place: -len(identities[place]["attributes"]))
    for name, words in (("clothes", "clothes"), ("camera", "cameras")):
        scores = {
            place: found["found"]["nmi"]
            for place, identity in enumerate(identities)
            if (found := identity["agreement"].get(name)) is not None
        }
        if scores:
            ranked = sorted(scores, key=lambda place: -scores[place])
            rest = [place for place in by_number if place not in scores]
            enough = count is not None and len(ranked) >= count
            found = _spread(ranked if enough else [*ranked, *rest], count)
            told = f"from the best to the worst agreement with {words} (NMI)"
            return found, told + (", then those without one" if set(found) & set(rest) else "")
    return _spread(by_number, count), "from the most attributes to the fewest"


def _spread(places: Sequence[int], count: int | None) -> list[int]:
    if count is None or len(places) <= count:
        return list(places)
    return [places[at] for at in np.linspace(0, len(places) - 1, count).round().astype(int)]


def _check_same(saved: Saved, parts: build.Parts, masks: Masks | None, folder: Path, track: Track[Any]) -> None:
    samples = parts.train
    mend = "Name the data set that the run was trained on with --data."
    if len(saved.of_image) != len(samples):
        raise ArtefactError(
            f"{folder} was trained on {len(saved.of_image)} images, and {samples.root} has {len(samples)} of them now.",
            mend,
        )
    if saved.data != build.fingerprint_of(parts, track, masks):
        raise ArtefactError(
            f"{folder} was trained, or its epoch selected, on other images than those in {samples.root}: names, labels "
            "or contents are others.",
            mend,
        )
    if not np.array_equal(saved.owners[saved.of_image], samples.identities):
        raise ArtefactError(
            f"The attributes in {RunFolder(folder).checkpoint} belong to other people.", "Start the run anew."
        )


def _minings(folder: Path, begun: int) -> list[dict[str, int]]:
    """Epoch and number of attributes of each mining that the checkpoint knows of."""
    journal = RunFolder(folder).journal
    if not journal.is_file():
        return []
    return [
        {"epoch": row.epoch, "attributes": row.notes["attributes"]}
        for row in read_journal(journal)
        if isinstance(row, BeginRow) and "attributes" in row.notes and row.epoch <= begun
    ]


def _name(identity: Mapping[str, Any]) -> str:
    return f"identity-{identity['person']}.png"


def _title(identity: Mapping[str, Any]) -> str:
    number, images = len(identity["attributes"]), identity["images"]
    attributes = "1 attribute" if number == 1 else f"{number} attributes"
    return f"Person {identity['name']}: {images} images, {attributes}"


def _heading(identity: Mapping[str, Any]) -> list[str]:
    single = sum(attribute["images"] == 1 for attribute in identity["attributes"])
    numbers = [
        f"{name}: NMI {found['found']['nmi']:.2f} (chance {found['chance']['nmi']:.2f}), "
        f"purity {found['found']['purity']:.2f} (chance {found['chance']['purity']:.2f})"
        for name, found in identity["agreement"].items()
        if found is not None and name != "clothes x camera"
    ]
    return [_title(identity) + (f", {single} of them of one image" if single else ""), *numbers]


def _remove_others(out: Path, written: set[str]) -> None:
    """Delete the sheets of an earlier call: they may show attributes that were mined anew since."""
    for path in out.glob("identity-*.png"):
        if path.name not in written:
            path.unlink()
