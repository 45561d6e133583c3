"""Files and folders appear whole or not at all, and what stood there survives every failure."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ccreid.errors import StorageError
from ccreid.machine.files import HOLDER, check_writable, remove_leftovers, replacing, write_json, write_text

Write = Callable[[Path, str], None]


def _file(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def _folder(path: Path, content: str) -> None:
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "part.txt").write_text(content, encoding="utf-8")
    (path / f"{content}.txt").write_text(content, encoding="utf-8")  # a name of its own, so that no mixture passes


def _tree(folder: Path) -> dict[str, str | None]:
    """All that lies below a folder, hidden or not: contents by name, None for a folder."""
    return {
        entry.relative_to(folder).as_posix(): entry.read_text(encoding="utf-8") if entry.is_file() else None
        for entry in sorted(folder.rglob("*"))
    }


both = pytest.mark.parametrize("write", [_file, _folder], ids=["file", "folder"])


@both
def test_nothing_is_there_before_the_block_ends(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "new" / "parent" / "out.ext"
    with replacing(path) as temporary:
        write(temporary, "new")
        assert not path.exists()
        assert temporary.name == path.name  # some writers go by the ending of the name
    write(tmp_path / "expected", "new")
    assert path.is_dir() == (tmp_path / "expected").is_dir()
    assert list(path.parent.iterdir()) == [path]
    if path.is_dir():
        assert _tree(path) == _tree(tmp_path / "expected")
    else:
        assert path.read_text(encoding="utf-8") == "new"


@both
def test_what_stood_there_is_replaced_without_a_trace(tmp_path: Path, write: Write) -> None:
    for folder, contents in ((tmp_path / "a", ["old", "new"]), (tmp_path / "b", ["new"])):
        for content in contents:
            with replacing(folder / "out") as temporary:
                write(temporary, content)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")


@both
@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, StorageError])
def test_a_block_that_fails_changes_nothing(tmp_path: Path, write: Write, stop: type[BaseException]) -> None:
    write(tmp_path / "out", "old")
    before = _tree(tmp_path)

    def fail() -> None:
        with replacing(tmp_path / "out") as temporary:
            write(temporary, "new")
            raise stop("as it is")

    with pytest.raises(stop, match=r"^as it is$"):  # only the system's errors become a StorageError
        fail()
    assert _tree(tmp_path) == before


@both
def test_a_disk_that_is_full_when_flushing_leaves_the_old(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", "old")
    before = _tree(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(StorageError, match="No space left on device") as caught,
        replacing(tmp_path / "out") as new,
    ):
        write(new, "new")
    assert str(tmp_path / "out") in caught.value.message
    assert "intact" in caught.value.mend
    assert _tree(tmp_path) == before


@contextmanager
def _at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: a full disk as far as a writer can tell."""
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_text_that_does_not_fit_leaves_the_old(tmp_path: Path) -> None:
    write_text(tmp_path / "out.txt", "old")
    with _at_most(1000), pytest.raises(StorageError, match=r"out\.txt could not be written"):
        write_text(tmp_path / "out.txt", "new" * 1000)
    assert _tree(tmp_path) == {"out.txt": "old"}


def test_tensors_that_do_not_fit_are_a_storage_error_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"

    def write(value: float, count: int) -> None:
        with replacing(path) as temporary:
            save_file({"w": np.full(count, value)}, temporary)

    write(1.0, 4)
    with _at_most(1000), pytest.raises(StorageError, match=r"weights\.safetensors could not be written"):
        write(2.0, 4000)  # safetensors raises an error of its own here, not an OSError
    assert load_file(path)["w"].tolist() == [1.0] * 4
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_folder_comes_back_when_the_new_one_cannot_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _folder(tmp_path / "out", "old")
    before = _tree(tmp_path)

    def broken(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(StorageError, match="Input/output error"), replacing(tmp_path / "out") as temporary:
        _folder(temporary, "new")
    assert _tree(tmp_path) == before


@both
def test_a_block_that_writes_nothing_does_not_take_the_old_away(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "out", "old")
    before = _tree(tmp_path)
    with pytest.raises(StorageError, match="out could not be written"), replacing(tmp_path / "out"):
        pass
    assert _tree(tmp_path) == before


@pytest.mark.parametrize(("old", "new"), [(_file, _folder), (_folder, _file)], ids=["folder on file", "file on folder"])
def test_a_file_and_a_folder_do_not_replace_each_other(tmp_path: Path, old: Write, new: Write) -> None:
    old(tmp_path / "out", "old")
    before = _tree(tmp_path)
    with pytest.raises(StorageError, match="irectory"), replacing(tmp_path / "out") as temporary:
        new(temporary, "new")
    assert _tree(tmp_path) == before


def test_a_link_to_a_folder_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    _folder(tmp_path / "elsewhere", "old")
    kept = _tree(tmp_path / "elsewhere")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "out").symlink_to(tmp_path / "elsewhere")
    with replacing(tmp_path / "here" / "out") as temporary:
        _folder(temporary, "new")
    assert [entry.name for entry in (tmp_path / "here").iterdir()] == ["out"]
    assert (tmp_path / "here" / "out" / "new.txt").is_file()
    assert _tree(tmp_path / "elsewhere") == kept


@pytest.mark.parametrize("below", ["out.txt", "sub/out.txt", "sub/deeper/out.txt"])
def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    path = tmp_path / "taken" / below
    with pytest.raises(StorageError) as caught:
        write_text(path, "new")
    assert caught.value.message == f"{path} could not be written: {tmp_path / 'taken'} is a file, not a folder."
    assert _tree(tmp_path) == {"taken": "mine"}


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may write anywhere: step down to nobody for a while."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


UNWRITABLE = {
    "in/the/way/of/it": "in is a file, not a folder",
    "in": "it is a file, not a folder",
    "long" * 100: "File name too long",
    "/".join(["deep" * 50] * 30): "File name too long",
    "closed/run": "Permission denied",
    "not\udcff": "its name is not UTF-8",
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_what_cannot_be_written_is_found_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").write_text("mine")
    (tmp_path / "closed").mkdir(0o500)
    before = _tree(tmp_path)
    tmp_path.chmod(0o755)
    path = tmp_path / name
    with _unprivileged() if "closed" in name else nullcontext(), pytest.raises(StorageError) as refused:
        check_writable(path)
    assert refused.value.message.startswith(f"{path} cannot be written: ")
    assert UNWRITABLE[name] in refused.value.message
    assert refused.value.mend
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_can_be_written_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "old.json").write_text("old")
    before = _tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    kept = {"file": "here/old.json", "folder": "here"}[kind]
    for path in (tmp_path / kept, tmp_path / "new" / "deep.json", Path(kept), Path("new"), Path("here/new/new")):
        check_writable(path, kind)
    assert _tree(tmp_path) == before
    other = {"file": "here", "folder": "here/old.json"}[kind]
    with pytest.raises(StorageError, match=f"it is a {'folder' if kind == 'file' else 'file'}, not a {kind}"):
        check_writable(tmp_path / other, kind)


def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "out.txt").write_text("old")
    closed.chmod(0o500)
    try:
        with _unprivileged(), pytest.raises(StorageError, match="Permission denied") as caught:
            write_text(closed / "out.txt", "new")
    finally:
        closed.chmod(0o700)
    assert str(closed / "out.txt") in caught.value.message
    assert _tree(closed) == {"out.txt": "old"}


@both
def test_others_may_read_it_as_any_new_file(tmp_path: Path, write: Write) -> None:
    """Temporary files are made private; what takes their place must not be."""
    write(tmp_path / "plain", "x")
    with replacing(tmp_path / "out") as temporary:
        write(temporary, "x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_relative_path_is_written_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_text(Path("out.txt"), "größer\n")
    assert _tree(tmp_path) == {"out.txt": "größer\n"}


def test_every_file_is_flushed_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    too_early, flushed = [], []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        too_early.append(not path.exists())
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    with replacing(path) as temporary:
        _folder(temporary, "new")
    files = {entry.stat().st_ino for entry in path.rglob("*") if entry.is_file()}
    before = {inode for inode, early in zip(flushed, too_early, strict=True) if early}
    assert len(files) == 2
    assert files <= before
    assert tmp_path.stat().st_ino in flushed  # the new name itself


def test_json_is_readable_utf_8_and_comes_back(tmp_path: Path) -> None:
    value = {"name": "FIRe²", "scores": [0.5, 1], "none": None}
    write_json(tmp_path / "out.json", value)
    text = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "FIRe²" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_json_has_no_word_for(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "out.json", {"loss": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "out.json", {"loss": number})
    assert _tree(tmp_path) == {"out.json": '{\n  "loss": 1\n}\n'}


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "out.json", "whole")
    (tmp_path / ".own").mkdir()
    for left in (f".out.json{HOLDER}abc", f".bundle{HOLDER}abc.old"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "out.json").write_text("half")
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"out.json", ".own"}
