"""Conditions on the columns of crops, as users write them: ``camera != 3 and time > "2026-05-01"``."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ccreid.errors import SettingError

MEND = 'Write it like: camera != 3 and place in ["north", "south"] and (time > "2026-05-01" or person == "p-7")'
LONGEST = 10_000
"""Characters that anybody writes by hand; far fewer than what a parser could trip over."""

_ORDERS: Any = MappingProxyType(
    {
        ast.Eq: pc.equal,
        ast.NotEq: pc.not_equal,
        ast.Lt: pc.less,
        ast.LtE: pc.less_equal,
        ast.Gt: pc.greater,
        ast.GtE: pc.greater_equal,
    }
)
_SINGLE_EQUALS = re.compile(r"[^=!<>]=[^=]")
_MEMBERSHIP = (ast.In, ast.NotIn)
_IDENTITY = (ast.Is, ast.IsNot)


def rows_where(condition: str, table: pa.Table) -> NDArray[np.bool_]:
    """Which rows fulfil a condition.

    It is read as a comparison of columns with values (`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, `is None`),
    joined by `and`, `or`, `not` and brackets; nothing else is understood, and nothing of it is ever run. A comparison
    with what is not known is neither true nor false: `camera != 3` leaves out crops without a camera.

    Parameters
    ----------
    condition:
        The text.
    table:
        N rows. Times are text in ISO 8601, which sorts as time does.

    Returns
    -------
    (N,) bool.

    Raises
    ------
    SettingError
        It is no such condition, names no column, or compares text with numbers.
    """
    found = _Condition(condition, table).mask()
    mask: NDArray[np.bool_] = np.asarray(pc.fill_null(found, pa.scalar(False)))
    return mask


class _Condition:
    def __init__(self, text: str, table: pa.Table) -> None:
        self._text = text
        self._table = table

    def mask(self) -> Any:
        if len(self._text) > LONGEST:
            raise SettingError(f"The condition has {len(self._text)} characters, more than {LONGEST}.", MEND)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of backslashes that mean nothing
                tree = ast.parse(self._text.strip(), mode="eval")
            found = self._truth(tree.body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
            hint = " One thing equals another by ==." if _SINGLE_EQUALS.search(self._text) else ""
            raise self._wrong(why.rstrip(".?") + f".{hint}") from error
        return found if isinstance(found, pa.Array) else found.combine_chunks()

    def _truth(self, node: ast.expr) -> Any:
        match node:
            case ast.BoolOp(op=operator, values=values):
                join: Callable[[Any, Any], Any] = pc.and_kleene if isinstance(operator, ast.And) else pc.or_kleene
                found = self._truth(values[0])
                for value in values[1:]:
                    found = join(found, self._truth(value))
                return found
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return pc.invert(self._truth(operand))
            case ast.Compare(left=left, ops=orders, comparators=rights):
                lefts: list[ast.expr] = [left, *rights]
                found = self._compared(lefts[0], orders[0], rights[0])
                for before, order, after in zip(lefts[1:], orders[1:], rights[1:], strict=False):
                    found = pc.and_kleene(found, self._compared(before, order, after))
                return found
            case ast.Name(id=name) if pa.types.is_boolean(self._column(name).type):
                return self._column(name)
        raise self._wrong(f"'{ast.unparse(node)}' is neither true nor false.")

    def _compared(self, left: ast.expr, order: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(order, _IDENTITY):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._wrong("'is' stands before None alone.")
            empty = pc.is_null(self._value(left))
            return empty if isinstance(order, ast.Is) else pc.invert(empty)
        if isinstance(order, _MEMBERSHIP):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
                raise self._wrong("After 'in' stands a list of values in brackets.")
            found = self._compared(left, ast.Eq(), right.elts[0])
            for value in right.elts[1:]:
                found = pc.or_kleene(found, self._compared(left, ast.Eq(), value))
            return found if isinstance(order, ast.In) else pc.invert(found)
        one, other = self._value(left), self._value(right)
        if not any(isinstance(side, pa.ChunkedArray | pa.Array) for side in (one, other)):
            raise self._wrong(f"'{ast.unparse(left)}' and '{ast.unparse(right)}' are both no column.")
        if isinstance(order, ast.Eq | ast.NotEq):
            one, other = _alike(one, other), _alike(other, one)
        one_kind, other_kind = _kind(one.type), _kind(other.type)
        if one_kind != other_kind and "nothing" not in (one_kind, other_kind):
            raise self._wrong(
                f"'{ast.unparse(left)}' is {one_kind} and '{ast.unparse(right)}' is {other_kind}: "
                "text stands in quotes, numbers do not."
            )
        return _ORDERS[type(order)](one, other)

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self._column(name)
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return self._scalar(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if not isinstance(
                value, bool
            ):
                return self._scalar(-value)
            case ast.Constant(value=None):
                raise self._wrong("Whether a value is known is asked by 'is None' and 'is not None'.")
        raise self._wrong(f"'{ast.unparse(node)}' is no column and no value.")

    def _scalar(self, value: bool | float | str) -> Any:
        try:
            return pa.scalar(value)
        except (OverflowError, pa.ArrowException) as error:
            raise self._wrong(f"'{str(value)[:40]}' is too large a number.") from error

    def _column(self, name: str) -> Any:
        if name not in self._table.column_names:
            raise SettingError(
                f"The condition '{self._text}' names a column '{name}', which crops do not have.",
                f"They have {_listed(self._table.column_names)}.",
            )
        return self._table[name]

    def _wrong(self, why: str) -> SettingError:
        return SettingError(f"The condition '{self._text[:200]}' is not understood: {why[0].lower()}{why[1:]}", MEND)


def _alike(value: Any, column: Any) -> Any:
    """A number as text where it is compared with a column of text, such as cameras that a table told as text."""
    is_literal = isinstance(value, pa.Scalar) and isinstance(column, pa.ChunkedArray)
    if is_literal and _kind(value.type) == "a number" and _kind(column.type) == "text":
        return pa.scalar(str(value.as_py()))
    return value


def _kind(of: Any) -> str:
    if pa.types.is_null(of):
        return "nothing"
    if pa.types.is_boolean(of):
        return "a truth value"
    return "text" if pa.types.is_string(of) or pa.types.is_large_string(of) else "a number"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
