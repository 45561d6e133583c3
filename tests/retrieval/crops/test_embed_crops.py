"""From a list to a file of crops: the right vectors, nothing twice, nothing lost, whatever is broken is left out."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, CcreidError, DataError, SettingError
from ccreid.machine.files import HOLDER
from ccreid.machine.writing import sole_writer
from ccreid.model.backbone import Backbone
from ccreid.model.embedder import Embedder
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.retrieval.crops import crop_parts
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.crop_list import list_crops
from ccreid.retrieval.crops.crop_reading import Picture, Seen
from ccreid.retrieval.crops.embed_crops import Outcome, embed_crops
from ccreid.retrieval.crops.embedding_here import Here

SIZE = (16, 32)
PICTURES = 7


def a_network(seed: int) -> Embedder:
    torch.manual_seed(seed)
    network = Network(Backbone("test_resnet", height_px=32, width_px=16))
    return Embedder(TorchEngine(network), f"seed {seed}", Preprocessing(32, 16), batch_images=3)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return a_network(1)


@dataclass
class Counting:
    """Embeds here, counts what it embeds, and stops after some pictures."""

    embedder: Embedder
    stop_after: int | None = None
    embedded: int = field(default=0, init=False)
    runtime: str = "torch"

    @property
    def made_with(self) -> dict[str, str]:
        return self.embedder.made_with

    def embed(self, pictures: Iterable[Picture], known: Container[str]) -> Iterator[list[Seen]]:
        for place, seen in enumerate(Here(self.embedder).embed(pictures, known)):
            if place == self.stop_after:
                raise KeyboardInterrupt
            self.embedded += sum(crop.values is not None for crop in seen)
            yield seen


def draw(path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a folder of pictures."""
    monkeypatch.chdir(tmp_path)
    for seed in range(PICTURES):
        draw(Path("people") / f"{seed}.png", seed)
    return tmp_path


def run(places: list[str], embedder: Embedder, out: str = "out.parquet", **more: Any) -> Outcome:
    return embed_crops(list_crops(places), Path(out), Here(embedder), **more)


def read(name: str = "out.parquet") -> CropFile:
    return CropFile.read(name)


def column(name: str, file: str = "out.parquet") -> list[Any]:
    found: list[Any] = read(file).table[name].to_pylist()
    return found


def paths_of(file: str = "out.parquet") -> list[str]:
    """As seen from the working folder; the file holds whole ones."""
    return [str(Path(path).relative_to(Path.cwd())) for path in column("path", file)]


@pytest.mark.usefixtures("here")
def test_the_vectors_are_the_embedders(embedder: Embedder) -> None:
    assert run(["people"], embedder) == Outcome(PICTURES, PICTURES, 0, 0, 0, ())
    paths = [f"people/{seed}.png" for seed in range(PICTURES)]
    assert paths_of() == paths
    np.testing.assert_array_equal(read().vectors, embedder(paths).vectors.numpy())
    assert read().made_with == embedder.made_with
    assert set(column("height_px")) == {32}
    assert column("box") == [None] * PICTURES


@pytest.mark.usefixtures("here")
def test_boxes_are_cut_clipped_and_counted(embedder: Embedder) -> None:
    draw(Path("frame.png"), 9, (40, 64))
    rows = ["0,0,16,32", "30,10,16,32", "90,0,5,5", ",,,", "2,2,0,9"]
    Path("t.csv").write_text("path,x,y,width,height\n" + "".join(f"frame.png,{row}\n" for row in rows))
    outcome = run(["t.csv"], embedder)
    assert (outcome.rows, outcome.clipped, len(outcome.problems)) == (3, 1, 2)
    assert "the box at 90, 0 of 5 x 5 pixels lies outside the picture of 40 x 64" in outcome.problems[0]
    assert "is empty in" in outcome.problems[1]
    assert column("box") == [[0, 0, 16, 32], [30, 10, 10, 32], None]
    assert column("width_px") == [16, 10, 40]
    with Image.open("frame.png") as frame:
        for name, box in (("a.png", (0, 0, 16, 32)), ("b.png", (30, 10, 40, 42))):
            frame.crop(box).save(name)
    by_hand = embedder(["a.png", "b.png", "frame.png"]).vectors.numpy()
    np.testing.assert_allclose(read().vectors, by_hand, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("here")
def test_what_is_there_is_not_embedded_again(embedder: Embedder) -> None:
    run(["people/0.png", "people/1.png"], embedder)
    counting = Counting(embedder)
    outcome = embed_crops(list_crops(["people"]), Path("out.parquet"), counting)
    assert counting.embedded == PICTURES - 2
    assert (outcome.rows, outcome.embedded, outcome.there) == (PICTURES, PICTURES - 2, 2)
    once = read().ids
    run(["people"], embedder, "whole.parquet")
    assert sorted(once) == sorted(read("whole.parquet").ids)
    again = Counting(embedder)
    embed_crops(list_crops(["people/3.png"]), Path("out.parquet"), again)
    assert again.embedded == 0
    assert read().ids == once  # what is not listed stays


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_after_an_interruption_it_goes_on(embedder: Embedder, stop_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_parts, "PART_CROPS", 2)
    listed = list_crops(["people"])
    with pytest.raises(KeyboardInterrupt):
        embed_crops(listed, Path("out.parquet"), Counting(embedder, stop_after))
    assert not Path("out.parquet").exists()
    assert len(CropFile.read("out.parquet.parts")) == stop_after
    rest = Counting(embedder)
    outcome = embed_crops(listed, Path("out.parquet"), rest)
    assert rest.embedded == PICTURES - stop_after == outcome.embedded
    assert paths_of() == [f"people/{seed}.png" for seed in range(PICTURES)]
    assert sorted(path.name for path in Path().iterdir()) == ["out.parquet", "people"]


@pytest.mark.usefixtures("here")
def test_what_a_killed_command_left_is_taken_up_or_away(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(crop_parts.CropParts, "remove", interrupted)  # the file stands, and so do the parts
        with pytest.raises(KeyboardInterrupt):
            run(["people"], embedder)
    ids = read().ids
    others = Path(f".other.parquet{HOLDER}x")  # somebody may be writing it
    others.mkdir()
    for folder, name in ((Path(), "out.parquet"), (Path("out.parquet.parts"), "part-000002.parquet")):
        half = folder / f".{name}{HOLDER}x"
        half.mkdir()
        (half / name).write_bytes(b"half")
    outcome = run(["people"], embedder)
    assert (outcome.rows, outcome.embedded) == (PICTURES, 0)
    assert read().ids == ids
    assert sorted(path.name for path in Path().iterdir()) == [others.name, "out.parquet", "people"]


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("here")
def test_the_same_bytes_are_embedded_once(embedder: Embedder) -> None:
    for name in ("again.png", "once more.png"):
        shutil.copyfile("people/2.png", f"people/{name}")
    counting = Counting(embedder)
    outcome = embed_crops(list_crops(["people", "people/0.png"]), Path("out.parquet"), counting)
    assert (outcome.rows, outcome.embedded, outcome.doubled) == (PICTURES, PICTURES, 3)
    assert counting.embedded == PICTURES


@pytest.mark.usefixtures("here")
def test_what_cannot_be_read_is_named_and_left_out(embedder: Embedder) -> None:
    Path("people/empty.png").touch()
    Path("people/half.png").write_bytes(Path("people/0.png").read_bytes()[:300])
    Path("people/text.jpg").write_text("<html>")
    Image.new("1", (15000, 15000)).save("people/bomb.png")
    Path("list.csv").write_text("path\npeople/gone.png\n")
    outcome = run(["people", "list.csv"], embedder)
    assert outcome.rows == PICTURES
    said = "\n".join(outcome.problems)
    for name, why in (
        ("empty.png", "it is empty"),
        ("half.png", "cannot be read"),
        ("text.jpg", "no picture of a known format"),
        ("bomb.png", "decompression bomb"),
        ("gone.png", "No such file"),
    ):
        assert any(name in problem and why in problem for problem in outcome.problems), said


@pytest.mark.usefixtures("here")
def test_an_error_where_nothing_is_left_leaves_what_was_there(embedder: Embedder) -> None:
    run(["people"], embedder)
    before = Path("out.parquet").read_bytes()
    Path("empty.png").touch()
    with pytest.raises(DataError, match=r"Nothing is left to embed\. .*empty\.png cannot be read") as raised:
        run(["empty.png"], embedder)
    assert raised.value.mend
    assert Path("out.parquet").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["empty.png", "out.parquet", "people"]


@pytest.mark.usefixtures("here")
def test_what_is_known_of_crops_goes_with_them_and_is_renewed(embedder: Embedder) -> None:
    Path("one.csv").write_text("path,person,camera\n" + "".join(f"people/{n}.png,p{n},{n}\n" for n in range(3)))
    Path("two.csv").write_text("path,person,outfit\npeople/2.png,ben,red\npeople/5.png,anna,\n")
    run(["one.csv"], embedder)
    run(["two.csv"], embedder)
    assert paths_of() == [f"people/{n}.png" for n in (0, 1, 2, 5)]
    assert column("person") == ["p0", "p1", "ben", "anna"]
    assert column("camera") == [0, 1, 2, None]
    assert column("outfit") == [None, None, "red", None]
    Path("three.csv").write_text("path,camera\npeople/0.png,north\n")
    run(["three.csv"], embedder)
    assert column("camera") == ["north", "1", "2", None]


@pytest.mark.usefixtures("here")
def test_a_picture_that_was_changed_takes_the_place_of_itself(embedder: Embedder) -> None:
    run(["people"], embedder)
    draw(Path("people/1.png"), 99)
    outcome = run(["people"], embedder)
    assert (outcome.rows, outcome.embedded) == (PICTURES, 1)
    assert sorted(paths_of()) == [f"people/{seed}.png" for seed in range(PICTURES)]
    place = paths_of().index("people/1.png")
    np.testing.assert_allclose(read().vectors[place], embedder("people/1.png").vectors[0], atol=1e-6)


@pytest.mark.usefixtures("here")
def test_crops_of_another_model_are_not_mixed(embedder: Embedder) -> None:
    other = a_network(2)
    run(["people"], embedder)
    before = Path("out.parquet").read_bytes()
    with pytest.raises(ArtefactError, match=r"out\.parquet was made with another model.* weights differ"):
        run(["people"], other)
    assert Path("out.parquet").read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        embed_crops(list_crops(["people"]), Path("new.parquet"), Counting(embedder, 3))
    with pytest.raises(ArtefactError, match=r"new\.parquet\.parts was made with another model"):
        run(["people"], other, "new.parquet")


@pytest.mark.usefixtures("here")
def test_a_file_of_crops_is_a_list_whose_embeddings_are_taken_where_they_fit(embedder: Embedder) -> None:
    run(["people"], embedder)
    vectors = read().vectors
    shutil.rmtree("people")
    outcome = run(["out.parquet"], embedder, "copy.parquet")
    assert (outcome.embedded, outcome.there) == (0, PICTURES)
    np.testing.assert_array_equal(read("copy.parquet").vectors, vectors)
    with pytest.raises(DataError, match="Nothing is left"):
        run(["out.parquet"], a_network(2), "other.parquet")


@pytest.mark.usefixtures("here")
def test_a_file_of_crops_is_embedded_by_another_model(embedder: Embedder) -> None:
    draw(Path("frame.png"), 9, (40, 64))
    Path("t.csv").write_text("path,x,y,width,height,camera\nframe.png,0,0,16,32,3\n")
    run(["t.csv"], embedder)
    run(["out.parquet"], a_network(2), "other.parquet")
    assert read("other.parquet").ids == read().ids
    assert column("camera", "other.parquet") == [3]


@pytest.mark.usefixtures("here")
def test_a_folder_of_parts_grows(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_parts, "PART_CROPS", 3)
    run(["people/0.png"], embedder, "parts")
    outcome = run(["people"], embedder, "parts")
    assert (outcome.rows, outcome.embedded, outcome.there) == (PICTURES, PICTURES - 1, 1)
    assert sorted(path.name for path in Path("parts").iterdir()) == [f"part-{n:06d}.parquet" for n in (1, 2, 3)]
    assert paths_of("parts") == [f"people/{seed}.png" for seed in range(PICTURES)]


@pytest.mark.usefixtures("here")
def test_what_holds_no_crops_is_never_overwritten(embedder: Embedder) -> None:
    Path("mine.parquet").write_text("mine")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    Path("file").write_text("mine")
    for out in ("mine.parquet", "mine", "file", "people"):
        with pytest.raises(CcreidError, match=out) as raised:
            run(["people"], embedder, out)
        assert raised.value.mend
    assert {path.read_text() for path in (Path("mine.parquet"), Path("mine/notes.txt"), Path("file"))} == {"mine"}
    assert sorted(path.name for path in Path().iterdir()) == ["file", "mine", "mine.parquet", "people"]


@pytest.mark.usefixtures("here")
def test_two_writers_are_kept_apart(embedder: Embedder) -> None:
    with sole_writer(Path("out.parquet.parts")), pytest.raises(SettingError, match="written by another command"):
        run(["people"], embedder)


@pytest.mark.usefixtures("here")
def test_tracklets_are_rows_of_their_own_file(embedder: Embedder) -> None:
    Path("t.csv").write_text("path,tracklet\n" + "".join(f"people/{n}.png,{n // 3}\n" for n in range(PICTURES)))
    run(["t.csv"], embedder)
    outcome = run(["t.csv"], embedder, "tracklets.parquet", tracklets=True)
    assert (outcome.rows, outcome.embedded) == (3, PICTURES)
    assert column("crops", "tracklets.parquet") == [3, 3, 1]
    reused = run(["out.parquet"], embedder, "again.parquet", tracklets=True)
    assert reused.embedded == 0
    np.testing.assert_array_equal(read("again.parquet").vectors, read("tracklets.parquet").vectors)
    with pytest.raises(SettingError, match=r"tracklets\.parquet is there already, and holds tracklets"):
        run(["t.csv"], embedder, "tracklets.parquet")
    with pytest.raises(SettingError, match=r"out\.parquet is there already, and holds crops"):
        run(["t.csv"], embedder, "out.parquet", tracklets=True)
    with pytest.raises(SettingError, match="parts is no name of a file"):
        run(["t.csv"], embedder, "parts", tracklets=True)
    with pytest.raises(DataError, match="No crop has a tracklet"):
        run(["people"], embedder, "none.parquet", tracklets=True)
    assert pq.read_schema("out.parquet").names[-1] == "tracklet"


@pytest.mark.usefixtures("here")
def test_the_pictures_are_followed(embedder: Embedder) -> None:
    heard = []

    def track(items: Iterable[list[Seen]], doing: str, count: int) -> Iterable[list[Seen]]:
        found = list(items)
        heard.append((doing, count, len(found)))
        return found

    run(["people"], embedder, track=track)
    assert heard == [("Embedding", PICTURES, PICTURES)]


def test_pictures_in_storage_are_read_by_uri(here: Path, embedder: Embedder) -> None:
    run([f"file://{here}/people"], embedder)
    np.testing.assert_allclose(read().vectors[0], embedder("people/0.png").vectors[0], atol=1e-6)
    Path("t.csv").write_text(f"path\nfile://{here}/people/gone.png\nfile://{here}/people/0.png\n")
    outcome = run(["t.csv"], embedder, "other.parquet")
    assert outcome.rows == 1
    assert "gone.png cannot be read" in outcome.problems[0]
    Path("t.csv").write_text("path\npeople/0.png\nnone://x.png\n")
    with pytest.raises(SettingError, match=r"none://x\.png cannot be read: Protocol not known"):
        run(["t.csv"], embedder, "third.parquet")
