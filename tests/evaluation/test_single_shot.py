"""Galleries of one image a person."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.evaluation import score
from ccreid.evaluation.single_shot import draw_gallery, mean_of_draws
from ccreid.vocabulary import Columns, Ignore

GALLERY = Columns(np.repeat(np.arange(7), 5))


def test_a_draw_holds_one_image_of_every_person() -> None:
    for draw in range(10):
        rows = draw_gallery(GALLERY, draw)
        assert list(GALLERY.person[rows]) == list(range(7))
        assert list(rows) == sorted(rows)


def test_draws_differ_from_each_other_and_never_from_themselves() -> None:
    draws = {tuple(draw_gallery(GALLERY, draw)) for draw in range(10)}
    assert len(draws) == 10
    assert np.array_equal(draw_gallery(GALLERY, 3), draw_gallery(GALLERY, 3))


def test_every_image_is_drawn_as_often_as_any_other() -> None:
    counts = np.zeros(len(GALLERY))
    for draw in range(500):
        counts[draw_gallery(GALLERY, draw)] += 1
    # 100 expected of each, standard deviation 9: the seed is fixed, so this cannot change from run to run.
    assert counts.min() > 60
    assert counts.max() < 140


def test_the_mean_of_draws() -> None:
    random = np.random.default_rng(0)
    query, gallery = Columns(np.array([0, 1, 9])), Columns(np.array([0, 1, 2]))
    queries = random.normal(size=(3, 8))
    draws = [score(queries, random.normal(size=(3, 8)), query, gallery) for _ in range(3)]
    mean = mean_of_draws(draws)
    assert mean.mean_ap == pytest.approx(np.mean([d.mean_ap for d in draws]))
    assert mean.mean_inp == pytest.approx(np.mean([d.mean_inp for d in draws]))
    assert mean.at(1) == pytest.approx(np.mean([d.at(1) for d in draws]))
    assert (mean.valid, mean.skipped) == (2, 1)  # nobody in the gallery is person 9
    assert mean.average_precision[0] == pytest.approx(np.mean([d.average_precision[0] for d in draws]))
    assert np.isnan(mean.average_precision[2])
    assert mean.first_rank[0] == sorted(d.first_rank[0] for d in draws)[1]
    assert mean.first_rank[2] == 0
    assert mean.rank1[:2] == pytest.approx(np.mean([d.first_rank[:2] == 1 for d in draws], axis=0))
    assert np.isnan(mean.rank1[2])


def test_a_query_counts_once_however_often_it_is_valid() -> None:
    random = np.random.default_rng(2)
    query = Columns(np.array([0, 1, 2]), camera=np.array([1, 1, 1]))
    cameras = ([2, 1, 2], [2, 2, 1], [2, 1, 1], [1, 1, 1])
    draws = [
        score(
            random.normal(size=(3, 4)),
            random.normal(size=(3, 4)),
            query,
            Columns(np.array([0, 1, 2]), camera=np.array(camera)),
            Ignore.SAME_CAMERA,
        )
        for camera in cameras
    ]
    mean = mean_of_draws(draws)
    valid_in = ([0, 1, 2], [1], [0])
    for rank in (1, 2, 3):
        shares = [np.mean([draws[draw].first_rank[row] <= rank for draw in of]) for row, of in enumerate(valid_in)]
        assert mean.at(rank) == pytest.approx(np.mean(shares))
    precisions = [np.mean([draws[draw].average_precision[row] for draw in of]) for row, of in enumerate(valid_in)]
    assert mean.mean_ap == pytest.approx(np.mean(precisions))
    assert (mean.rank1.mean(), mean.average_precision.mean()) == pytest.approx((mean.at(1), mean.mean_ap))


def test_a_draw_without_a_valid_query_has_no_part_in_the_mean() -> None:
    random = np.random.default_rng(1)
    query = Columns(np.array([0, 1]), camera=np.array([1, 1]))
    galleries = [Columns(np.array([0, 1]), camera=np.array([camera, camera])) for camera in (2, 1, 3)]
    draws = [
        score(random.normal(size=(2, 8)), random.normal(size=(2, 8)), query, gallery, Ignore.SAME_CAMERA)
        for gallery in galleries
    ]
    assert [draw.valid for draw in draws] == [2, 0, 2]
    mean = mean_of_draws(draws)
    assert mean.mean_ap == pytest.approx((draws[0].mean_ap + draws[2].mean_ap) / 2)
    assert mean.at(1) == pytest.approx((draws[0].at(1) + draws[2].at(1)) / 2)
    nothing = mean_of_draws([draws[1], draws[1]])
    assert nothing.valid == 0
    assert np.isnan(nothing.mean_ap)
