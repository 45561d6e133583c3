"""The mean of two networks' weights: what a training ended with and what it began with, for example.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, section 3, with both shares a half.
"""

from __future__ import annotations

from ccreid.errors import SettingError
from ccreid.model.bundle import Bundle


def take_mean(bundle: Bundle, other: Bundle) -> None:
    """Set the weights of the one bundle's network, and its running statistics, to the mean with those of the other's.

    A projection of the other's is left aside. Raises SettingError where their networks are not alike; their pictures'
    sizes may differ.
    """
    if bundle.card.projected is not None:
        raise SettingError("A projection is no part of a mean of weights.", "Take the mean, and project it afterwards.")
    ours, theirs = ((one.card.backbone, one.card.last_stride) for one in (bundle, other))
    if ours != theirs:
        raise SettingError(
            f"A mean of weights needs two networks of one kind: {_kind(*ours)} and {_kind(*theirs)} are not.",
            "Name a bundle that this training began with, or one that began with the same.",
        )
    of_the_other = other.network.state_dict()
    for name, value in bundle.network.state_dict().items():
        if value.is_floating_point():
            value.lerp_(of_the_other[name], 0.5)


def _kind(backbone: str, last_stride: int) -> str:
    return f"{backbone} (last stride {last_stride})"
