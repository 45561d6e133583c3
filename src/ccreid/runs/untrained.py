"""A backbone as it comes, made a bundle: what training for re-identification is first compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import SettingError
from ccreid.machine.provenance import versions
from ccreid.machine.seeds import seeded
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import CARD, About, bundle_folder, save_bundle
from ccreid.model.network import Network
from ccreid.model.weights import load_weights

ORIGINS: Mapping[str, str] = {
    "none": "random weights",
    "timm": "the weights that timm has for it",
    "bundled": "the weights in the package",
}
"""Where weights are from, for whoever reads a report; of a file the name is left out."""


def bundle_backbone(name: str, out: Path, *, weights: str, height_px: int, width_px: int, last_stride: int) -> Network:
    """Write a bundle of a backbone that nobody has trained to tell people apart.

    Its embeddings are the maxima and averages of the feature map. Pictures are normalised as the backbone's were,
    as far as timm knows.

    Parameters
    ----------
    name:
        timm's, of the backbone.
    out:
        The bundle to write: a new or an empty folder.
    weights:
        As the setting `network.weights`: "timm" downloads, "bundled", "none" (drawn with seed 0), or a file's path.
    height_px, width_px:
        Of the network's input.
    last_stride:
        Of the last stage; 2 is the backbone as timm has it, 1 for ResNets only.

    Returns
    -------
    Network
        As it was written.

    Raises
    ------
    SettingError
        There is no such backbone, it gives no feature map, or the weights are those of a bundle, which is one already.
    WeightsError
        There are no such weights, or they are of another architecture.
    StorageError
        It cannot be written.
    """
    if weights not in ORIGINS and (bundle_folder(weights) / CARD).is_file():
        raise SettingError(f"{weights} is a bundle already.", f"Use it as it is: ccreid evaluate {weights} ...")
    with seeded(0):
        backbone = Backbone(name, height_px=height_px, width_px=width_px, last_stride=last_stride)
    network = Network(backbone).eval()
    load_weights(network, weights)
    learnt = cast(Mapping[str, Any], cast(Any, backbone.model).pretrained_cfg)
    preprocessing = Preprocessing(height_px, width_px, tuple(learnt["mean"]), tuple(learnt["std"]))
    origin = ORIGINS.get(weights, "weights of a file")
    about = About(selection=f"none: {origin}, not trained to tell people apart", versions=versions())
    save_bundle(out, network, preprocessing, about)
    return network
