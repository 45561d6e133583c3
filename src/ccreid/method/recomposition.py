"""Fine-grained attribute recomposition (FAR): feature maps dressed in another image's channel statistics.

Source: FIRe² (TIFS 2024), section III-C.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ccreid.errors import SettingError

VARIANCE_FLOOR = 1e-6


def recompose(feature_map: Tensor, donors: Tensor, stripes: int = 2) -> Tensor:
    """Give each horizontal stripe of each image the channel mean and spread of a donor's stripe.

    x' = (x - μ_i) / σ_i · σ_j + μ_j, per stripe and channel, with σ = sqrt(unbiased variance + 1e-6). All
    statistics are detached: only the content of x carries gradients.

    Parameters
    ----------
    feature_map:
        (B, C, H, W).
    donors:
        (stripes, B) int64, the batch index j of the donor of each stripe of each image.
    stripes:
        Into how many equal stripes H is cut, from the top; rows left over at the bottom are dropped.

    Returns
    -------
    Tensor
        (B, C, stripes * (H // stripes), W).

    Raises
    ------
    SettingError
        The donors have another shape, or there is no stripe, or a stripe has fewer than two pixels.
    """
    batch, channels, height, width = feature_map.shape
    if stripes < 1 or donors.shape != (stripes, batch):
        raise SettingError(
            f"Donors of shape {tuple(donors.shape)} were given for {batch} images in {stripes} stripes.",
            "Give (stripes, B), with a stripe at least.",
        )
    rows = height // stripes
    if rows * width < 2:
        raise SettingError(
            f"A feature map of {height} x {width} has too few pixels for {stripes} stripes.",
            "Lower objective.stripes, or raise the image size.",
        )
    striped = feature_map[:, :, : rows * stripes].reshape(batch, channels, stripes, rows, width)
    pixels = striped.detach().transpose(1, 2).flatten(3)  # (B, S, C, rows * W)
    mean = pixels.mean(dim=3)
    deviation = (pixels.var(dim=3) + VARIANCE_FLOOR).sqrt()
    stripe = torch.arange(stripes, device=donors.device)[:, None]
    donor_mean = mean[donors, stripe].transpose(0, 1)  # (B, S, C)
    donor_deviation = deviation[donors, stripe].transpose(0, 1)

    def over_pixels(statistic: Tensor) -> Tensor:
        return statistic.transpose(1, 2)[..., None, None]  # (B, C, S, 1, 1)

    ratio = over_pixels(donor_deviation / deviation)
    return ((striped - over_pixels(mean)) * ratio + over_pixels(donor_mean)).flatten(2, 3)


def draw_donors(attributes: Tensor, stripes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a donor for each stripe of each image, uniform among the images with another attribute.

    Parameters
    ----------
    attributes:
        (B,) int64.
    stripes:
        Donors are drawn independently for each.
    generator:
        A generator on the CPU.

    Returns
    -------
    donors, present:
        (stripes, B) int64 on the attributes' device, and (B,) bool: False for an image that has no donor in
        the batch (it is given itself).
    """
    own = attributes.cpu()
    eligible = own[:, None] != own[None, :]
    present = eligible.any(dim=1)
    eligible |= torch.diag(~present)
    donors = torch.multinomial(eligible.float(), stripes, replacement=True, generator=generator).T
    return donors.to(attributes.device), present.to(attributes.device)
