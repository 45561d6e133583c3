"""Recipes read from YAML and ``key=value`` assignments, checked all at once."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Union, get_origin

from pydantic import ValidationError

from ccreid.errors import SettingError
from ccreid.machine.arguments import PathLike, as_path
from ccreid.recipe import plain_yaml
from ccreid.recipe.section import Section
from ccreid.recipe.settings import (
    Fire2Settings,
    MethodSettings,
    Recipe,
    TrainingSettings,
    section_of,
    setting_paths,
    settings,
)

RECIPES = Path(__file__).parent / "recipes"

_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = 80

RENAMED = MappingProxyType(
    {
        "objective": "method",
        "attributes": "method.mining",
        "attributes.after_epoch": "method.after_epoch",
        "objective.replicas": "training.replicas",
        "evaluation.people": "selection.scored",
        "training.whole_batch": "training.replicas",
    }
)
"""Where settings of earlier versions are now, as far as their names do not tell."""


def recipe_names() -> tuple[str, ...]:
    """The recipes inside the package."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.yaml")))


def load_recipe(source: PathLike, assignments: Sequence[str] = (), *, data: PathLike | None = None) -> Recipe:
    """Read a recipe by its name or its file, with some settings changed.

    Parameters
    ----------
    source:
        A name (see :func:`recipe_names`) or the path of a YAML file.
    assignments:
        ``a.b=value`` each, the value as YAML; later ones win. Another ``method.name`` drops what the method before it
        was set to and the new one does not know.
    data:
        The folder of the data set, where it is not the recipe's.

    Raises
    ------
    SettingError
        There is no such recipe, or settings are unknown or wrong; all are named at once, with dotted paths.
    """
    source = str(as_path(source, "source"))
    if isinstance(assignments, str):
        raise SettingError(f"assignments = {assignments!r} is a text.", "Give a list of them.")
    values = _read_settings(_find(source))
    problems = [problem for text in assignments for problem in _assign(values, text)]
    if data is not None and isinstance(section := values.setdefault("data", {}), dict):
        section["root"] = str(as_path(data, "data").resolve())
    method, of_method = _read_method(values.get("method", {}))
    problems += of_method
    try:
        recipe = Recipe.model_validate(values if method is None else {**values, "method": method})
    except ValidationError as error:
        problems += _explanations(error)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise SettingError(
            f"Recipe '{source}' has {len(problems)} wrong setting{'s' if len(problems) > 1 else ''}:{lines}",
            "See every setting with `ccreid recipes NAME`.",
        )
    return recipe


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The same recipe for another seed. Raises SettingError where that can be none."""
    values = recipe.model_dump()
    try:
        training = TrainingSettings.model_validate({**values["training"], "seed": seed})
    except ValidationError as error:
        raise SettingError("\n".join(_explanations(error, "training.")), "Give whole numbers from 0 on.") from error
    return recipe.model_copy(update={"training": training})


def to_yaml(recipe: Recipe) -> str:
    """Every setting, resolved, as YAML that :func:`load_recipe` reads."""
    return plain_yaml.write(recipe.model_dump(mode="json"))


def explained_yaml(recipe: Recipe) -> str:
    """The same YAML with what each setting means beside it."""
    return "".join(f"{line}\n" for line in _explained_lines(recipe))


def _explained_lines(section: Section, indent: str = "") -> Iterator[str]:
    values = section.model_dump(mode="json")
    for name, entry in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield f"{indent}{name}:  # {(type(value).__doc__ or '').splitlines()[0]}"
            yield from _explained_lines(value, indent + "  ")
            continue
        style = None if isinstance(values[name], list) else False  # a list in one line, a value without braces
        written = plain_yaml.write({name: values[name]}, default_flow_style=style, width=10**6).rstrip("\n")
        yield f"{indent}{written}" + (f"  # {entry.description}" if entry.description else "")


def _read_method(section: object) -> tuple[MethodSettings | None, list[str]]:
    """The settings of the method that a section names, and what is wrong with them; None where it is no section."""
    if not isinstance(section, dict):
        return None, []
    name = section.get("name", Fire2Settings().name)
    kind = MethodSettings.known.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(MethodSettings.known)
        return Fire2Settings(), [f"method.name: there is no method {_shown(name)}; known are {known}"]
    try:
        return kind.model_validate({**section, "name": name}), []
    except ValidationError as error:
        return Fire2Settings(), _explanations(error, "method.")


def _find(source: str) -> Path:
    if source in recipe_names():
        return RECIPES / f"{source}.yaml"
    path = Path(source)
    with suppress(OSError):  # a text too long to be a name
        if path.is_file():
            return path
    near = difflib.get_close_matches(source, recipe_names(), n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise SettingError(
        f"There is no recipe '{source}', neither in the package nor as a file.",
        f"{hint}Known are {', '.join(recipe_names())}.",
    )


def _read_settings(path: Path) -> dict[str, Any]:
    values = plain_yaml.read(path)
    if not isinstance(values, dict):
        raise SettingError(f"{path} holds no settings.", "A recipe is a YAML mapping.")
    return values


def _assign(values: dict[str, Any], text: str) -> Iterator[str]:
    """Set ``a.b=value`` in place; yield what is wrong with it."""
    path, equals, value = text.partition("=")
    *parents, last = keys = path.strip().split(".")
    if not equals or not all(keys):
        yield f"--set {text}: write key=value"
        return
    section = values
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            yield f"{path}: '{parent}' is a single value, not a section"
            return
    try:
        section[last] = plain_yaml.parse(value)
    except ValueError as error:
        yield f"{path}: {_shown(value)} is not readable: {error}"
        return
    if path.strip() == "method.name" and isinstance(kind := section[last], str) and kind in MethodSettings.known:
        values["method"] = _known_to(MethodSettings.known[kind], section)


def _known_to(kind: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a kind of section has settings for."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if (entry := kind.model_fields.get(name)) is not None:
            section = section_of(entry)
            kept[name] = value if section is None or not isinstance(value, dict) else _known_to(section, value)
    return kept


def _explanations(error: ValidationError, prefix: str = "") -> list[str]:
    return [_explained(path, detail) for path, detail in _by_path(error, prefix).items()]


def _by_path(error: ValidationError, prefix: str) -> dict[str, dict[str, Any]]:
    """What is wrong with each setting. Where a value may be of several kinds, each kind complains: they are joined."""
    unions = [name for name, entry in settings() if get_origin(entry.annotation) in (Union, UnionType)]
    found: dict[str, dict[str, Any]] = {}
    for details in error.errors():
        detail: dict[str, Any] = dict(details)
        path = prefix + ".".join(map(str, detail["loc"]))
        path = next((union for union in unions if path.startswith(f"{union}.")), path)
        if path in found:
            detail["msg"] = f"{found[path]['msg']}, or {detail['msg'][0].lower()}{detail['msg'][1:]}"
        found[path] = detail
    return found


def _explained(path: str, detail: Mapping[str, Any]) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "extra_forbidden":
        if knowing := [name for name, kind in MethodSettings.known.items() if _holds(kind, path)]:
            return f"{path}: is a setting of {' and '.join(knowing)} alone: name that as method.name, or leave it out"
        near = _nearest(path)
        return f"{path}: there is no such setting" + (f"; did you mean {near}?" if near else "")
    if detail["type"] == "missing":
        return f"{path}: is missing"
    if detail["type"] == "model_type":
        return f"{path}: is a section with settings of its own, not {_shown(detail['input'])}"
    hint = (
        "; put it in quotes"
        if detail["type"] == "string_type" and isinstance(detail["input"], bool | float | int)
        else ""
    )
    return f"{path}: {detail['msg'][0].lower()}{detail['msg'][1:]}, not {_shown(detail['input'])}{hint}"


def _holds(kind: type[MethodSettings], path: str) -> bool:
    """Whether a method has the setting, or a section of that name."""
    return any(known == path or known.startswith(f"{path}.") for known in setting_paths(kind))


def _shown(value: object) -> str:
    """A value as it stands in a message, where it may be of any size."""
    return _SHORTENED.repr(value)


def _nearest(path: str) -> str | None:
    """The same name in another section, else a name like it: in the same section, else in any."""
    if path in RENAMED:
        return RENAMED[path]
    known = setting_paths()
    sections = sorted({known_path.rpartition(".")[0] for known_path in known} - {""})
    section, _, name = path.rpartition(".")
    by_name = {known_path.rpartition(".")[2]: known_path for known_path in reversed(known)}
    here = {p.rpartition(".")[2]: p for p in (*known, *sections) if p.rpartition(".")[0] == section}
    if name in by_name:
        return by_name[name]
    for candidates in (here, by_name):
        if near := difflib.get_close_matches(name, candidates, n=1, cutoff=0.7):
            return candidates[near[0]]
    return None
