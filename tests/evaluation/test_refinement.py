"""What is done to embeddings at test time: by whom it is told, what it needs, and that labels play no part."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import DataError
from ccreid.evaluation import refinement as module
from ccreid.evaluation import rerank, score, score_similarities
from ccreid.evaluation.evaluate import evaluate
from ccreid.evaluation.refinement import Refinement, without_camera_means
from ccreid.evaluation.single_shot import draw_gallery
from ccreid.model.backbone import Backbone
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import Embeddings
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.ops.centralising import centralised
from ccreid.report.schema import Conditions, report_of
from ccreid.report.tables import report_table
from ccreid.vocabulary import UNKNOWN, Benchmark, Ignore, Protocol, Samples
from columns import annotated


@pytest.fixture(autouse=True)
def _few_images_make_a_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAMERA_IMAGES", 3)


CAMERAS, CENTRES = Refinement(camera_means=True), Refinement(centralise=True)


# ------------------------------------------------------------------------------------------------- means of cameras


def of_cameras(*subsets: tuple[str, list[int], list[str]]) -> tuple[Benchmark, dict[str, Embeddings]]:
    """Subsets of such cameras and files, everybody somebody else, and embeddings that files alone decide."""
    samples = {
        name: Samples(np.arange(len(files)), camera=np.array(cameras), files=tuple(files))
        for name, cameras, files in subsets
    }
    embeddings = {}
    for name, of in samples.items():
        drawn = [torch.randn(4, generator=torch.Generator().manual_seed(int(file[1:]))) for file in of.files]
        embeddings[name] = Embeddings(torch.nn.functional.normalize(torch.stack(drawn), dim=1), of.files, {})
    protocols = tuple(Protocol(name, Ignore.NOTHING, "query", name) for name in samples if name != "query")
    return Benchmark("some", Path(), samples, protocols), embeddings


def test_each_cameras_mean_over_all_images_is_taken_off() -> None:
    # x6 stands in both galleries and counts once; camera 9 has two images, and so no mean of its own.
    benchmark, embeddings = of_cameras(
        ("query", [1, 2, 9], ["x0", "x1", "x2"]),
        ("near", [1, 1, 2, 2], ["x3", "x4", "x5", "x6"]),
        ("far", [2, 9, 1], ["x6", "x7", "x8"]),
    )
    seen: dict[str, tuple[int, list[float]]] = {}
    for name, of in embeddings.items():
        cameras = annotated(benchmark.subset(name).camera).tolist()
        seen |= {file: (c, v) for file, c, v in zip(of.files, cameras, of.vectors.tolist(), strict=True)}

    def mean(vectors: list[list[float]]) -> list[float]:
        return [math.fsum(column) / len(vectors) for column in zip(*vectors, strict=True)]

    found = without_camera_means(benchmark, embeddings)
    assert found.keys() == embeddings.keys()
    for of in found.values():
        for file, ours in zip(of.files, of.vectors.tolist(), strict=True):
            camera, own = seen[file]
            group = [vector for other, vector in seen.values() if other == camera or camera == 9]
            assert len(group) == (9 if camera == 9 else {1: 4, 2: 3}[camera])
            left = [value - less for value, less in zip(own, mean(group), strict=True)]
            length = math.sqrt(math.fsum(value * value for value in left))
            assert ours == pytest.approx([value / length for value in left], abs=1e-6)


def test_an_embedding_of_which_nothing_is_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAMERA_IMAGES", 1)
    benchmark, embeddings = of_cameras(("query", [1], ["x0"]), ("gallery", [2, 2], ["x1", "x2"]))
    with pytest.raises(DataError, match="'query' is the very mean of its camera"):
        without_camera_means(benchmark, embeddings)


def test_unknown_cameras_are_refused_before_anything_is_embedded(benchmark: Benchmark, tmp_path: Path) -> None:
    class Untouched(Embedder):
        def __call__(self, *_arguments: object, **_named: object) -> Embeddings:
            raise AssertionError("nothing was to be embedded")

    nobody = Untouched(
        TorchEngine(Network(Backbone("test_resnet", height_px=32, width_px=16))), "", Preprocessing(32, 16)
    )
    gallery = benchmark.subset("gallery")
    partly = np.where(np.arange(len(gallery)) < 2, UNKNOWN, annotated(gallery.camera))
    for camera, count in ((None, len(gallery)), (partly, 2)):
        unknown = replace(benchmark, subsets={**benchmark.subsets, "gallery": replace(gallery, camera=camera)})
        with pytest.raises(
            DataError, match=f"which camera {count} of the {len(gallery)} images of 'gallery'"
        ) as refused:
            evaluate(nobody, unknown, tmp_path, refinement=CAMERAS)
        assert "--camera-means" in refused.value.mend
    few, _ = of_cameras(("query", [1, 2], ["x0", "x1"]), ("gallery", [2, 3], ["x2", "x3"]))
    with pytest.raises(DataError, match="no camera of some has 3 images to take a mean of: the most are 2"):
        CAMERAS.check(few)


def test_who_is_on_the_images_plays_no_part(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    relabelled = {
        name: replace(samples, person=np.roll(samples.person, 5)) for name, samples in benchmark.subsets.items()
    }
    ours = evaluate(embedder, benchmark, tmp_path, refinement=CAMERAS)
    theirs = evaluate(embedder, replace(benchmark, subsets=relabelled), tmp_path, refinement=CAMERAS)
    for name, embeddings in ours.embeddings.items():
        assert torch.equal(embeddings.vectors, theirs.embeddings[name].vectors)


# ------------------------------------------------------------------------------------------------------- of scores


def test_scores_are_those_of_the_refined_embeddings(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    plain = evaluate(embedder, benchmark, tmp_path)
    query, gallery = benchmark.subset("query"), benchmark.subset("gallery")
    refined = without_camera_means(benchmark, plain.embeddings)
    sides = refined["query"].vectors, refined["gallery"].vectors
    together = centralised(torch.cat(sides))
    of_both = together[: len(query)], together[len(query) :]
    for how, similarity in (
        (CAMERAS, sides[0] @ sides[1].T),
        (replace(CAMERAS, centralise=True), of_both[0] @ of_both[1].T),
        (Refinement(camera_means=True, centralise=True, reranking=True), -rerank(*of_both)),
    ):
        found = evaluate(embedder, benchmark, tmp_path, refinement=how)
        for protocol in benchmark.protocols:
            (theirs,) = score_similarities(similarity, query, gallery, [protocol.ignore])
            assert found.scores[protocol.name].mean_ap == theirs.mean_ap != plain.scores[protocol.name].mean_ap
            assert np.array_equal(found.scores[protocol.name].cmc, theirs.cmc)


def test_a_drawn_gallery_is_centralised_by_itself(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    """An image that was not drawn must not help one that was."""
    drawn = replace(benchmark, protocols=(replace(benchmark.protocols[0], draws=2),))
    found = evaluate(embedder, drawn, tmp_path, refinement=CENTRES).draws[benchmark.protocols[0].name]
    query, gallery = benchmark.subset("query"), benchmark.subset("gallery")
    plain = evaluate(embedder, benchmark, tmp_path).embeddings
    for number, scores in enumerate(found):
        rows = torch.from_numpy(draw_gallery(gallery, number))
        together = centralised(torch.cat([plain["query"].vectors, plain["gallery"].vectors[rows]]))
        alone = score(
            together[: len(query)],
            together[len(query) :],
            query,
            gallery.select(rows.numpy()),
            drawn.protocols[0].ignore,
        )
        assert scores.mean_ap == alone.mean_ap


def test_a_report_says_what_was_done(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    both = evaluate(embedder, benchmark, tmp_path, refinement=Refinement(camera_means=True, centralise=True))
    report = report_of(both, Conditions())
    assert report.conditions.camera_means == "taken off, of cameras with 25 images or more"
    assert report.conditions.centralisation == "to 2 mutual neighbours"
    caption = str(report_table(report).caption)
    assert "camera means: taken off" in caption
    assert "centralisation: to 2 mutual neighbours" in caption
    plain = str(report_table(report_of(evaluate(embedder, benchmark, tmp_path), Conditions())).caption)
    assert "camera means" not in plain
    assert "centralisation" not in plain
