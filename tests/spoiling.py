"""Values and bytes changed somewhere, as a crash, another program or somebody's hand may leave them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st

Where = tuple[str | int, ...]

ODD_NUMBERS = st.sampled_from([-1, 0, 1e308, 5e-324, 2**63, 10**12, 10**30, 10**400, float("nan"), float("inf")])
ODD_TEXTS = st.sampled_from(["", "3", "nan", "a\0b", "[/b]", "\x1b[31m", "../x", "ü" * 300])
PLAIN = st.one_of(st.none(), st.booleans(), ODD_NUMBERS, ODD_TEXTS, st.integers(), st.floats(), st.text(max_size=5))
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
"""Any value that JSON writes, odd ones among them."""


def places(value: Any, above: Where = ()) -> Iterator[Where]:
    """Where something stands in a value of mappings and lists, at any depth."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inside:
        yield (*above, key)
        yield from places(held, (*above, key))


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with something in it replaced by anything, dropped or named otherwise."""
    spoilt = copy.deepcopy(value)
    *path, last = draw(st.sampled_from(list(places(value))))
    held = spoilt
    for part in path:
        held = held[part]
    match draw(st.sampled_from(["replaced", "replaced", "dropped", "renamed"])):
        case "replaced":
            held[last] = draw(ANYTHING)
        case "dropped":
            del held[last]
        case "renamed" if isinstance(held, dict):
            held[draw(st.text(max_size=3))] = held.pop(last)
    return spoilt


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with some of them changed, most of these near the beginning, or cut off."""
    spoilt = bytearray(content)
    near = st.integers(0, min(len(content), 3000) - 1)
    for place in draw(st.lists(near | st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        spoilt[place] = draw(st.integers(0, 255))
    return bytes(spoilt[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 4)) == 0 else spoilt)
