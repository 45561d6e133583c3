"""A model to ship: weights, preprocessing and where they come from, in one folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.arguments import PathLike, as_path
from ccreid.machine.devices import Precision
from ccreid.machine.files import replacing
from ccreid.machine.limits import BATCH_IMAGES, LARGEST_COUNT, LARGEST_PX
from ccreid.model.backbone import Backbone
from ccreid.model.network import Network
from ccreid.records import BenchmarkCard, Intervals, Plain, ProtocolScores, Record

FORMAT: Final = 1
WEIGHTS, CARD = "weights.safetensors", "bundle.json"
SHIPPED = Path(__file__).parents[1] / "assets" / "bundles"

Side = Annotated[int, Field(ge=1, le=LARGEST_PX)]
Spread = Annotated[float, Field(gt=0)]


def _setting(path: str, otherwise: object) -> Any:
    """The default of a value that the recipe gives in cards from before they said it themselves."""

    def default(card: dict[str, Any]) -> object:
        section, name = path.split(".")
        of_section = card.get("recipe", {}).get(section)
        return of_section.get(name, otherwise) if isinstance(of_section, dict) else otherwise

    return Field(default_factory=default, validate_default=True)


class About(Record):
    """What is known of a model beside its network.

    Attributes
    ----------
    recipe:
        The settings of its run, as plain values.
    seed:
        Of the run.
    precision, flip:
        What it computes in; whether the embedding of the mirror image is added.
    batch_images:
        How many pictures its run embedded at once, which moves the last bits of an embedding.
    selection:
        How its epoch was selected.
    versions:
        Of what it was made with.
    mean_with:
        SHA-256, hexadecimal, of other weights that these are the mean with.
    trained_on:
        The data set.
    projected_on:
        The data set whose training people the projection tells apart, where the network has one.
    scores, intervals:
        On the test people, or whoever was scored.
    """

    recipe: Plain = Field(default_factory=dict)
    seed: int | None = _setting("training.seed", None)
    precision: Precision = _setting("training.precision", "32-true")
    flip: bool = _setting("evaluation.flip", True)
    batch_images: Annotated[int, Field(ge=1, le=LARGEST_COUNT)] = _setting("evaluation.batch_images", BATCH_IMAGES)
    selection: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    mean_with: str | None = None
    trained_on: BenchmarkCard | None = None
    projected_on: BenchmarkCard | None = None
    scores: tuple[ProtocolScores, ...] = ()
    intervals: Intervals | None = None


class PreprocessingCard(Record):
    """What a picture goes through, see :class:`ccreid.data.preprocess.Preprocessing`."""

    height_px: Side
    width_px: Side
    mean: tuple[float, float, float]
    std: tuple[Spread, Spread, Spread]


class NetworkCard(Record):
    """What is needed to build a network again.

    Attributes
    ----------
    backbone, last_stride:
        timm's name; stride of the last stage.
    projected:
        D of the embeddings after the projection; None for a network without one.
    preprocessing:
        What its pictures go through.
    weights_dtype, weights_sha256:
        How the weights are stored, and the hexadecimal SHA-256 of their file.
    """

    format: Literal[1] = FORMAT
    backbone: str
    last_stride: int
    projected: Annotated[int, Field(ge=1, le=LARGEST_COUNT)] | None = None
    preprocessing: PreprocessingCard
    weights_dtype: Literal["float32", "float16"]
    weights_sha256: str


class BundleCard(About, NetworkCard):
    """Everything about a bundle but its weights."""

    mend = "Copy the bundle again."


class _Stamp(Record):
    """What a card of whatever format tells."""

    format: Any = None
    versions: Any = None


@dataclass(frozen=True, eq=False)
class Bundle:
    """A network with everything needed to use it.

    Attributes
    ----------
    network:
        In eval mode, on the CPU.
    preprocessing:
        What its images go through.
    card:
        Everything else that was written.
    weights_hash:
        SHA-256 of the weights, hexadecimal.
    """

    network: Network
    preprocessing: Preprocessing
    card: BundleCard
    weights_hash: str


def save_bundle(
    folder: Path, network: Network, preprocessing: Preprocessing, about: About, *, half: bool = False
) -> str:
    """Write a bundle, whole or not at all.

    Parameters
    ----------
    folder:
        The bundle; it replaces what stood there.
    network:
        With a :class:`Backbone`.
    preprocessing:
        What its images go through.
    about:
        What is known beside. Of another bundle's card, what is its own is left aside.
    half:
        Store the weights in half precision (float16); they are read as float32 all the same.

    Returns
    -------
    str
        SHA-256 of the weights, hexadecimal: the bundle's `weights_hash`.

    Raises
    ------
    ArtefactError
        The backbone is not timm's, or a weight is beyond half precision.
    StorageError
        It could not be written.
    """
    backbone = network.backbone
    if not isinstance(backbone, Backbone):
        raise ArtefactError("Only a network with a timm backbone can be shipped.", "Build it with model.Backbone.")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if half:
        weights = {name: _halved(name, tensor) for name, tensor in weights.items()}
    with replacing(folder) as temporary:
        temporary.mkdir()
        save_file(weights, temporary / WEIGHTS)
        weights_hash = _hash(temporary / WEIGHTS)
        card = BundleCard(
            **{name: getattr(about, name) for name in About.model_fields},
            backbone=backbone.name,
            last_stride=backbone.last_stride,
            projected=network.projected,
            preprocessing=PreprocessingCard(**preprocessing.to_json()),
            weights_dtype="float16" if half else "float32",
            weights_sha256=weights_hash,
        )
        card.write(temporary / CARD)
    return weights_hash


def bundle_folder(named: PathLike) -> Path:
    """Where a bundle lies that is named by its folder, its run's, or as one inside the package; else the path as it is.

    Raises SettingError where it is no path.
    """
    named = as_path(named, "named")
    return next((f for f in (named, named / "bundle", SHIPPED / named) if (f / CARD).is_file()), named)


def load_bundle(named: PathLike) -> Bundle:
    """Read a bundle.

    Parameters
    ----------
    named:
        Its folder, the folder of the run that made it, or the name of one inside the package.

    Raises
    ------
    SettingError
        It is no path.
    ArtefactError
        There is none, it is of another version, its card is damaged, or its weights are, or are of another network.
    """
    folder = bundle_folder(named)
    card = read_card(folder)
    weights = folder / WEIGHTS
    weights_hash = _hash(weights) if weights.is_file() else "missing"
    if weights_hash != card.weights_sha256:
        raise ArtefactError(
            f"{weights} is damaged: its SHA-256 is {weights_hash[:12]}, not {card.weights_sha256[:12]}.", card.mend
        )
    preprocessing = Preprocessing.from_json(card.preprocessing.model_dump())
    size = {"height_px": preprocessing.height_px, "width_px": preprocessing.width_px}
    try:
        network = Network(Backbone(card.backbone, **size, last_stride=card.last_stride), card.projected)
    except (RuntimeError, ValueError, SettingError) as error:
        raise ArtefactError(f"{folder / CARD} does not describe a network: {error!r}.", card.mend) from error
    try:
        network.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{weights} does not fit {card.backbone}: {error}.", card.mend) from error
    return Bundle(network.eval(), preprocessing, card, weights_hash)


def shipped_bundles() -> list[str]:
    """Names of the bundles inside the package."""
    return sorted(card.parent.name for card in SHIPPED.glob(f"*/{CARD}"))


def add_scores(folder: Path, scores: tuple[ProtocolScores, ...], intervals: Intervals | None) -> BundleCard:
    """Write what a bundle scored into its card; gives the whole card. Raises StorageError."""
    card = read_card(folder).model_copy(update={"scores": scores, "intervals": intervals})
    card.write(folder / CARD)
    return card


def read_card(folder: Path) -> BundleCard:
    """The card alone. Raises ArtefactError where the folder is no bundle, or one of another format or damaged."""
    path = folder / CARD
    if not path.exists():
        raise _no_bundle(folder)
    stamp = _Stamp.read(path)
    if stamp.format != FORMAT:
        maker = stamp.versions.get("ccreid") if isinstance(stamp.versions, dict) else None
        raise ArtefactError(
            f"{folder} is a bundle of format {stamp.format}; this ccreid reads format {FORMAT}.",
            f"Use the version of ccreid that made it{f' ({maker})' if maker else ''}.",
        )
    return BundleCard.read(path)


def _no_bundle(folder: Path) -> ArtefactError:
    """Why a place is none, and which is one."""
    inside = next(iter(sorted([*folder.glob(f"*/{CARD}"), *folder.glob(f"*/*/{CARD}")])), None)
    if inside is not None:
        return ArtefactError(f"{folder} is no bundle, but holds some.", f"Name one, for example {inside.parent}.")
    return ArtefactError(
        f"{folder} is no bundle: it has no {CARD}.",
        "Name a run, which has a bundle once it is trained, a bundle, or one inside the package: "
        f"{', '.join(shipped_bundles())}.",
    )


def _halved(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise ArtefactError(f"{name} has values beyond half precision.", "Share the bundle of the run as it is.")
    return half


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
