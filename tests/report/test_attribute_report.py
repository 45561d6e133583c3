"""What is said of mined attributes, in numbers and in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ccreid.report.attribute_page import write_attribute_page
from ccreid.report.attribute_report import Mined, attribute_table, attribute_values, summary
from ccreid.vocabulary import UNKNOWN, Ids, Samples

PEOPLE, CLOTHES, CAMERAS, FRAMES = 6, 3, 4, 4
PERSON, WORN, SEEN, _ = (
    grid.reshape(-1) for grid in np.meshgrid(*(np.arange(n) for n in (PEOPLE, CLOTHES, CAMERAS, FRAMES)), indexing="ij")
)
DRESSED = CLOTHES * PERSON + WORN
ABOUT = {
    "recipe": "some",
    "seed": 0,
    "epochs": 3,
    "attributes": "mined",
    "mined_before_epoch": 3,
    "dataset": "made",
    "edition": None,
    "licence": "none <needed>",
}
EPOCHS = [{"epoch": 2, "attributes": 40}, {"epoch": 3, "attributes": 36}]


def values(
    of_image: Ids, clothes: Ids | None = DRESSED, camera: Ids | None = SEEN, attributes: str = "mined"
) -> dict[str, Any]:
    files = tuple(f"{row}.jpg" for row in range(len(PERSON)))
    samples = Samples(PERSON + 100, camera=camera, clothes=clothes, files=files)
    return attribute_values(Mined.of(samples, contiguous(of_image)), ABOUT | {"attributes": attributes}, EPOCHS)


def contiguous(column: Ids) -> Ids:
    return np.unique(column, return_inverse=True)[1].astype(np.int64).reshape(-1)


def noise(kinds: int = 3, seed: int = 0) -> Ids:
    return kinds * PERSON + np.random.default_rng(seed).integers(0, kinds, len(PERSON))


def mixed(share: float) -> Ids:
    """Clothes, but for a share of the images drawn at random."""
    random = np.random.default_rng(0)
    return np.where(random.random(len(PERSON)) < share, noise(seed=1), DRESSED)


def said(found: dict[str, Any]) -> str:
    return " ".join(found["conclusion"])


def test_attributes_that_are_clothes() -> None:
    found = values(DRESSED)
    assert found["agreement"]["clothes"]["found"] == {"nmi": 1, "homogeneity": 1, "completeness": 1, "purity": 1}
    assert found["agreement"]["camera"]["found"]["nmi"] == pytest.approx(0, abs=1e-9)
    assert found["agreement"]["clothes x camera"]["found"]["completeness"] == pytest.approx(1)
    assert found["agreement"]["clothes x camera"]["found"]["homogeneity"] == pytest.approx(
        np.log(CLOTHES) / np.log(CLOTHES * CAMERAS)
    )
    assert "more with clothes than with cameras: largely with clothes (NMI 1.00, chance 0." in said(found)
    assert "with cameras no more than by chance (NMI 0.00" in said(found)
    assert len(found["conclusion"]) == 1


def test_outfits_that_were_taken_for_attributes_are_no_finding_of_a_mining() -> None:
    found = values(DRESSED, attributes="clothes")
    assert found["conclusion"][0] == "The attributes are the annotated outfits: nothing was mined."
    assert found["conclusion"][1:] == values(DRESSED)["conclusion"]
    single = values(PERSON, clothes=PERSON, attributes="clothes")
    assert single["conclusion"][-1] == "Every person has a single attribute: nobody has two outfits."


def test_attributes_that_are_cameras() -> None:
    found = values(CAMERAS * PERSON + SEEN)
    assert "more with cameras than with clothes" in said(found)
    assert "largely with cameras (NMI 1.00" in said(found)
    assert "with clothes no more than by chance (NMI 0.00" in said(found)


def test_noise_is_called_noise() -> None:
    found = values(noise())
    assert said(found).startswith("The attributes agree with clothes (NMI 0.")
    assert "or cameras (NMI 0." in said(found)
    assert said(found).endswith("no more than by chance.")


@pytest.mark.parametrize(("share", "word"), [(0.4, "partly"), (0.6, "weakly"), (0.8, "hardly")])
def test_words_follow_the_numbers(share: float, word: str) -> None:
    found = values(mixed(share), camera=None)
    clothes = found["agreement"]["clothes"]
    above = (clothes["found"]["nmi"] - clothes["chance"]["nmi"]) / (1 - clothes["chance"]["nmi"])
    low, high = {"partly": (0.3, 0.6), "weakly": (0.1, 0.3), "hardly": (0, 0.1)}[word]
    assert low <= above < high
    assert f"agree {word} with clothes (NMI {clothes['found']['nmi']:.2f}, chance" in said(found)
    assert "Cameras are not annotated" in said(found)


def test_equal_agreement_names_no_winner() -> None:
    found = values(CLOTHES * CAMERAS * PERSON + CAMERAS * (WORN % 2) + SEEN % 2, clothes=2 * PERSON + WORN % 2)
    nmi = [found["agreement"][name]["found"]["nmi"] for name in ("clothes", "camera")]
    assert abs(nmi[0] - nmi[1]) > 0.05
    assert "about equally" not in said(found)
    found = values(4 * PERSON + 2 * (SEEN // 2) + SEEN % 2, clothes=4 * PERSON + SEEN)
    assert "about equally with clothes and cameras: largely with clothes" in said(found)
    assert "Clothes and cameras agree with each other, too (NMI 1.00" in said(found)


def test_independent_annotations_are_not_called_confounded() -> None:
    assert "each other" not in said(values(DRESSED))


def test_without_annotations_nothing_is_claimed() -> None:
    found = values(noise(), clothes=None, camera=None)
    assert set(found["agreement"].values()) == {None}
    assert "Clothes are not annotated" in said(found)
    assert "left to the eye" in said(found)
    assert "NMI" not in said(found)


def test_a_single_value_tells_nothing() -> None:
    found = values(noise(), clothes=PERSON, camera=None)
    assert found["agreement"]["clothes"]["single"] == PEOPLE
    assert found["agreement"]["clothes"]["found"] is None
    assert "Nobody has images of two clothes" in said(found)
    assert "Left out for clothes: 6 people with a single value." in shown(found)


def test_mining_that_tells_nothing_apart() -> None:
    assert "Every person has a single attribute" in said(values(PERSON))


def test_numbers_of_a_person() -> None:
    of_image = DRESSED.copy()
    of_image[0] = 1000  # one image of person 100 in its first clothes is an attribute of its own
    camera = SEEN.copy()
    camera[1] = UNKNOWN
    found = values(of_image, camera=camera)
    first = found["identities"][0]
    assert (first["person"], first["images"]) == (100, 48)
    assert [attribute["images"] for attribute in first["attributes"]] == [16, 16, 15, 1]
    largest, single = first["attributes"][0], first["attributes"][-1]
    assert largest["clothes"] == {"value": 1, "name": "1", "share": 1.0}
    assert largest["camera"] == {"value": 0, "name": "0", "share": 0.25}
    assert (single["clothes"]["value"], single["camera"]) == (0, {"value": 0, "name": "0", "share": 1.0})
    assert first["agreement"]["camera"]["images"] == 47
    assert first["agreement"]["clothes"]["found"]["homogeneity"] == pytest.approx(1)
    assert found["attributes"] == {
        "number": 19,
        "of_one_image": 1,
        "per_person": {"mean": pytest.approx(19 / 6), "median": 3.0, "fewest": 3, "most": 4},
        "people_with_one": 0,
    }
    assert found["true_values_per_person"] == {"clothes": 3.0, "camera": 4.0}
    assert found["agreement"]["camera"]["unknown"] == 1
    assert "1 images that are not annotated" in shown(found)
    json.dumps(found, allow_nan=False)


def test_summary_tells_of_the_epochs() -> None:
    found = values(DRESSED)
    lines = " ".join(summary(found))
    assert "18 attributes of 6 people and 288 images: 3.0 a person" in lines
    assert "annotated are 3.0 clothes and 4.0 cameras a person" in lines
    assert "40 (epoch 2), 36 (epoch 3)" in lines
    many = [{"epoch": epoch, "attributes": 40 + epoch} for epoch in range(1, 56)]
    line = summary({**found, "epochs": many})[-1]
    assert "46 (epoch 6), ..., 91 (epoch 51)" in line
    assert "epoch 55" in line


def test_the_table_fits_into_80_columns() -> None:
    text = shown(values(DRESSED), width=80)
    for word in ("NMI", "homogeneity", "completeness", "purity", "clothes x camera", "1.00"):
        assert word in text
    assert "…" not in text


def test_the_page_needs_no_other_file(tmp_path: Path) -> None:
    found = values(DRESSED)
    write_attribute_page(tmp_path / "page.html", found, [("Person 1", b"some jpeg")], "1 of 6 people, <so>.", 7)
    text = (tmp_path / "page.html").read_text()
    assert 'src="data:image/jpeg;base64,c29tZSBqcGVn"' in text
    assert text.count("<img") == 3
    assert "http" not in text
    assert "<script" not in text
    assert found["conclusion"][0] in text
    assert "none &lt;needed&gt;" in text
    assert "1 of 6 people, &lt;so&gt;." in text
    assert "were made on this machine" in text
    assert "7 more sheets stand beside this page" in text
    bare = values(noise(), clothes=None, camera=None)
    write_attribute_page(tmp_path / "bare.html", {**bare, "epochs": []}, [], "none.")
    text = (tmp_path / "bare.html").read_text()
    assert text.count("not annotated</td>") == 3
    assert text.count("<img") == 1


def shown(found: dict[str, Any], width: int = 140) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(attribute_table(found))
    return captured.get()
