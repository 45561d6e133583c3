"""The seam between whoever embeds and the library that runs the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ccreid.model.network import Network

Run = Callable[[Tensor], Tensor]
"""Maps (B, 3, H, W) float32 images, preprocessed, to their (B, D) float32 embeddings of length 1."""


class Engine(Protocol):
    """Maps batches of pictures to embeddings."""

    @property
    def library(self) -> str:
        """What runs the network: torch, onnx or openvino."""
        ...

    @property
    def flip(self) -> bool:
        """Whether the embedding of the mirror image is added."""
        ...

    @property
    def precision(self) -> str:
        """What it computes in, as far as embeddings depend on it."""
        ...

    @property
    def dimension(self) -> int:
        """D of the embeddings."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it wants its images."""
        ...

    def running(self) -> AbstractContextManager[Run]:
        """What maps a batch, for as long as the context lasts."""
        ...


@dataclass(frozen=True, eq=False)
class TorchEngine:
    """torch itself, which runs everywhere and is what every other engine is compared with.

    Attributes
    ----------
    network:
        On any device; while it runs it is in eval mode, and afterwards as it was.
    flip:
        Add the embedding of the horizontally flipped image before normalising (the paper's test time); mining uses
        none.
    precision, autocast:
        The name of the precision, and what makes the context of that precision in which the network runs.
    """

    network: Network
    flip: bool = True
    precision: str = "32-true"
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    library: Literal["torch"] = field(default="torch", init=False)

    @property
    def dimension(self) -> int:
        """D of the embeddings."""
        return self.network.dimension

    @property
    def device(self) -> torch.device:
        """That of the network."""
        return next(self.network.parameters()).device

    @contextmanager
    def running(self) -> Iterator[Run]:
        """What maps a batch; meanwhile the network is in eval mode."""
        training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode(), self.autocast():
                yield self._embeddings
        finally:
            self.network.train(training)

    def _embeddings(self, images: Tensor) -> Tensor:
        return embeddings_of(self.network, images, flip=self.flip)


def embeddings_of(network: Network, images: Tensor, *, flip: bool) -> Tensor:
    """(B, 3, H, W) images to (B, D) float32 embeddings of length 1."""
    vectors = network(images).float()
    if flip:
        vectors = vectors + network(images.flip(3)).float()
    return F.normalize(vectors, dim=1)
