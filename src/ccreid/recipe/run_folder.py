"""What stands where in the folder of a run.

::

    recipe.yaml               every setting, resolved
    journal.jsonl             every step and epoch
    checkpoint.safetensors    where the run stands
    best.safetensors          the network of the best epoch on validation so far
    diverged/                 the batch whose loss was no number, where one was
    bundle/                   the model to ship
    embeddings/               of query and gallery
    report.json, report.txt   the scores
    report.html               the scores with curves, reliance on clothes and ranked lists, in one file
    queries.parquet           what became of every query under every protocol
    ranked-PROTOCOL.png       ranked lists
    attributes/               what `ccreid attributes` shows of the run
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccreid.errors import SettingError
from ccreid.machine.files import write_text
from ccreid.recipe.reading import load_recipe, to_yaml
from ccreid.recipe.settings import Recipe

RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, by its path; what is in it may not be there yet."""

    path: Path

    @classmethod
    def below(cls, place: Path) -> Iterator[RunFolder]:
        """The runs that a folder is or holds, at any depth, sorted."""
        return (found for file in sorted(place.rglob(RECIPE)) if (found := cls(file.parent)).journal.is_file())

    @property
    def recipe_file(self) -> Path:
        """Every setting, resolved: what makes a folder a run."""
        return self.path / RECIPE

    @property
    def journal(self) -> Path:
        """Every step and epoch."""
        return self.path / "journal.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Where the run stands."""
        return self.path / "checkpoint.safetensors"

    @property
    def best(self) -> Path:
        """The network of the best epoch on validation so far."""
        return self.path / "best.safetensors"

    @property
    def bundle(self) -> Path:
        """The model to ship."""
        return self.path / "bundle"

    @property
    def embeddings(self) -> Path:
        """Of query and gallery."""
        return self.path / "embeddings"

    @property
    def report(self) -> Path:
        """The scores."""
        return self.path / "report.json"

    @property
    def queries(self) -> Path:
        """What became of every query under every protocol."""
        return self.path / "queries.parquet"

    @property
    def attributes(self) -> Path:
        """What is shown of the attributes."""
        return self.path / "attributes"

    def diverged(self, rank: int = 0) -> Path:
        """The batch whose loss was no number, in a process."""
        return self.path / (f"diverged-{rank}" if rank else "diverged")

    @property
    def begun(self) -> bool:
        """Whether there is a run."""
        return self.recipe_file.is_file()

    @property
    def finished(self) -> bool:
        """Whether it is scored."""
        return self.report.is_file()

    @property
    def how_to_go_on(self) -> str:
        """The command that goes on with it."""
        return f"Go on with it: ccreid train --resume {self.path}"

    def recipe(self, changes: Sequence[str] = (), *, data: Path | None = None) -> Recipe:
        """The recipe of the run, with some settings changed and, where the data set has moved, its new folder.

        Raises
        ------
        SettingError
            The folder is no run, or a setting is wrong.
        """
        if not self.begun:
            inside = next((file.parent for file in sorted(self.path.glob(f"*/{RECIPE}"))), None)
            mend = (
                "Name the folder of a run." if inside is None else f"Name one of the runs in it, for example {inside}."
            )
            raise SettingError(f"{self.path} is no run: it has no {RECIPE}.", mend)
        return load_recipe(str(self.recipe_file), changes, data=data)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write every setting. Raises StorageError."""
        write_text(self.recipe_file, to_yaml(recipe))
