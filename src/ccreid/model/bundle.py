"""A model to ship: weights, preprocessing and where they come from, in one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError
from ccreid.files import replacing, write_json
from ccreid.model.backbone import Backbone
from ccreid.model.network import Network

FORMAT = 1
WEIGHTS, CARD = "weights.safetensors", "bundle.json"


@dataclass(frozen=True, eq=False)
class Bundle:
    """A network with everything needed to use it.

    Attributes
    ----------
    network:
        In eval mode, on the CPU.
    preprocessing:
        What its images go through.
    card:
        Everything else that was written: recipe, scores, versions, data card.
    weights_hash:
        SHA-256 of the weights, hexadecimal.
    """

    network: Network
    preprocessing: Preprocessing
    card: Mapping[str, Any]
    weights_hash: str


def save_bundle(folder: Path, network: Network, preprocessing: Preprocessing, card: Mapping[str, Any]) -> None:
    """Write a bundle, whole or not at all.

    Parameters
    ----------
    folder:
        The bundle; it replaces what stood there.
    network:
        With a :class:`Backbone`.
    preprocessing:
        What its images go through.
    card:
        Plain values to keep beside: recipe, scores, versions, data card.

    Raises
    ------
    StorageError
        It could not be written.
    """
    backbone = network.backbone
    if not isinstance(backbone, Backbone):
        raise ArtefactError("Only a network with a timm backbone can be shipped.", "Build it with model.Backbone.")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(folder) as temporary:
        temporary.mkdir()
        save_file(weights, temporary / WEIGHTS)
        (temporary / CARD).write_text(
            json.dumps(
                {
                    "format": FORMAT,
                    "backbone": backbone.name,
                    "last_stride": backbone.last_stride,
                    "preprocessing": preprocessing.to_json(),
                    "weights_sha256": _hash(temporary / WEIGHTS),
                    **card,
                },
                indent=2,
                ensure_ascii=False,
            )
            + "\n",
            encoding="utf-8",
        )


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle.

    Raises
    ------
    ArtefactError
        There is none, it is of another version, or its weights are damaged or of another network.
    """
    if (folder / "bundle" / CARD).is_file():  # the run folder was named instead of the bundle in it
        folder = folder / "bundle"
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = f"{path} cannot be read: {error}" if path.exists() else f"{folder} is no bundle: it has no {CARD}"
        raise ArtefactError(f"{what}.", "Name the folder 'bundle' of a finished run.") from error
    if card.get("format") != FORMAT:
        raise ArtefactError(
            f"{folder} is a bundle of format {card.get('format')}; this ccreid reads format {FORMAT}.",
            "Use the version of ccreid that made it"
            + (f" ({card['versions']['ccreid']})." if "ccreid" in card.get("versions", {}) else "."),
        )
    weights_hash = _hash(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else "missing"
    if weights_hash != card["weights_sha256"]:
        raise ArtefactError(
            f"{folder / WEIGHTS} is damaged: its SHA-256 is {weights_hash[:12]}, not {card['weights_sha256'][:12]}.",
            "Copy the bundle again.",
        )
    preprocessing = Preprocessing.from_json(card["preprocessing"])
    network = Network(
        Backbone(
            card["backbone"],
            height_px=preprocessing.height_px,
            width_px=preprocessing.width_px,
            last_stride=card["last_stride"],
        )
    )
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{folder / WEIGHTS} does not fit {card['backbone']}: {error}.", "") from error
    return Bundle(network.eval(), preprocessing, card, weights_hash)


def amend_card(folder: Path, additions: Mapping[str, Any]) -> None:
    """Add plain values (scores, for example) to a bundle's card. Raises StorageError."""
    path = folder / CARD
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | dict(additions))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
