"""The table of results: networks and baselines side by side, in every form that is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from mnemonist.errors import ConfigError
from mnemonist.evaluation.bootstrap import Interval

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["ResultTable", "Row"]

Kind = Literal["network", "baseline"]
_MARK = {"network": "network", "baseline": "baseline"}


@dataclass(frozen=True)
class Row:
    """One forecaster's results.

    Args:
        name: as shown.
        kind: "network" or "baseline".
        values: by metric name; a metric that it lacks is shown as –.
        intervals: bootstrap intervals by metric name.
        note: shown behind the name: how many seeds, say.
    """

    name: str
    kind: Kind
    values: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class ResultTable:
    """Rows by columns, the best of each column marked, baselines told from networks.

    Args:
        rows: the forecasters.
        metrics: the columns, in order; all that occur when empty.
        targets: columns in which the best is the nearest to a value (coverage: 0.9) and not
            the smallest.
        higher: columns in which the best is the largest (accuracy).
        title: shown above.

    >>> table = ResultTable(
    ...     [Row("LSTM", "network", {"MASE": 0.71, "coverage": 0.88}),
    ...      Row("last value", "baseline", {"MASE": 1.1, "coverage": 0.95})],
    ...     targets={"coverage": 0.9})
    >>> print(table.to_text())
                          MASE    coverage
    LSTM        network   0.710*  0.880*
    last value  baseline  1.10    0.950
    * best of its column (coverage: nearest to 0.9)
    """

    rows: Sequence[Row]
    metrics: Sequence[str] = ()
    targets: Mapping[str, float] = field(default_factory=dict)
    title: str = ""
    higher: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise ConfigError("a table of results needs at least one row.")
        if not self.metrics:
            names = dict.fromkeys(name for row in self.rows for name in row.values)
            object.__setattr__(self, "metrics", tuple(names))

    def sorted_by(self, metric: str) -> ResultTable:
        """The same table, rows in the order of `metric`, the best first, missing last."""
        rows = sorted(self.rows, key=lambda row: self._distance(row, metric))
        return replace(self, rows=rows)

    def best(self, metric: str, kind: Kind | None = None) -> Row | None:
        """The row with the best value of `metric`, among one kind if given."""
        rows = [row for row in self.rows if kind is None or row.kind == kind]
        rows = [row for row in rows if self._distance(row, metric) < float("inf")]
        return min(rows, key=lambda row: self._distance(row, metric)) if rows else None

    def to_text(self) -> str:
        """Plain columns, for pipes and files."""
        head = ["", "", *self.metrics]
        lines = [head, *([_named(row), _MARK[row.kind], *self._cells(row)] for row in self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([*([self.title] if self.title else []), *text, self._legend()])

    def to_rich(self) -> RichTable:
        """For a terminal; names are shown as they are, never as markup."""
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=Text(self.title) if self.title else None,
            caption=Text(self._legend()),
            caption_justify="left",
        )
        table.add_column("")
        table.add_column("")
        for name in self.metrics:
            table.add_column(Text(name), justify="right")
        for row in self.rows:
            style = "bold" if row.kind == "network" else "dim"
            cells = [
                Text(cell, style="green" if cell.endswith("*") else "") for cell in self._cells(row)
            ]
            table.add_row(
                Text(_named(row), style=style), Text(_MARK[row.kind], style=style), *cells
            )
        return table

    def to_html(self) -> str:
        """A <table>, all text escaped; classes `network`, `baseline`, `best`."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.metrics)
        lines = []
        for row in self.rows:
            cells = "".join(
                f'<td class="best">{escape(cell[:-1])}</td>'
                if cell.endswith("*")
                else f"<td>{escape(cell)}</td>"
                for cell in self._cells(row)
            )
            lines.append(
                f'<tr class="{row.kind}"><th>{escape(_named(row))}</th>'
                f"<td>{_MARK[row.kind]}</td>{cells}</tr>"
            )
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        return (
            f'<table class="results">{caption}<thead><tr><th></th><th></th>{head}</tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; NaN and infinity become null."""
        return {
            "title": self.title,
            "metrics": list(self.metrics),
            "targets": dict(self.targets),
            "higher": list(self.higher),
            "rows": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "note": row.note,
                    "values": {name: _finite(value) for name, value in row.values.items()},
                    "intervals": {name: asdict(one) for name, one in row.intervals.items()},
                    "best": [name for name in self.metrics if self._is_best(row, name)],
                }
                for row in self.rows
            ],
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> ResultTable:
        """The table that `to_dict` described."""
        rows = [
            Row(
                row["name"],
                row["kind"],
                {name: _number(value) for name, value in row["values"].items()},
                {name: Interval(**one) for name, one in row["intervals"].items()},
                row["note"],
            )
            for row in state["rows"]
        ]
        return cls(
            rows, tuple(state["metrics"]), state["targets"], state["title"], tuple(state["higher"])
        )

    def _distance(self, row: Row, metric: str) -> float:
        """How far from the best possible value; infinite where there is none."""
        value = row.values.get(metric, float("nan"))
        if value != value:
            return float("inf")
        if metric in self.targets:
            return abs(value - self.targets[metric])
        return -value if metric in self.higher else value

    def _is_best(self, row: Row, metric: str) -> bool:
        distances = [self._distance(one, metric) for one in self.rows]
        mine = self._distance(row, metric)
        return len(self.rows) > 1 and mine < float("inf") and mine == min(distances)

    def _cells(self, row: Row) -> list[str]:
        cells = []
        for name in self.metrics:
            value = row.values.get(name)
            text = "–" if value is None or value != value else _digits(value)
            if name in row.intervals:
                one = row.intervals[name]
                text += f" [{_digits(one.lower)}, {_digits(one.upper)}]"
            cells.append(text + ("*" if self._is_best(row, name) else ""))
        return cells

    def _legend(self) -> str:
        near = ", ".join(f"{name}: nearest to {value:g}" for name, value in self.targets.items())
        legend = "* best of its column" + (f" ({near})" if near else "")
        levels = {one.level for row in self.rows for one in row.intervals.values()}
        if levels:
            shown = ", ".join(f"{100 * level:g} %" for level in sorted(levels))
            legend += f"; in brackets: {shown} bootstrap interval"
        return legend


def _named(row: Row) -> str:
    return f"{row.name} ({row.note})" if row.note else row.name


def _digits(value: float) -> str:
    """Three significant digits, whole numbers in full, no exponent for ordinary sizes."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    return f"{value:#.3g}".rstrip(".")


def _finite(value: float) -> float | None:
    return float(value) if abs(value) < float("inf") else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
