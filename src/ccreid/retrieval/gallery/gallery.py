"""A lasting gallery of people, each in several outfits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from ccreid.errors import DataError, SettingError
from ccreid.machine.progress import Track, untracked
from ccreid.records import told
from ccreid.retrieval.calibration.answers import Answer, FoundCrop
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery import audit, forgetting, repair
from ccreid.retrieval.gallery.approximate import build_index, drop_index, nearest_crops
from ccreid.retrieval.gallery.changes import Change
from ccreid.retrieval.gallery.enrolment import Enrolment, Wishes, enrol
from ccreid.retrieval.gallery.forgetting import Forgotten
from ccreid.retrieval.gallery.journal import EXPIRE, FORGET, Entry
from ccreid.retrieval.gallery.kept import Kept, drawn
from ccreid.retrieval.gallery.naming import person_of
from ccreid.retrieval.gallery.quality import look, unseen
from ccreid.retrieval.gallery.search import Question, search_crops, search_people
from ccreid.retrieval.gallery.settings import Index, Settings
from ccreid.retrieval.gallery.snapshot import Snapshot
from ccreid.retrieval.gallery.tables import CROPS, Tables, vectors_schema, vectors_table
from ccreid.retrieval.stores.store import ID


class Gallery(Kept):
    """People, their outfits and crops; several may read it while one writes.

    Every operation is whole or not there at all, stands in the journal with who did it, and can be taken back unless
    it says otherwise. Nothing is enrolled, and nobody is merged, but on request. Whatever writes raises SettingError
    while another process does. See :meth:`create` and :meth:`open`.
    """

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

    def search(
        self,
        queries: CropFile,
        question: Question | None = None,
        *,
        calibration: Calibration | None = None,
        purpose: str = "",
    ) -> list[Answer]:
        """Answer for each of Q crops who it shows, if anybody who is enrolled: see :class:`Answer`.

        Parameters
        ----------
        queries:
            Their columns `camera` and `height_px` are made use of; nothing of them is kept.
        question:
            How many are answered, a condition, and what may be promised.
        calibration:
            In the place of the gallery's own.
        purpose:
            What the search is for; needed where the gallery is audited.

        Raises
        ------
        ArtefactError
            The embeddings or the calibration are of another model.
        SettingError
            The condition is none, or the purpose is missing.
        """
        question = question or Question()
        snapshot = self._to_search(queries)
        calibration = calibration or self.calibration
        if calibration is not None:
            calibration.check_fits(queries.made_with)
        answers = search_people(snapshot, queries, question, calibration)
        self._write_down(answers, queries, question, purpose)
        return answers

    def search_crops(
        self,
        queries: CropFile,
        question: Question | None = None,
        *,
        approximate: bool = False,
        purpose: str = "",
    ) -> list[list[FoundCrop]]:
        """The crops nearest to each of Q, confirmed, proposed and unknown ones; otherwise as :meth:`search`.

        `approximate` takes those that the index finds, see :meth:`build_index`, without reading all embeddings.
        """
        question = question or Question()
        if approximate:
            self.settings = Settings.of(self.store) or self.settings
            self.check_fits(queries.made_with)
            found = nearest_crops(self, queries, question)
        else:
            found = search_crops(self._to_search(queries), queries, question)
        self._write_down(found, queries, question, purpose)
        return found

    def build_index(self) -> Index:
        """Build an approximate index for :meth:`search_crops` and measure it, see :mod:`.approximate`.

        A search of people takes none: how well one person fits is told against all others, so all are looked at.
        """
        return build_index(self)

    def drop_index(self) -> None:
        """Take the index away; there may be none."""
        drop_index(self)

    @property
    def calibration(self) -> Calibration | None:
        """The gallery's own, if it has one."""
        kept = self.settings.calibration
        return None if kept is None else Calibration.model_validate_json(json.dumps(kept))

    def change(self, **values: object) -> Settings:
        """Let other settings hold from now on, by their names in :class:`Settings`; made_with is not among them.

        Raises
        ------
        SettingError
            A value is none.
        ArtefactError
            The calibration is for another model.
        """
        with self.writing():
            try:
                changed = Settings.model_validate(self.settings.model_dump() | values)
            except ValidationError as error:
                raise SettingError(f"The gallery cannot be set so: {told(error)}.", "") from error
            self.settings = changed
            if self.calibration is not None and changed.made_with is not None:
                self.calibration.check_fits(changed.made_with)
            changed.keep_in(self.store)
        return changed

    def merge(self, others: Sequence[str], into: str) -> Entry:
        """Make people part of another, see :func:`ccreid.retrieval.gallery.repair.merge`."""
        return self._done(lambda tables: repair.merge(tables, others, into))

    def split(
        self, person: str, *, outfits: Sequence[str] = (), crops: Sequence[str] = (), name: str | None = None
    ) -> Entry:
        """Make some of a person's crops another person's, see :func:`ccreid.retrieval.gallery.repair.split`."""
        return self._done(
            lambda tables: repair.split(tables, person, outfits=outfits, crops=crops, name=name, at=self.at, draw=drawn)
        )

    def dress(self, crops: Sequence[str], outfit: str | None) -> Entry:
        """Say in which outfit crops show their people, see :func:`ccreid.retrieval.gallery.repair.dress`."""
        return self._done(lambda tables: repair.dress(tables, crops, outfit, draw=drawn))

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
        """Say that crops do not show whom they are taken for, see :func:`ccreid.retrieval.gallery.repair.reject`."""
        return self._done(lambda tables: repair.reject(tables, crops))

    def confirm(self, crops: Sequence[str], person: str | None = None) -> Entry:
        """Say that crops show somebody, see :func:`ccreid.retrieval.gallery.repair.confirm`."""
        return self._done(lambda tables: repair.confirm(tables, crops, person))

    def propose(self, crops: Sequence[str], person: str, probability: float) -> Entry | None:
        """Note that crops are probably somebody; None where all of them are settled already."""
        with self.writing() as tables:
            return self.do(repair.propose(tables, crops, person, probability), tables)

    def remove(self, people: Sequence[str] = (), crops: Sequence[str] = ()) -> Entry:
        """Take people, or crops, out of every search, see :func:`ccreid.retrieval.gallery.forgetting.remove`."""
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

    def _to_search(self, queries: CropFile) -> Snapshot:
        snapshot = self.snapshot()
        self.check_fits(queries.made_with)
        return snapshot

    def _write_down(
        self, found: Sequence[Answer | list[FoundCrop]], queries: CropFile, question: Question, purpose: str
    ) -> None:
        if self.settings.audit or purpose:
            audit.write_down(
                self.store, found, queries.ids, who=self.who, purpose=purpose, condition=question.where, at=self.at
            )

    def _expire(self, tables: Tables) -> Forgotten:
        people, crops = self.overdue(tables)
        if not people and not crops:
            return Forgotten((), 0, {})
        what = f"{len(crops)} crops expired, and {len(people)} people with them."
        entry = self.journal.begin(EXPIRE, what, who=self.who, at=self.at, about=tuple(people))
        forgotten = forgetting.erase(self.store, tables, people, crops)
        self.journal.end(entry)
        return forgotten

    def _done(self, make: Callable[[Tables], Change]) -> Entry:
        with self.writing() as tables:
            return self.journal.apply(make(tables), tables, who=self.who, at=self.at)

    def _check_not_too_late(self, taken: Entry) -> None:
        days = self.settings.undo_days
        if taken.verb == forgetting.REMOVE and self.now() > datetime.fromisoformat(taken.at) + timedelta(days=days):
            raise DataError(
                f"Operation {taken.number} cannot be taken back: it was on {taken.at[:10]}, and what is removed can "
                f"come back for {days} days.",
                "Enrol the crops anew.",
            )
