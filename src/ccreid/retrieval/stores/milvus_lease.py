"""Who writes a store that many machines reach: a lease that is renewed, and ends with its holder."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ccreid.errors import CcreidError, SettingError, StorageError
from ccreid.records import Record

LEASE_S = 30.0
"""A writer that has not renewed its lease for so long is taken for dead."""

_THROUGH: set[str] = set()
"""Holders of this process that let go, whether or not the store was there to be told."""


class Lease(Record):
    """One writer's claim."""

    holder: str
    machine: str
    host: str
    process: int
    expires_at: float

    @property
    def holds(self) -> bool:
        """Whether its writer may still be there."""
        return self.expires_at > time.time() and not (self.machine == _machine() and not _lives(self.process))


@dataclass(frozen=True)
class Claims:
    """How leases are kept: each by its holder, a later one in the place of an earlier."""

    put: Callable[[str, str], None]
    """Keep a holder's lease, as text."""
    take_away: Callable[[str], None]
    every: Callable[[], Sequence[str]]
    """All leases that are kept, those of this moment, too."""


class Held:
    """A lease while it is held."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._holder = uuid.uuid4().hex
        self._until = 0.0

    @property
    def good(self) -> bool:
        """Whether nobody else can have taken it for dead."""
        return time.monotonic() < self._until

    def renew(self) -> None:
        """Claim, or claim for longer. Raises StorageError where the store does not answer."""
        now = time.monotonic()
        lease = Lease(
            holder=self._holder,
            machine=_machine(),
            host=socket.gethostname(),
            process=os.getpid(),
            expires_at=time.time() + LEASE_S,
        )
        self._claims.put(self._holder, lease.model_dump_json())
        self._until = now + 0.8 * LEASE_S  # before the others think so

    def end(self) -> None:
        """Let it go."""
        self._until = 0.0
        _THROUGH.add(self._holder)
        self._claims.take_away(self._holder)

    def rival(self) -> Lease | None:
        """Another's lease that holds; those that do not are cleared away."""
        for told in self._claims.every():
            try:
                lease = Lease.model_validate_json(told)
            except ValidationError as error:
                raise StorageError("The lease of a writer cannot be read.", "Is another version writing?") from error
            if lease.holder == self._holder:
                continue
            if lease.holds and lease.holder not in _THROUGH:
                return lease
            self._claims.take_away(lease.holder)
        return None


@contextmanager
def leased(uri: str, claims: Claims) -> Iterator[Held]:
    """Hold the lease of a store, renewing it meanwhile. Raises SettingError where another one holds it."""
    held = Held(claims)
    # Claim first, look then: of two that do so at once at least one sees the other, and gives way.
    held.renew()
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(held, ended), daemon=True)
    try:
        rival = held.rival()
        if rival is not None:
            raise SettingError(
                f"{uri} is being written by another command (process {rival.process} on {rival.host}).",
                f"Wait until it ends; where it has been killed, {LEASE_S:g} seconds; then repeat this command.",
            )
        renewing.start()
        yield held
    finally:
        ended.set()
        if renewing.is_alive():
            renewing.join()
        held.end()


def _renew(held: Held, ended: threading.Event) -> None:
    while not ended.wait(LEASE_S / 4):
        try:
            held.renew()
        except CcreidError:  # it may answer again before the lease is over; else `good` says so
            continue


def _machine() -> str:
    """What tells this machine, since it was started, and its numbers of processes from all others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{uuid.getnode():x}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # killed, and not yet waited for by the process that started it
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
