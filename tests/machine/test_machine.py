"""Seeds, devices and requests to stop: what a run asks of the machine."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import PIL
import pytest
import torch
from hypothesis import given

from ccreid.errors import MemoryShortage, SettingError
from ccreid.machine import devices as runtime
from ccreid.machine.devices import Device, default_workers, launch
from ccreid.machine.progress import untracked
from ccreid.machine.provenance import describe_machine, versions
from ccreid.machine.seeds import derive_seed, generator, seeded
from ccreid.machine.stopping import StopRequest
from ccreid.recipe import load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.version import __version__

Purpose = tuple[str | int, ...]

SEEDS = st.integers(0, 2**63 - 1)
PATHS = st.lists(st.one_of(st.text(max_size=4), st.integers(-3, 30)), max_size=4).map(tuple)
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


class TestSeeds:
    @given(SEEDS, PATHS)
    def test_a_seed_is_one_that_torch_and_numpy_take(self, seed: int, path: Purpose) -> None:
        derived = derive_seed(seed, *path)
        assert 0 <= derived < 2**63
        assert derived == derive_seed(seed, *path)
        torch.Generator().manual_seed(derived)
        np.random.default_rng(derived)

    @given(st.lists(st.tuples(SEEDS, PATHS), min_size=2, max_size=30, unique=True))
    def test_different_purposes_have_different_seeds(self, purposes: list[tuple[int, Purpose]]) -> None:
        assert len({derive_seed(seed, *path) for seed, path in purposes}) == len(purposes)

    def test_what_looks_alike_is_told_apart(self) -> None:
        paths: list[Purpose] = [(), (1,), ("1",), ("1, 1",), (1, 1), (11,), ("",), ("", ""), ("'1', 1",)]
        seeds = {derive_seed(1, *path) for path in paths} | {derive_seed(11)}
        assert len(seeds) == len(paths) + 1

    def test_many_steps_do_not_collide(self) -> None:
        seeds = {
            derive_seed(seed, "augment", epoch, step) for seed in range(3) for epoch in range(20) for step in range(100)
        }
        assert len(seeds) == 6000

    def test_seeds_stay_what_they_are(self) -> None:
        # A change here changes every published run.
        assert derive_seed(0) == 7210762507766007076
        assert derive_seed(1, "donors", 25, 3) == 428694293362840188

    def test_seeds_are_the_same_in_another_process(self) -> None:
        code = "from ccreid.machine.seeds import derive_seed; print(derive_seed(3, 'augment', 'ü', -7))"
        environment = {**os.environ, "PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "1"}
        printed = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout
        assert int(printed) == derive_seed(3, "augment", "ü", -7)

    def test_a_generator_belongs_to_its_purpose(self) -> None:
        def drawn(seed: int, *path: str | int) -> list[float]:
            return torch.rand(4, generator=generator(seed, *path)).tolist()

        assert drawn(1, "donors", 2) == drawn(1, "donors", 2)
        assert len({tuple(drawn(seed, what, 2)) for seed in (1, 2) for what in ("donors", "other")}) == 4
        assert generator(1).initial_seed() == derive_seed(1)

    def test_a_generator_leaves_the_global_one_alone(self) -> None:
        before = torch.get_rng_state()
        torch.rand(4, generator=generator(1, "donors"))
        assert torch.equal(torch.get_rng_state(), before)


class TestSeeded:
    def test_the_block_draws_by_its_seed_and_leaves_no_trace(self) -> None:
        before = torch.get_rng_state()
        with seeded(5):
            inside = torch.rand(3)
            assert not torch.equal(torch.get_rng_state(), before)
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(inside, torch.rand(3, generator=torch.Generator().manual_seed(5)))

    def test_blocks_nest(self) -> None:
        with seeded(5):
            expected = torch.rand(2)
        with seeded(5):
            first = torch.rand(1)
            with seeded(6):
                torch.rand(9)
            assert torch.equal(torch.cat([first, torch.rand(1)]), expected)

    def test_an_error_leaves_no_trace(self) -> None:
        before = torch.get_rng_state()
        with pytest.raises(ZeroDivisionError), seeded(5):
            torch.rand(int(1 / 0))
        assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that reach whoever listened before; the process survives them."""
    numbers: list[int] = []
    previous = {number: signal.signal(number, lambda n, _: numbers.append(n)) for number in StopRequest.SIGNALS}
    yield numbers
    for number, handler in previous.items():
        signal.signal(number, handler)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


class TestStopRequest:
    def test_without_a_signal_nothing_is_requested(self) -> None:
        before = handlers()
        with StopRequest() as stop:
            assert not stop.requested
            assert all(now is not then for now, then in zip(handlers(), before, strict=True))
        assert not stop.requested
        assert handlers() == before

    @BOTH
    def test_the_first_signal_is_noted_and_held_back(self, received: list[int], number: signal.Signals) -> None:
        with StopRequest() as stop:
            signal.raise_signal(number)
            assert stop.requested
            assert received == []
        assert stop.requested

    @BOTH
    @pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
    def test_the_second_signal_is_not_held_back(
        self, received: list[int], number: signal.Signals, second: signal.Signals
    ) -> None:
        with StopRequest() as stop:
            signal.raise_signal(number)
            signal.raise_signal(second)
            assert received == [second]
            signal.raise_signal(number)
            assert received == [second, number]
            assert stop.requested

    def test_the_second_ctrl_c_interrupts(self) -> None:
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with StopRequest():
                signal.raise_signal(signal.SIGINT)
                with pytest.raises(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)
        finally:
            signal.signal(signal.SIGINT, previous)

    @BOTH
    def test_the_handlers_are_restored(self, received: list[int], number: signal.Signals) -> None:
        before = handlers()
        with StopRequest():
            signal.raise_signal(number)
        assert handlers() == before
        signal.raise_signal(number)
        assert received == [number]

    def test_the_handlers_are_restored_after_an_error(self) -> None:
        before = handlers()
        with pytest.raises(ValueError, match="inside"), StopRequest():
            raise ValueError("inside")
        assert handlers() == before

    @pytest.mark.usefixtures("received")
    def test_an_ignored_signal_is_ignored_again_afterwards(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as under nohup; the fixture restores
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGTERM)
            assert stop.requested
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN

    def test_requests_nest(self, received: list[int]) -> None:
        with StopRequest() as outer:
            with StopRequest() as inner:
                signal.raise_signal(signal.SIGINT)
                assert (inner.requested, outer.requested) == (True, False)
            signal.raise_signal(signal.SIGINT)
            assert outer.requested
        assert received == []

    def test_outside_the_main_thread_it_notes_nothing(self, received: list[int]) -> None:
        before = handlers()
        entered, leave, seen = threading.Event(), threading.Event(), []

        def work() -> None:
            with StopRequest() as stop:
                entered.set()
                leave.wait(30)
            seen.append(stop.requested)

        thread = threading.Thread(target=work)
        thread.start()
        assert entered.wait(30)
        assert handlers() == before
        signal.raise_signal(signal.SIGTERM)
        leave.set()
        thread.join()
        assert received == [signal.SIGTERM]
        assert seen == [False]  # and no error in the thread, on the way in or out
        assert handlers() == before


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without accelerators."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("bare")
class TestMachine:
    @pytest.mark.parametrize("device", ["cuda", "mps"])
    def test_an_absent_device_is_refused(self, device: Device) -> None:
        with pytest.raises(SettingError) as caught:
            launch(device)
        assert f"'{device}'" in caught.value.message
        assert "auto, cpu." in caught.value.mend
        assert device not in caught.value.mend

    def test_the_mend_names_the_devices_that_are_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        with pytest.raises(SettingError, match="auto, cpu, mps"):
            launch("cuda")

    @pytest.mark.parametrize("device", ["auto", "cpu"])
    def test_the_processor_is_always_here(self, device: Device) -> None:
        fabric = launch(device)
        assert fabric.device == torch.device("cpu")
        assert fabric.world_size == 1

    def test_the_precision_is_that_asked_for(self) -> None:
        linear, ones = torch.nn.Linear(2, 2), torch.ones(1, 2)
        with launch("cpu").autocast():
            assert linear(ones).dtype == torch.float32
        with launch("cpu", "bf16-mixed").autocast():
            assert linear(ones).dtype == torch.bfloat16

    @pytest.mark.parametrize(("cores", "workers"), [(1, 0), (2, 1), (8, 7), (9, 8), (64, 8)])
    def test_workers_leave_a_core_to_training(self, monkeypatch: pytest.MonkeyPatch, cores: int, workers: int) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
        assert default_workers() == workers

    @pytest.mark.parametrize(("cores", "workers"), [(None, 0), (1, 0), (4, 3), (64, 8)])
    def test_workers_where_the_system_tells_no_affinity(
        self, monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
    ) -> None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        assert default_workers() == workers

    def test_the_versions_are_those_at_work(self) -> None:
        found = versions()
        assert found["ccreid"] == __version__
        assert found["python"] == platform.python_version()
        assert found["numpy"] == np.__version__
        assert found["pillow"] == PIL.__version__
        assert torch.__version__.startswith(found["torch"].split("+")[0])
        assert {"torchvision", "timm"} <= set(found)

    def test_the_machine_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 12)
        assert describe_machine() == f"{platform.system()} {platform.machine()}, 12 cores, no GPU"
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
        assert describe_machine() == f"{platform.system()} {platform.machine()}, 12 cores, Some GPU"


def test_an_untracked_loop_is_the_loop_itself() -> None:
    items = iter([1, 2, 3])
    assert untracked(items, "Counting", 3) is items
    assert list(items) == [1, 2, 3]  # nothing was taken from it


# --------------------------------------------------------------------------------------------------- compiling


def test_a_machine_that_cannot_compile_is_told_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing(_function: object) -> Callable[..., None]:
        def fail(*_arguments: object) -> None:
            raise RuntimeError("No working C++ compiler found\nand a long story")

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with pytest.raises(SettingError) as caught:
        runtime.require_compiler(torch.device("cpu"))
    assert "training.compile is on" in caught.value.message
    assert "No working C++ compiler found" in caught.value.message
    assert "long story" not in caught.value.message
    assert "g++" in caught.value.mend
    assert "training.compile to false" in caught.value.mend


@pytest.mark.parametrize(
    "full",
    [torch.OutOfMemoryError("CUDA out of memory.\nlong story"), MemoryError(), RuntimeError("can't allocate memory")],
)
def test_a_full_memory_becomes_advice(full: Exception) -> None:
    with pytest.raises(MemoryShortage) as caught, runtime.memory_advice("Lower it."):
        raise full
    assert caught.value.mend == "Lower it."
    assert "long story" not in caught.value.message


def test_other_errors_are_no_matter_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), runtime.memory_advice("Lower it."):
        raise RuntimeError("shapes differ")


def test_a_machine_that_can_compile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function: function)
    runtime.require_compiler(torch.device("cpu"))


def test_a_run_that_is_to_compile_and_cannot_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch, "compile", lambda _function: 1 / 0)
    compiled = load_recipe("demo", ["training.compile=true", "training.device=cpu"])
    with pytest.raises(SettingError, match=r"training\.compile is on"):
        train.begin(compiled, tmp_path / "run", Watch())
    assert not (tmp_path / "run").exists()
