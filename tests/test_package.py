"""What the package offers under which names."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import ccreid


def test_every_module_imports() -> None:
    for module in pkgutil.walk_packages(ccreid.__path__, "ccreid."):
        if module.name != "ccreid.__main__":
            importlib.import_module(module.name)


@pytest.mark.parametrize("name", ccreid.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(ccreid, name) is not None
    assert name in dir(ccreid)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        ccreid.nonsense  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("evaluation", {"score", "Scores"}),
        ("methods", {"Baseline", "Fire2", "Method", "identity_loss", "triplet_loss"}),
        ("methods.fire2", {"attribute_aware_loss", "discover_attributes", "recompose"}),
        ("ops", {"density_clusters", "jaccard_distance"}),
    ],
)
def test_rooms_offer_the_promised_names(room: str, names: set[str]) -> None:
    module = importlib.import_module(f"ccreid.{room}")
    assert names <= set(module.__all__)
    assert all(callable(getattr(module, name)) for name in names)


def test_scores_bear_the_promised_names() -> None:
    from ccreid.evaluation import Scores

    assert {"cmc", "mean_ap", "mean_inp", "skipped"} <= set(Scores.__dataclass_fields__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, ccreid; raise SystemExit(bool({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
