"""Time several ways of doing one thing side by side.

The ways take turns, so that a machine whose speed drifts is unfair to none; what is
quoted is the median. Start with ``OMP_NUM_THREADS=1`` for one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["medians"]


def medians(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 9,
    seconds: float = 4.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds a call, by name: the median over alternating rounds, after a warm-up call each.

    At least three rounds are made; then as many of `rounds` as fit into `seconds`. On a machine that
    others use too, `time.process_time` as the clock counts what the process itself had.
    """
    for way in ways.values():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    begin = clock()
    for done in range(rounds):
        if done >= 3 and clock() - begin > seconds:
            break
        for name, way in ways.items():
            start = clock()
            way()
            taken[name].append(clock() - start)
    return {name: 1e3 * statistics.median(times) for name, times in taken.items()}
