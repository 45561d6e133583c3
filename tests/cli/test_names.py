"""Names that look like markup, emoji, formulas or HTML are said and shown as they are by every verb."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ccreid.cli import console
from ccreid.cli.progress import ImagesBar, watching
from ccreid.runs.publish import MODEL_CARD
from conftest import Run, Terminal
from wardrobes import tiny_options

ODD = "exp[lr=1e-4][/red] :smile: $x_1$ <b>&"
"""As a folder it lies one in another: markup that closes what was never opened."""


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_every_verb_says_and_shows_names_as_they_are(
    ccreid_command: Run, terminal: Terminal, tmp_path: Path, smallest_wardrobe: Path
) -> None:
    terminal(1000)  # no line is folded
    data, run, scored = (Path(kind) / ODD for kind in ("data", "run", "scored"))
    shutil.copytree(smallest_wardrobe, data)

    def says(*words: object, names: Path) -> str:
        code, out, err = ccreid_command(*words)
        assert code in (0, 1), err
        assert str(names) in out + err
        return out + err

    says(
        "train",
        "wardrobe",
        "--data",
        data,
        "--out",
        run,
        *tiny_options("training.epochs=2", f"title='{ODD}'"),
        names=run,
    )
    assert "report.json" in says(
        "evaluate", run, "--dataset", "wardrobe", "--data", data, "--out", scored, names=scored
    )
    says("data", "show", "wardrobe", "--data", data, names=data)
    says("data", "check", "wardrobe", "--data", data, "--out", data / "found.json", names=data / "found.json")
    said = says("compare", run, "--dataset", f"wardrobe={data}", "--out", "compared" / run, names="compared" / run)
    assert run.name in said
    says("attributes", run, "--out", "attributes" / run, names="attributes" / run)
    says("publish", run, "--out", "published" / run, names="published" / run)
    card = ("published" / run / MODEL_CARD).read_text(encoding="utf-8")
    assert re.sub(r"\\(\W|_)", r"\1", card.splitlines()[0]) == f"# {run.name}"
    assert "<b>" not in card.replace(r"\<b\>", "").replace(f"'{run.name}'", "")
    shutil.copytree(run, "run/again")
    says("runs", "run", "--page", "pages" / run / "page.html", names=run)
    page = ("pages" / run / "page.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert ODD.replace("&", "&amp;").replace("<b>", "&lt;b&gt;") in page
    code, _, err = ccreid_command("train", "--resume", "nowhere" / run)
    assert code == 2
    assert f"{'nowhere' / run} is no run" in err


def test_progress_is_named_as_it_is(capsys: pytest.CaptureFixture[str], terminal: Terminal) -> None:
    terminal(200)
    with watching() as follow:
        bar = follow(ODD).track
        assert isinstance(bar, ImagesBar)
        assert list(bar([1], f"Embedding {ODD}", 1)) == [1]
    assert capsys.readouterr().err.count(ODD) >= 2


def test_options_that_are_wrong_are_said_as_they_are(ccreid_command: Run) -> None:
    code, _, err = ccreid_command("evaluate", ODD, "--dataset", "wardrobe", "--device", ODD)
    assert code == 2
    assert ODD in err
    code, _, err = ccreid_command("train", ODD)
    assert code == 2
    assert f"There is no recipe '{ODD}'" in err
    code, _, err = ccreid_command(ODD)
    assert code == 2
    assert ODD in err
    console.begin()
