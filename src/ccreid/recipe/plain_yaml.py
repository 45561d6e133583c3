"""YAML as recipes are written in: values under names, each once and in its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode

from ccreid.errors import SettingError
from ccreid.machine.arguments import is_utf8

DEEPEST = 20
"""Lists and mappings inside each other."""

_STR = "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """YAML with the numbers of version 1.2 (1e-4 is one, a date is text), without what a recipe has no use for.

    Refused are a name that stands twice, a name that is no text, a tag, and a value that refers to one elsewhere:
    a few such lines can stand for more values than any memory holds.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._deep = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"'*{event.anchor}' refers to a value elsewhere: write the value itself")
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            self._refuse(event, f"the tag {tag}: write the value without it")
        if self._deep > DEEPEST:
            self._refuse(event, f"more than {DEEPEST} lists and mappings inside each other")
        if isinstance(event, yaml.ScalarEvent) and not is_utf8(event.value):
            self._refuse(event, "half of a pair of code units, which is no character")
        self._deep += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._deep -= 1

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        names: set[str] = set()
        for name, _ in node.value:
            if not isinstance(name, ScalarNode) or name.tag != _STR:
                self._refuse(name, "a name that is no text: put it in quotes")
            if name.value in names:
                self._refuse(name, f"'{name.value}' stands twice")
            names.add(name.value)
        return node

    def _refuse(self, where: Any, why: str) -> None:
        raise ComposerError(None, None, why, where.start_mark)


class _Writer(yaml.SafeDumper):
    """The same YAML, written: the text '1e-4' is put in quotes."""


_NUMBERS = {
    "tag:yaml.org,2002:int": r"[-+]?\d+",
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    ),
}
"""What is a number without quotes, the first that fits. Version 1.1 reads 1:30 as 90, 1_000 as 1000, and 010 as 8."""

for _kind in (_Loader, _Writer):
    _kind.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (*_NUMBERS, "tag:yaml.org,2002:timestamp")]
        for first, resolvers in _kind.yaml_implicit_resolvers.items()
    }
    for _tag, _pattern in _NUMBERS.items():
        _kind.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list("-+0123456789."))

_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))


def parse(text: str) -> Any:
    """The value that a text is. Raises ValueError, of one line, where it is none."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise ValueError(f"{error.problem or error.context}{where}") from error
    except yaml.YAMLError as error:  # a character that no YAML has
        raise ValueError(" ".join(str(error).split())) from error


def read(path: Path) -> Any:
    """The value that a file holds. Raises SettingError, which names the file and the line."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not readable as YAML: it is not UTF-8.", "Save it as UTF-8.") from error
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror or error}.", "Name a file that can.") from error
    except ValueError as error:
        raise SettingError(f"{path} is not readable as YAML: {error}.", "Mend the file.") from error


def write(values: Any, **style: Any) -> str:
    """Values as YAML that :func:`parse` reads, in their order."""
    written: str = yaml.dump(values, Dumper=_Writer, sort_keys=False, allow_unicode=True, **style)
    return written
