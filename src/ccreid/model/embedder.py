"""From pictures of any kind to their embeddings."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ccreid.data.given import Given, PictureLike, given
from ccreid.data.loaders import PlainLoader
from ccreid.data.pixels import PixelCache
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import DataError
from ccreid.machine.arguments import PathLike, as_count, as_path
from ccreid.machine.devices import Device, computed_in, default_workers, launch, processes_of
from ccreid.machine.limits import BATCH_IMAGES
from ccreid.machine.processes import ALONE, Processes
from ccreid.machine.progress import Track, untracked
from ccreid.model.bundle import Bundle, load_bundle
from ccreid.model.choosing import EngineName, check_name, chosen_engine, device_for, engine_of_file
from ccreid.model.embedding import Embeddings, embed, made_with
from ccreid.model.engine import Engine, TorchEngine
from ccreid.model.exported import is_exported
from ccreid.vocabulary import Pictures

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Embedder:
    """An engine with all that its embeddings depend on; call it with pictures.

    Attributes
    ----------
    engine, weights_hash:
        What runs the network, and the hash that names the network's weights.
    preprocessing:
        What an image goes through.
    batch_images, workers:
        Images a batch; processes that decode.
    pixels:
        Where decoded files are kept; None decodes them every time and keeps nothing.
    processes:
        Those that share the images; each ends with everything.
    """

    engine: Engine
    weights_hash: str
    preprocessing: Preprocessing
    batch_images: int = BATCH_IMAGES
    workers: int = 0
    pixels: PixelCache | None = None
    processes: Processes = ALONE

    def __post_init__(self) -> None:
        as_count(self.batch_images, "batch_images")

    @classmethod
    def load(
        cls,
        bundle: Bundle | PathLike,
        device: Device = "auto",
        flip: bool | None = None,
        *,
        engine: EngineName = "auto",
        batch_images: int = BATCH_IMAGES,
        pixels: PixelCache | None = None,
    ) -> Self:
        """The embedder of a bundle, or of an exported network.

        Parameters
        ----------
        bundle:
            Its folder, the folder of the run that made it, or the name of one inside the package; or the bundle itself,
            whose network moves to the device. An exported network is a file, .onnx or .xml, and needs no bundle.
        device:
            Where to compute.
        flip:
            Whether to add the mirror image's embedding; None does as the run did that made the bundle.
        engine:
            What runs the network, see :func:`ccreid.model.choosing.chosen_engine`. All of them give the same embeddings
            within 1e-4, under the same `made_with`; the same bits come of "torch" alone.
        batch_images:
            Images a batch: fewer take less memory.
        pixels:
            Where to keep decoded files; None keeps nothing.

        Raises
        ------
        ArtefactError
            There is no such bundle, it is of another version or damaged; or the engine lacks its exported network.
        SettingError
            The device is not here, the engine is not installed, or an argument is of a wrong kind.
        """
        check_name(engine)
        chosen: Engine
        if not isinstance(bundle, Bundle) and is_exported(path := as_path(bundle, "bundle")):
            fabric = launch("cpu")
            chosen = engine_of_file(path, engine, device, flip)
            weights_hash, preprocessing = chosen.card.weights_sha256, chosen.preprocessing
        else:
            found = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
            weights_hash, preprocessing = found.weights_hash, found.preprocessing
            fabric = launch(device_for(engine, device), found.card.precision)
            in_torch = TorchEngine(
                found.network.to(fabric.device),
                flip=found.card.flip if flip is None else flip,
                precision=computed_in(fabric),
                autocast=fabric.autocast,
            )
            chosen = chosen_engine(engine, in_torch, weights_hash, preprocessing)
        return cls(
            chosen,
            weights_hash,
            preprocessing,
            batch_images=batch_images,
            workers=default_workers(),
            pixels=pixels,
            processes=processes_of(fabric),
        )

    @property
    def made_with(self) -> dict[str, str]:
        """What embeddings depend on beside the pictures."""
        return made_with(self.weights_hash, self.preprocessing, self.engine.flip, self.engine.precision)

    def __call__(
        self,
        images: Pictures | PictureLike | Iterable[PictureLike],
        *,
        track: Track[object] = untracked,
        doing: str = "Embedding",
    ) -> Embeddings:
        """Embed pictures, in the order given.

        Parameters
        ----------
        images:
            `Pictures`; or one or several of: paths, NumPy arrays of uint8 ((H, W, 3) in RGB, (H, W, 4) with alpha,
            (H, W) in grey), PIL images, boxes in larger pictures (:class:`ccreid.data.crops.Crop`; those of one picture
            in a row, and it is decoded once). A picture gives the same vector in each of these forms; it is seen as a
            viewer shows it, see :func:`ccreid.data.shown.as_shown`.
        track, doing:
            Follows the batches for the user.

        Returns
        -------
        Embeddings
            Their `files` are those of `Pictures`; else the paths as given (with the box, "frame.jpg[8,0,64,128]"), and
            "image 0", ... by place for images without one.

        Raises
        ------
        DataError
            There are no pictures.
        ImageError
            Something is no picture or cannot be read, or nothing of a box lies in its picture.
        DivergedError
            An embedding is not finite.
        """
        pictures = images if isinstance(images, Pictures) else given(images)
        if not len(pictures):
            raise DataError("There are no pictures to embed.", "Give a path, an array or a PIL image.")
        loader = PlainLoader(
            pictures,
            self.preprocessing,
            batch_images=self.batch_images,
            workers=self._workers(pictures),
            cache=self.pixels,
            device=self.engine.device,
            processes=self.processes,
        )
        vectors = embed(self.engine, loader, track=track, doing=doing, processes=self.processes)
        if isinstance(pictures, Given) and pictures.frames.clipped:
            logger.warning("Boxes that reach beyond their pictures and were clipped: %d.", pictures.frames.clipped)
        return Embeddings(vectors, pictures.files, self.made_with)

    def _workers(self, pictures: Pictures | Given) -> int:
        """None to send what is in memory already, and none for a single batch, which would wait for them to start."""
        batches = -(-len(pictures) // self.batch_images)
        return min(self.workers, batches) if isinstance(pictures, Pictures) and batches > 1 else 0
