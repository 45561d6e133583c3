"""The protocols of every data set as one table; `python -m ccreid.datasets.protocols_table` writes the page."""

from __future__ import annotations

import sys

from ccreid.datasets import READERS
from ccreid.vocabulary import Protocol

COLUMNS = ("set", "protocol", "query", "gallery", "ignored: same person and ...", "shots", "source")

INTRODUCTION = """\
# Protocols

A protocol is a query subset, a gallery subset and a rule that says which gallery images of the query's own person are
*ignored*: neither right nor wrong. Multi-shot scores against the whole gallery; single-shot against one random gallery
image a person, drawn anew so many times. The two are not comparable. Rows called `validation` choose a model and are
never a result. Of the rules of `table` those parts remain whose columns are annotated.

This page is generated: `python -m ccreid.datasets.protocols_table > docs/protocols.md`.

"""


def protocols_table() -> str:
    """Every protocol of every reader as a table in Markdown, known without any data on the disk."""
    rows = [
        _cells(reader.name, protocol)
        for reader in READERS.values()
        for protocol in reader.protocols + reader.validation
    ]
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def protocols_page() -> str:
    """The whole of docs/protocols.md."""
    return INTRODUCTION + protocols_table()


def _cells(name: str, protocol: Protocol) -> tuple[str, ...]:
    shots = f"single-shot, {protocol.draws} draws" if protocol.draws else "multi-shot"
    rule = protocol.ignore.sentence
    return (f"`{name}`", protocol.name, protocol.query, protocol.gallery, rule, shots, protocol.source)


if __name__ == "__main__":
    sys.stdout.write(protocols_page())
