"""YAML of recipes: what it means, and what is refused with its line before it can do harm."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ccreid.errors import CcreidError, SettingError
from ccreid.recipe import load_recipe, plain_yaml

BASE = "name: mine\ndata:\n  dataset: wardrobe\n"


def bomb(first: str, begin: str, end: str) -> str:
    """Nine lines that stand for a thousand million values."""
    names = "abcdefghi"
    later = (f"{one}: &{one} {begin}{', '.join(9 * [f'*{before}'])}{end}\n" for before, one in pairwise(names))
    return f"a: &a {first}\n" + "".join(later)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("title: " + 3000 * "[", 4, "more than 20 lists and mappings"),
        ("title: " + 3000 * "[" + 3000 * "]", 4, "more than 20 lists and mappings"),
        ("title:\n" + "\n".join(" " * deep + "a:" for deep in range(1, 3000)), 24, "more than 20 lists and mappings"),
        (bomb("[x, x]", "[", "]"), 5, "'*a' refers to a value elsewhere"),
        (bomb("{x: 1}", "{<<: [", "]}"), 5, "'*a' refers to a value elsewhere"),
        ("title: &a [*a]", 4, "'*a' refers to a value elsewhere"),
        ("title: x\ndata: {dataset: prcc}", 5, "'data' stands twice"),
        ("training: {epochs: 3, epochs: 4}", 4, "'epochs' stands twice"),
        ("---\nname: other", 4, "another document"),
        ("1: 2", 4, "a name that is no text"),
        ("null: 2", 4, "a name that is no text"),
        ("yes: 2", 4, "a name that is no text"),
        ("? [a, b]\n: 2", 4, "a name that is no text"),
        ("training:\n  <<: {epochs: 3}", 5, "a name that is no text"),
        ("title: !!python/name:os.system", 4, "the tag"),
        ("title: !mine x", 4, "the tag"),
        ("title: !!int ''", 4, "the tag"),  # PyYAML itself fails at these without a word
        ("title: !!bool maybe", 4, "the tag"),
        ("title: !!timestamp x", 4, "the tag"),
        ("\ttitle: x", 4, "'\\t'"),
        ('title: "\\ud800"', 4, "no character"),
    ],
)
def test_what_a_recipe_has_no_use_for_is_refused_with_its_line(text: str, line: int, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BASE + text, encoding="utf-8")
    with pytest.raises(SettingError) as refused:
        load_recipe(path)
    assert refused.value.message.startswith(f"{path} is not readable as YAML: ")
    assert why in refused.value.message
    assert f"(line {line}, column " in refused.value.message
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    ("content", "mend"),
    [(BASE.encode("utf-16"), "Save it as UTF-8."), (b"title: \xff", "Save it as UTF-8."), (b"a\0b", "Mend the file.")],
)
def test_a_file_of_other_characters_is_refused(content: bytes, mend: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(SettingError, match=r"mine\.yaml is not readable as YAML") as refused:
        load_recipe(tmp_path / "mine.yaml")
    assert refused.value.mend == mend


def test_a_mark_of_the_byte_order_is_none_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(BASE, encoding="utf-8-sig")
    assert load_recipe(tmp_path / "mine.yaml").name == "mine"


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("-007", -7), ("1:30", "1:30"), ("1_000", "1_000"), ("0x10", "0x10"), ("1e2", 100.0)],
)
def test_a_number_is_what_it_looks_like(text: str, value: object) -> None:
    found = plain_yaml.parse(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))
    assert plain_yaml.parse(plain_yaml.write({"a": text})) == {"a": text}


@pytest.mark.parametrize("value", ["yes", "3", "1.5", "off"])
def test_what_is_no_text_where_one_is_due_is_to_be_put_in_quotes(value: str) -> None:
    with pytest.raises(SettingError, match="put it in quotes"):
        load_recipe("demo", [f"title={value}"])
    assert load_recipe("demo", [f"title='{value}'"]).title == value


@pytest.mark.parametrize("value", ["[" + ", ".join(1000 * ["aaaa"]) + "]", 1000 * "b", str(10**400)])
def test_a_wrong_value_of_any_size_is_told_in_a_line(value: str) -> None:
    with pytest.raises(SettingError) as refused:
        load_recipe("demo", [f"training.epochs={value}"])
    assert len(refused.value.message) < 400


ODD = st.sampled_from(
    ["&a", "*a", "!!int", "!x", "<<", "---", "...", "\t", "{", "[", "}", "]", ":", "- ", "? ", "|", ">", "#"]
)
WORDS = st.sampled_from(
    ["name", "data", "dataset", "wardrobe", "method", "fire2", "weights", "training", "epochs", "null"]
)
VALUES = st.sampled_from(["3", "-1", "1e999", ".nan", "yes", "2024-01-01", "''", "1:30", "0x", str(10**30)])
TEXT = st.lists(
    st.one_of(ODD, WORDS, VALUES, st.sampled_from(["\n", "\n  ", " ", ": "]), st.text(max_size=3)), max_size=25
)


@given(pieces=TEXT, after=st.booleans())
def test_any_text_is_a_recipe_or_refused(
    pieces: list[str], after: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes((BASE * after + "".join(pieces)).encode("utf-8", "replace"))
    for words in ((), ("method.name=baseline", "data.people=3")):
        try:
            recipe = load_recipe(path, words, data=path.parent)
        except CcreidError:
            continue
        path.write_text(plain_yaml.write(recipe.model_dump(mode="json")), encoding="utf-8")
        assert load_recipe(path) == recipe


@given(
    st.text(max_size=30), st.sampled_from(["title", "data", "training", "method", "method.name", "data.root", "x.y"])
)
def test_any_assignment_is_taken_or_refused(value: str, path: str) -> None:
    with suppress(CcreidError):
        load_recipe("demo", [f"{path}={value}"])
