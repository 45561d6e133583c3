"""What can go wrong, as one tree of exceptions.

::

    CcreidError            everything below: a message for the user and the mend
    ├── SettingError       a recipe, a setting or an option
    ├── DataError          a data set on disk: a folder, a name, a count
    │   └── ImageError     a picture that cannot be read
    ├── ArtefactError      a bundle, a checkpoint or an embeddings file
    ├── WeightsError       pretrained weights that are missing or do not fit
    ├── DivergedError      a network that no longer gives numbers
    ├── MemoryShortage     a device whose memory is full
    ├── LostProcess        a process of a run that ended before the others
    ├── StorageError       a write that failed (no space left, no permission)
    └── InterruptedRun     a run stopped on request, saved and ready to go on
"""

from __future__ import annotations


class CcreidError(Exception):
    """Base of every error that a user can cause or mend.

    Parameters
    ----------
    message:
        What is wrong, naming the file or the setting.
    mend:
        What to do about it, in one sentence; may be empty.
    """

    exit_code = 2

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message, mend)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n{self.mend}" if self.mend else self.message


class SettingError(CcreidError):
    """A recipe, a setting or an option is wrong."""


class DataError(CcreidError):
    """A data set on disk is not what was expected."""


class ImageError(DataError):
    """A picture cannot be read."""


class ArtefactError(CcreidError):
    """A bundle, a checkpoint or an embeddings file cannot be used."""


class WeightsError(CcreidError):
    """Pretrained weights are missing or do not fit the network."""


class DivergedError(CcreidError):
    """A network no longer gives numbers: a loss or an embedding is not finite."""

    exit_code = 1


class MemoryShortage(CcreidError):  # noqa: N818 - OutOfMemoryError is torch's
    """The memory of a device is full."""

    exit_code = 1


class LostProcess(CcreidError):  # noqa: N818 - the error is another process's
    """A process of a run ended before the others."""

    exit_code = 1


class StorageError(CcreidError):
    """Something could not be written; what stood there before is intact."""

    exit_code = 1


class InterruptedRun(CcreidError):  # noqa: N818 - a stop on request is not an error of the program
    """A run was stopped on request, after saving."""

    exit_code = 130
