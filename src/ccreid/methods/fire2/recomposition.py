"""Fine-grained attribute recomposition (FAR): feature maps dressed in another image's channel statistics.

Source: FIRe² (TIFS 2024), section III-C.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ccreid.errors import SettingError

VARIANCE_FLOOR = 1e-6

Donors = Literal["any", "same-person", "other-people"]
"""Whose images may give their statistics to an image, besides having another attribute."""


def recompose(feature_map: Tensor, donors: Tensor, stripes: int) -> Tensor:
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
    _check_donors(donors, len(feature_map), stripes)
    striped = _striped(feature_map, stripes)
    mean = striped.detach().mean(dim=(3, 4))
    deviation = (striped.detach().var(dim=(3, 4)) + VARIANCE_FLOOR).sqrt()

    def over_pixels(statistic: Tensor) -> Tensor:
        return statistic[..., None, None]

    ratio = over_pixels(_of_donors(deviation, donors) / deviation)
    return ((striped - over_pixels(mean)) * ratio + over_pixels(_of_donors(mean, donors))).flatten(2, 3)


class PooledStripes(NamedTuple):
    """What the pooling of recomposed maps needs to know of a batch, for any number of recompositions.

    Recomposition keeps the order of the pixels of a stripe and is affine in them: x' = (x - μ_i) σ_j / σ_i + μ_j
    with σ_j / σ_i > 0. So the maximum and the mean of x' are those of x, mapped in the same way, and x' is not made.

    Attributes
    ----------
    maximum, mean:
        (B, C, stripes), with gradients.
    deviation:
        (B, C, stripes), σ.
    maxima:
        (B, C, stripes), how many pixels reach the maximum.
    """

    maximum: Tensor
    mean: Tensor
    deviation: Tensor
    maxima: Tensor

    @classmethod
    def of(cls, feature_map: Tensor, stripes: int) -> PooledStripes:
        """Of a feature map (B, C, H, W). Raises SettingError: see :func:`recompose`."""
        maximum, mean, variance, maxima = _PoolStripes.apply(_striped(feature_map, stripes))
        return cls(maximum, mean, (variance + VARIANCE_FLOOR).sqrt(), maxima)

    def of_images(self, rows: Tensor) -> PooledStripes:
        """Of some images of the batch alone."""
        return PooledStripes(self.maximum[rows], self.mean[rows], self.deviation[rows], self.maxima[rows])

    def recomposed(self, donors: Tensor) -> Tensor:
        """(B, 2C) global maxima, then averages, of the map recomposed with some donors, in float32 at least.

        Value and gradient are those of ``pool(recompose(...))``. Raises SettingError: see :func:`recompose`.
        """
        _check_donors(donors, len(self.mean), self.mean.shape[2])
        own = self.mean.detach()
        ratio = _of_donors(self.deviation, donors) / self.deviation
        dressed = _of_donors(own, donors)
        maximum, mean = ((pooled - own) * ratio + dressed for pooled in (self.maximum, self.mean))
        # The gradient of a maximum is shared by all pixels that reach it, also over stripes.
        largest = maximum.detach()
        share = self.maxima * (largest == largest.amax(dim=2, keepdim=True))
        share = share / share.sum(dim=2, keepdim=True)
        return torch.cat([(share * maximum).sum(dim=2), mean.mean(dim=2)], dim=1)


class _PoolStripes(torch.autograd.Function):
    """(B, C, S, rows, W) to maximum, mean, unbiased variance and how many pixels are the maximum, (B, C, S) each.

    By hand because a pass over a feature map costs more than all that is computed in it: both gradients are written
    in one, where autograd takes five.
    """

    @staticmethod
    def forward(context: Any, striped: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        dtype = torch.promote_types(striped.dtype, torch.float32)
        pixels = striped.shape[3] * striped.shape[4]
        maximum = striped.amax(dim=(3, 4))
        mean = striped.mean(dim=(3, 4), dtype=dtype)
        variance = (striped - mean[..., None, None]).square_().sum(dim=(3, 4)) / (pixels - 1)
        is_maximum = striped == maximum[..., None, None]
        maxima = is_maximum.sum(dim=(3, 4))
        context.save_for_backward(is_maximum, maxima)
        context.mark_non_differentiable(variance, maxima)
        context.dtype, context.pixels = striped.dtype, pixels
        return maximum.to(dtype), mean, variance, maxima

    @staticmethod
    @once_differentiable
    def backward(context: Any, of_maximum: Tensor, of_mean: Tensor, *_: Tensor) -> Tensor:
        is_maximum, maxima = context.saved_tensors
        elsewhere = of_mean / context.pixels
        at_maximum = elsewhere + of_maximum / maxima
        elsewhere, at_maximum = (part.to(context.dtype)[..., None, None] for part in (elsewhere, at_maximum))
        return torch.where(is_maximum, at_maximum, elsewhere)


def _striped(feature_map: Tensor, stripes: int) -> Tensor:
    """(B, C, H, W) as (B, C, stripes, rows, W), in whatever memory format it is."""
    height, width = feature_map.shape[2:]
    rows = height // stripes if stripes > 0 else 0
    if rows * width < 2:
        raise SettingError(
            f"A feature map of {height} x {width} has too few pixels for {stripes} stripes.",
            "Lower method.stripes, or raise data.height_px or data.width_px.",
        )
    return cast(Tensor, feature_map[:, :, : rows * stripes].unflatten(2, (stripes, rows)))


def _check_donors(donors: Tensor, batch: int, stripes: int) -> None:
    if stripes < 1 or donors.shape != (stripes, batch):
        raise SettingError(
            f"Donors of shape {tuple(donors.shape)} were given for {batch} images in {stripes} stripes.",
            "Give (stripes, B), with a stripe at least.",
        )


def _of_donors(statistic: Tensor, donors: Tensor) -> Tensor:
    """(B, C, stripes) of each image to those of each stripe's donor."""
    return torch.stack([statistic[of_stripe, :, stripe] for stripe, of_stripe in enumerate(donors)], dim=2)


def draw_donors(
    attributes: Tensor,
    stripes: int,
    generator: torch.Generator,
    identities: Tensor | None = None,
    among: Donors = "any",
) -> tuple[Tensor, Tensor]:
    """Draw a donor for each stripe of each image, uniform among the images with another attribute.

    Parameters
    ----------
    attributes:
        (B,) int64.
    stripes:
        Donors are drawn independently for each.
    generator:
        A generator on the CPU.
    identities:
        (B,) int64, for donors that are not just any.
    among:
        Whose images.

    Returns
    -------
    donors, present:
        (stripes, B) int64 on the attributes' device, and (B,) bool: False for an image that has no donor in
        the batch (it is given itself).
    """
    eligible, present = _eligible(attributes, identities, among)
    drawn = torch.multinomial(eligible.float(), stripes, replacement=True, generator=generator).T
    return drawn.to(attributes.device), present.to(attributes.device)


def draw_recompositions(
    attributes: Tensor,
    stripes: int,
    recompositions: int,
    generator: torch.Generator,
    identities: Tensor | None = None,
    among: Donors = "any",
) -> tuple[Tensor, Tensor]:
    """Draw the donors of several recompositions: in each stripe of an image different images, as many as there are.

    An image with fewer donors than recompositions takes them in turn; the authors' code draws without replacement, too,
    and ends there.

    Parameters
    ----------
    attributes, stripes, generator, identities, among:
        As in :func:`draw_donors`, which a single recomposition draws as.
    recompositions:
        Of each image, K.

    Returns
    -------
    donors, present:
        (K, stripes, B) int64 on the attributes' device, and (B,) bool as in :func:`draw_donors`.
    """
    if recompositions == 1:
        donors, present = draw_donors(attributes, stripes, generator, identities, among)
        return donors[None], present
    eligible, present = _eligible(attributes, identities, among)
    lots = torch.rand(stripes, *eligible.shape, generator=generator).masked_fill(~eligible, -1)
    turn = torch.arange(recompositions)[:, None] % eligible.sum(dim=1)  # (K, B): which of an image's donors
    drawn = lots.argsort(dim=2, descending=True).gather(2, turn.T.expand(stripes, -1, -1)).permute(2, 0, 1)
    return drawn.to(attributes.device), present.to(attributes.device)


def _eligible(attributes: Tensor, identities: Tensor | None, among: Donors) -> tuple[Tensor, Tensor]:
    """(B, B) bool on the CPU, who may dress whom, and (B,) bool, whom anybody may; who may be by none is by itself."""
    eligible = _differs(attributes)
    if among != "any":
        if identities is None:
            raise SettingError("Donors of some people were asked for without identities.", "Give the identities.")
        others = _differs(identities)
        eligible &= others if among == "other-people" else ~others
    present = eligible.any(dim=1)
    return eligible | torch.diag(~present), present


def _differs(column: Tensor) -> Tensor:
    """(B, B) bool on the CPU: whether two images have different values."""
    values = column.cpu()
    return values[:, None] != values[None, :]
