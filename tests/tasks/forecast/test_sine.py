"""sin(x) by a recurrent network of one unit that reads two values: five numbers are learned."""

from __future__ import annotations

import pytest

from mnemonist.tasks.forecast import Forecaster
from mnemonist.tasks.forecast.demos import DEMOS, sine_table


def error_of(period: float, seed: int) -> float:
    """Root mean squared error on the test part, as a share of the range of sin."""
    forecaster = Forecaster(**{**DEMOS["sin"].options, "seed": seed})
    forecaster.fit(sine_table(period=period))
    (network,) = (row for row in forecaster.evaluation_.table.rows if row.kind == "network")
    return network.values["RMSE"] / 2


@pytest.mark.acceptance
@pytest.mark.parametrize("period", [25, 37.7, 50])
@pytest.mark.parametrize("seed", range(10))
def test_one_unit_learns_the_sine_from_every_seed(period: float, seed: int) -> None:
    assert error_of(period, seed) < 0.02
