"""A network that does something worse than embedding; workers of a cluster import it from here."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from ccreid.model.network import Network


class Spoilt(Network):
    """Ends its process ("dies") or gives no numbers, once or always; the file `mark` says that it did."""

    mark: Path
    always: bool
    what: str

    def forward(self, images: Tensor) -> Tensor:
        if self.always or not self.mark.exists():
            self.mark.touch()
            if self.what == "dies":
                os._exit(1)
            return super().forward(images) * float("nan")
        return super().forward(images)
