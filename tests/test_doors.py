"""Whatever lies where an artefact of ours should, only errors of our own tree come out."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ccreid.errors import CcreidError
from ccreid.machine.devices import processes_of
from ccreid.machine.tensor_files import SEAL
from ccreid.model.bundle import load_bundle
from ccreid.model.embedding import Embeddings
from ccreid.model.weight_file import read_tensors
from ccreid.recipe import RunFolder, load_recipe, plain_yaml
from ccreid.report.runs_page import write_runs_page
from ccreid.report.schema import Report
from ccreid.report.tables import belief_table, report_table
from ccreid.runs import build, train
from ccreid.runs.attributes import read_mined
from ccreid.runs.listing import courses, differences, overview, read_runs, runs_tables
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import DIFFERENCES, Checkpoints, Circumstances, Position
from ccreid.training.journal import Journal
from ccreid.training.rows import read_journal
from coarse import unrendered_pictures
from spoiling import changed, damaged
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

door = settings(derandomize=True, max_examples=80)
"""The same spoilt files each time: what is found here is a fault, not a matter of luck."""


@pytest.fixture(scope="module")
def runs(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, `whole`, and a copy of it, `spoilt`, to be spoilt over and over."""
    folder = tmp_path_factory.mktemp("doors")
    with unrendered_pictures():
        train.begin(load_recipe("wardrobe", TINY_SETTINGS, data=smallest_wardrobe), folder / "whole", Watch())
    shutil.copytree(folder / "whole", folder / "spoilt")
    return folder


@pytest.fixture(scope="module")
def whole(runs: Path) -> RunFolder:
    return RunFolder(runs / "whole")


@pytest.fixture(scope="module")
def spoilt(runs: Path) -> RunFolder:
    return RunFolder(runs / "spoilt")


@pytest.fixture(autouse=True)
def _mended(runs: Path) -> Iterator[None]:
    """The spoilt run is as the whole one when a test is over."""
    yield
    shutil.rmtree(runs / "spoilt")
    shutil.copytree(runs / "whole", runs / "spoilt")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lines of a journal are passed over here, each with a warning."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def list_runs(runs: Path) -> None:
    """As `ccreid runs` does; the whole run is among them whatever the other is."""
    found = read_runs([runs])
    assert str(runs / "whole") in [run.name for run in found]
    overview(found)
    courses(found)
    differences(found)
    show(*runs_tables(found), *runs_tables(found, narrow=True))


def show(*tables: Any) -> None:
    console = Console(file=StringIO(), width=200, markup=False)
    for table in tables:
        console.print(table)


def read_report(run: RunFolder) -> None:
    report = Report.read(run.report)
    show(report_table(report), belief_table(report))


def check_checkpoint(run: RunFolder) -> None:
    notes = notes_of(run.checkpoint)
    circumstances = Circumstances(run.recipe().affecting("training"), notes.get("circumstances", "")[:10])
    Checkpoints(run.checkpoint, circumstances, DIFFERENCES).check()


def notes_of(path: Path) -> dict[str, str]:
    """What a file says, without the hash that would refuse whatever else is changed."""
    try:
        with safe_open(path, "pt") as file:
            return {name: text for name, text in (file.metadata() or {}).items() if name != SEAL}
    except Exception:  # spoilt before
        return {}


def go_on_in_journal(run: RunFolder) -> None:
    Journal(run.journal, Position(1, 1)).__exit__(None, None, None)


def embeddings_of(run: RunFolder) -> Path:
    return sorted(run.embeddings.iterdir())[0]


Door = Callable[[RunFolder], object]
FILES: dict[str, Callable[[RunFolder], Path]] = {
    "report": lambda run: run.report,
    "journal": lambda run: run.journal,
    "recipe": lambda run: run.recipe_file,
    "card": lambda run: run.bundle / "bundle.json",
    "weights": lambda run: run.bundle / "weights.safetensors",
    "checkpoint": lambda run: run.checkpoint,
    "embeddings": embeddings_of,
}
DOORS: dict[str, tuple[Door, ...]] = {
    "report": (read_report,),
    "journal": (lambda run: read_journal(run.journal), go_on_in_journal),
    "recipe": (lambda run: run.recipe(),),
    "card": (lambda run: load_bundle(run.bundle),),
    "weights": (lambda run: load_bundle(run.path),),
    "checkpoint": (check_checkpoint, lambda run: read_mined(run.path)),
    "embeddings": (lambda run: Embeddings.load(embeddings_of(run)),),
}


def go_through(run: RunFolder, name: str) -> None:
    for enter in DOORS[name]:
        with suppress(CcreidError):
            enter(run)
    if name in ("report", "journal", "recipe"):
        list_runs(run.path.parent)


# ------------------------------------------------------------------------------------------------ of another shape

SHAPES = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "text": b'"report"',
    "a number": b"3",
    "an empty mapping": b"{}",
    "nested without end": b"[" * 100_000,
    "mappings without end": b'{"a":' * 100_000,
    "the same name twice": b'{"format": 1, "format": 1}',
    "no number": b'{"format": NaN, "protocols": [NaN]}',
    "a number of 400 digits": b'{"format": ' + b"9" * 400 + b"}",
    "a number of 5000 digits": b'{"format": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"format": "\xff\xfe"}',
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "nothing but zeros": bytes(4096),
    "a header of any length": b"\xff" * 8 + b"{}",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_shape_ends_nothing_else(spoilt: RunFolder, name: str, shape: str) -> None:
    FILES[name](spoilt).write_bytes(SHAPES[shape])
    go_through(spoilt, name)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_of_a_file_ends_nothing_else(spoilt: RunFolder, name: str) -> None:
    file = FILES[name](spoilt)
    file.unlink()
    file.mkdir()
    go_through(spoilt, name)


@pytest.mark.parametrize("name", ["epoch", "total", "seconds", "learning_rate", "validation", "notes", "terms"])
@pytest.mark.parametrize("number", [1e308, -1e308, 10**400])
def test_numbers_beyond_any_training_are_neither_summed_nor_drawn(
    spoilt: RunFolder, name: str, number: float, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in spoilt.journal.read_text().splitlines()]
    value = {"attributes": number} if name in ("notes", "terms") else number
    lines = [json.dumps({**row, name: value} if name in row else row) for row in rows]
    spoilt.journal.write_text("\n".join([*lines, ""]), encoding="utf-8")
    found = read_runs([spoilt.path])
    runs_tables(found)
    write_runs_page(tmp_path / "runs.html", overview(found), differences(found), courses(found))


# ------------------------------------------------------------------------------------------------ spoilt somewhere


@door
@given(data=st.data())
def test_a_report_with_anything_in_it_is_read_or_refused(
    whole: RunFolder, spoilt: RunFolder, data: st.DataObject
) -> None:
    spoilt.report.write_text(json.dumps(data.draw(changed(json.loads(whole.report.read_text())))), encoding="utf-8")
    go_through(spoilt, "report")


@door
@given(data=st.data())
def test_a_journal_with_anything_in_it_is_read(whole: RunFolder, spoilt: RunFolder, data: st.DataObject) -> None:
    rows = [json.loads(line) for line in whole.journal.read_text().splitlines()]
    place = data.draw(st.integers(0, len(rows) - 1))
    rows[place] = data.draw(changed(rows[place]))
    spoilt.journal.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    assert len(read_journal(spoilt.journal)) >= len(rows) - 1
    go_through(spoilt, "journal")


@door
@given(data=st.data())
def test_a_recipe_with_anything_in_it_is_read_or_refused(
    whole: RunFolder, spoilt: RunFolder, data: st.DataObject
) -> None:
    values = data.draw(changed(whole.recipe().model_dump(mode="json")))
    with suppress(UnicodeEncodeError):
        spoilt.recipe_file.write_text(plain_yaml.write(values), encoding="utf-8")
    go_through(spoilt, "recipe")


@door
@given(data=st.data())
def test_a_bundles_card_with_anything_in_it_is_read_or_refused(
    whole: RunFolder, spoilt: RunFolder, data: st.DataObject
) -> None:
    card = json.loads((whole.bundle / "bundle.json").read_text())
    (spoilt.bundle / "bundle.json").write_text(json.dumps(data.draw(changed(card))), encoding="utf-8")
    go_through(spoilt, "card")


@door
@given(data=st.data())
def test_a_checkpoints_notes_with_anything_in_them_are_read_or_refused(
    whole: RunFolder, spoilt: RunFolder, data: st.DataObject
) -> None:
    notes = {name: text if name == "format" else json.loads(text) for name, text in notes_of(whole.checkpoint).items()}
    drawn = data.draw(changed(notes))
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in drawn.items()}
    with suppress(UnicodeEncodeError):
        save_file(load_file(whole.checkpoint), spoilt.checkpoint, metadata=written)
    go_through(spoilt, "checkpoint")


@settings(door, max_examples=20)
@given(data=st.data())
def test_a_checkpoint_of_other_tensors_is_taken_or_refused(
    whole: RunFolder, spoilt: RunFolder, data: st.DataObject
) -> None:
    tensors = load_file(whole.checkpoint)
    name = data.draw(st.sampled_from(sorted(tensors)))
    tensor = tensors.pop(name)
    others = {
        "gone": {},
        "of another name": {name + ".x": tensor},
        "of another shape": {name: tensor.flatten()[:1]},
        "without a dimension": {name: torch.tensor(3.0)},
        "of whole numbers": {name: torch.full(tensor.shape, 10**6)},
        "below zero": {name: torch.full_like(tensor, -1)},
    }
    tensors |= data.draw(st.sampled_from(list(others.values())))
    save_file(tensors, spoilt.checkpoint, metadata=notes_of(whole.checkpoint))
    go_through(spoilt, "checkpoint")
    recipe = whole.recipe()
    train_images, fabric = build.benchmark(recipe).subset("train"), build.fabric(recipe)
    method = build.method(recipe, train_images, pretrained=False)
    state = build.state(recipe, method, fabric, processes_of(fabric))
    circumstances = Circumstances(recipe.affecting("training"), "")
    with suppress(CcreidError):
        Checkpoints(spoilt.checkpoint, circumstances, DIFFERENCES).restore(state)


@door
@given(data=st.data(), name=st.sampled_from(list(FILES)))
def test_a_file_of_damaged_bytes_is_read_or_refused(
    whole: RunFolder, spoilt: RunFolder, name: str, data: st.DataObject
) -> None:
    FILES[name](spoilt).write_bytes(data.draw(damaged(FILES[name](whole).read_bytes())))
    go_through(spoilt, name)
    shutil.copyfile(FILES[name](whole), FILES[name](spoilt))


@pytest.fixture(scope="module")
def weight_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few tensors as each of the writers keeps them, with values of NumPy beside."""
    folder = tmp_path_factory.mktemp("weights")
    weights = {"conv.weight": torch.rand(2, 3), "bn.bias": torch.rand(3), "bn.num_batches_tracked": torch.tensor(3)}
    held = {"state_dict": weights, "rank1": np.float64(0.5), "epoch": 3}
    save_file(weights, folder / "w.safetensors")
    torch.save(held, folder / "w.pth")
    torch.save(held, folder / "w.pth.tar", _use_new_zipfile_serialization=False)
    return sorted(folder.iterdir())


@settings(door, max_examples=150)
@given(data=st.data(), kind=st.integers(0, 2))
def test_weights_of_damaged_bytes_are_read_or_refused(weight_files: list[Path], data: st.DataObject, kind: int) -> None:
    path = weight_files[kind].with_name("damaged")
    path.write_bytes(data.draw(damaged(weight_files[kind].read_bytes())))
    with suppress(CcreidError):
        read_tensors(path)
    path.unlink()
