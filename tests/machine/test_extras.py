"""Libraries of extras."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ccreid.errors import SettingError
from ccreid.machine.extras import need


def test_what_is_installed_is_imported() -> None:
    assert need("json.decoder", extra="none", to="read") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["nosuchlibrary", "nosuchlibrary.part"])
def test_what_is_missing_is_named_with_its_extra(module: str) -> None:
    with pytest.raises(SettingError, match="nosuchlibrary is needed to keep a gallery") as caught:
        need(module, extra="gallery", to="keep a gallery")
    assert "pip install 'ccreid[gallery]'" in caught.value.mend


def test_a_library_that_lacks_something_of_its_own_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "halflibrary.py").write_text("import nosuchlibrary\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nosuchlibrary"):
        need("halflibrary", extra="gallery", to="keep a gallery")
