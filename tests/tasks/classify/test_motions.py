"""Standing, walking, running and badminton, by a watch's accelerometer and gyroscope."""

from __future__ import annotations

import pytest
from tests.tasks.classify.conftest import Fetch, Train


@pytest.mark.acceptance
def test_motions_are_told_apart(wheel: Fetch, train: Train) -> None:
    folder = wheel("aeon==1.6.0") / "aeon/datasets/data/BasicMotions"
    found = train(folder / "BasicMotions_TRAIN.ts", "--test-file", folder / "BasicMotions_TEST.ts")
    assert found["paired_bootstrap"]["items"] == 40
    assert found["network"] >= 0.9
