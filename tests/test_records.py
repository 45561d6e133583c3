"""Records: what is written is what is read, and whatever else lies there is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccreid.errors import ArtefactError
from ccreid.records import Intervals, Measures, ProtocolScores, Record, Scored, ScoreIntervals


class Example(Record):
    mend = "Measure again."

    count: int
    share: float | None = None
    scores: Measures = Measures(cmc={}, map=None, minp=None)
    ends: dict[str, tuple[float, float]] = {}  # noqa: RUF012


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = Example(count=3, scores=Measures(cmc={1: 0.5, 20: None}, map=1, minp=None), ends={"a": (0.1, 0.2)})
    made.write(tmp_path / "file.json")
    assert Example.read(tmp_path / "file.json") == made
    plain = json.loads((tmp_path / "file.json").read_text())
    assert plain == made.model_dump(mode="json")
    assert plain["scores"]["cmc"] == {"1": 0.5, "20": None}


def test_what_is_not_known_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text('{"count": 3, "mood": "sunny"}')
    assert Example.read(tmp_path / "file.json") == Example(count=3)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff\xfe{}", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'"count"', ""),
        (b"[" * 5000, ""),
        (b"{}", "count"),
        (b'{"count": null}', "count"),
        (b'{"count": "3"}', "count"),
        (b'{"count": 3.5}', "count"),
        (b'{"count": true}', "count"),
        (b'{"count": [3]}', "count"),
        (b'{"count": 3, "share": NaN}', "share"),
        (b'{"count": 3, "share": -Infinity}', "share"),
        (b'{"count": 3, "share": 1e999}', "share"),
        (b'{"count": 3, "scores": []}', "scores"),
        (b'{"count": 3, "scores": {"cmc": {"first": 0.5}, "map": null, "minp": null}}', "scores.cmc.first"),
        (b'{"count": 3, "scores": {"cmc": {"0": 0.5}, "map": null, "minp": null}}', "scores.cmc.0"),
        (b'{"count": 3, "ends": {"a": [0.5]}}', "ends.a"),
    ],
)
def test_what_is_something_else_is_refused_with_file_field_and_mend(tmp_path: Path, content: bytes, field: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ArtefactError) as refused:
        Example.read(path)
    assert refused.value.message.startswith(f"{path} cannot be read: {field}")
    assert "\n" not in refused.value.message
    assert refused.value.mend == "Measure again."


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(ArtefactError, match="cannot be read"):
            Example.read(path)


def test_numbers_that_are_none_are_refused_before_they_are_written() -> None:
    with pytest.raises(ValueError, match="finite"):
        Measures(cmc={1: float("inf")}, map=None, minp=None)
    with pytest.raises(ValueError, match="finite"):
        Intervals(level=float("nan"), resamples=3, unit="people", protocols={})


def test_a_score_that_is_no_number_is_none_in_json_and_back(tmp_path: Path) -> None:
    measures = Measures(cmc={1: float("nan")}, map=float("nan"), minp=0.5)
    measures.write(tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"cmc": {"1": None}, "map": None, "minp": 0.5}
    (tmp_path / "b.json").write_text(text.replace("null", "NaN"))  # as other programs write it
    assert Measures.read(tmp_path / "a.json") == Measures.read(tmp_path / "b.json") == measures
    assert measures.map is None


def test_scores_are_all_that_is_asked_of_whatever_has_scores(tmp_path: Path) -> None:
    row = ProtocolScores(
        name="standard", query="query", gallery="gallery", ignored="nothing", shots="multi-shot",
        valid=1, skipped=0, cmc={1: 1.0}, map=1.0, minp=1.0,
    )  # fmt: skip
    (tmp_path / "report.json").write_text(json.dumps({"protocols": [row.model_dump(mode="json")], "format": 9}))
    (read,) = Scored.read(tmp_path / "report.json").protocols
    assert read == row
    assert (read.at(1), read.at(5)) == (1.0, None)


def test_a_protocol_without_intervals_has_none() -> None:
    intervals = Intervals(level=0.95, resamples=3, unit="people", protocols={"a": ScoreIntervals(map=(0.1, 0.2))})
    assert intervals.of("a").map == (0.1, 0.2)
    assert intervals.of("b") == ScoreIntervals()
