"""Clothes classes of training images."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given

from ccreid.errors import DataError
from ccreid.methods.outfits import NOT_KNOWN, Outfits
from ccreid.vocabulary import Samples


def samples(person: list[int], clothes: list[int | None] | None) -> Samples:
    return Samples(files=tuple(f"{row}.jpg" for row in range(len(person))), person=person, clothes=clothes)  # type: ignore[arg-type]  # as readers give them


@given(st.lists(st.tuples(st.integers(3, 6), st.none() | st.integers(0, 2)), min_size=1, max_size=12))
def test_images_share_a_class_where_they_share_person_and_outfit(images: list[tuple[int, int | None]]) -> None:
    """Outfits of an equal number, of two people, are two classes."""
    assume(len({person for person, outfit in images if outfit is not None}) > 1)
    of = Outfits.of(samples([person for person, _ in images], [outfit for _, outfit in images]))
    people = sorted({person for person, _ in images})
    assert set(of.of_image.tolist()) - {NOT_KNOWN} == set(range(len(of.owners)))
    for (person, outfit), found in zip(images, of.of_image.tolist(), strict=True):
        assert (found == NOT_KNOWN) == (outfit is None)
        if found != NOT_KNOWN:
            assert people[of.owners[found]] == person
            same = [row for row, other in enumerate(images) if other == (person, outfit)]
            assert same == [row for row, other in enumerate(of.of_image.tolist()) if other == found]


@pytest.mark.parametrize(("clothes", "people"), [(None, 0), ([None] * 4, 0), ([1, 2, None, None], 1)])
def test_outfits_of_less_than_two_people_are_refused(clothes: list[int | None] | None, people: int) -> None:
    with pytest.raises(DataError, match=rf"'clothes' of the train set is known for {people} of 2 people"):
        Outfits.of(samples([7, 7, 9, 9], clothes))


@given(st.lists(st.tuples(st.integers(3, 6), st.none() | st.integers(0, 2)), min_size=1, max_size=12))
def test_images_of_unknown_outfit_can_have_classes_of_their_own(images: list[tuple[int, int | None]]) -> None:
    assume(len({person for person, outfit in images if outfit is not None}) > 1)
    people = samples([person for person, _ in images], [outfit for _, outfit in images])
    known, every = Outfits.of(people), Outfits.of(people).unknown_alone(people.identities)
    assert sorted(set(every.of_image.tolist())) == list(range(len(every.owners)))
    assert every.owners[every.of_image].tolist() == people.identities.tolist()
    assert every.owners.tolist() == sorted(every.owners)
    for row, found in enumerate(every.of_image.tolist()):
        same = np.flatnonzero(every.of_image == found).tolist()
        alone = known.of_image[row] == NOT_KNOWN
        assert same == ([row] if alone else np.flatnonzero(known.of_image == known.of_image[row]).tolist())
