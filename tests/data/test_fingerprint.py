"""What tells whether images are still those of before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccreid.data.fingerprint import content_fingerprint, status_fingerprint
from ccreid.datasets import read_benchmark
from ccreid.errors import ImageError
from ccreid.vocabulary import Pictures, Samples


def _of_content(samples: Samples) -> str:
    return content_fingerprint({"train": samples})


KINDS: tuple[Callable[[Samples], str], ...] = (_of_content, status_fingerprint)


@pytest.fixture
def samples(small_wardrobe: Path, tmp_path: Path) -> Samples:
    """Images of a copy, which a test may change."""
    shutil.copytree(small_wardrobe, tmp_path / "data")
    return read_benchmark("wardrobe", tmp_path / "data").subset("query")


def test_garments_count_where_they_are_known(samples: Samples) -> None:
    numbers = np.arange(len(samples))
    worn, other = (replace(samples, garments=garments) for garments in (numbers, numbers + 1))
    assert len({_of_content(one) for one in (samples, worn, other)}) == 3


@pytest.mark.parametrize("fingerprint", KINDS)
def test_a_changed_image_or_person_changes_it(samples: Samples, fingerprint: Callable[[Samples], str]) -> None:
    before = fingerprint(samples)
    assert fingerprint(samples) == before
    assert fingerprint(replace(samples, person=samples.person + 1)) != before
    samples.path(0).write_bytes(b"another picture")
    assert fingerprint(samples) != before


def test_the_quick_one_needs_no_people(samples: Samples) -> None:
    bare = Pictures(samples.root, samples.files)
    before = status_fingerprint(bare)
    assert status_fingerprint(bare) == before != status_fingerprint(samples)
    assert status_fingerprint(bare.select(range(1, len(bare)))) != before
    samples.path(0).write_bytes(b"another picture")
    assert status_fingerprint(bare) != before


def test_only_the_quick_one_looks_at_times(samples: Samples) -> None:
    before = [fingerprint(samples) for fingerprint in KINDS]
    os.utime(samples.path(0), (0, 0))
    of_content, of_status = (fingerprint(samples) for fingerprint in KINDS)
    assert of_content == before[0]
    assert of_status != before[1]


@pytest.mark.parametrize("fingerprint", KINDS)
@pytest.mark.parametrize("spoiled", ["gone", "link", "pipe", "folder"])
def test_what_is_no_file_is_named(samples: Samples, fingerprint: Callable[[Samples], str], spoiled: str) -> None:
    path = samples.path(0)
    path.unlink()
    match spoiled:
        case "link":
            path.symlink_to("nowhere.jpg")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    with pytest.raises(ImageError, match=str(path)) as refused:
        fingerprint(samples)
    assert refused.value.mend


@pytest.mark.parametrize("column", ["camera", "clothes", "tracklet"])
def test_labels_are_part_of_it(samples: Samples, column: str) -> None:
    """Rules, samplers and whoever holds people out look at them."""

    def labelled(values: list[int | None]) -> str:
        columns: dict[str, Any] = {column: values}
        return _of_content(replace(samples, **columns))

    numbers: list[int | None] = list(range(len(samples)))
    found = [_of_content(samples), labelled(numbers), labelled([None, *numbers[1:]])]
    assert len(set(found)) == 3


def test_the_use_of_an_image_is_part_of_it(samples: Samples) -> None:
    left, right = samples.select([0, 1]), samples.select([2, 3])
    uses = content_fingerprint({"train": left, "query": right})
    assert uses != content_fingerprint({"train": right, "query": left})
    assert uses != content_fingerprint({"train": samples.select([0, 1, 2]), "query": samples.select([3])})
