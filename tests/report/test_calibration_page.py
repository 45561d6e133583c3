"""The page of a calibration, its drawings and its table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ccreid.report.calibration_page import DET, RELIABILITY, cautions, rate_in_words, rows_of, write_calibration_page
from ccreid.report.calibration_plots import draw_det, draw_reliability
from ccreid.report.calibration_tables import threshold_lines, threshold_table
from ccreid.retrieval.calibration import calibrating
from ccreid.retrieval.calibration.calibrating import calibrate
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.open_set import Rate
from simulated_people import SCOPE, simulated


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    scope = SCOPE.model_copy(update={"data": "a <folder>"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 3)
        patch.setattr(calibrating, "SIZES", 3)
        crops = simulated(np.random.default_rng(0), 60, body=0.1)
        return calibrate(crops, {"weights": "abc"}, scope, random=np.random.default_rng(0))


def test_the_page_tells_it_all_and_needs_no_other_file(tmp_path: Path, calibration: Calibration) -> None:
    write_calibration_page(tmp_path / "page.html", calibration)
    text = (tmp_path / "page.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<script" not in text
    assert "a &lt;folder&gt;" in text
    assert f"{calibration.threshold(0.1, 10).value:.2f}" in text
    assert "Calibrate with 300 people" in text
    assert "does not see past clothes" in text
    assert "beyond 600 nothing is promised" in text
    for name in (RELIABILITY, DET):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > picture.height


def test_thresholds_are_of_two_sizes_and_three_rates(calibration: Calibration) -> None:
    rows = rows_of(calibration)
    assert [(row.enrolled, row.fpir) for row in rows] == [(n, rate) for n in (10, 48) for rate in (0.1, 0.05, 0.01)]
    assert [row.threshold is not None for row in rows][:3] == [True, True, False]
    assert threshold_table(calibration).row_count == 6


def test_a_threshold_is_told_with_its_definitions_and_what_it_gives(calibration: Calibration) -> None:
    told = threshold_lines(calibration.threshold(0.1, 10))
    words = " ".join(told)
    for part in (
        "FPIR(N = 10, T) = 10.0%",
        "FNIR(N = 10, R = 1, T)",
        "ISO/IEC 19795-1",
        "with 60 people",
        "over people",
    ):
        assert part in words
    threshold = calibration.threshold(0.1, 10)
    assert threshold.fnir_changed is not None
    assert rate_in_words(threshold.fnir_changed) in told[1]
    assert [f"with {10 * times}," in f"{told[2]}," for times in (1, 2, 5, 10)] == [False, True, True, True]
    assert "beyond those simulated" in threshold_lines(calibration.threshold(0.1, 100))[0]
    assert len(threshold_lines(calibration.threshold(0.3, 600))) == 3  # of larger galleries nothing is promised


def test_the_drawings_show_what_was_measured(calibration: Calibration) -> None:
    left, right = draw_reliability(calibration.quality).axes
    for axes, bins in ((left, calibration.quality.nobody), (right, calibration.quality.nearest)):
        drawn = next(line for line in axes.lines if line.get_marker() == "o")
        assert np.asarray(drawn.get_xdata()) == pytest.approx([100 * one.said for one in bins])
        assert np.asarray(drawn.get_ydata()) == pytest.approx([100 * one.happened.value for one in bins])
        assert {text.get_text() for text in axes.texts} == {str(one.happened.people) for one in bins}
    axes = draw_det(calibration.points).axes[0]
    assert axes.get_xscale() == "log"
    labels = [line.get_label() for line in axes.lines]
    assert labels == [*(f"enrolled clothes, {n} enrolled" for n in (48, 10, 2)), "other clothes, 48 enrolled"]
    assert isinstance(axes.figure, Figure)


def test_what_is_not_known_is_cautioned_about(calibration: Calibration) -> None:
    said = " ".join(cautions(calibration))
    assert "synthetic people only" in said
    assert "cannot say" in said
    unknown = calibration.model_copy(update={"scope": calibration.scope.model_copy(update={"synthetic": None})})
    assert "seen these people is not known" in " ".join(cautions(unknown))


def test_rates_in_words() -> None:
    assert rate_in_words(None) == "not measured"
    assert rate_in_words(Rate(value=0.5, interval=(0.25, 0.75), people=3, searches=9)) == "50.0 % (25.0 to 75.0)"
