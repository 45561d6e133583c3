"""Any timm backbone as a module that yields feature maps."""

from __future__ import annotations

import difflib
import logging
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any, Self, cast

import timm
import torch
from timm.models import group_parameters
from timm.models.resnet import ResNet
from torch import Tensor, nn

from ccreid.errors import SettingError
from ccreid.model.batch_statistics import batch_normalisations, normalise_accurately
from ccreid.model.mixstyle import mix_styles_in_training

logger = logging.getLogger(__name__)


class Backbone(nn.Module):
    """A timm model without its head.

    Parameters
    ----------
    name:
        timm's name of a model, for example ``resnet50.tv_in1k``.
    height_px, width_px:
        Size of the images; a vision transformer is built for it. What its patches, or the strides of any network, cut
        off the images is told in a warning.
    last_stride:
        Stride of the last stage of a ResNet: 1 keeps its feature map twice as high and wide (the paper's
        choice); other families keep their own stride, 2.
    mixstyle:
        How likely styles are mixed after each of the first two stages in training, see :func:`mix_styles_in_training`.
    frozen:
        How many of the :meth:`stages`, from the input on, stay as they are in training, the statistics of their batch
        normalisation included; nothing is computed backwards there.

    Attributes
    ----------
    channels:
        C of the feature maps.
    memory_format:
        Of images and weights in memory: channels innermost, until :meth:`lay_out` says otherwise.

    Raises
    ------
    SettingError
        timm has no such model, it yields no spatial map, or its last stride, the mixing of styles or the number of
        frozen stages cannot be as asked.
    """

    def __init__(
        self,
        name: str,
        *,
        height_px: int,
        width_px: int,
        last_stride: int = 1,
        mixstyle: float = 0.0,
        frozen: int = 0,
    ) -> None:
        super().__init__()
        self.name, self.last_stride = name, last_stride
        # Convolutions run about twice as fast on a CPU, and on tensor cores, with the channels innermost.
        self.memory_format = torch.channels_last
        self._compiled: Callable[[Tensor], Tensor] | None = None
        self.model = _create(name, height_px, width_px)
        if last_stride not in (1, 2):
            raise SettingError(f"network.last_stride is {last_stride!r}.", "Set it to 1 or 2.")
        if last_stride == 1:
            _keep_resolution_of_last_stage(self.model, name)
        normalise_accurately(self.model)
        if mixstyle > 0:
            mix_styles_in_training(self.model, name, mixstyle)
        self.lay_out(self.memory_format)
        self.channels = int(cast(Any, self.model).num_features)
        self._at_rest = self._freeze(frozen)
        self._check(height_px, width_px)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to (B, C, H', W') feature maps."""
        images = images.contiguous(memory_format=self.memory_format)
        if self._compiled is None or not self.training:
            return self._features(images)
        return self._compiled(images)

    def train(self, mode: bool = True) -> Self:
        """As any module; frozen stages normalise by the statistics that they have."""
        super().train(mode)
        for layer in self._at_rest:
            layer.eval()
        return self

    def lay_out(self, memory_format: torch.memory_format) -> None:
        """Keep images and weights in another memory format: of values the last digits change, and speed a lot."""
        self.memory_format = memory_format
        cast(Any, self.model).to(memory_format=memory_format)

    def compile_training(self) -> None:
        """Compile the forward pass in training, and so its backward pass, when it is first called.

        Embedding stays as it is: it meets batches of other sizes, and each would be compiled anew. Parameters, their
        names and the state are untouched.
        """
        self._compiled = cast(Callable[[Tensor], Tensor], torch.compile(self._features))

    def stages(self) -> tuple[tuple[nn.Parameter, ...], ...]:
        """All its parameters as timm divides them for rates by layer: the stem, then stage after stage to the last."""
        matcher = cast(Any, self.model).group_matcher(coarse=True)
        by_number = group_parameters(self.model, matcher, return_values=True)
        return tuple(tuple(by_number[number]) for number in sorted(by_number))

    def _freeze(self, count: int) -> list[nn.Module]:
        """Take the gradients of the first stages away; gives their layers of batch normalisation."""
        stages = self.stages() if count else ()
        if count > len(stages):
            raise SettingError(
                f"network.frozen is {count}, and '{self.name}' has {len(stages)} stages, the stem among them.",
                f"Set it to 0 to {len(stages)}.",
            )
        frozen = {parameter.requires_grad_(False) for stage in stages[:count] for parameter in stage}
        return [layer for layer in batch_normalisations(self.model) if frozen.intersection(layer.parameters())]

    def _features(self, images: Tensor) -> Tensor:
        return self._as_map(cast(Any, self.model).forward_features(images))

    def _as_map(self, features: Tensor) -> Tensor:
        model = cast(Any, self.model)
        if features.ndim == 3:  # tokens of a transformer, the class token and its like first
            grid = model.patch_embed.grid_size
            tokens = cast(Any, features[:, model.num_prefix_tokens :].transpose(1, 2))
            return cast(Tensor, tokens.unflatten(2, grid))
        if getattr(model, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features

    def _check(self, height_px: int, width_px: int) -> None:
        training = self.training
        self.eval()
        with torch.inference_mode():
            try:
                maps = self(_without_edges(height_px, width_px, 1))
            except (AttributeError, AssertionError, RuntimeError, ValueError) as error:
                raise SettingError(
                    f"network.backbone '{self.name}' gives no feature map for images of {height_px} x {width_px}: "
                    f"{error or type(error).__name__}.",
                    "Choose another backbone or image size.",
                ) from error
            if maps.ndim != 4 or maps.shape[1] != self.channels:
                raise SettingError(
                    f"network.backbone '{self.name}' yields no spatial feature map but {(1, *maps.shape[1:])}.",
                    "Choose a convolutional network or a plain vision transformer.",
                )
            if not _spoilt(maps).all():
                self._tell_of_edges(height_px, width_px)
        self.train(training)

    def _tell_of_edges(self, height_px: int, width_px: int) -> None:
        """Warn of the last rows and columns of an image that nothing looks at."""

        def is_seen(last: int, edge: int) -> bool:
            return bool(_spoilt(self(_without_edges(height_px, width_px, last)))[edge])

        rows, columns = (
            bisect_left(range(1, size), True, key=partial(is_seen, edge=edge))
            for edge, size in enumerate((height_px, width_px))
        )
        logger.warning(
            "network.backbone '%s' cuts the lowest %d rows and the rightmost %d columns off images of %d x %d: its "
            "patches or strides do not fill them. Set data.height_px and data.width_px to %d x %d, which it sees "
            "whole, or to a larger size that they fill.",
            *(self.name, rows, columns, height_px, width_px, height_px - rows, width_px - columns),
        )


def _without_edges(height_px: int, width_px: int, last: int) -> Tensor:
    """Two images: the last rows of the first are no numbers, and the last columns of the second."""
    images = torch.zeros(2, 3, height_px, width_px)
    images[0, :, -last:] = torch.nan
    images[1, ..., -last:] = torch.nan
    return images


def _spoilt(maps: Tensor) -> Tensor:
    """(B,) whether there is any place that is no number: whatever looked at such a pixel is none, by any weights."""
    return maps.isnan().flatten(1).any(dim=1)


def _create(name: str, height_px: int, width_px: int) -> nn.Module:
    architecture = name.split(".")[0]
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        raise SettingError(f"network.backbone: timm has no model '{name}'.", hint + "See timm.list_models().")
    try:
        return _create_for_size(name, height_px, width_px)
    except (AssertionError, RuntimeError, ValueError) as error:  # an unknown tag behind the dot, no way without a head
        raise SettingError(
            f"network.backbone '{name}' cannot be built: {error or type(error).__name__}.",
            "Check its name, or choose another backbone.",
        ) from error


def _create_for_size(name: str, height_px: int, width_px: int) -> nn.Module:
    try:
        return timm.create_model(name, num_classes=0, global_pool="", img_size=(height_px, width_px))
    except TypeError:  # a convolutional network takes any size and no such argument
        return timm.create_model(name, num_classes=0, global_pool="")


def _keep_resolution_of_last_stage(model: nn.Module, name: str) -> None:
    if not isinstance(model, ResNet):
        raise SettingError(
            f"network.last_stride is 1, which '{name}' cannot have: only the ResNet family can.",
            "Set network.last_stride to 2.",
        )
    for parent in list(cast(nn.Module, model.layer4).modules()):
        for child_name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                child.stride = (1, 1)
            elif isinstance(child, nn.AvgPool2d) and child.stride in (2, (2, 2)):
                setattr(parent, child_name, nn.Identity())
