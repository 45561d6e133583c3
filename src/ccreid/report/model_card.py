"""What whoever is handed a model should know, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ccreid.report.page import rendered
from ccreid.report.tables import percent

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


def model_card(name: str, card: Mapping[str, Any], report: Mapping[str, Any], megabytes: float) -> str:
    """Describe a bundle.

    Parameters
    ----------
    name:
        Of its folder.
    card:
        The bundle's.
    report:
        Its scores, as in report.json.
    megabytes:
        Size of its weights.

    Returns
    -------
    str
        Markdown.
    """
    edition = card["trained_on"]["edition"]
    intervals = report["intervals"]
    return rendered(
        TEMPLATE,
        {
            **card,
            **{part: report[part] for part in ("conditions", "protocols", "warnings")},
            "name": name,
            "edition": f" ({edition} edition)" if edition else "",
            "megabytes": megabytes,
            "origin": ORIGINS.get(card["recipe"]["network"]["weights"], OF_A_FILE),
            "intervals": intervals,
            "ends": {
                protocol: {measure: _ends(pair) for measure, pair in measures.items()}
                for protocol, measures in intervals["protocols"].items()
            },
        },
    )


def _ends(pair: Sequence[float] | None) -> str:
    return "-" if pair is None else " to ".join(map(percent, pair))
