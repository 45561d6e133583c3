"""The pages lead where they say, and the tour of the code passes every room and every verb."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ccreid.cli import app
from rooms import ROOT, rooms

TOUR = ROOT / "docs" / "tour.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def links(page: Path) -> Iterator[tuple[str, str]]:
    """The words and the target of each relative link."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return ((words, target) for words, target in LINK.findall(text) if not re.match(r"https?:|mailto:", target))


def headings(page: Path) -> set[str]:
    """The names by which links reach the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def tables(page: Path) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]


def verbs(command: Any, words: tuple[str, ...] = ("ccreid",)) -> Iterator[tuple[str, Any]]:
    """Each verb by the words that call it."""
    below = getattr(command, "commands", {})
    if not below:
        yield " ".join(words), command
    for name, verb in below.items():
        yield from verbs(verb, (*words, name))


VERBS = dict(verbs(typer.main.get_command(app)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for words, target in links(page):
        file, _, heading = target.partition("#")
        found = page.parent / file if file else page
        assert found.exists(), f"[{words}] leads to {target}, which is not there"
        assert not heading or heading in headings(found), f"[{words}] leads to {target}: there is no such heading"


def test_what_the_tour_names_is_defined_where_it_links_to() -> None:
    named = [
        (words.strip("`"), target) for words, target in links(TOUR) if words.startswith("`") and target.endswith(".py")
    ]
    assert len(named) > 30
    for words, target in named:
        path = (TOUR.parent / target).resolve()
        own = {path.name, path.stem, *(".".join(path.with_suffix("").parts[-depth:]) for depth in (2, 3))}
        if words not in own:
            name = words.rpartition(".")[2]
            assert re.search(rf"^\s*(def|class) {name}\b", path.read_text(encoding="utf-8"), re.MULTILINE), words


def test_every_room_stands_on_the_tour() -> None:
    cells = {cell for row in tables(TOUR) for cell in row[1:2]}
    listed = {re.sub(r"\[`(\w+)`\].*", r"\1", cell).strip("`") for cell in cells}
    assert rooms() <= listed


@pytest.mark.parametrize("words", VERBS)
def test_every_verb_stands_on_the_tour_with_its_file(words: str) -> None:
    row = next((row for row in tables(TOUR) if row[0] == f"`{words}`"), None)
    assert row is not None, f"docs/tour.md lists no {words}"
    source = Path(inspect.getsourcefile(inspect.unwrap(VERBS[words].callback)) or "")
    linked = {(TOUR.parent / target).resolve() for _, target in LINK.findall(row[1])}
    assert linked == {source.resolve()}
