"""A set of synthetic people, with what it will take said before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from ccreid.machine.extras import need
from ccreid.machine.progress import Track, untracked
from ccreid.synthetic.body.anny_files import anny_version
from ccreid.synthetic.making import Outcome, bytes_of, check_room, make, people_left
from ccreid.synthetic.plan import Wanted
from ccreid.version import __version__

_TRIED = 6
"""Pictures that are drawn to see how long one takes."""


def make_people(
    folder: Path, wanted: Wanted, processes: int | None, *, say: Callable[[str], None], track: Track[int] = untracked
) -> Outcome:
    """Make a set, or go on with it, after saying what is left takes; see :func:`ccreid.synthetic.making.make`."""
    wanted.check()
    for module in ("numba", "cv2"):
        need(module, extra="synthetic", to="make people")
    anny_version()
    check_room(folder, wanted)
    used = processes or len(os.sched_getaffinity(0))
    if left := len(people_left(folder, wanted)):
        pictures = left * wanted.images * wanted.frames
        minutes = _seconds_a_picture(wanted) * pictures / used / 60
        of_all = f" who are left of {wanted.people:,}" if left < wanted.people else ""
        say(
            f"{pictures:,} pictures of {left:,} people{of_all}: up to {bytes_of(wanted, left) / 1e9:.1f} GB, "
            f"about {max(1, round(minutes))} minutes with {used} processes"
        )
    return make(folder, wanted, version=__version__, processes=used, track=track)


def _seconds_a_picture(wanted: Wanted) -> float:
    from ccreid.synthetic.person_set import pictures_of_person

    pictures = (row for _, _, row in pictures_of_person(wanted, 0) if row)
    next(pictures)  # what is read or compiled once
    started = time.perf_counter()
    drawn = sum(1 for _ in islice(pictures, _TRIED))
    return (time.perf_counter() - started) / max(drawn, 1)
