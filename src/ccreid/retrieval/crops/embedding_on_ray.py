"""Crops are embedded by a Ray cluster, each machine of it with its processors and accelerators."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ccreid.errors import ArtefactError, CcreidError, LostProcess, SettingError
from ccreid.machine.devices import Device
from ccreid.machine.extras import need
from ccreid.model.bundle import Bundle
from ccreid.model.choosing import EngineName, device_for
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import made_with
from ccreid.retrieval.crops.crop_reading import Picture, Seen
from ccreid.retrieval.crops.embedding_here import Here

BLOCK_PICTURES = 256
"""Pictures that a worker takes at once, and that are read again where it dies."""

RETRIES = 3
"""How often a block is tried again: one that ends every worker must not go on for ever."""

REACHED_S = 10.0
"""How long a cluster may take to answer at its address."""

OBJECTS_BYTES = 2**28
"""Memory of a cluster of one's own machine for what travels between its processes: a few blocks and embeddings."""

UNHEARD = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Ray sends its makers nothing, and says on the terminal only what is fatal."""

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""A cluster of one's own machine listens there alone. Ray has this switch for Windows and macOS; it acts everywhere."""

BLOCK = pa.schema(
    {
        "picture": pa.int64(),
        "path": pa.string(),
        "rows": pa.list_(pa.int64()),
        "boxes": pa.list_(pa.list_(pa.int64())),
    }
)
"""Pictures on their way to a worker."""

ANSWER = pa.schema(
    {
        "picture": pa.int64(),
        "row": pa.int64(),
        "problem": pa.string(),
        "sha256": pa.string(),
        "box": pa.list_(pa.int64()),
        "clipped": pa.bool_(),
        "height_px": pa.int32(),
        "width_px": pa.int32(),
        "embedding": pa.list_(pa.float32()),
    }
)
"""Crops on their way back."""


@dataclass(frozen=True)
class OnRay:
    """Embeds on the cluster to which this process is connected. Made by :func:`on_ray`.

    Attributes
    ----------
    bundle, device, engine:
        What each worker loads, where it computes, and what runs the network there; "auto" is for each to choose.
    made_with:
        What the embeddings depend on.
    workers:
        How many there are at most.
    """

    bundle: Bundle
    device: Literal["cpu", "cuda"]
    engine: EngineName
    made_with: dict[str, str]
    workers: int

    @property
    def runtime(self) -> str:
        """What runs the network, in words."""
        return "the fastest that each worker has" if self.engine == "auto" else self.engine

    def embed(self, pictures: Iterable[Picture], known: Container[str]) -> Iterator[list[Seen]]:
        """What came of the crops of each picture, in order; of those that are known without their embeddings.

        Raises
        ------
        LostProcess
            Workers died again and again, or the cluster went away.
        CcreidError
            What a worker raised.
        """
        ray = need("ray", extra="ray", to="embed on a cluster")
        listed = list(pictures)
        if not listed:
            return
        blocks = ray.data.from_arrow(
            [_block(start, listed[start : start + BLOCK_PICTURES]) for start in range(0, len(listed), BLOCK_PICTURES)]
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`ray_remote_args`")  # Ray has no other name for the retries yet
            answers = blocks.map_batches(
                _Worker,
                fn_constructor_args=(ray.put(self.bundle), self.device, self.engine, self.made_with, ray.put(known)),
                batch_format="pyarrow",
                batch_size=None,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self.workers),
                num_cpus=1,
                num_gpus=1 if self.device == "cuda" else 0,
                max_task_retries=RETRIES,
            )
        try:
            for answer in answers.iter_batches(batch_format="pyarrow", batch_size=None, prefetch_batches=1):
                yield from _seen(answer)
        except Exception as error:  # Ray wraps what its parts raise in several ways
            raise _told(error) from error


@contextmanager
def on_ray(
    bundle: Bundle, device: Device = "auto", address: str | None = None, *, engine: EngineName = "auto"
) -> Iterator[OnRay]:
    """Connect to a cluster for as long as the context lasts.

    Parameters
    ----------
    bundle:
        It travels to the workers, on whose machines ccreid must be installed and the pictures must lie at the same
        places.
    device:
        Of each worker: "auto" is an accelerator where the cluster has some.
    address:
        Of the cluster, such as "10.0.0.1:6379"; None starts one of this machine alone, unless this process is connected
        to one already.
    engine:
        What runs the network. A library must have the bundle's exported file in the user's cache on every machine.

    Raises
    ------
    SettingError
        Ray is not installed, the cluster cannot be reached, or it lacks the device.
    ArtefactError
        The library that was asked for lacks its exported file here.
    """
    wanted = device_for(engine, device)
    with _connected(address) as ray:
        resources = ray.cluster_resources()
        accelerators = int(resources.get("GPU", 0))
        chosen: Literal["cpu", "cuda"] = "cuda" if wanted == "cuda" or (wanted == "auto" and accelerators) else "cpu"
        if wanted not in ("auto", "cpu", "cuda") or (chosen == "cuda" and not accelerators):
            raise SettingError(f"The Ray cluster has no device '{wanted}'.", "Choose cpu or auto.")
        if chosen == "cpu":  # which may compute in another precision than the run did
            how = Embedder.load(bundle, "cpu", engine=engine).made_with
        else:
            how = made_with(bundle.weights_hash, bundle.preprocessing, bundle.card.flip, bundle.card.precision)
        workers = accelerators if chosen == "cuda" else max(1, int(resources.get("CPU", 1)))
        yield OnRay(bundle, chosen, engine, how, workers)


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    own = LOOPBACK | {"RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or _token()} if address is None else {}
    with _environment(UNHEARD | own):
        ray = need("ray", extra="ray", to="embed on a cluster")
        need("ray.data", extra="ray", to="embed on a cluster")
        for name in ("ray.data", "ray._private.authentication"):  # what fails is raised, too
            logging.getLogger(name).setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.print_on_execution_start = False, False
        context.execution_options.preserve_order = True
        context.raise_original_map_exception = True
        if ray.is_initialized():
            yield ray
            return
        if address is not None:
            _check_reachable(address)
        quietly = {"log_to_driver": False, "logging_level": logging.ERROR}
        constants = need("ray._private.ray_constants", extra="ray", to="embed on a cluster")
        before = constants.ENABLE_RAY_CLUSTER  # read from the environment when Ray was imported, maybe long ago
        try:
            if address is None:
                constants.ENABLE_RAY_CLUSTER = False
                ray.init("local", include_dashboard=False, object_store_memory=OBJECTS_BYTES, **quietly)
            else:
                ray.init(address, **quietly)
        except Exception as error:  # ConnectionError, ValueError, RuntimeError, ...
            where = "of this machine" if address is None else address
            raise SettingError(
                f"The Ray cluster {where} cannot be reached: {_why(error)}.",
                "Check --ray-address, and that the cluster has this version of Ray and Python.",
            ) from error
        finally:
            constants.ENABLE_RAY_CLUSTER = before
        try:
            yield ray
        finally:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself would try for minutes. Raises SettingError."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 2**16):
        raise SettingError(f"{address} is no address of a Ray cluster.", "Give it as HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_S).close()
    except OSError as error:
        raise SettingError(
            f"The Ray cluster {address} cannot be reached: {error.strerror or error}.",
            "Check --ray-address, and that the cluster runs.",
        ) from error


@cache
def _token() -> str:
    """What the processes of a cluster of one's own know each other by; Ray would leave it in the home folder."""
    return secrets.token_hex(32)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Worker:
    """Loads the bundle once, then embeds block after block."""

    def __init__(
        self, bundle: Any, device: Literal["cpu", "cuda"], engine: EngineName, how: dict[str, str], known: Any
    ) -> None:
        ray = need("ray", extra="ray", to="embed on a cluster")
        self.here, self.how = Here(Embedder.load(ray.get(bundle), device, engine=engine)), how
        self.known: Container[str] = ray.get(known)

    def __call__(self, block: pa.Table) -> pa.Table:
        if self.here.made_with != self.how:
            raise ArtefactError(
                "A worker of the Ray cluster would embed in another way than this process expects.",
                "Install the same version of ccreid on every machine of it.",
            )
        pictures = block.to_pylist()
        asked = [Picture(of["path"], tuple(of["rows"]), tuple(map(_box, of["boxes"]))) for of in pictures]
        answers = zip(pictures, self.here.embed(asked, self.known), strict=True)
        rows = [_row(of["picture"], seen) for of, crops in answers for seen in crops]
        return pa.Table.from_pylist(rows, ANSWER)


def _block(start: int, pictures: Sequence[Picture]) -> pa.Table:
    rows = [
        {"picture": place, "path": of.path, "rows": of.rows, "boxes": of.boxes}
        for place, of in enumerate(pictures, start)
    ]
    return pa.Table.from_pylist(rows, BLOCK)


def _row(picture: int, seen: Seen) -> dict[str, Any]:
    own = {name: getattr(seen, name) for name in ANSWER.names if hasattr(seen, name)}
    return own | {"picture": picture, "embedding": seen.values}


def _seen(answer: pa.Table) -> Iterator[list[Seen]]:
    """What came of each picture of an answer."""
    vectors = [None if value is None else np.array(value, np.float32) for value in answer["embedding"].to_pylist()]
    rows = zip(answer.drop_columns(["embedding"]).to_pylist(), vectors, strict=True)
    for _, crops in groupby(rows, key=lambda row: row[0]["picture"]):
        yield [
            Seen(
                **{name: value for name, value in of.items() if name not in ("picture", "box")},
                box=_box(of["box"]),
                values=vector,
            )
            for of, vector in crops
        ]


def _box(written: Sequence[int] | None) -> tuple[int, int, int, int] | None:
    return None if written is None else (written[0], written[1], written[2], written[3])


def _told(error: Exception) -> CcreidError:
    """What a worker raised, dug out of what Ray makes of it; else that workers were lost."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, CcreidError):
            return inner
        inner = getattr(inner, "cause", None) or inner.__cause__
    return LostProcess(
        f"The Ray cluster gave up: {_why(error)}.",
        "What was embedded is kept: repeat the command to go on. Where workers die, look at their memory.",
    )


def _why(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
