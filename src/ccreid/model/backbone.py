"""Any timm backbone as a module that yields feature maps, with weights from wherever they lie."""

from __future__ import annotations

import difflib
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from timm.models.resnet import ResNet
from torch import Tensor, nn

from ccreid.errors import SettingError, WeightsError
from ccreid.model.batch_statistics import normalise_accurately

logger = logging.getLogger(__name__)

BUNDLED_WEIGHTS = {"mobilenetv2_100": Path(__file__).parent.parent / "assets" / "mobilenetv2_100.safetensors"}
"""Pretrained weights inside the package, by timm's name of the architecture."""


class Backbone(nn.Module):
    """A timm model without its head.

    Parameters
    ----------
    name:
        timm's name of a model, for example ``resnet50.tv_in1k``.
    height_px, width_px:
        Size of the images; a vision transformer is built for it.
    last_stride:
        Stride of the last stage of a ResNet: 1 keeps its feature map twice as high and wide (the paper's
        choice); other families keep their own stride, 2.

    Attributes
    ----------
    channels:
        C of the feature maps.
    memory_format:
        Of images and weights in memory: channels innermost, until :meth:`lay_out` says otherwise.

    Raises
    ------
    SettingError
        timm has no such model, it yields no spatial map, or its last stride cannot be as asked.
    """

    def __init__(self, name: str, *, height_px: int, width_px: int, last_stride: int = 1) -> None:
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
        self.lay_out(self.memory_format)
        self.channels = int(cast(Any, self.model).num_features)
        self._check(height_px, width_px)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to (B, C, H', W') feature maps."""
        images = images.contiguous(memory_format=self.memory_format)
        if self._compiled is None or not self.training:
            return self._features(images)
        return self._compiled(images)

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
                shape = self(torch.zeros(1, 3, height_px, width_px)).shape
            except (AttributeError, AssertionError, RuntimeError, ValueError) as error:
                raise SettingError(
                    f"network.backbone '{self.name}' gives no feature map for images of {height_px} x {width_px}: "
                    f"{error or type(error).__name__}.",
                    "Choose another backbone or image size.",
                ) from error
        self.train(training)
        if len(shape) != 4 or shape[1] != self.channels:
            raise SettingError(
                f"network.backbone '{self.name}' yields no spatial feature map but {tuple(shape)}.",
                "Choose a convolutional network or a plain vision transformer.",
            )


def load_weights(backbone: Backbone, source: str) -> None:
    """Fill a backbone with pretrained weights.

    Parameters
    ----------
    backbone:
        As built, with random weights.
    source:
        "timm" (downloaded once by timm from its hub), "bundled" (inside the package, MobileNetV2 only),
        "none" (random weights, with a warning), or the path of a .safetensors, .pth or .pt file under timm's
        or torchvision's names.

    Raises
    ------
    WeightsError
        There are no such weights, or they do not fit.
    """
    if source == "none":
        logger.warning("%s starts from random weights: expect poor results from a small train set.", backbone.name)
        return
    if source == "timm":
        weights = _downloaded(backbone.name)
    elif source == "bundled":
        weights = load_file(_bundled(backbone.name))
    else:
        weights = _from_file(Path(source).expanduser())
    _fill(backbone, weights, source)


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


def _downloaded(name: str) -> Mapping[str, Tensor]:
    if not timm.is_model_pretrained(name):
        raise WeightsError(
            f"timm has no pretrained weights for {name}.",
            "Choose another backbone, or set network.weights to a file or to none.",
        )
    try:
        with _without_waiting_for_a_missing_network():
            return cast(Mapping[str, Tensor], timm.create_model(name, pretrained=True).state_dict())
    except Exception as error:  # the hub's client raises a family of its own for every way a network can fail
        raise WeightsError(
            f"The pretrained weights of {name} could not be fetched: {type(error).__name__}.",
            "On a machine with a network, run\n"
            f'  python -c "import timm; from safetensors.torch import save_file; save_file('
            f"timm.create_model('{name}', pretrained=True).state_dict(), 'weights.safetensors')\"\n"
            "bring the file here and add --set network.weights=weights.safetensors. "
            "To start from random weights instead: --set network.weights=none.",
        ) from error


@contextmanager
def _without_waiting_for_a_missing_network() -> Iterator[None]:
    """Let the hub's client look into its cache alone when its host has no address: it would retry for a minute."""
    online = constants.HF_HUB_OFFLINE
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        constants.HF_HUB_OFFLINE = online or not getproxies()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = online


def _bundled(name: str) -> Path:
    architecture = name.split(".")[0]
    if architecture not in BUNDLED_WEIGHTS:
        raise WeightsError(
            f"The package carries no weights for {name}, only for {', '.join(BUNDLED_WEIGHTS)}.",
            "Set network.weights to timm, to a file, or to none.",
        )
    return BUNDLED_WEIGHTS[architecture]


def _from_file(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise WeightsError(
            f"network.weights: there is no file {path}.", "Give timm, bundled, none or the path of a weights file."
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        return cast(Mapping[str, Tensor], loaded.get("state_dict", loaded))
    except Exception as error:  # safetensors, zip and unpickling each have errors (and unsafe advice) of their own
        raise WeightsError(
            f"network.weights: {path} is not a safetensors file nor a plain torch state: {type(error).__name__}.",
            "Save the backbone's state dict as .safetensors.",
        ) from error


def _fill(backbone: Backbone, weights: Mapping[str, Tensor], source: str) -> None:
    model = backbone.model
    weights = {key: value for key, value in weights.items() if isinstance(value, Tensor)}  # a file may hold anything
    weights = _for_the_grid_of(model, weights)
    wanted = model.state_dict()
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    head = ("fc.", "classifier.", "head.", "head_dist.")
    missing = sorted(set(wanted) - set(weights) - counters)
    unknown = sorted(key for key in set(weights) - set(wanted) - counters if not key.startswith(head))
    misshapen = sorted(key for key in wanted if key in weights and weights[key].shape != wanted[key].shape)
    if missing or misshapen:
        detail = [
            f"{what}: {', '.join(keys[:3])}"
            for what, keys in (("lacking", missing), ("of another shape", misshapen), ("unknown", unknown))
            if keys
        ]
        raise WeightsError(
            f"The weights from '{source}' do not fit {backbone.name} ({'; '.join(detail)}).",
            "Use weights of the same architecture, under timm's names.",
        )
    model.load_state_dict({k: w.to(wanted[k].dtype) for k, w in weights.items() if k in wanted}, strict=False)


def _for_the_grid_of(model: nn.Module, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Let timm resample the position tables of a transformer, which are of the size it was trained at."""
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is not None and hasattr(model, "patch_embed"):
        with suppress(Exception):  # weights of another architecture are refused by the comparison of names
            return cast(Mapping[str, Tensor], convert(dict(weights), model))
    return weights
