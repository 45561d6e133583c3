"""Pretrained weights for a network: those of its architecture, another run's, or a file's in whatever dress."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
from huggingface_hub import constants
from safetensors.torch import load_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from ccreid.errors import WeightsError
from ccreid.machine.arguments import as_path
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import CARD, WEIGHTS, load_bundle, shipped_bundles
from ccreid.model.network import Network
from ccreid.model.weight_file import Sections, read_tensors

logger = logging.getLogger(__name__)

BUNDLED_WEIGHTS = {"mobilenetv2_100": Path(__file__).parent.parent / "assets" / "mobilenetv2_100.safetensors"}
"""Pretrained weights inside the package, by timm's name of the architecture."""

HEADS = ("fc.", "classifier.", "head.", "head_dist.")
"""Begin timm's names of classifiers."""
NECKS = ("neck", "bottleneck")
"""What a BN neck is called, here and elsewhere."""
OF_A_NECK = ("weight", "bias", "running_mean", "running_var")
POSITIONS = "backbone.model.pos_embed"
"""A transformer's table of positions in the state of a network."""
COUNTER = "num_batches_tracked"
NAMED_AT_MOST = 3

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class _Reading:
    """What tensors are to a backbone, if it stands under a prefix of their names.

    Attributes
    ----------
    prefix:
        Of their whole names.
    tensors:
        Those below it, by timm's names.
    whole_names:
        What they are called where they come from, as far as that is known.
    """

    prefix: str
    tensors: Tensors
    whole_names: Mapping[str, str]

    def called(self, name: str) -> str:
        """What a tensor is called where it comes from."""
        return self.whole_names.get(name, self.prefix + name)

    def fitting(self, wanted: Tensors) -> list[str]:
        """The names whose tensors have the shape that the backbone has there."""
        return [name for name, tensor in wanted.items() if name in self.tensors and _fits(self.tensors[name], tensor)]


def load_weights(network: Network, source: str) -> None:
    """Fill the backbone of a network, and its neck where the source has one that fits.

    Heads are left: they know other people. What was taken from a file or a run, and what was left, is logged.

    Parameters
    ----------
    network:
        As built, with a :class:`Backbone` and random weights.
    source:
        "timm" (downloaded once by timm from its hub), "bundled" (inside the package, MobileNetV2 only),
        "none" (random weights, with a warning), a bundle or the folder of a run, or the path of a file of
        safetensors or torch: its tensors may stand in mappings and under prefixes of any name.

    Raises
    ------
    WeightsError
        There are no such weights, they do not fit, or a value is NaN or infinite; the network is as it was.
    ArtefactError
        The folder is no bundle, or a damaged one.
    """
    backbone = cast(Backbone, network.backbone)
    if source == "none":
        logger.warning("%s starts from random weights: expect poor results from a small train set.", backbone.name)
        return
    if source == "timm":
        held: Sections = {"": dict(_downloaded(backbone.name))}
    elif source == "bundled":
        held = {"": load_file(_bundled(backbone.name))}
    else:
        held = _given(source, backbone.model)
    flat = {
        f"{section}.{name}" if section else name: of for section, named in held.items() for name, of in named.items()
    }
    wanted = backbone.model.state_dict()
    reading = max(_readings(backbone.model, flat, held), key=lambda reading: len(reading.fitting(wanted)))
    _check_fit(reading, wanted, f"The weights from '{source}' do not fit {backbone.name}", held)
    neck = _neck(network.neck, reading.prefix, flat)
    taken = {reading.called(name): of for name, of in reading.tensors.items() if name in wanted}
    _check_finite(taken | neck, source)
    _take(backbone.model, reading.tensors)
    _take(network.neck, {name.rpartition(".")[2]: tensor for name, tensor in neck.items()})
    if source not in ("timm", "bundled"):
        _tell(source, [name for name in flat if name not in taken | neck and not name.endswith(COUNTER)], neck)


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


def _given(source: str, model: nn.Module) -> Sections:
    """The tensors of a bundle, a run or a file, for a model of timm's."""
    path = as_path(os.path.expanduser(source), "network.weights")  # noqa: PTH111 - where there is no home, ~ stays as it is
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        path = path.parent
    if path.is_dir() or (not path.exists() and source in shipped_bundles()):
        return {"": _of_bundle(path, model)}
    if not path.is_file():
        raise WeightsError(
            f"network.weights: there is no file {path}.",
            "Give timm, bundled, none, or the path of a run, a bundle or a file of weights.",
        )
    return read_tensors(path)


def _of_bundle(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """The state of a bundle's network; a transformer's positions lie on the grid of the model's patches."""
    network = load_bundle(path).network
    state = network.state_dict()
    theirs = cast(Any, cast(Backbone, network.backbone).model)
    there, here = (getattr(getattr(one, "patch_embed", None), "grid_size", None) for one in (theirs, model))
    positions = state.get(POSITIONS)
    if positions is not None and positions.ndim == 3 and there and here and there != here:
        # timm itself takes any table to be of a square: ours seldom are.
        without_place = 0 if getattr(theirs, "no_embed_class", False) else theirs.num_prefix_tokens
        state[POSITIONS] = resample_abs_pos_embed(positions, here, there, num_prefix_tokens=without_place)
    return state


def _readings(model: nn.Module, flat: Tensors, held: Sections) -> Iterator[_Reading]:
    """The ways in which tensors may be a backbone's, likeliest first."""
    wanted = {name for name in model.state_dict() if not name.endswith(COUNTER)}
    children = {str(number): name for number, (name, _) in enumerate(model.named_children())}

    def as_numbered(name: str) -> str:
        """In a Sequential of the model's children, as many re-ID models keep it, these have numbers for names."""
        first, dot, rest = name.partition(".")
        return children.get(first, first) + dot + rest

    namings: tuple[Callable[[str], str], ...] = (str, as_numbered)
    for naming in namings:
        prefix = _commonest_prefix(flat, wanted, naming)
        whole = {naming(name.removeprefix(prefix)): name for name in flat if name.startswith(prefix)}
        tensors = {name: flat[called] for name, called in whole.items()}
        yield _Reading(prefix, _as_timm_converts(model, tensors), whole)
        yield _Reading(prefix, tensors, whole)
    for section, named in held.items():  # under names of the architecture's authors, which timm may know
        yield _Reading(f"{section}." if section else "", _as_timm_converts(model, named), {})


def _commonest_prefix(flat: Tensors, wanted: set[str], naming: Callable[[str], str]) -> str:
    """What stands before the most of the wanted names; the first of several such."""
    counts: Counter[str] = Counter()
    for name in flat:
        starts = [0, *(place + 1 for place, letter in enumerate(name) if letter == ".")]
        counts.update(name[:start] for start in starts if naming(name[start:]) in wanted)
    return counts.most_common(1)[0][0] if counts else ""


def _as_timm_converts(model: nn.Module, tensors: Tensors) -> Tensors:
    """By timm's names; the position tables of a transformer, of the size it was trained at, are resampled."""
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is not None:
        with suppress(Exception):  # weights of another architecture are refused by the comparison of names
            return {name: of for name, of in convert(dict(tensors), model).items() if isinstance(of, Tensor)}
    return tensors


def _check_fit(reading: _Reading, wanted: Tensors, complaint: str, held: Sections) -> None:
    given, names = reading.tensors, [name for name in wanted if not name.endswith(COUNTER)]
    parts = {name.partition(".")[0] for name in names}
    wrong = {
        "lacking": [name for name in names if name not in given],
        "of another shape": [
            f"{name} {tuple(given[name].shape)}, not {tuple(wanted[name].shape)}"
            for name in names
            if name in given and not _fits(given[name], wanted[name])
        ],
        "more than it has": [
            name
            for name in given
            if name not in wanted and name.partition(".")[0] in parts and not name.endswith(COUNTER)
            if not name.startswith(HEADS)
        ],
    }
    if not any(wrong.values()):
        return
    fitting = len([name for name in reading.fitting(wanted) if name in names])
    details = "; ".join(f"{what}: {_some(sorted(found))}" for what, found in wrong.items() if found)
    raise WeightsError(
        f"{complaint}: {fitting} of its {len(names)} tensors are there ({details}).\n{_contents(held)}",
        "Set network.backbone to the architecture that the weights are of, or save them under timm's names.",
    )


def _neck(neck: nn.Module, prefix: str, flat: Tensors) -> dict[str, Tensor]:
    """The tensors of the neck that belongs to the backbone under a prefix, by their whole names; none without one."""
    wanted = neck.state_dict()
    beside = [prefix[:place] for place, letter in enumerate(prefix, 1) if letter == "."]
    for place in [*reversed(beside), ""]:
        for called in NECKS:
            found = {name: flat.get(f"{place}{called}.{name}") for name in OF_A_NECK}
            fitting = {name: of for name, of in found.items() if of is not None and _fits(of, wanted[name])}
            if len(fitting) == len(OF_A_NECK) and not fitting["bias"].any():  # the shift is fixed at 0
                return {f"{place}{called}.{name}": tensor for name, tensor in fitting.items()}
    return {}


def _check_finite(tensors: Tensors, source: str) -> None:
    wrong = [name for name, of in tensors.items() if of.is_floating_point() and not of.float().isfinite().all()]
    if wrong:
        raise WeightsError(
            f"The weights from '{source}' are not all finite: NaN or infinity in {_some(wrong)}.",
            "Take those of an earlier epoch, from before the training diverged.",
        )


def _take(module: nn.Module, tensors: Tensors) -> None:
    wanted = module.state_dict()
    module.load_state_dict({k: of.to(wanted[k].dtype) for k, of in tensors.items() if k in wanted}, strict=False)


def _tell(source: str, left: list[str], neck: Tensors) -> None:
    logger.info(
        "Weights from %s: the backbone%s%s.",
        source,
        " and the neck are taken" if neck else " is taken, the neck starts anew",
        f"; {len(left)} other tensors are left ({_some(left)})" if left else "",
    )


def _fits(tensor: Tensor, wanted: Tensor) -> bool:
    return tensor.shape == wanted.shape and tensor.is_floating_point() == wanted.is_floating_point()


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED_AT_MOST]) + (", ..." if len(names) > NAMED_AT_MOST else "")


def _contents(held: Sections) -> str:
    """What lies where, for whoever wonders why it does not fit."""
    counts = [
        f"{len(named)} {f'in {section!r} ' if section else ''}({_some(list(named))})" for section, named in held.items()
    ]
    return f"It holds {sum(map(len, held.values()))} tensors: {'; '.join(counts[:NAMED_AT_MOST])}."
