"""A network scored on a benchmark: embed once, score every protocol in one pass."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ccreid.data.loaders import PlainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError
from ccreid.evaluation.metrics import Scores, score_rules
from ccreid.model.embedding import Embeddings, embed
from ccreid.model.network import Network
from ccreid.runtime import Track, untracked
from ccreid.vocabulary import COLUMN_OF_RULE, Benchmark, Ignore, Protocol, Samples

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network makes of a benchmark.

    Attributes
    ----------
    benchmark:
        What was scored.
    embeddings:
        By subset.
    scores:
        By the protocol's name.
    """

    benchmark: Benchmark
    embeddings: Mapping[str, Embeddings]
    scores: Mapping[str, Scores]


@dataclass(frozen=True, eq=False)
class Extractor:
    """Everything that embeddings of a subset depend on.

    Attributes
    ----------
    network, weights_hash:
        The network on its device, and the hash that names its weights.
    preprocessing, flip:
        What an image goes through; whether its mirror image is added.
    batch_images, workers:
        Images a batch; processes that decode.
    autocast:
        Makes the context in which the network runs.
    """

    network: Network
    weights_hash: str
    preprocessing: Preprocessing
    flip: bool = True
    batch_images: int = 64
    workers: int = 0
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext

    def embeddings(self, samples: Samples, cache: Path, name: str, track: Track[object] = untracked) -> Embeddings:
        """Embeddings of a subset, from the cache where it holds the same weights, preprocessing and files."""
        made_with = {
            "weights": self.weights_hash,
            "preprocessing": json.dumps(self.preprocessing.to_json(), sort_keys=True),
            "flip": str(self.flip),
            "images": fingerprint(samples),
        }
        key = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()[:12]
        path = cache / f"{name}-{key}.safetensors"
        if path.exists():
            try:
                found = Embeddings.load(path)
            except ArtefactError as error:
                logger.warning("%s It is made anew.", error.message)
            else:
                if found.made_with == made_with:
                    return found
        loader = PlainLoader(samples, self.preprocessing, batch_images=self.batch_images, workers=self.workers)
        vectors = embed(
            self.network, loader, flip=self.flip, autocast=self.autocast, track=track, doing=f"Embedding {name}"
        )
        made = Embeddings(vectors, samples.files, made_with)
        made.save(path)
        return made


def evaluate(extractor: Extractor, benchmark: Benchmark, cache: Path, track: Track[object] = untracked) -> Evaluation:
    """Embed the subsets that the protocols name and score every protocol.

    Parameters
    ----------
    extractor:
        Makes the embeddings.
    benchmark:
        What to score.
    cache:
        Folder of the embeddings' files.
    track:
        Follows the batches for the user.

    Raises
    ------
    DataError, ImageError
        A subset is missing or an image cannot be read.
    """
    names = dict.fromkeys(name for p in benchmark.protocols for name in (p.query, p.gallery))
    embeddings = {name: extractor.embeddings(benchmark.subset(name), cache, name, track) for name in names}
    scores: dict[str, Scores] = {}
    for query, gallery in dict.fromkeys((p.query, p.gallery) for p in benchmark.protocols):
        protocols = [p for p in benchmark.protocols if (p.query, p.gallery) == (query, gallery)]
        found = score_rules(
            embeddings[query].vectors,
            embeddings[gallery].vectors,
            benchmark.subset(query),
            benchmark.subset(gallery),
            [p.ignore for p in protocols],
        )
        scores |= {p.name: s for p, s in zip(protocols, found, strict=True)}
    for protocol in benchmark.protocols:
        _warn(benchmark, protocol, scores[protocol.name])
    return Evaluation(benchmark, embeddings, scores)


def fingerprint(samples: Samples) -> str:
    """SHA-256 over the names, people, sizes and times of change of some images."""
    digest = hashlib.sha256()
    for row, name in enumerate(samples.files):
        status = samples.path(row).stat()
        digest.update(f"{name}|{samples.person[row]}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _warn(benchmark: Benchmark, protocol: Protocol, scores: Scores) -> None:
    for flag in protocol.ignore or Ignore.NOTHING:
        column = COLUMN_OF_RULE[flag]
        if getattr(benchmark.subset(protocol.query), column) is None:
            logger.warning("%s annotates no %s: the rule '%s' ignores nothing.", benchmark.name, column, flag.sentence)
    if not scores.valid:
        logger.warning(
            "%s, %s: no query has a relevant gallery image left when %s is ignored. Check that the same people "
            "stand in query and gallery.",
            benchmark.name,
            protocol.name,
            protocol.ignore.sentence,
        )
