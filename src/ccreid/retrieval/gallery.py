"""A lasting gallery of people, each in several outfits."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.progress import Track, untracked
from ccreid.retrieval.changes import Change
from ccreid.retrieval.crop_file import CropFile
from ccreid.retrieval.enrolment import Enrolment, Wishes, enrol
from ccreid.retrieval.journal import Entry, Journal
from ccreid.retrieval.opening import open_store
from ccreid.retrieval.quality import look, unseen
from ccreid.retrieval.settings import Settings, create_tables
from ccreid.retrieval.snapshot import Snapshot, Snapshots
from ccreid.retrieval.store import Store
from ccreid.retrieval.tables import CROPS, Tables, differing, vectors_schema, vectors_table

Place = str | Path | Store


class Gallery:
    """People, their outfits and crops, kept in a store; several may read it while one writes.

    Every operation is whole or not there at all, stands in the journal with who did it, and can be taken back unless
    it says otherwise. Nothing is enrolled, and nobody is merged, but on request.

    Parameters
    ----------
    store:
        Where it is kept; see :meth:`create` and :meth:`open`.
    settings:
        Of the gallery.
    who:
        Stands in the journal as who did what; None is the name of the user's account.
    now:
        The clock.

    Raises
    ------
    SettingError
        By whatever writes: another process is writing.
    """

    def __init__(self, store: Store, settings: Settings, who: str | None, now: Callable[[], datetime] | None) -> None:
        self.store = store
        self.settings = settings
        self.who = account() if who is None else who
        self._now = now or (lambda: datetime.now(UTC))
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
            A folder, or another address of :func:`ccreid.retrieval.opening.open_store`.
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
        return self._now().astimezone(UTC).isoformat(timespec="seconds")

    def tables(self) -> Tables:
        """People, outfits, crops and rejections as they are kept."""
        return self._snapshots.tables()

    def snapshot(self) -> Snapshot:
        """What a search looks at, as it stands now."""
        self.settings = Settings.of(self.store) or self.settings
        made_with = self.settings.made_with
        return self._snapshots.latest(None if made_with is None else vectors_table(made_with))

    def add(self, crops: CropFile, wishes: Wishes | None = None, *, track: Track[int] = untracked) -> Enrolment:
        """Enrol crops; those that are in already stay as they are.

        Parameters
        ----------
        crops:
            Of whom, and in which outfit, say its columns `person` and `outfit`, or `wishes`. Crops without a person are
            kept as unknown ones.
        track:
            Follows the pictures that are looked at.

        Raises
        ------
        ArtefactError
            They were embedded with another model than the gallery's.
        DataError
            Several people bear a name that was given.
        """
        wishes = wishes or Wishes()
        with self.writing() as tables:
            self.check_fits(crops.made_with)
            vectors = vectors_table(crops.made_with)
            if self.settings.made_with is None or not self.store.count(CROPS):
                self.store.create(vectors, vectors_schema(crops.vectors.shape[1]))
                self.change_settings(made_with=crops.made_with)
            pictures = self.settings.keep == "thumbnails" or wishes.override is None
            enrolment = enrol(
                tables,
                crops,
                lambda some, ids: (
                    look(some, ids, self.settings.keep == "thumbnails", track) if pictures else unseen(some)
                ),
                vectors,
                wishes,
                at=self.at,
                draw=drawn,
            )
            self.do(enrolment.change, tables)
        return enrolment

    def undo(self, number: int | None = None) -> Entry:
        """Take an operation back, by its number in the journal; the last one that was not, if none is named.

        Raises
        ------
        DataError
            There is none, it cannot be taken back, or what it wrote has been changed since.
        """
        with self.writing():
            return self.journal.undo(number, who=self.who, at=self.at)

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
            self.journal.recover()
            yield self.tables()

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
