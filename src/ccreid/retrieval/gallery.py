"""A lasting gallery of people, each in several outfits."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.machine.progress import Track, untracked
from ccreid.retrieval import forgetting, repair
from ccreid.retrieval.changes import Change
from ccreid.retrieval.crop_file import CropFile
from ccreid.retrieval.enrolment import Enrolment, Wishes, enrol
from ccreid.retrieval.forgetting import Forgotten
from ccreid.retrieval.journal import EXPIRE, FORGET, Entry, Journal
from ccreid.retrieval.naming import person_of
from ccreid.retrieval.opening import open_store
from ccreid.retrieval.quality import look, unseen
from ccreid.retrieval.settings import Settings, create_tables
from ccreid.retrieval.snapshot import Snapshot, Snapshots
from ccreid.retrieval.store import ID, Store
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

    def merge(self, others: Sequence[str], into: str) -> Entry:
        """Make people part of another, see :func:`ccreid.retrieval.repair.merge`."""
        return self._done(lambda tables: repair.merge(tables, others, into))

    def split(
        self, person: str, *, outfits: Sequence[str] = (), crops: Sequence[str] = (), name: str | None = None
    ) -> Entry:
        """Make some of a person's crops another person's, see :func:`ccreid.retrieval.repair.split`."""
        return self._done(
            lambda tables: repair.split(tables, person, outfits=outfits, crops=crops, name=name, at=self.at, draw=drawn)
        )

    def rename(self, person: str, name: str) -> Entry:
        """Call a person otherwise. Raises DataError where there is no such person."""
        return self._done(lambda tables: repair.rename(tables, person, name))

    def note(self, person: str, note: str) -> Entry:
        """Write a person's note anew. Raises DataError where there is no such person."""
        return self._done(lambda tables: repair.annotate(tables, person, note))

    def hide(self, person: str, *, hidden: bool = True) -> Entry:
        """Keep a person out of every search, or let them be found again."""
        return self._done(lambda tables: repair.hide(tables, person, hidden=hidden))

    def reject(self, crops: Sequence[str]) -> Entry:
        """Say that crops do not show the person whom they are taken for, see :func:`ccreid.retrieval.repair.reject`."""
        return self._done(lambda tables: repair.reject(tables, crops))

    def confirm(self, crops: Sequence[str], person: str | None = None) -> Entry:
        """Say that crops show somebody, see :func:`ccreid.retrieval.repair.confirm`."""
        return self._done(lambda tables: repair.confirm(tables, crops, person))

    def propose(self, crops: Sequence[str], person: str, probability: float) -> Entry | None:
        """Note that crops are probably somebody; None where all of them are settled already."""
        with self.writing() as tables:
            return self.do(repair.propose(tables, crops, person, probability), tables)

    def remove(self, people: Sequence[str] = (), crops: Sequence[str] = ()) -> Entry:
        """Take people, or crops, out of every search, see :func:`ccreid.retrieval.forgetting.remove`."""
        return self._done(lambda tables: forgetting.remove(tables, people, crops, at=self.at))

    def forget(self, person: str) -> Forgotten:
        """Erase a person with all that is kept of them, for good. Raises DataError where there is no such person."""
        with self.writing() as tables:
            one = person_of(tables, person)[ID]
            crops = forgetting.crops_to_forget(tables, [one])
            entry = self.journal.begin(
                FORGET, f"{one} was forgotten, with {len(crops)} crops.", who=self.who, at=self.at, about=(one,)
            )
            forgotten = forgetting.erase(self.store, tables, [one], crops)
            self.journal.end(entry)
        return forgotten

    def expire(self) -> Forgotten:
        """Erase, for good, whatever was removed too long ago to come back, or is kept longer than it should be."""
        with self.writing() as tables:
            return self._expire(tables)

    def undo(self, number: int | None = None) -> Entry:
        """Take an operation back, by its number in the journal; the last one that was not, if none is named.

        Raises
        ------
        DataError
            There is none, it cannot be taken back, or what it wrote has been changed since.
        """
        with self.writing():
            taken = self.journal.to_undo(number)
            self._check_not_too_late(taken)
            return self.journal.undo(taken, who=self.who, at=self.at)

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
                tables = self.tables()
                if entry.verb == FORGET:
                    forgetting.erase(self.store, tables, entry.about, forgetting.crops_to_forget(tables, entry.about))
                else:
                    forgetting.erase(self.store, tables, *self._overdue(tables))
                self.journal.end(entry)
            yield self.tables()

    def _overdue(self, tables: Tables) -> tuple[list[str], list[str]]:
        return forgetting.overdue(tables, self._now(), self.settings.undo_days, self.settings.retention_days)

    def _expire(self, tables: Tables) -> Forgotten:
        people, crops = self._overdue(tables)
        if not people and not crops:
            return Forgotten((), 0, {})
        what = f"{len(crops)} crops expired, and {len(people)} people with them."
        entry = self.journal.begin(EXPIRE, what, who=self.who, at=self.at)
        forgotten = forgetting.erase(self.store, tables, people, crops)
        self.journal.end(entry)
        return forgotten

    def _done(self, make: Callable[[Tables], Change]) -> Entry:
        with self.writing() as tables:
            return self.journal.apply(make(tables), tables, who=self.who, at=self.at)

    def _check_not_too_late(self, taken: Entry) -> None:
        days = self.settings.undo_days
        if taken.verb == forgetting.REMOVE and self._now() > datetime.fromisoformat(taken.at) + timedelta(days=days):
            raise DataError(
                f"Operation {taken.number} cannot be taken back: it was on {taken.at[:10]}, and what is removed can "
                f"come back for {days} days.",
                "Enrol the crops anew.",
            )

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
