"""The benchmark of training runs and says what it measured. Nothing here judges a time."""

from __future__ import annotations

import pytest
import torch

from ccreid.bench import measure, training
from ccreid.errors import SettingError


def test_every_quantity_is_measured() -> None:
    rows = list(measure("training", quick=True))
    for what in ("step of FIRe²", "mining over", "channels-last", "bf16-mixed", "from JPEG"):
        assert sum(what in row.what for row in rows) == 1, what
    for row in rows:
        measured, over = row.seconds.values()  # in the order of the ratio
        assert row.value == pytest.approx(measured / over)
        assert row.holds is None


def test_without_a_compiler_the_reason_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_device: torch.device) -> None:
        raise SettingError("there is none", "install one")

    monkeypatch.setattr(training, "require_compiler", refuse)
    assert training._why_nothing_compiles(quick=False) == "compile is not measured: there is none"


@pytest.mark.parametrize("size", [training.FULL, training.QUICK])
def test_the_batch_is_of_the_images_its_identities_own(size: training.Size) -> None:
    batch = training._batch(size, size.people)
    assert len(batch.images) == size.batch_images
    owners = training._attributes(8).owners[training._attributes(8).of_image[batch.indices]]
    assert owners.tolist() == batch.identities.tolist()
