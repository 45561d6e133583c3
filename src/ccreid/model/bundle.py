"""A model to ship: weights, preprocessing and where they come from, in one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.files import replacing, write_json
from ccreid.model.backbone import Backbone
from ccreid.model.network import Network

FORMAT = 1
WEIGHTS, CARD = "weights.safetensors", "bundle.json"
SHIPPED = Path(__file__).parents[1] / "assets" / "bundles"


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


def save_bundle(
    folder: Path, network: Network, preprocessing: Preprocessing, card: Mapping[str, Any], *, half: bool = False
) -> str:
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
    half:
        Store the weights in half precision (float16); they are read as float32 all the same.

    Returns
    -------
    str
        SHA-256 of the weights, hexadecimal: the bundle's `weights_hash`.

    Raises
    ------
    ArtefactError
        The backbone is not timm's, or a weight is beyond half precision.
    StorageError
        It could not be written.
    """
    backbone = network.backbone
    if not isinstance(backbone, Backbone):
        raise ArtefactError("Only a network with a timm backbone can be shipped.", "Build it with model.Backbone.")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if half:
        weights = {name: _halved(name, tensor) for name, tensor in weights.items()}
    with replacing(folder) as temporary:
        temporary.mkdir()
        save_file(weights, temporary / WEIGHTS)
        weights_hash = _hash(temporary / WEIGHTS)
        needed = {
            "format": FORMAT,
            "backbone": backbone.name,
            "last_stride": backbone.last_stride,
            "preprocessing": preprocessing.to_json(),
            "weights_dtype": "float16" if half else "float32",
            "weights_sha256": weights_hash,
        }
        whole = needed | dict(card) | needed  # a card that was read from another bundle brings that one's values
        (temporary / CARD).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights_hash


def load_bundle(named: Path) -> Bundle:
    """Read a bundle.

    Parameters
    ----------
    named:
        Its folder, the folder of the run that made it, or the name of one inside the package.

    Raises
    ------
    ArtefactError
        There is none, it is of another version, or its weights are damaged or of another network.
    """
    folder = next((f for f in (named, named / "bundle", SHIPPED / named) if (f / CARD).is_file()), named)
    card = _read_card(folder)
    weights = folder / WEIGHTS
    weights_hash = _hash(weights) if weights.is_file() else "missing"
    try:
        if weights_hash != card["weights_sha256"]:
            raise ArtefactError(
                f"{weights} is damaged: its SHA-256 is {weights_hash[:12]}, not {card['weights_sha256'][:12]}.",
                "Copy the bundle again.",
            )
        preprocessing = Preprocessing.from_json(card["preprocessing"])
        preprocessing(Image.new("RGB", (2, 2)))  # odd values fail here, not at the user's first picture
        size = {"height_px": preprocessing.height_px, "width_px": preprocessing.width_px}
        network = Network(Backbone(card["backbone"], **size, last_stride=card["last_stride"]))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError, SettingError) as error:
        raise ArtefactError(
            f"{folder / CARD} does not describe a network: {error!r}.", "Copy the bundle again."
        ) from error
    try:
        network.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{weights} does not fit {card['backbone']}: {error}.", "Copy the bundle again.") from error
    return Bundle(network.eval(), preprocessing, card, weights_hash)


def shipped_bundles() -> list[str]:
    """Names of the bundles inside the package."""
    return sorted(card.parent.name for card in SHIPPED.glob(f"*/{CARD}"))


def amend_card(folder: Path, additions: Mapping[str, Any]) -> dict[str, Any]:
    """Add plain values (scores, for example) to a bundle's card; gives the whole card. Raises StorageError."""
    path = folder / CARD
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) | dict(additions)
    write_json(path, card)
    return card


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        form, versions = card.get("format"), card.get("versions")
    except (OSError, ValueError, AttributeError) as error:
        what = f"{path} cannot be read: {error}" if path.exists() else f"{folder} is no bundle: it has no {CARD}"
        mend = f"Name the folder 'bundle' of a finished run, or one inside the package: {', '.join(shipped_bundles())}."
        raise ArtefactError(f"{what}.", mend) from error
    if form != FORMAT:
        maker = f" ({versions['ccreid']})" if isinstance(versions, dict) and "ccreid" in versions else ""
        raise ArtefactError(
            f"{folder} is a bundle of format {form}; this ccreid reads format {FORMAT}.",
            f"Use the version of ccreid that made it{maker}.",
        )
    return cast(dict[str, Any], card)


def _halved(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise ArtefactError(f"{name} has values beyond half precision.", "Share the bundle of the run as it is.")
    return half


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
