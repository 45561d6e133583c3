"""A calibration that tests of galleries share."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.retrieval.calibration import calibrating
from ccreid.retrieval.calibration.calibration import Calibration
from crop_files import MODEL
from simulated_people import SCOPE, simulated


@pytest.fixture(scope="package")
def calibration() -> Calibration:
    """Of a model that sees who it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 6)
        patch.setattr(calibrating, "SIZES", 3)
        crops = simulated(np.random.default_rng(0), 60, body=1.5, clothes=0.5, noise=0.5)
        return calibrating.calibrate(crops, MODEL, SCOPE, random=np.random.default_rng(0))
