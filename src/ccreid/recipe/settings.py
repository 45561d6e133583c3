"""The settings of a run, each with its meaning, its default and what it affects.

The defaults are the paper's (LTCC and Celeb-reID), and stand nowhere else; a recipe file states only what differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import Field, SerializeAsAny, field_validator, model_validator
from pydantic.fields import FieldInfo

from ccreid.machine.limits import BATCH_IMAGES, CACHE_GB, LARGEST_COUNT, LARGEST_PX
from ccreid.recipe.section import (
    IMAGES,
    MACHINE,
    PUBLIC,
    SCORES,
    Affects,
    Count,
    CountFrom0,
    Probability,
    Public,
    Section,
    Side,
    Weight,
    affects,
)


class DataSettings(Section):
    """Which images, and what a batch of them is."""

    dataset: Annotated[str, PUBLIC] = Field(description="name of the data set, see `ccreid data list`")
    root: Annotated[str | None, IMAGES] = Field(None, description="its folder; null reads the edition in the package")
    height_px: Side = Field(384, description="of the network's input")
    width_px: Side = Field(192, description="of the network's input")
    people: Count = Field(8, description="P, people a batch")
    images: Count = Field(4, description="K, images of each")
    sampler: Literal["plain", "clothes-aware", "attribute-aware", "contrasting"] = Field(
        "plain",
        description="clothes-aware: the K images span two outfits, annotated or mined; attribute-aware: mined; "
        "contrasting: they differ in clothes and camera, which the people of a batch share",
    )
    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    padding_px: Annotated[int, Field(ge=0, le=LARGEST_PX)] = Field(
        10, description="zeros around the image before the random crop"
    )
    erasing: Probability = Field(0.5, description="probability of erasing a rectangle")
    erasing_aspect: Literal["uniform", "log-uniform"] = Field(
        "uniform", description="height over width of that rectangle: uniform as the authors' code, or as torchvision"
    )
    recapture: Probability = Field(
        0.0,
        description="probability of another camera's look: box, resolution, blur, light and colour, noise, JPEG",
    )
    redress: Probability = Field(
        0.0, description="probability of garments in other colours and patterns, by the masks beside a synthetic set"
    )
    background: Probability = Field(
        0.0, description="probability of another background behind the person, by those masks"
    )
    workers: Annotated[CountFrom0 | None, MACHINE] = Field(
        None, description="decoding processes; null = by the machine"
    )
    cache_gb: Annotated[float, Field(ge=0, le=LARGEST_COUNT), MACHINE] = Field(
        CACHE_GB, description="disk for decoded pictures, so that only the first pass decodes; 0 keeps none"
    )
    unreadable: Annotated[Literal["error", "skip"], IMAGES] = Field(
        "error", description="what an unreadable image does"
    )
    unreadable_share: Annotated[Probability, IMAGES] = Field(
        0.01, description="of the images; more unreadable ones end the run all the same"
    )


class NetworkSettings(Section):
    """The backbone and where its weights come from."""

    backbone: Annotated[str, PUBLIC] = Field("resnet50.tv_in1k", description="timm's name")
    weights: Annotated[str, Public(("timm", "bundled", "none"))] = Field(
        "timm", description="timm, bundled, none, or a run, a bundle, a file"
    )
    last_stride: Literal[1, 2] = Field(1, description="stride of the last stage; 1 for ResNets only")
    frozen: CountFrom0 = Field(
        0, description="stages, from the input on and the stem among them, that training leaves as they are"
    )
    mixstyle: Probability = Field(
        0.0, description="how likely images take on another's style after each of the first two stages, in training"
    )


class MethodSettings(Section):
    """How the network is trained; each method has settings of its own beside its name.

    A subclass with a literal `name` is known by it from then on, in recipes too.
    """

    known: ClassVar[dict[str, type[MethodSettings]]] = {}
    needs: ClassVar[tuple[str, ...]] = ()
    """The columns of the training images, besides the person, that it cannot do without."""

    name: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_given: Any) -> None:
        name = cls.model_fields["name"].default
        if isinstance(name, str):
            MethodSettings.known[name] = cls


class BaselineWeights(Section):
    """Weights of the baseline's loss terms; 0 leaves a term out."""

    identity: Weight = Field(1.0, description="of L_id")
    triplet: Weight = Field(1.0, description="of L_tri")


class PhasedSettings(MethodSettings):
    """What the methods here have in common: the identity loss alone, then the others with it."""

    smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="label smoothing of the identity heads, that of the recomposition among them"
    )
    margin: Annotated[float, Field(ge=0)] = Field(0.3, description="of the triplet term")
    after_epoch: CountFrom0 = Field(25, description="e0, epochs with the identity loss alone")
    reset_optimizer_each_epoch: bool = Field(True, description="after e0, as the reference does")


class BaselineSettings(PhasedSettings):
    """Identity and triplet loss in the schedule of FIRe²."""

    name: Literal["baseline"] = Field("baseline", description="identity and triplet loss alone")
    weights: BaselineWeights = BaselineWeights()


class Fire2Weights(BaselineWeights):
    """Weights of FIRe²'s loss terms; 0 leaves a term out."""

    attribute: Weight = Field(1.0, description="of L_attr")
    recomposition: Weight = Field(0.3, description="of L_recomp")


class MiningSettings(Section):
    """The mining of attributes."""

    every: Count = Field(1, description="epochs between two minings, each of which begins the attribute head anew")
    k1: Count | Literal["auto"] = Field(20, description="neighbours; auto: grows with an identity's images, and k2 too")
    k2: Count = Field(6, description="images that a neighbourhood is averaged over")
    eps: Annotated[float, Field(ge=0, le=1)] = Field(
        0.4, description="largest Jaccard distance inside a cluster; the authors advise more where noise is strong"
    )
    small_identities: Literal["clip", "reference"] = Field(
        "clip", description="identities of fewer than k1 images: neighbours that there are, or as the authors' code"
    )


class Fire2Settings(PhasedSettings):
    """FIRe²: attributes mined in each identity (or its true outfits), and recomposition with their statistics."""

    name: Literal["fire2"] = Field("fire2", description="attributes mined in each identity, and recomposition")
    weights: Fire2Weights = Fire2Weights()
    attributes: Literal["mined", "clothes"] = Field(
        "mined",
        description="clusters found in each identity, or clothes: its annotated outfits; then nothing is clustered",
    )
    mining: MiningSettings = MiningSettings()
    scale: Annotated[float, Field(gt=0)] = Field(16.0, description="s, of the attribute head's cosines")
    attribute_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="ε, share of the attribute term's target for all attributes of the same person"
    )
    stripes: Count = Field(2, description="of the recomposition")
    recompositions: Count = Field(1, description="K, of each image, by donors of its own in each stripe")
    donors: Literal["any", "same-person", "other-people"] = Field(
        "any", description="whose images give their statistics, besides having another attribute"
    )


class CalWeights(Section):
    """Weights of CAL's loss terms; 0 leaves a term out."""

    identity: Weight = Field(1.0, description="of L_ID")
    triplet: Weight = Field(0.0, description="of L_tri")
    adversarial: Weight = Field(1.0, description="of L_CA; 0 trains no clothes head either")


class CalSettings(PhasedSettings):
    """CAL: embeddings that do not tell a clothes head which of a person's outfits they show."""

    needs: ClassVar[tuple[str, ...]] = ("clothes",)

    name: Literal["cal"] = Field("cal", description="a clothes head, and a network that learns to be of no use to it")
    weights: CalWeights = CalWeights()
    reset_optimizer_each_epoch: bool = Field(False, description="after e0, as FIRe²'s reference does")
    scale: Annotated[float, Field(gt=0)] = Field(16.0, description="1 / τ, of the clothes head's cosines")
    clothes_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="ε, share of the adversarial term's target for all outfits of the same person"
    )
    clothes_rate: Annotated[float, Field(gt=0)] | None = Field(
        3.5e-4, description="learning rate of the clothes head, constant as in the authors' code; null = the run's"
    )


class RememberSettings(Section):
    """Weights of terms that hold the network near the one it begins with; 0 leaves a term out."""

    features: Weight = Field(0.0, description="of the distance of each image's features from those of the beginning")
    relations: Weight = Field(0.0, description="of the share of the likenesses between a batch's images that is lost")


class TrainingSettings(Section):
    """The schedule and the machine."""

    epochs: Count = Field(80, description="how often the images are gone through")
    learning_rate: Annotated[float, Field(gt=0)] = Field(3.5e-4, description="after the warm-up")
    weight_decay: Annotated[float, Field(ge=0)] = Field(5e-4, description="L2, added to the gradient")
    warmup_epochs: CountFrom0 = Field(10, description="in which the rate rises from 1 % to the whole")
    milestones: Annotated[tuple[CountFrom0, ...], Field(strict=False)] = Field(
        (20, 40, 60), description="epochs after which the rate is multiplied by gamma"
    )
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="factor of the rate at a milestone")
    schedule: Literal["steps", "cosine"] = Field(
        "steps",
        description="how the rate falls: at the milestones, or after the warm-up along half a cosine to almost 0",
    )
    layer_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="factor of the rate from a stage of the backbone to the one before it; 1: all learn alike"
    )
    remember: RememberSettings = RememberSettings()
    seed: Annotated[int, Field(ge=0)] = Field(0, description="of every draw")
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], MACHINE] = Field("auto", description="where to compute")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true",
        description="of the backbone; the paper's is 32-true, bf16-mixed is faster where the processor computes in it",
    )
    memory_format: Literal["channels-last", "contiguous"] = Field(
        "channels-last", description="contiguous for a backbone or device that is slower with the channels innermost"
    )
    accumulate: Count = Field(1, description="batches a step of the optimizer is made of, where memory holds no more")
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(None, description="largest norm of the gradient")
    average: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="of the weights: share that a step keeps, for example 0.999 (EMA); 0 keeps the weights themselves",
    )
    replicas: Count = Field(
        1,
        description="parts of a batch with a batch normalisation and donors of their own; 2 is what two GPUs are in "
        "the authors' code, on however many devices",
    )
    trackers: Annotated[tuple[Literal["tensorboard", "mlflow", "wandb"], ...], Field(strict=False), MACHINE] = Field(
        (), description="who follows the run besides the journal; each is an extra of its name"
    )
    compile: bool = Field(
        False, description="torch.compile the backbone's training step, a minute once; no gain on a CPU of few cores"
    )

    @field_validator("milestones")
    @classmethod
    def _each_milestone_once(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if twice := sorted({epoch for epoch in milestones if milestones.count(epoch) > 1}):
            raise ValueError(f"training.milestones names {', '.join(map(str, twice))} twice: name each epoch once")
        return milestones


class SelectionSettings(Section):
    """Which epoch is kept, and who is scored with it."""

    by: Literal["validation", "last", "test"] = Field(
        "validation", description="people to select on; test is for comparison with the literature, and stamped"
    )
    every: Count = Field(5, description="epochs between two scorings, counted back from the last")
    share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="of the training people to hold out, where the set has no validation people"
    )
    scored: Literal["test", "validation"] = Field(
        "test", description="who is scored; validation leaves the test people unseen while designs are compared"
    )


class EvaluationSettings(Section):
    """How embeddings are made: for scoring, for the selection of an epoch, and (but for the flip) for mining."""

    flip: bool = Field(True, description="add the embedding of the flipped image")
    camera_means: Annotated[bool, SCORES] = Field(False, description="take the mean of each camera's embeddings off")
    centralise: Annotated[bool, SCORES] = Field(False, description="draw embeddings to their mutual nearest neighbours")
    reranking: Annotated[bool, SCORES] = Field(False, description="rank by k-reciprocal re-ranked distances")
    batch_images: Count = Field(
        BATCH_IMAGES, description="images embedded at once; moves the last bits of an embedding"
    )


class Recipe(Section):
    """All settings of a run."""

    name: Annotated[str, MACHINE, PUBLIC] = Field(
        pattern=r"^[\w.-]+$", description="begins the name of its run folders"
    )
    title: Annotated[str, MACHINE, PUBLIC] = Field("", description="what it is for, in a line")
    data: DataSettings
    network: NetworkSettings = NetworkSettings()
    method: SerializeAsAny[MethodSettings] = Fire2Settings()
    training: TrainingSettings = TrainingSettings()
    selection: SelectionSettings = SelectionSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.selection.scored == "validation" and self.selection.by == "test":
            raise ValueError("selection.scored is validation, so selection.by cannot be test: it would look at them")
        return self

    def affecting(self, *what: Affects) -> dict[str, Any]:
        """By dotted path, the value of every setting that affects something of these."""
        return {path: value for path, entry, value in _values(self) if affects(entry) in what}

    def told(self) -> dict[str, Any]:
        """By dotted path, every setting's value as it may be shared: what could name a file or a person is None.

        Numbers and the words that a setting chooses from are told; of free text, only what is :class:`Public`.
        """
        return {path: value if _is_public(entry, value) else None for path, entry, value in _values(self)}

    def shareable(self) -> dict[str, Any]:
        """The same in sections, as a recipe is written."""
        whole: dict[str, Any] = {}
        for path, value in self.told().items():
            *sections, name = path.split(".")
            place = whole
            for section in sections:
                place = place.setdefault(section, {})
            place[name] = value
        return whole


def _is_public(entry: FieldInfo, value: object) -> bool:
    if isinstance(value, list):
        return all(_is_public(entry, part) for part in value)
    if not isinstance(value, str):
        return value is None or isinstance(value, bool | int | float)
    words = [mark.words for mark in entry.metadata if isinstance(mark, Public)]
    return () in words or any(value in some for some in words) or value in _choices(entry.annotation)


def _choices(kind: Any) -> set[Any]:
    """The values that a type enumerates, wherever in it."""
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    return {value for part in get_args(kind) for value in _choices(part)}


def settings(method: type[MethodSettings] | None = None) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its dotted path, in order; the method's are those of one method, else of all."""
    for path, entry in _entries(Recipe):
        if path == "method":
            kinds = MethodSettings.known.values() if method is None else [method]
            yield from dict(pair for kind in kinds for pair in _entries(kind, "method.")).items()
        else:
            yield path, entry


def setting_paths(method: type[MethodSettings] | None = None) -> tuple[str, ...]:
    """Every setting by its dotted path; see :func:`settings`."""
    return tuple(path for path, _ in settings(method))


def section_of(entry: FieldInfo) -> type[Section] | None:
    """The section that a setting is, if it is one; the method is told by its name."""
    kind = entry.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) and kind is not MethodSettings else None


def _entries(model: type[Section], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, entry in model.model_fields.items():
        if (section := section_of(entry)) is not None:
            yield from _entries(section, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry


def _values(section: Section, prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    plain: Mapping[str, Any] = section.model_dump(mode="json")
    for name, entry in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry, plain[name]
