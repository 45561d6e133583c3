"""The settings of a run, each with what it means and what values it may have.

The defaults are the paper's (LTCC and Celeb-reID); a recipe file states only what differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from ccreid.machine.limits import BATCH_IMAGES, CACHE_GB, LARGEST_PX

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=1, le=LARGEST_PX)]
Weight = Annotated[float, Field(ge=0)]

DECISIVE = ("data", "network", "objective", "attributes", "training", "selection")
"""Sections whose settings change what training ends with."""
INDECISIVE = (
    "data.root",
    "data.workers",
    "data.cache_gb",
    "data.unreadable",
    "data.unreadable_share",
    "training.device",
    "training.trackers",
)
"""Settings there that do not; the images themselves are compared by their contents."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DataSettings(_Section):
    """Which images, and what a batch of them is."""

    dataset: str = Field(description="name of the data set, see `ccreid data list`")
    root: str | None = Field(None, description="its folder; null reads the edition inside the package")
    height_px: Side = 384
    width_px: Side = 192
    people: Count = Field(8, description="P, people a batch")
    images: Count = Field(4, description="K, images of each")
    sampler: Literal["plain", "clothes-aware", "attribute-aware"] = Field(
        "plain",
        description="clothes-aware: the K images span two outfits, annotated or mined; attribute-aware: mined",
    )
    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    padding_px: Annotated[int, Field(ge=0)] = Field(10, description="zeros around the image before the random crop")
    erasing: Probability = Field(0.5, description="probability of erasing a rectangle")
    workers: Annotated[int, Field(ge=0)] | None = Field(None, description="decoding processes; null = by the machine")
    cache_gb: Annotated[float, Field(ge=0)] = Field(
        CACHE_GB, description="disk for decoded pictures, so that only the first pass decodes; 0 keeps none"
    )
    unreadable: Literal["error", "skip"] = Field("error", description="what an unreadable image does")
    unreadable_share: Probability = Field(
        0.01, description="of the images; more unreadable ones end the run all the same"
    )


class NetworkSettings(_Section):
    """The backbone and where its weights come from."""

    backbone: str = Field("resnet50.tv_in1k", description="timm's name")
    weights: str = Field("timm", description="timm, bundled, none, or a file")
    last_stride: Literal[1, 2] = Field(1, description="stride of the last stage; 1 for ResNets only")


class WeightSettings(_Section):
    """Weights of the loss terms; 0 leaves a term out."""

    identity: Weight = 1.0
    triplet: Weight = 1.0
    attribute: Weight = 1.0
    recomposition: Weight = 0.3


class ObjectiveSettings(_Section):
    """The losses and the recomposition."""

    weights: WeightSettings = WeightSettings()
    scale: Annotated[float, Field(gt=0)] = Field(16.0, description="s, of the attribute head's cosines")
    smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="label smoothing of all heads")
    margin: Annotated[float, Field(ge=0)] = Field(0.3, description="of the triplet term")
    stripes: Count = Field(2, description="of the recomposition")
    recompositions: Count = Field(1, description="of each image")
    donors: Literal["any", "same-person", "other-people"] = Field(
        "any", description="whose images give their statistics, besides having another attribute"
    )
    replicas: Count = Field(1, description="parts of a batch for BN and donors; 2 imitates two GPUs")


class AttributeSettings(_Section):
    """The mining of attributes."""

    after_epoch: Annotated[int, Field(ge=0)] = Field(25, description="e0, epochs with the identity loss alone")
    every: Count = Field(1, description="epochs between two minings")
    k1: Count | Literal["auto"] = Field(20, description="auto: grows with the images of an identity, and k2 with it")
    k2: Count = 6
    eps: Annotated[float, Field(ge=0, le=1)] = 0.4
    small_identities: Literal["clip", "reference"] = "clip"


class TrainingSettings(_Section):
    """The schedule and the machine."""

    epochs: Count = 80
    learning_rate: Annotated[float, Field(gt=0)] = 3.5e-4
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    warmup_epochs: Annotated[int, Field(ge=0)] = 10
    milestones: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)] = (20, 40, 60)
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    reset_optimizer_each_epoch: bool = Field(True, description="after e0, as the reference does")
    seed: Annotated[int, Field(ge=0)] = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
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
    whole_batch: Annotated[tuple[Literal["batch-norm", "donors", "triplet"], ...], Field(strict=False)] = Field(
        ("batch-norm", "donors", "triplet"),
        description="with several processes, what looks at all of a batch and not at each one's part",
    )
    trackers: Annotated[tuple[Literal["tensorboard", "mlflow", "wandb"], ...], Field(strict=False)] = Field(
        (), description="who follows the run besides the journal; each is an extra of its name"
    )
    compile: bool = Field(
        False, description="torch.compile the backbone's training step, a minute once; no gain on a CPU of few cores"
    )


class SelectionSettings(_Section):
    """Which epoch is kept and reported."""

    by: Literal["validation", "last", "test"] = Field(
        "validation", description="people to select on; test is for comparison with the literature, and stamped"
    )
    every: Count = Field(5, description="epochs between two scorings, counted back from the last")
    share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="of the training people to hold out, where the set has no validation people"
    )


class EvaluationSettings(_Section):
    """How embeddings are made for scoring."""

    flip: bool = Field(True, description="add the embedding of the flipped image")
    reranking: bool = Field(False, description="rank by k-reciprocal re-ranked distances")
    batch_images: Count = BATCH_IMAGES
    people: Literal["test", "validation"] = Field(
        "test", description="who is scored; validation leaves the test people unseen while designs are compared"
    )


class Recipe(_Section):
    """All settings of a run."""

    name: str = Field(pattern=r"^[\w.-]+$")
    title: str = ""
    data: DataSettings
    network: NetworkSettings = NetworkSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    attributes: AttributeSettings = AttributeSettings()
    training: TrainingSettings = TrainingSettings()
    selection: SelectionSettings = SelectionSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.evaluation.people == "validation" and self.selection.by == "test":
            raise ValueError("evaluation.people is validation, so selection.by cannot be test: it would look at them")
        return self

    def decisive(self) -> dict[str, Any]:
        """By dotted path, every setting that changes what training ends with; where things lie and run is left out."""
        values = self.model_dump(mode="json")
        return {
            path: reduce(dict.__getitem__, path.split("."), values)
            for path in setting_paths()
            if path.partition(".")[0] in DECISIVE and path not in INDECISIVE
        }


def setting_paths() -> tuple[str, ...]:
    """Every setting by its dotted path."""
    return tuple(path for path, _ in describe())


def describe() -> Iterator[tuple[str, str]]:
    """Every setting's dotted path with what it means (empty where the name says it)."""
    return ((path, entry.description or "") for path, entry in settings())


def settings(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its dotted path, in order."""
    for name, entry in model.model_fields.items():
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):
            yield from settings(entry.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry
