"""People whom benchmarks make up: what is measured on them must not be empty."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ccreid.bench.people import CAMERAS, OUTFITS, drawn_people
from ccreid.bench.scoring import RULES, SIZES, scored
from ccreid.errors import DataError
from ccreid.evaluation.metrics import score_rules
from ccreid.vocabulary import Columns

QUERIES, GALLERY, PEOPLE = (count // 40 for count in SIZES["Market-1501's size"])


def drawn(count: int, seed: int) -> tuple[torch.Tensor, Columns]:
    return drawn_people(count, PEOPLE, 16, seed)


def known(column: np.ndarray | None) -> np.ndarray:
    assert column is not None
    return column


@pytest.mark.parametrize("seed", [0, 1])
def test_a_person_is_seen_in_every_outfit_and_by_every_camera(seed: int) -> None:
    _, columns = drawn(GALLERY, seed)
    clothes, camera = known(columns.clothes), known(columns.camera)
    many = [person for person in range(PEOPLE) if (columns.person == person).sum() >= 20]
    assert many
    for person in many:
        own = columns.person == person
        assert len(np.unique(clothes[own])) == OUTFITS
        assert len(np.unique(camera[own])) >= CAMERAS - 1
    assert all(len(np.unique(columns.person[clothes == outfit])) == 1 for outfit in np.unique(clothes))


def test_outfits_and_cameras_are_drawn_whoever_it_is() -> None:
    _, columns = drawn(20_000, 0)
    outfit = known(columns.clothes) % OUTFITS
    for column, kinds in ((outfit, OUTFITS), (known(columns.camera), CAMERAS)):
        for part in (columns.person, outfit):
            if part is not column:
                assert abs(np.corrcoef(part, column)[0, 1]) < 0.05
        assert np.bincount(column, minlength=kinds).min() > 0.9 * len(column) / kinds


def test_queries_and_gallery_show_the_same_people_in_other_images() -> None:
    (query, of_query), (images, of_images) = drawn(QUERIES, 0), drawn(GALLERY, 1)
    assert set(of_query.person.tolist()) <= set(of_images.person.tolist())
    assert (query @ images.T).max() < 1 - 1e-4


def test_every_rule_of_the_benchmark_has_valid_queries() -> None:
    scores = scored(drawn(QUERIES, 0), drawn(GALLERY, 1))
    assert len(scores) == len(RULES)
    assert min(under_one.valid for under_one in scores) > 0.9 * QUERIES


def test_a_rule_that_leaves_nothing_to_find_is_refused() -> None:
    (query, of_query), (images, of_images) = drawn(QUERIES, 0), drawn(GALLERY, 1)
    one_outfit, same_outfit = (
        Columns(side.person, camera=side.camera, clothes=side.person) for side in (of_query, of_images)
    )
    scores = score_rules(query, images, one_outfit, same_outfit, RULES)
    assert [under_one.valid > 0 for under_one in scores] == [True, False, True]
    with pytest.raises(DataError, match=r"None of the 84 queries .* same camera or same clothes is ignored") as refused:
        scored((query, one_outfit), (images, same_outfit))
    assert "more outfits" in refused.value.mend
