"""Who is one of several processes, and whom variables of the same names make none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ccreid.machine.devices import launch
from ccreid.machine.worker import Worker, this_worker

TORCHRUN = {
    "RANK": "3",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29400",
    "TORCHELASTIC_RUN_ID": "ccreid",
}
SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "2",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "0",
    "SLURM_NNODES": "1",
}
KUBERNETES = {"WORLD_SIZE": "2", "MASTER_ADDR": "job-master-0", "MASTER_PORT": "23456"}
ALONE = {
    "nothing": {},
    "a count": {"WORLD_SIZE": "2"},
    "no number": {"WORLD_SIZE": "abc"},
    "SLURM": SLURM,
    "SLURM with a count": SLURM | {"WORLD_SIZE": "2", "LOCAL_RANK": "1", "RANK": "1"},
    "Kubernetes": KUBERNETES,
    "Kubernetes with a number": KUBERNETES | {"RANK": "1"},
}


def test_all_of_torchruns_variables_make_a_worker() -> None:
    assert this_worker(TORCHRUN) == Worker(rank=3, count=4, local_count=2)
    assert not Worker(3, 4, 2).leads
    leader = this_worker(TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0"})
    assert leader is not None
    assert leader.leads


@pytest.mark.parametrize("name", TORCHRUN)
def test_each_of_them_has_to_be_there(name: str) -> None:
    assert this_worker({key: value for key, value in TORCHRUN.items() if key != name}) is None
    assert this_worker(TORCHRUN | {name: ""}) is None


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_PORT"])
@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "²"])
def test_numbers_have_to_be_numbers(name: str, text: str) -> None:
    assert this_worker(TORCHRUN | {name: text}) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"RANK": "4"},
        {"LOCAL_RANK": "2"},
        {"RANK": "0"},
        {"LOCAL_WORLD_SIZE": "0"},
        {"LOCAL_WORLD_SIZE": "3"},
        {"LOCAL_WORLD_SIZE": "8"},
        {"WORLD_SIZE": "0"},
    ],
)
def test_numbers_have_to_fit_one_another(odd: dict[str, str]) -> None:
    assert this_worker(TORCHRUN | odd) is None


def test_one_process_is_alone_whoever_started_it() -> None:
    one = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    assert this_worker(TORCHRUN | one) is None


@pytest.mark.parametrize("variables", ALONE.values(), ids=ALONE)
def test_others_variables_make_no_worker_and_do_not_stop_it_from_computing(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert this_worker() is None
    fabric = launch("cpu")
    assert (fabric.global_rank, fabric.world_size) == (0, 1)


def test_it_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    assert this_worker() is None
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert this_worker() == Worker(3, 4, 2)


def test_asking_needs_no_torch() -> None:
    code = "import sys; import ccreid.machine.worker; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
