"""How much a model looks at clothes, and who wears the same as whom."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.analysis.outfits import outfit_codes, shared_outfits, wears_the_same
from ccreid.analysis.reliance import Gap, Reliance, clothes_reliance
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import score
from ccreid.model.embedding import Embeddings
from ccreid.ops.ranking import NOBODY
from ccreid.vocabulary import UNKNOWN, Benchmark, Ignore, Protocol, Samples
from columns import annotated
from outfitted import garments, made_evaluation, walked_evaluation

STANDARD = Ignore.SAME_CAMERA
CLOTH_CHANGING = Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES
SAME_CLOTHES = Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES


def measured(evaluation: Evaluation, outfits: dict[str, str] | None = None) -> Reliance:
    reliance = clothes_reliance(evaluation, outfits)
    assert reliance is not None
    return reliance


def test_scores_are_compared_over_the_queries_that_have_both_answers() -> None:
    evaluation = made_evaluation()
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    vectors = evaluation.embeddings["query"].vectors, evaluation.embeddings["gallery"].vectors
    reliance = measured(evaluation)
    assert reliance.paired
    same, changed = (score(*vectors, query, gallery, rule) for rule in (SAME_CLOTHES, CLOTH_CHANGING))
    both = (same.first_rank > 0) & (changed.first_rank > 0)
    assert 0 < both.sum() < len(query)
    for standing, scores in ((reliance.same_clothes, same), (reliance.cloth_changing, changed)):
        assert standing.queries == both.sum()
        assert standing.rank1 == np.mean(scores.first_rank[both] == 1)
        assert standing.map == pytest.approx(scores.average_precision[both].mean())
    assert reliance.gap is not None
    assert reliance.gap.map == pytest.approx(
        same.average_precision[both].mean() - changed.average_precision[both].mean()
    )


@pytest.mark.parametrize(
    ("columns", "ignored"),
    [
        ({"clothes"}, "nothing"),
        ({"clothes", "camera"}, "same camera"),
        ({"clothes", "tracklet"}, "same tracklet"),
        ({"clothes", "camera", "tracklet"}, "same camera or same tracklet"),
    ],
)
def test_clothes_are_looked_at_under_the_rule_of_the_protocols(columns: set[str], ignored: str) -> None:
    """Every query has answers in both kinds of clothes here, so each number is that of a protocol."""
    evaluation = walked_evaluation(columns)
    reliance = measured(evaluation)
    for standing, name in ((reliance.same_clothes, "same-clothes"), (reliance.cloth_changing, "cloth-changing")):
        protocol = evaluation.scores[name]
        assert (standing.queries, standing.rank1) == (protocol.valid, protocol.at(1))
        assert standing.map == pytest.approx(protocol.mean_ap)
    standard = evaluation.scores["standard"]
    assert reliance.first_places[0].right == round(standard.at(1) * standard.valid)
    assert reliance.ignored == ignored
    assert [places.ignored for places in reliance.first_places] == [
        protocol.ignore.sentence for protocol in evaluation.benchmark.protocols[:2]
    ]
    alike = reliance.same_clothes.rank1 == 1  # the nearest image is another frame of the query's own walk
    assert alike == (ignored == "nothing")


def test_pairs_that_the_rule_ignores_have_no_part_in_the_similarities() -> None:
    found = {}
    for columns in ({"clothes"}, {"clothes", "camera"}):
        separation = measured(walked_evaluation(columns)).separation
        assert separation is not None
        found[len(columns)] = (sum(separation.positive), sum(separation.negative))
    queries, others = 8 * 4, 7 * 4
    assert found == {1: (queries * 2, queries * others), 2: (queries, queries * others // 2)}


@pytest.mark.parametrize("labelled", [True, False])
def test_first_places_agree_with_a_count_by_hand(labelled: bool) -> None:
    evaluation = made_evaluation(seed=3)
    outfits = garments(evaluation)
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    camera, clothes = annotated(gallery.camera), annotated(gallery.clothes)
    similarity = evaluation.embeddings["query"].vectors @ evaluation.embeddings["gallery"].vectors.T
    reliance = measured(evaluation, outfits if labelled else None)
    assert reliance.others_labelled == labelled
    for places, rule in zip(reliance.first_places, (STANDARD, CLOTH_CHANGING), strict=True):
        count = dict.fromkeys(("right", "right in same", "wrong", "wrong in same"), 0)
        chances = []
        for row in range(len(query)):
            own = [place for place in range(len(gallery)) if gallery.person[place] == query.person[row]]
            out = [place for place in own if camera[place] == annotated(query.camera)[row]]
            if Ignore.SAME_CLOTHES in rule:
                out += [place for place in own if clothes[place] == annotated(query.clothes)[row]]
            if set(own) <= set(out):
                continue
            first = max(set(range(len(gallery))) - set(out), key=similarity[row].tolist().__getitem__)
            kind = "right" if first in own else "wrong"
            count[kind] += 1
            worn = outfits[query.files[row]]
            count[f"{kind} in same"] += outfits[gallery.files[first]] == worn
            if kind == "wrong":
                others = [name for place, name in enumerate(gallery.files) if place not in own]
                chances.append(np.mean([outfits[name] == worn for name in others]))
        assert count["wrong in same"] > 0
        assert (places.right, places.wrong) == (count["right"], count["wrong"])
        assert (places.right_known, places.right_in_same_clothes) == (count["right"], count["right in same"])
        assert places.ignored == rule.sentence
        if labelled:
            assert (places.wrong_known, places.wrong_in_same_clothes) == (count["wrong"], count["wrong in same"])
            assert places.share == count["wrong in same"] / count["wrong"]
            assert places.chance == pytest.approx(np.mean(chances))
        else:
            assert (places.wrong_known, places.wrong_in_same_clothes, places.chance, places.share) == (0, 0, None, None)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_pairs_are_those_that_were_meant(labelled: bool) -> None:
    evaluation = made_evaluation(seed=3)
    outfits = garments(evaluation)
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    camera, clothes = annotated(gallery.camera), annotated(gallery.clothes)
    similarity = evaluation.embeddings["query"].vectors @ evaluation.embeddings["gallery"].vectors.T
    positive, negative = [], []
    for row in range(len(query)):
        for place in range(len(gallery)):
            value = float(similarity[row, place])
            if camera[place] == annotated(query.camera)[row]:
                continue
            if gallery.person[place] != query.person[row]:
                if not labelled or outfits[gallery.files[place]] == outfits[query.files[row]]:
                    negative.append(value)
            elif clothes[place] != annotated(query.clothes)[row]:
                positive.append(value)
    found = measured(evaluation, outfits if labelled else None).separation
    assert found is not None
    assert (sum(found.positive), sum(found.negative)) == (len(positive), len(negative))
    wins = np.mean([(one > other) + (one == other) / 2 for one in positive for other in negative])
    assert found.probability == pytest.approx(wins, abs=2e-3)


def test_a_model_of_clothes_and_a_model_of_people_are_told_apart() -> None:
    evaluation = made_evaluation()
    outfits = garments(evaluation)

    def embedded_by(number: dict[str, int]) -> Reliance:
        vectors = {
            side: Embeddings(torch.eye(6)[[number[file] for file in samples.files]], samples.files, {})
            for side, samples in evaluation.benchmark.subsets.items()
        }
        return measured(replace(evaluation, embeddings=vectors), outfits)

    clothes = embedded_by({file: int(outfit.split()[1]) for file, outfit in outfits.items()})
    people = embedded_by({file: int(file.split("/")[1][0]) for file in outfits})
    assert clothes.first_places[1].share == 1
    assert clothes.gap is not None
    assert clothes.gap.map > 0.3
    assert clothes.separation is not None
    assert (clothes.separation.probability, clothes.separation.overlap) == (0, 0)
    assert (people.first_places[1].wrong, people.gap) == (0, Gap(rank1=0.0, map=0.0))
    assert people.separation is not None
    assert (people.separation.probability, people.separation.overlap) == (1, 0)


def test_queries_of_two_subsets_are_put_together_where_none_has_both_answers() -> None:
    """As in PRCC: one set of queries in the gallery's clothes, another in changed ones."""
    evaluation = made_evaluation()
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    assert query.clothes is not None
    assert gallery.clothes is not None
    first = np.flatnonzero(gallery.clothes % 10 == 0)
    parts = {"query-same": np.flatnonzero(query.clothes % 10 == 0), "query-changed": np.flatnonzero(query.clothes % 10)}
    subsets: dict[str, Samples] = {name: query.select(rows) for name, rows in parts.items()}
    vectors = {
        name: Embeddings(evaluation.embeddings["query"].vectors[rows], subsets[name].files, {})
        for name, rows in parts.items()
    }
    subsets["gallery"] = gallery.select(first)
    vectors["gallery"] = Embeddings(evaluation.embeddings["gallery"].vectors[first], subsets["gallery"].files, {})
    protocols = tuple(Protocol(f"{name} {d}", Ignore.NOTHING, query=name, draws=d) for name in parts for d in (0, 10))
    benchmark = replace(evaluation.benchmark, subsets=subsets, protocols=protocols)
    reliance = measured(Evaluation(benchmark, vectors, {}))
    assert reliance.subsets == (("query-same", "gallery"), ("query-changed", "gallery"))
    assert not reliance.paired
    for standing, name, rule in (
        (reliance.same_clothes, "query-same", Ignore.OTHER_CLOTHES),
        (reliance.cloth_changing, "query-changed", Ignore.SAME_CLOTHES),
    ):
        alone = score(vectors[name].vectors, vectors["gallery"].vectors, subsets[name], subsets["gallery"], rule)
        assert (standing.queries, standing.rank1) == (alone.valid, alone.at(1))
        assert standing.map == pytest.approx(alone.mean_ap)


def test_plain_values_come_back_the_same() -> None:
    for outfits in (None, garments(made_evaluation())):
        reliance = measured(made_evaluation(), outfits)
        text = json.dumps(reliance.model_dump(mode="json"), allow_nan=False)
        assert Reliance.model_validate_json(text) == reliance
        assert reliance.gap is not None
        assert json.loads(text)["gap"] == {"rank1": reliance.gap.rank1, "map": reliance.gap.map}


def test_without_clothes_labels_there_is_nothing_to_say() -> None:
    evaluation = made_evaluation()
    bare = {name: replace(samples, clothes=None) for name, samples in evaluation.benchmark.subsets.items()}
    assert clothes_reliance(replace(evaluation, benchmark=replace(evaluation.benchmark, subsets=bare))) is None


def test_outfits_of_other_images_label_nobody() -> None:
    evaluation = made_evaluation()
    assert clothes_reliance(evaluation, {"elsewhere.jpg": "outfit 1"}) == clothes_reliance(evaluation)


def test_one_outfit_each_leaves_a_half_empty_answer() -> None:
    evaluation = made_evaluation()
    single = {name: replace(s, clothes=s.person * 10) for name, s in evaluation.benchmark.subsets.items()}
    reliance = measured(replace(evaluation, benchmark=replace(evaluation.benchmark, subsets=single)))
    assert reliance.cloth_changing.queries == 0
    assert (reliance.cloth_changing.rank1, reliance.gap, reliance.separation) == (None, None, None)
    assert reliance.same_clothes.queries > 0
    assert Reliance.model_validate_json(reliance.model_dump_json()) == reliance


def at(root: Path, *files: str) -> Benchmark:
    people = np.zeros(len(files), dtype=np.int64)
    return Benchmark("made", root, {"query": Samples(people, root=root, files=files)}, ())


def test_a_manifest_gives_shared_outfits(tmp_path: Path) -> None:
    assert shared_outfits(at(tmp_path)) is None
    (tmp_path / "info").mkdir()
    manifest = tmp_path / "info" / "manifest.csv"
    manifest.write_text(
        "split,file,global_outfit,hat\nquery,a.jpg,u1,none\nquery,b.jpg,,cap\ntest,a.jpg,u2,cap\ntest,c.jpg,u2,\n"
    )
    found = shared_outfits(at(tmp_path))
    assert found == {"query/a.jpg": "u1", "test/a.jpg": "u2", "test/c.jpg": "u2", "c.jpg": "u2"}
    files = ("query/a.jpg", "test/a.jpg", "elsewhere/c.jpg", "query/b.jpg", "a.jpg")
    (codes,) = outfit_codes(found, [at(tmp_path, *files).subset("query")])
    assert codes.tolist() == [0, 1, 1, UNKNOWN, UNKNOWN]
    manifest.write_text("file,clothes\na.jpg,3\n")
    assert shared_outfits(at(tmp_path)) is None
    manifest.write_text("")
    assert shared_outfits(at(tmp_path)) is None


def test_garments_that_the_reader_knows_are_shared_outfits(tmp_path: Path) -> None:
    worn = Samples(np.array([1, 2, 3]), garments=np.array([7, 7, UNKNOWN]), root=tmp_path, files=("a", "b", "c"))
    assert shared_outfits(Benchmark("made", tmp_path, {"query": worn}, ())) == {"a": "7", "b": "7"}


def test_a_manifest_that_cannot_be_read_is_left_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"file,global_outfit\n\xff\xfe,u1\n")
    with caplog.at_level(logging.WARNING):
        assert shared_outfits(at(tmp_path)) is None
    assert "manifest.csv cannot be read and is left aside" in caplog.text


def test_what_outfits_do_not_say_the_clothes_column_says_of_one_person() -> None:
    query = Samples(np.array([1, 1, 1, 1]), clothes=np.array([10, 10, 10, UNKNOWN]), files=("a", "b", "c", "d"))
    gallery = Samples(np.array([1, 1, 2]), clothes=np.array([10, 11, 20]), files=("e", "f", "g"))
    places = np.array([0, 1, 2, 0])
    assert wears_the_same(query, places, gallery, None) == [True, False, None, None]
    assert wears_the_same(query, places, gallery, {"c": "x", "g": "x"}) == [True, False, True, None]
    assert wears_the_same(query, places, gallery, {"a": "x", "e": "y"}) == [False, False, None, None]
    assert wears_the_same(query, np.full(4, NOBODY), gallery, {"a": "x", "e": "y"}) == [None] * 4


def test_the_complete_wardrobe_knows_who_dresses_alike(shared: Path) -> None:
    root = shared / "data" / "wardrobe"
    found = shared_outfits(at(root))
    assert found is not None
    assert found["query/076_1_c1_000525.jpg"] == found["076_1_c3_000763.jpg"] == "u154"
    assert len(set(found.values())) == 300
