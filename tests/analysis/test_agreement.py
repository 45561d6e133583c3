"""Agreement against values computed by hand and against loops written from the definitions."""

from __future__ import annotations

import math
import sys
from collections import Counter

import numpy as np
import pytest

from ccreid.analysis.agreement import Agreement, agreement, both, compare, most_frequent, rows_by_value
from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Ids


def ids(*values: int) -> Ids:
    return np.array(values, dtype=np.int64)


def entropy(values: list[object]) -> float:
    return -sum(n / len(values) * math.log(n / len(values)) for n in Counter(values).values())


def by_definition(mined: list[int], true: list[int]) -> Agreement:
    of_mined, of_true = entropy(list(mined)), entropy(list(true))
    mutual = of_mined + of_true - entropy(list(zip(mined, true, strict=True)))
    right = sum(
        max(Counter(t for m, t in zip(mined, true, strict=True) if m == cluster).values()) for cluster in set(mined)
    )
    return Agreement(
        nmi=mutual / ((of_mined + of_true) / 2),
        homogeneity=mutual / of_true,
        completeness=mutual / of_mined if of_mined else 1.0,
        purity=right / len(true),
    )


@pytest.mark.parametrize(
    ("mined", "true", "expected"),
    [
        (ids(7, 7, 3, 3), ids(0, 0, 1, 1), (1, 1, 1, 1)),
        (ids(5, 5, 5, 5), ids(0, 0, 1, 1), (0, 0, 1, 0.5)),
        (ids(0, 0, 1, 2), ids(0, 0, 1, 1), (0.8, 1, 2 / 3, 1)),
        (ids(0, 1, 0, 1), ids(0, 0, 1, 1), (0, 0, 0, 0.5)),
    ],
)
def test_by_hand(mined: Ids, true: Ids, expected: tuple[float, ...]) -> None:
    assert agreement(mined, true) == pytest.approx(expected, abs=1e-12)


def test_against_the_definitions() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        images = int(random.integers(2, 40))
        mined, true = random.integers(0, 6, images), random.integers(0, 4, images)
        true[:2] = 0, 1  # of a single value nothing is told
        expected = by_definition(mined.tolist(), true.tolist())
        assert agreement(mined, true) == pytest.approx(expected, abs=1e-9)
        assert agreement(true, mined).nmi == pytest.approx(expected.nmi, abs=1e-9)


def test_identities_weigh_by_their_images_and_those_of_one_value_are_left_out() -> None:
    identities = ids(0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3)
    mined = ids(0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 7)
    true = ids(0, 0, 1, 1, 2, 3, 4, 4, 4, UNKNOWN, UNKNOWN)
    found = compare(identities, mined, true)
    assert set(found.identities) == {0, 1}
    assert found.identities[0].found == pytest.approx((0.8, 1, 2 / 3, 1))
    assert found.identities[1].found == pytest.approx((0, 0, 1, 0.5))
    assert found.found == pytest.approx(((4 * 0.8 + 0) / 6, 4 / 6, (4 * 2 / 3 + 2) / 6, (4 + 1) / 6))
    assert (found.images, found.single, found.without, found.unknown) == (6, 1, 1, 2)


def test_images_that_are_not_annotated_change_nothing() -> None:
    identities, mined, true = ids(0, 0, 0, 0), ids(0, 0, 1, 1), ids(0, 0, 1, 1)
    more = compare(
        np.append(identities, [0, 0]), np.append(mined, [0, 1]), np.append(true, [UNKNOWN, UNKNOWN]), shuffles=3
    )
    plain = compare(identities, mined, true, shuffles=3)
    assert more.found == plain.found
    assert more.chance == plain.chance
    assert (plain.unknown, more.unknown) == (0, 2)
    assert more.images == 4


def test_chance_is_the_mean_over_shuffles_inside_the_identity() -> None:
    """Of 4 images in two pairs, a shuffle keeps the pairs together in a third of its draws and splits both else."""
    found = compare(ids(0, 0, 0, 0), ids(0, 0, 1, 1), ids(0, 0, 1, 1), shuffles=600)
    assert found.found is not None
    assert found.chance is not None
    assert found.deviation is not None
    assert found.chance.nmi == pytest.approx(1 / 3, abs=0.05)
    assert found.chance.purity == pytest.approx(1 / 3 + 2 / 3 * 0.5, abs=0.03)
    assert found.identities[0].chance == pytest.approx(found.chance)
    assert found.deviation.nmi == pytest.approx((1 / 3 * 2 / 3) ** 0.5, abs=0.03)
    assert not found.beyond_chance
    assert found.above_chance == pytest.approx(1)


def test_shuffles_stay_inside_an_identity() -> None:
    """Identities whose images are all alike to mining tell nothing, however attributes of others were drawn."""
    identities, mined = np.repeat(ids(0, 1, 2), 4), np.repeat(ids(0, 1, 2), 4)
    found = compare(identities, mined, np.tile(ids(0, 0, 1, 1), 3))
    assert found.chance == found.found == pytest.approx((0, 0, 1, 0.5))
    assert not found.beyond_chance


def test_images_that_each_are_an_attribute_are_pure_by_chance_too() -> None:
    found = compare(ids(*[0] * 8), np.arange(8), np.repeat(ids(0, 1), 4))
    assert found.found is not None
    assert found.found.purity == 1
    assert found.chance == pytest.approx(found.found)
    assert not found.beyond_chance
    assert found.above_chance == pytest.approx(0)


def test_more_than_chance() -> None:
    identities, true = np.repeat(np.arange(20), 20), np.tile(np.repeat(np.arange(4), 5), 20)
    found = compare(identities, 4 * identities + true, true)
    assert found.beyond_chance
    assert found.above_chance == 1
    assert found.chance is not None
    assert 0 < found.chance.nmi < 0.3


def test_noise_is_seldom_more_than_chance() -> None:
    random = np.random.default_rng(2)
    identities = np.repeat(np.arange(3), 10)
    found = [compare(identities, *random.integers(0, 3, (2, 30)), seed=seed) for seed in range(40)]
    assert sum(one.beyond_chance for one in found) <= 1


def test_the_seed_decides() -> None:
    random = np.random.default_rng(1)
    arguments = np.repeat(np.arange(5), 12), random.integers(0, 3, 60), random.integers(0, 3, 60)
    assert compare(*arguments, seed=3) == compare(*arguments, seed=3)
    assert compare(*arguments, seed=3).chance != compare(*arguments, seed=4).chance
    assert compare(*arguments, seed=3).found == compare(*arguments, seed=4).found


def test_nothing_to_compare() -> None:
    found = compare(ids(0, 0, 1), ids(0, 1, 2), ids(4, 4, UNKNOWN))
    assert (found.found, found.chance, found.deviation) == (None, None, None)
    assert (found.single, found.without, found.unknown, found.images) == (1, 1, 1, 0)
    assert not found.beyond_chance
    assert found.above_chance == 0


def test_a_missing_scikit_learn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.metrics.cluster", None)
    with pytest.raises(SettingError, match="sklearn is needed to measure agreement") as caught:
        compare(ids(0, 0), ids(0, 1), ids(0, 1))
    assert "pip install 'ccreid[analysis]'" in caught.value.mend


def test_rows_of_each_value() -> None:
    found = {value: rows.tolist() for value, rows in rows_by_value(ids(5, 2, 5, 2, 9))}
    assert found == {2: [1, 3], 5: [0, 2], 9: [4]}
    assert list(found) == [2, 5, 9]
    assert list(rows_by_value(ids())) == []


def test_pairs_have_numbers_of_their_own() -> None:
    pairs = both(ids(1, 1, 2, 1, UNKNOWN, 3), ids(1, 2, 1, 1, 1, UNKNOWN))
    assert pairs[0] == pairs[3]
    assert len(set(pairs[:3].tolist())) == 3
    assert pairs[4:].tolist() == [UNKNOWN, UNKNOWN]


def test_most_frequent_value() -> None:
    assert most_frequent(ids(3, 8, 8, UNKNOWN, UNKNOWN, UNKNOWN)) == pytest.approx((8, 2 / 3))
    assert most_frequent(ids(8, 3)) == (3, 0.5)
    assert most_frequent(ids(UNKNOWN)) is None
