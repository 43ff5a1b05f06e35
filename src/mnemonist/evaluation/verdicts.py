"""One honest sentence about a comparison."""

from __future__ import annotations

from typing import Literal

from mnemonist.evaluation.significance import Significance

__all__ = ["Tone", "tone", "verdict"]

Tone = Literal["good", "even", "bad"]

_SIGNIFICANT = 0.05
_EQUAL = 0.005
_PLAIN = {
    "last value": "repeating the last value",
    "seasonal naive": "repeating the last season",
    "drift": "drawing a straight line",
    "majority": "always saying the most frequent class",
}


def verdict(
    network: str,
    value: float,
    baseline: str,
    baseline_value: float,
    *,
    metric: str = "MASE",
    higher: bool = False,
    test: Significance | None = None,
) -> str:
    """Whether a network is better than the best baseline, by how much, and beyond noise or not.

    Args:
        network, baseline: their names; `baseline` is the best of all.
        value, baseline_value: the metric.
        metric: its name.
        higher: whether larger values are better.
        test: of the network's losses against the baseline's.

    >>> from mnemonist.evaluation import DieboldMariano
    >>> test = DieboldMariano(statistic=-3.1, p_value=0.003, difference=-0.12, count=200)
    >>> print(verdict("LSTM", 0.71, "seasonal naive", 0.83, test=test))
    The LSTM is better than the best baseline (seasonal naive): MASE 0.71 against 0.83, 14 % \
lower; the difference is significant (Diebold-Mariano p = 0.003).
    >>> print(verdict("LSTM", 1.02, "last value", 0.98))
    Not better than repeating the last value: the LSTM has MASE 1.02 against 0.98, 4 % higher; \
no significance test was possible.
    >>> print(verdict("GRU", 0.91, "n-grams", 0.86, metric="accuracy", higher=True))
    The GRU is better than the best baseline (n-grams): accuracy 0.91 against 0.86, 6 % higher; \
no significance test was possible.
    """
    change = value / baseline_value - 1 if baseline_value else float("inf") * (value > 0)
    numbers = f"{metric} {_pair(value, baseline_value)}"
    if baseline_value == 0 and value > 0:
        numbers += "" if higher else ", and the baseline makes no error"
    elif change >= 999:
        numbers += ", more than 1,000 times as large"
    elif change >= 9:
        numbers += f", {change + 1:,.0f} times as large"
    elif abs(change) >= _EQUAL:
        numbers += f", {abs(change):.0%} {'lower' if change < 0 else 'higher'}".replace("%", " %")
    significant = _is_significant(test)
    if change > 0 if higher else change < 0:
        start = f"The {network} is better than the best baseline ({baseline}): {numbers}"
        if test is None or significant:
            return f"{start}; {_evidence(test, significant)}."
        return (
            f"The {network} is better than the best baseline ({baseline}), but within the noise: "
            f"{numbers}; {_evidence(test, significant)}."
        )
    plain = _PLAIN.get(baseline.partition(" (")[0], f"the baseline {baseline}")
    return f"Not better than {plain}: the {network} has {numbers}; {_evidence(test, significant)}."


def tone(better: bool, test: Significance | None) -> Tone:
    """What colour a verdict has: even unless the difference is significant.

    >>> from mnemonist.evaluation import PairedBootstrap
    >>> tone(True, PairedBootstrap(0.1, 0.01, 200)), tone(True, None)
    ('good', 'even')
    """
    if not _is_significant(test):
        return "even"
    return "good" if better else "bad"


def _is_significant(test: Significance | None) -> bool:
    return test is not None and test.p_value < _SIGNIFICANT


def _pair(value: float, other: float) -> str:
    """Both numbers with as many digits as tell them apart, two at least."""
    for digits in range(2, 7):
        one, two = _rounded(value, digits), _rounded(other, digits)
        if one != two and (float(one) or not value) and (float(two) or not other):
            return f"{one} against {two}"
    return f"{value:.3g} against {other:.3g}"


def _rounded(value: float, digits: int) -> str:
    """As a reader rounds: 0.975 is 0.98, although the nearest float is a little less."""
    return f"{value * (1 + 1e-12):.{digits}f}"


def _evidence(test: Significance | None, significant: bool) -> str:
    if test is None:
        return "no significance test was possible"
    p = (
        "p < 0.001"
        if test.p_value < 0.001
        else f"p = {test.p_value:.{3 if test.p_value < 0.1 else 2}f}"
    )
    word = "is significant" if significant else "is not significant"
    return f"the difference {word} ({test.name} {p})"
