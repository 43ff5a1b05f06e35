"""The drawings of a language model's report."""

from __future__ import annotations

from mnemonist.runs.report_figures import ACCENT, FAINT, NAIVE, drawing, plain_numbers
from mnemonist.tasks.language.tables import Curve

__all__ = ["frequency_figure", "position_figure"]


def position_figure(curve: Curve) -> str:
    """Mean bits of a token by its place in the line."""
    with drawing("position", height=2.7) as d:
        ax = d.axes()
        for name, color in _colors(curve).items():
            ax.plot(curve.places, curve.bits[name], color=color, label=name)
        ax.set_xlabel("place of the token in its line")
        ax.set_ylabel("bits a token")
        ax.set_ylim(bottom=0)
        plain_numbers(ax.yaxis)
        ax.legend(loc="best")
    return d.svg


def frequency_figure(curve: Curve) -> str:
    """Mean bits of a token by how often training has it."""
    labels = [_between(int(power)) for power in curve.places]
    with drawing("frequency", height=2.7) as d:
        ax = d.axes()
        colors = _colors(curve)
        width = 0.8 / max(1, len(colors))
        for k, (name, color) in enumerate(colors.items()):
            x = [at + (k - (len(colors) - 1) / 2) * width for at in range(len(labels))]
            ax.bar(x, curve.bits[name], width=width, color=color, label=name)
        shares = 100 * curve.counts / curve.counts.sum()
        shown = [f"{label}\n{share:.2g} %" for label, share in zip(labels, shares, strict=True)]
        ax.set_xticks(range(len(labels)), shown)
        ax.set_xlabel(
            "how often training has the token; below, the share of such tokens in the test"
        )
        ax.set_ylabel("bits a token")
        plain_numbers(ax.yaxis)
        columns = 1 if d.narrow else len(colors)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns)
    return d.svg


def _colors(curve: Curve) -> dict[str, str]:
    """The network first; of the baselines the unigram is faint."""
    network, *baselines = curve.bits
    return {network: ACCENT} | {name: FAINT if name == "unigram" else NAIVE for name in baselines}


def _between(power: int) -> str:
    if power < 0:
        return "never"
    return f"{10**power:,}+" if power else "1 to 9"
