"""Who searched for whom, when and why: written down where the gallery asks for it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ccreid.errors import SettingError
from ccreid.retrieval.calibration.answers import Answer, FoundCrop
from ccreid.retrieval.gallery.tables import AUDIT, rows_of
from ccreid.retrieval.stores.store import ID, Store

PATIENCE_S = 60.0
"""So long a search waits for whoever is writing the gallery."""

_PAUSE_S = 0.1


def write_down(
    store: Store,
    found: Sequence[Answer | Sequence[FoundCrop]],
    crops: Sequence[str],
    *,
    who: str,
    purpose: str,
    condition: str | None,
    at: str,
) -> None:
    """Write a line for each search before its answer is given.

    A line tells the searched crop by its id (a hash of the picture), and who was shown by id. It holds no embedding and
    no name.

    Raises
    ------
    SettingError
        No purpose is given, or somebody keeps writing the gallery.
    """
    if not purpose.strip():
        raise SettingError(
            f"{store.uri} is audited: a search must say what it is for.", 'Give it: --purpose "..." in your own words.'
        )
    lines = [
        {
            ID: f"{at}/{secrets.token_hex(8)}",
            "at": at,
            "who": who,
            "purpose": purpose,
            "query": crop,
            "filter": condition,
            **_told(answer),
        }
        for crop, answer in zip(crops, found, strict=True)
    ]
    given_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with store.writing():
                store.add(AUDIT, rows_of(AUDIT, lines))
            return
        except SettingError:
            if time.monotonic() > given_up:
                raise
            time.sleep(_PAUSE_S)


def lines(store: Store) -> pa.Table:
    """All that was written down, in its order."""
    return store.get(AUDIT)


def _told(answer: Answer | Sequence[FoundCrop]) -> dict[str, Any]:
    if isinstance(answer, Answer):
        shown = [{"person": one.person, "probability": one.probability} for one in answer.candidates]
        return {"decision": answer.decision, "candidates": json.dumps(shown)}
    return {"decision": "crops shown", "candidates": json.dumps([{"crop": one.crop} for one in answer])}
