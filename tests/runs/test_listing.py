"""`ccreid runs`: what it tells of runs, and what it says where it cannot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from ccreid.errors import SettingError
from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.listing import ListedRun, courses, differences, overview, read_runs
from ccreid.runs.watch import Watch
from ccreid.training.rows import EpochRow, read_journal
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs, one of them further down; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("below") / "runs"
    held_out = ("selection.by=validation", "selection.every=1", "selection.share=0.5", "data.people=2")
    for name, more in {"plain": (), "series/seed-3": ("training.seed=3", "method.margin=0.5", *held_out)}.items():
        settings = [f"data.root={small_wardrobe}", *TINY_SETTINGS, *more]
        train.begin(load_recipe("wardrobe", settings), folder / name, Watch())
    return folder


@pytest.fixture
def mine(runs: Path, tmp_path: Path) -> Path:
    """A copy, to be spoiled."""
    return Path(shutil.copytree(runs, tmp_path / "runs"))


@pytest.fixture
def command(ccreid_command: Command) -> Command:
    """Runs `ccreid runs`."""
    return partial(ccreid_command, "runs")


def test_runs_are_found_at_any_depth_with_their_scores(runs: Path) -> None:
    found = read_runs([runs])
    assert [one.name for one in found] == [str(runs / "plain"), str(runs / "series" / "seed-3")]
    headers, rows = overview(found)
    table = [dict(zip(headers, row, strict=True)) for row in rows]
    assert [row["#"] for row in table] == ["1", "2"]
    assert [row["seed"] for row in table] == ["0", "3"]
    assert {row["state"] for row in table} == {"finished"}
    for row, one in zip(table, found, strict=True):
        report = json.loads(RunFolder(Path(one.name)).report.read_text())
        for protocol in report["protocols"]:
            assert row[protocol["name"]] == f"{100 * protocol['cmc']['1']:.1f} / {100 * protocol['map']:.1f}"
        last = [r for r in read_journal(RunFolder(Path(one.name)).journal) if isinstance(r, EpochRow)][-1]
        assert row["attributes"] == str(last.notes["attributes"])
        assert row["loss"] == f"{last.total:.2f}"
    assert table[0]["validation mAP"] == "-"
    assert table[1]["validation mAP"] != "-"


def test_the_settings_in_which_they_differ_and_no_others(runs: Path) -> None:
    headers, rows = differences(read_runs([runs]))
    assert headers == ["setting", "1", "2"]
    assert {row[0]: row[1:] for row in rows} == {
        "data.people": ["3", "2"],
        "method.margin": ["0.3", "0.5"],
        "training.seed": ["0", "3"],
        "selection.by": ["last", "validation"],
        "selection.every": ["5", "1"],
        "selection.share": ["0.1", "0.5"],
    }


def test_every_term_has_its_course(runs: Path) -> None:
    plots = courses(read_runs([runs]))
    assert set(plots) == {
        "identity term",
        "triplet term",
        "attribute term",
        "recomposition term",
        "total loss",
        "learning rate",
        "attributes before the epoch",
        "mAP on validation people",
    }
    first, second = f"1: {runs / 'plain'}", f"2: {runs / 'series' / 'seed-3'}"
    assert plots["identity term"][first][0] == [1, 2, 3]
    assert plots["triplet term"][first][0] == [2, 3]  # after the warm-up
    assert set(plots["mAP on validation people"]) == {second}
    rows = [row for row in read_journal(RunFolder(runs / "plain").journal) if isinstance(row, EpochRow)]
    assert plots["total loss"][first][1] == [row.total for row in rows]


def test_the_verb_shows_tables_and_writes_a_page(command: Command, mine: Path) -> None:
    code, out, err = command("--page", "page.html")
    assert code == 0, err
    assert "runs/series/seed-3" in out
    assert "method.margin" in out
    page = Path("page.html").read_text()
    assert "method.margin" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)  # nothing is fetched
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 1 + 8  # the legend and the plots
    for picture in pictures:
        Image.open(BytesIO(b64decode(picture))).verify()


def test_names_give_way_where_the_terminal_is_narrow(
    command: Command, mine: Path, terminal: Callable[[int], None]
) -> None:
    terminal(60)
    code, out, _ = command()
    assert code == 0
    assert "2: runs/series/seed-3" in out.splitlines()
    assert max(map(len, out.splitlines())) <= 60


def test_one_run_alone_has_nothing_to_differ_from(command: Command, mine: Path) -> None:
    code, out, _ = command(mine / "plain", "--page", "page.html")
    assert code == 0
    assert "differ" not in out
    assert "Settings that differ" not in Path("page.html").read_text()


def test_a_run_under_way_is_listed_with_its_epoch(mine: Path) -> None:
    folder = mine / "plain"
    run = RunFolder(folder)
    run.report.unlink()
    lines = run.journal.read_text().splitlines(keepends=True)
    second = next(place for place, line in enumerate(lines) if '"epoch", "epoch": 2' in line)
    run.journal.write_text("".join(lines[: second + 3]) + lines[second + 3][:20])  # cut off by a crash
    headers, rows = overview(read_runs([folder]))
    row = dict(zip(headers, rows[0], strict=True))
    assert row["state"] == "epoch 2 of 3"
    assert "standard" not in row


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("recipe.yaml", "training: {epochs: many}"),
        ("report.json", "{"),
        ("report.json", "[]"),
        ("report.json", '{"protocols": 3}'),
        ("report.json", b"\xff"),
    ],
)
def test_a_damaged_run_is_named_and_the_others_are_listed(
    mine: Path, caplog: pytest.LogCaptureFixture, file: str, content: str | bytes
) -> None:
    (mine / "plain" / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert [one.name for one in read_runs([mine])] == [str(mine / "series" / "seed-3")]
    assert [one.name for one in read_runs([mine, mine / "series", mine])] == [str(mine / "series" / "seed-3")]
    assert f"{mine / 'plain'} is left out" in caplog.text


def test_where_there_is_no_run_it_says_so(tmp_path: Path, command: Command) -> None:
    with pytest.raises(SettingError, match="no folder"):
        read_runs([tmp_path / "gone"])
    with pytest.raises(SettingError, match="no run in"):
        read_runs([tmp_path])
    code, _, err = command()
    assert code == 2
    assert "There is no folder runs" in err


def test_listing_needs_no_torch() -> None:
    code = "import sys; import ccreid.runs.listing; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "setting", ["evaluation.reranking=true", "evaluation.flip=false", "selection.scored=validation"]
)
def test_what_changes_the_scores_is_a_difference(setting: str) -> None:
    runs = [ListedRun(name, load_recipe("demo", more), [], None) for name, more in (("one", []), ("other", [setting]))]
    _, rows = differences(runs)
    assert [row[0] for row in rows] == [setting.partition("=")[0]]


def test_settings_that_a_method_does_not_have_are_shown_as_missing() -> None:
    runs = [ListedRun(name, load_recipe("demo", [f"method.name={name}"]), [], None) for name in ("baseline", "fire2")]
    found = {row[0]: row[1:] for row in differences(runs)[1]}
    assert found["method.name"] == ["baseline", "fire2"]
    assert found["method.stripes"] == ["-", "2"]
