"""What whoever is handed a model should know, as a page of Markdown."""

from __future__ import annotations

import shlex
from types import MappingProxyType

from ccreid.model.bundle import BundleCard
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
OF_A_FILE = "Its backbone began with weights from a file; what they were learnt from, whoever made the model can tell."


def model_card(name: str, card: BundleCard, report: Report, *, began_with: str, megabytes: float) -> str:
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
            "origin": ORIGINS.get(began_with, OF_A_FILE),
            "megabytes": megabytes,
        },
    )
