"""The journal's rows, and what of them survives an interruption."""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path

import pytest

from ccreid.errors import StorageError
from ccreid.training.checkpoint import Position
from ccreid.training.health import StepValues
from ccreid.training.journal import Journal
from ccreid.training.rows import EpochRow, Row, StepRow, read_journal


def terms(value: float, without_donor: int = 0) -> StepValues:
    return StepValues({"identity": value}, value, {"without_donor": without_donor})


def write_two_epochs(path: Path) -> None:
    with Journal(path, Position()) as journal:
        for epoch in range(2):
            journal.begin(epoch, {"attributes": 5 + epoch})
            for step in range(3):
                journal.step(epoch, step, terms(1.0 + step, without_donor=1), 0.1)
            journal.epoch(epoch)


def test_rows_are_numbered_from_one_and_epochs_sum_up_their_steps(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write_two_epochs(path)
    rows = read_journal(path)
    assert [row.kind for row in rows] == ["begin", "step", "step", "step", "epoch"] * 2
    assert [row.step for row in rows if isinstance(row, StepRow)] == [1, 2, 3] * 2
    last = rows[-1]
    assert isinstance(last, EpochRow)
    assert (last.epoch, last.steps, last.notes) == (2, 3, {"attributes": 6, "without_donor": 3})
    assert last.terms == {"identity": 2.0}
    assert last.total == 2.0
    assert last.learning_rate == 0.1


def test_a_step_names_each_term_and_the_total(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, Position()) as journal:
        journal.step(0, 0, StepValues({"identity": 1.5, "triplet": 0.25}, 7.0, {}), 0.1)
    (row,) = read_journal(path)
    assert isinstance(row, StepRow)
    assert row.terms == {"identity": 1.5, "triplet": 0.25}
    assert row.total == 7.0


def test_a_validation_without_a_number_is_none_in_json_and_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, Position()) as journal:
        journal.step(0, 0, terms(1.0), 0.1)
        journal.epoch(0, validation=math.nan)
    lines = path.read_text().splitlines()
    assert json.loads(lines[-1], parse_constant=pytest.fail)["validation"] is None
    path.write_text(path.read_text().replace('"validation": null', '"validation": NaN'))  # as it once was
    row = read_journal(path)[-1]
    assert isinstance(row, EpochRow)
    assert row.validation is None


@pytest.mark.parametrize(
    ("position", "kept"),
    [(Position(), 0), (Position(0, 2), 3), (Position(1), 5), (Position(1, 1), 7), (Position(2), 10)],
)
def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path, position: Position, kept: int) -> None:
    path = tmp_path / "journal.jsonl"
    write_two_epochs(path)
    before = read_journal(path)
    with Journal(path, position):
        pass
    assert read_journal(path) == before[:kept]


def test_an_epoch_that_was_interrupted_is_summed_up_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, Position()) as journal:
        journal.step(0, 0, terms(1.0), 0.1)
    with Journal(path, Position(0, 1)) as journal:
        journal.step(0, 1, terms(3.0), 0.1)
        journal.epoch(0)
    last = read_journal(path)[-1]
    assert isinstance(last, EpochRow)
    assert last.terms == {"identity": 2.0}
    assert last.steps == 2


def test_a_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.jsonl"
    write_two_epochs(path)
    whole = path.read_text()
    before = read_journal(path)
    path.write_text(whole + '{"kind": "st')
    assert read_journal(path) == before
    assert not caplog.records


@pytest.mark.parametrize("damage", ["nonsense", '{"kind": "step"}', "[]", "\udcff", '{"kind": "other", "epoch": 1}'])
def test_a_damaged_line_costs_that_row_alone_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "journal.jsonl"
    write_two_epochs(path)
    before, lines = read_journal(path), path.read_text().splitlines()
    lines[3] = damage
    path.write_bytes(("\n".join(lines) + "\n").encode(errors="surrogateescape"))
    assert read_journal(path) == before[:3] + before[4:]
    assert "journal.jsonl: line 4" in caplog.text


def test_listeners_hear_every_row(tmp_path: Path) -> None:
    heard: list[object] = []
    with Journal(tmp_path / "journal.jsonl", Position(), heard.append) as journal:
        journal.step(0, 0, terms(1.0), 0.1)
        journal.epoch(0)
    assert heard == read_journal(tmp_path / "journal.jsonl")


def test_a_full_disk_names_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _text: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    journal = Journal(tmp_path / "journal.jsonl", Position())
    assert journal._stream is not None
    journal._stream.close()
    monkeypatch.setattr(journal, "_stream", Full())
    with pytest.raises(StorageError, match=r"journal\.jsonl.*No space left"):
        journal.step(0, 0, terms(1.0), 0.1)


def test_a_process_that_does_not_lead_writes_nothing_and_still_sums_up() -> None:
    heard: list[Row] = []
    with Journal(None, Position(), heard.append) as journal:
        journal.step(0, 0, terms(1.0), 0.1)
        journal.epoch(0)
    assert [row.kind for row in heard] == ["step", "epoch"]
