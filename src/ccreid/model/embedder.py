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
from ccreid.machine.arguments import PathLike, as_count
from ccreid.machine.devices import Device, computed_in, default_workers, launch, processes_of
from ccreid.machine.limits import BATCH_IMAGES
from ccreid.machine.processes import ALONE, Processes
from ccreid.machine.progress import Track, untracked
from ccreid.model.bundle import Bundle, load_bundle
from ccreid.model.embedding import Embeddings, embed, made_with
from ccreid.model.engine import Engine, TorchEngine
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
        batch_images: int = BATCH_IMAGES,
        pixels: PixelCache | None = None,
    ) -> Self:
        """The embedder of a bundle.

        Parameters
        ----------
        bundle:
            Its folder, the folder of the run that made it, or the name of one inside the package; or the bundle itself,
            whose network moves to the device.
        device:
            Where to compute.
        flip:
            Whether to add the mirror image's embedding; None does as the run did that made the bundle.
        batch_images:
            Images a batch: fewer take less memory.
        pixels:
            Where to keep decoded files; None keeps nothing.

        Raises
        ------
        ArtefactError
            There is no such bundle, it is of another version or damaged.
        SettingError
            The device is not here, or an argument is of a wrong kind.
        """
        found = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        fabric = launch(device, found.card.precision)
        engine = TorchEngine(
            found.network.to(fabric.device),
            flip=found.card.flip if flip is None else flip,
            precision=computed_in(fabric),
            autocast=fabric.autocast,
        )
        return cls(
            engine,
            found.weights_hash,
            found.preprocessing,
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
