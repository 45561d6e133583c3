"""A gallery as it is kept: opened, held by whoever writes it, settled after one who was killed."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ccreid.errors import ArtefactError, SettingError
from ccreid.retrieval.crops.models import differing
from ccreid.retrieval.gallery import forgetting
from ccreid.retrieval.gallery.changes import Change
from ccreid.retrieval.gallery.journal import FORGET, Entry, Journal
from ccreid.retrieval.gallery.settings import Settings, create_tables
from ccreid.retrieval.gallery.snapshot import Snapshot, Snapshots
from ccreid.retrieval.gallery.tables import CROPS, VECTORS, Tables, vectors_table
from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.store import Store

Place = str | Path | Store


class Kept:
    """What lies in the store of a gallery, and the one way in which it is changed.

    Parameters
    ----------
    store:
        Where it is kept.
    settings:
        Of the gallery.
    who:
        Stands in the journal as who did what; None is the name of the user's account.
    now:
        The clock.
    """

    def __init__(self, store: Store, settings: Settings, who: str | None, now: Callable[[], datetime] | None) -> None:
        self.store = store
        self.settings = settings
        self.who = account() if who is None else who
        self.now = now or (lambda: datetime.now(UTC))
        self.journal = Journal(store)
        self._snapshots = Snapshots(store, self.journal.settled)

    @classmethod
    def create(
        cls,
        place: Place,
        settings: Settings | None = None,
        *,
        who: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> Self:
        """Make an empty gallery.

        Parameters
        ----------
        place:
            A folder, or another address of :func:`ccreid.retrieval.stores.opening.open_store`.
        settings:
            What shall hold for it.

        Raises
        ------
        SettingError
            There is one already.
        """
        store = _opened(place)
        if Settings.of(store) is not None:
            raise SettingError(f"{store.uri} is a gallery already.", "Add to it, or name another place.")
        settings = settings or Settings()
        with store.writing():
            create_tables(store)
            settings.keep_in(store)
        return cls(store, settings, who, now)

    @classmethod
    def open(cls, place: Place, *, who: str | None = None, now: Callable[[], datetime] | None = None) -> Self:
        """Open a gallery. Raises ArtefactError where there is none, or another version made it."""
        store = _opened(place)
        settings = Settings.of(store)
        if settings is None:
            raise ArtefactError(f"There is no gallery at {store.uri}.", "Make one: ccreid gallery create")
        return cls(store, settings, who, now)

    @property
    def at(self) -> str:
        """Now, as it stands in every row: ISO 8601 in UTC."""
        return self.now().astimezone(UTC).isoformat(timespec="seconds")

    def tables(self) -> Tables:
        """People, outfits, crops and rejections as they are kept."""
        return self._snapshots.tables()

    def snapshot(self) -> Snapshot:
        """What a search looks at, as it stands now."""
        self.settings = Settings.of(self.store) or self.settings
        made_with = self.settings.made_with
        return self._snapshots.latest(None if made_with is None else vectors_table(made_with))

    def check_fits(self, made_with: Mapping[str, str]) -> None:
        """Raise ArtefactError where embeddings of another model than the gallery's are given."""
        own = self.settings.made_with
        if own is None or not (other := differing(own, made_with)):
            return
        if not self.store.count(CROPS):
            return
        weights = " and ".join(f"{(one.get('weights') or '?')[:12]}" for one in (own, made_with))
        raise ArtefactError(
            f"{self.store.uri} holds embeddings of another model: {', '.join(other)} differ (weights {weights}).",
            "Embed with the gallery's bundle, or move the gallery to the new one: ccreid gallery re-embed",
        )

    @contextmanager
    def writing(self) -> Iterator[Tables]:
        """Hold the gallery against other writers; gives its tables. First, what was killed half-way is ended."""
        with self.store.writing():
            self.settings = Settings.of(self.store) or self.settings
            for entry in self.journal.recover():
                self._end(entry, self.tables())
            self._drop_left_over()
            yield self.tables()

    def move_to(self, made_with: Mapping[str, str]) -> None:
        """Let the embeddings of another model be the gallery's, within :meth:`writing`; a calibration must fit them."""
        kept = self.settings.calibration
        fits = kept is not None and not differing(dict(kept["made_with"]), made_with)  # type: ignore[arg-type]
        self.change_settings(made_with=dict(made_with), moving_to=None, calibration=kept if fits else None, index=None)
        self._drop_left_over()

    def _drop_left_over(self) -> None:
        """Take away embeddings of models that are not the gallery's, nor those that it moves to."""
        models = (self.settings.made_with, self.settings.moving_to)
        used = {vectors_table(model) for model in models if model is not None}
        for table in self.store.tables():
            if table.startswith(VECTORS) and table not in used:
                self.store.drop(table)

    def _end(self, entry: Entry, tables: Tables) -> None:
        """Go on with what cannot be taken back."""
        forgets = entry.verb == FORGET
        crops = forgetting.crops_to_forget(tables, entry.about) if forgets else self.overdue(tables)[1]
        forgetting.erase(self.store, tables, entry.about, crops)
        self.journal.end(entry)

    def overdue(self, tables: Tables) -> tuple[list[str], list[str]]:
        """The people and crops whose time is up."""
        return forgetting.overdue(tables, self.now(), self.settings.undo_days, self.settings.retention_days)

    def do(self, change: Change, tables: Tables) -> Entry | None:
        """Write a change made from the tables of :meth:`writing`; an empty one is none."""
        return None if change.is_empty else self.journal.apply(change, tables, who=self.who, at=self.at)

    def change_settings(self, **values: object) -> None:
        """Write other settings, within :meth:`writing`."""
        self.settings = self.settings.model_copy(update=values)
        self.settings.keep_in(self.store)


def drawn() -> str:
    """Half of an id: ten letters and digits that say nothing."""
    return secrets.token_hex(5)


def account() -> str:
    """The name of the user's account; empty where there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _opened(place: Place) -> Store:
    return open_store(place) if isinstance(place, str | Path) else place
