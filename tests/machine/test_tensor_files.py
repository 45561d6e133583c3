"""Damage to a file of tensors is noticed, wherever it is."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ccreid.errors import ArtefactError
from ccreid.machine.tensor_files import read_notes, read_tensors, write_tensors

TENSORS = {
    "weights": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "few": torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    "count": torch.tensor(7),
    "nothing": torch.empty(0),
    "flags": torch.tensor([True, False]),
}
NOTES = {"epoch": "3", "what": "größer"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tensors") / "file.safetensors"
    write_tensors(path, TENSORS, NOTES)
    return path


def test_what_is_read_is_what_was_written(written: Path) -> None:
    tensors, notes = read_tensors(written, "")
    assert notes == NOTES
    assert read_notes(written, "").items() >= NOTES.items()
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_a_flipped_bit_is_noticed_or_changes_nothing(written: Path) -> None:
    contents, damaged = written.read_bytes(), written.with_name("damaged")
    noticed = 0
    for place, bit in zip(range(len(contents)), cycle(range(8)), strict=False):
        changed = bytearray(contents)
        changed[place] ^= 1 << bit
        damaged.write_bytes(changed)
        try:
            tensors, _ = read_tensors(damaged, "")
        except ArtefactError:
            noticed += 1
            continue
        assert tensors.keys() == TENSORS.keys()  # such as a bit of the seal's own name
        assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    assert noticed > 0.9 * len(contents)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 200, 300, 400])
def test_a_file_cut_short_is_noticed(written: Path, kept: int) -> None:
    damaged = written.with_name("short")
    damaged.write_bytes(written.read_bytes()[:kept])
    with pytest.raises(ArtefactError, match=r"short is damaged: .*\nCopy it again\."):
        read_tensors(damaged, "Copy it again.")


def test_files_of_others_have_no_hash_and_are_read(tmp_path: Path) -> None:
    save_file({"weights": TENSORS["weights"]}, tmp_path / "theirs")
    tensors, notes = read_tensors(tmp_path / "theirs", "")
    assert torch.equal(tensors["weights"], TENSORS["weights"])
    assert notes == {}
