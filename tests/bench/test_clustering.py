"""The benchmark of clustering: that it measures, and that it refuses wrong labels."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.bench import clustering, plain
from ccreid.bench.people import embedded


def test_it_measures_both_sizes() -> None:
    rows = list(clustering.measure(quick=True))
    assert [row.holds for row in rows] == [None, None]
    for row in rows:
        (plain_one,) = (name for name in row.seconds if name.startswith("plain"))
        times = float(row.note.rsplit(maxsplit=1)[1])  # the plain one is measured on some of the people
        assert row.value == pytest.approx(row.seconds["clustering"] / (times * row.seconds[plain_one]), rel=1e-4)
        assert "labels identical" in row.note


def test_other_labels_than_the_plain_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "plain_labels", lambda *_: [-1])
    with pytest.raises(RuntimeError, match="LTCC's size the labels are not"):
        next(clustering.measure(quick=True))


def test_synthetic_people_wear_outfits_that_mining_can_find() -> None:
    vectors, columns = embedded(np.zeros(60, dtype=np.int64), 64, np.random.default_rng(0))
    assert columns.clothes is not None
    squared = (2 - 2 * vectors @ vectors.T).tolist()
    labels = plain.dbscan(plain.jaccard_distance(squared, 20, 6, "clip").tolist(), 0.6, 1)
    assert 1 < len(set(labels)) < 60
    assert len(set(zip(labels, columns.clothes.tolist(), strict=True))) < 60
