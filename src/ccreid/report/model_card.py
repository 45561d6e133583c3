"""What whoever is handed a model should know, as a page of Markdown."""

from __future__ import annotations

import shlex
from types import MappingProxyType

from ccreid.model.bundle import BundleCard, shipped_bundles
from ccreid.report.page import rendered
from ccreid.report.schema import Report
from ccreid.report.tables import few_people

TEMPLATE = "model_card.md.j2"
PHOTOGRAPHS = "people may appear in\nthem, but the model holds no picture and no embedding of anyone."
ORIGINS = MappingProxyType(
    {
        "none": "Its backbone began with random weights.",
        "bundled": "Its backbone began with the feature extractor that comes with ccreid, which was pretrained on\n"
        f"photographs (presumably ImageNet-1k; its origin does not say): {PHOTOGRAPHS}",
        "timm": f"Its backbone began with timm's weights, which were pretrained on photographs: {PHOTOGRAPHS}",
    }
)
"""What a backbone began with, by the setting network.weights."""
OF_THE_PACKAGE = (
    "It began with `{name}`, a bundle that comes with ccreid: what that has learnt from stands in its card."
)
OF_ITSELF = "It went on from an earlier bundle of the same name, and from what that had learnt from."
OF_A_FILE = "Its backbone began with weights from a file; what they were learnt from, whoever made the model can tell."


def model_card(
    name: str, card: BundleCard, report: Report, *, began_with: str, shared_cameras: bool, megabytes: float
) -> str:
    """Describe a bundle.

    Parameters
    ----------
    name:
        Of its folder.
    card:
        The bundle's, of a run: with a recipe and what it was trained on.
    report:
        Its scores.
    began_with:
        The run's setting network.weights.
    shared_cameras:
        Whether cameras that it is tested on have seen people whom it was trained on.
    megabytes:
        Size of its weights.

    Returns
    -------
    str
        Markdown.
    """
    return rendered(
        TEMPLATE,
        {
            "name": name,
            "quoted": shlex.quote(name),
            "card": card,
            "report": report,
            "few_people": few_people(report),
            "origin": _origin(began_with, name),
            "shared_cameras": shared_cameras,
            "megabytes": megabytes,
        },
    )


def _origin(began_with: str, name: str) -> str:
    if began_with == name:
        return OF_ITSELF
    if began_with in shipped_bundles():
        return OF_THE_PACKAGE.format(name=began_with)
    return ORIGINS.get(began_with, OF_A_FILE)
