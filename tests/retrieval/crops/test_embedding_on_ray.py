"""The same embeddings from a cluster of processes, whoever of them dies; one cluster for the whole file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, DivergedError, LostProcess, SettingError
from ccreid.export.exporting import export
from ccreid.machine.devices import Device
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, Bundle, load_bundle, save_bundle
from ccreid.model.embedder import Embedder
from ccreid.model.exported import kept_file
from ccreid.model.network import Network
from ccreid.retrieval.crops import embedding_on_ray
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.crop_list import list_crops
from ccreid.retrieval.crops.embed_crops import Outcome, embed_crops
from ccreid.retrieval.crops.embedding_here import Here
from ccreid.retrieval.crops.embedding_on_ray import BLOCK, OnRay, _Worker, on_ray
from exports import pictures as noise_of
from exports import save_small_bundle, traced_once
from spoilt_network import Spoilt

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = [
    pytest.mark.slow,
    # What Ray and Fabric raise themselves.
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PICTURES = 11
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    torch.manual_seed(1)
    network = Network(Backbone("test_resnet", height_px=32, width_px=16))
    folder = tmp_path_factory.mktemp("bundle")
    save_bundle(folder / "b", network, Preprocessing(32, 16), About())
    return load_bundle(folder / "b")


@pytest.fixture(scope="module")
def cluster(bundle: Bundle) -> Iterator[OnRay]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_on_ray, "OBJECTS_BYTES", 100 * 2**20)
        patch.setattr(embedding_on_ray, "BLOCK_PICTURES", 4)
        patch.setenv("HOME", str(Path(os.devnull)))  # nothing is written there
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]))
        with on_ray(bundle, "cpu") as engine:
            yield replace(engine, workers=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with pictures some of which are the same, and a frame with boxes."""
    monkeypatch.chdir(tmp_path)
    Path("people").mkdir()
    for seed in range(PICTURES):
        pixels = np.random.default_rng(seed % 9).integers(0, 256, (32, 16, 3), np.uint8)
        Image.fromarray(pixels).save(f"people/{seed:02}.png")
    Image.fromarray(np.random.default_rng(99).integers(0, 256, (64, 48, 3), np.uint8)).save("frame.png")
    Path("boxes.csv").write_text(
        f"path,x,y,width,height,camera\nframe.png,0,0,16,32,1\nframe.png,40,9,16,32,2\nframe.png,90,9,16,32,3\n"
        f"gone.png,,,,,4\nfile://{tmp_path}/people/00.png,,,,,5\n"
    )
    return tmp_path


def run(engine: OnRay | Here, out: str, **more: Any) -> tuple[Outcome, CropFile]:
    outcome = embed_crops(list_crops(["people", "boxes.csv"]), Path(out), engine, **more)
    return outcome, CropFile.read(out)


def the_same(one: CropFile, other: CropFile) -> None:
    assert one.table.drop_columns(["embedding"]).equals(other.table.drop_columns(["embedding"]))
    np.testing.assert_allclose(one.vectors, other.vectors, rtol=0, atol=1e-6)
    assert one.made_with == other.made_with


def without_paths(outcome: Outcome, here: Path) -> Outcome:
    return replace(outcome, problems=tuple(problem.replace(f"{here}/", "") for problem in outcome.problems))


def spoilt(bundle: Bundle, mark: Path, what: str, *, always: bool) -> Bundle:
    network = Spoilt(Backbone("test_resnet", height_px=32, width_px=16))
    network.load_state_dict(bundle.network.state_dict())
    network.mark, network.what, network.always = mark, what, always
    return replace(bundle, network=network.eval())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "127.0.0.1:1 cannot be reached: "),
        ("ray://127.0.0.1:1", "ray://127.0.0.1:1 cannot be reached: "),
        ("somewhere", "somewhere is no address of a Ray cluster"),
        (":99", ":99 is no address"),
        ("a:70000", "a:70000 is no address"),
    ],
)
def test_a_cluster_that_is_away_is_said(bundle: Bundle, address: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as raised, on_ray(bundle, "cpu", address):
        pass
    assert raised.value.mend


def test_the_rows_are_those_of_this_process_though_a_worker_dies(cluster: OnRay, bundle: Bundle, here: Path) -> None:
    local = Here(Embedder.load(bundle, "cpu"))
    expected, by_us = run(local, "local.parquet")
    assert (expected.rows, expected.doubled, expected.clipped, len(expected.problems)) == (11, 3, 1, 2)
    embed_crops(list_crops(["people/00.png", "people/07.png"]), Path("ray.parquet"), local)
    dying = replace(cluster, bundle=spoilt(bundle, here / "died", "dies", always=False))
    outcome, found = run(dying, "ray.parquet")
    assert (here / "died").exists()
    assert (outcome.embedded, outcome.there) == (9, 2)
    assert without_paths(replace(outcome, embedded=11, there=0), here) == without_paths(expected, here)
    order = [found.ids.index(key) for key in by_us.ids]
    the_same(CropFile(found.table.take(order), found.made_with), by_us)


def test_workers_that_always_die_end_it(
    cluster: OnRay, bundle: Bundle, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_on_ray, "RETRIES", 0)
    dying = replace(cluster, bundle=spoilt(bundle, here / "died", "dies", always=True))
    with pytest.raises(LostProcess, match="The Ray cluster gave up") as raised:
        run(dying, "ray.parquet")
    assert raised.value.mend
    assert not Path("ray.parquet").exists()


def test_what_a_worker_raises_is_raised(cluster: OnRay, bundle: Bundle, here: Path) -> None:
    diverged = replace(cluster, bundle=spoilt(bundle, here / "seen", "diverges", always=True))
    with pytest.raises(DivergedError, match="are not finite"):
        run(diverged, "ray.parquet")


def test_a_worker_that_would_embed_in_another_way_is_refused(cluster: OnRay, bundle: Bundle) -> None:
    worker = _Worker(ray.put(bundle), "cpu", "auto", cluster.made_with | {"precision": "16-mixed"}, ray.put(set()))
    with pytest.raises(ArtefactError, match="A worker of the Ray cluster would embed in another way"):
        worker(BLOCK.empty_table())


def test_workers_run_what_was_asked_for(
    cluster: OnRay, here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finds the exported file in the cache of its machine, which here is this one; embeddings are torch's."""
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CCREID_CACHE", str(cache))
    small = load_bundle(save_small_bundle(here / "small"))
    with (
        pytest.raises(ArtefactError, match="no exported network of these weights for onnx"),
        on_ray(small, "cpu", engine="onnx"),
    ):
        pass
    kept = kept_file(small.weights_hash, "onnx", flip=True)
    assert kept is not None
    traced_once(monkeypatch)
    export(small, kept, "onnx", flip=True, batches=noise_of(2))
    embedder = Embedder.load(small, "cpu", engine="onnx")
    worker = _Worker(ray.put(small), "cpu", "onnx", embedder.made_with, ray.put(set()))
    assert worker.here.embedder.engine.library == "onnx"
    with on_ray(small, "cpu", engine="onnx") as engine:
        assert engine.runtime == "onnx"
        assert engine.made_with == Embedder.load(small, "cpu", engine="torch").made_with
    assert cluster.runtime == "the fastest that each worker has"
    with (
        pytest.raises(SettingError, match="onnx runs on the processor, not on cuda"),
        on_ray(small, "cuda", engine="onnx"),
    ):
        pass


def test_a_device_that_the_cluster_lacks_is_refused(cluster: OnRay, bundle: Bundle) -> None:
    devices: tuple[Device, ...] = ("cuda", "mps")
    for device in devices:
        with pytest.raises(SettingError, match=f"The Ray cluster has no device '{device}'"), on_ray(bundle, device):
            pass


def test_nothing_listens_beyond_this_machine_and_nothing_is_reported(cluster: OnRay) -> None:
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not (Path(ray._private.worker._global_node.get_session_dir_path()) / "usage_stats.json").exists()
    owners = {socket: process for process in _processes_of_the_cluster() for socket in _sockets(process)}
    listening = {
        (line.split()[1].rpartition(":")[0][-8:], _read(owners[line.split()[9]] / "cmdline"))
        for table in ("tcp", "tcp6")
        for line in (Path("/proc/net") / table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in owners
    }
    assert listening
    assert {address for address, _ in listening} == {"0100007F"}, listening


def _processes_of_the_cluster() -> list[Path]:
    """Those that name its session, and whoever they started."""
    session = Path(ray._private.worker._global_node.get_session_dir_path()).name.encode()
    parents = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (told := _read(process / "stat").rpartition(b")")[2].split()):
            parents[process.name] = told[1].decode()
    ours = {name for name in parents if session in _read(Path("/proc") / name / "cmdline")}
    while more := {name for name, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return [Path("/proc") / name for name in ours]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _sockets(process: Path) -> set[str]:
    try:
        links = [os.readlink(place) for place in (process / "fd").iterdir()]  # noqa: PTH115 - a link to no path
    except OSError:
        return set()
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
