"""Which column is the text, the label, the series: named, or found and said aloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

import pandas as pd

from mnemonist.data.findings import some
from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.data.numbers import numeric_columns
from mnemonist.data.table import Table
from mnemonist.errors import DataError

__all__ = ["Columns", "find_columns", "require"]

_TEXT = (
    "text sentence review content document comment sequence string name 文本 内容 评论 句子 姓名"
)
_LABEL = "label class category target y language sentiment 标签 类别 分类 情感"
_ID = "id series case sample instance trial series_id case_id sample_id 编号 序列"
_TIME = "time t step date timestamp datetime index 时间 日期"
_ROWS = 2000


@dataclass(frozen=True)
class Columns:
    """The columns by role. A table of texts has `text`; one in long form, `id` and `channels`."""

    text: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None
    channels: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def find_columns(table: Table, config: LabelledConfig, *, labelled: bool) -> Columns:
    """The roles of a table's columns: as configured, else by name, else by content.

    A label column has the fewest distinct values of those that repeat; a text column, the
    longest cells. What was found is told in `notes`.

    Raises:
        DataError: a named column that is not there, or a role that no column fills.
    """
    names = list(table.frame.columns)
    for given in (config.text, config.label, config.id, config.time, *config.channels):
        if given is not None:
            require(table, given)
    head = table.frame.head(_ROWS)
    numeric = set(numeric_columns(table))
    taken = {config.text, config.id, config.time, *config.channels}
    notes: list[str] = []
    label = config.label or _by_name(_LABEL, [name for name in names if name not in taken])
    free = [name for name in names if name not in taken and name != label]
    if _is_long(free, numeric, config):
        id = config.id or _by_name(_ID, free)
        time = config.time or _by_name(_TIME, [name for name in free if name != id])
        free = [name for name in free if name not in (id, time)]
        if label is None and labelled:
            label = _label_by_content(head, [name for name in free if name not in numeric])
        channels = config.channels or tuple(
            name for name in free if name in numeric and name != label
        )
        _say(notes, table, config, labelled, label=label, id=id, time=time)
        if id is None:
            raise _missing("id", "tells which series a row belongs to", table)
        if not channels:
            raise _missing("channels", "hold the numbers", table)
        notes.append(f"channels: {some(channels, len(channels), 8)}")
        return Columns(None, label, id, time, channels, notes)
    text = config.text or _by_name(_TEXT, free)
    if label is None and labelled:
        label = _label_by_content(head, [name for name in free if name != text])
    if text is None:
        text = _longest(head, [name for name in free if name != label])
    _say(notes, table, config, labelled, label=label, text=text)
    if text is None:
        raise _missing("text", "holds the texts", table)
    return Columns(text, label, notes=notes)


def require(table: Table, name: str) -> None:
    """Raise a DataError, with the nearest name, where there is no such column."""
    names = list(table.frame.columns)
    if name not in names:
        folded = {one.casefold(): one for one in reversed(names)}
        close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
        nearest = f"; the nearest is '{folded[close[0]]}'" if close else ""
        raise DataError(
            f"{table.name}: there is no column '{name}'{nearest}. Name one of: "
            f"{some(names, len(names), 12)}."
        )


def _is_long(free: list[str], numeric: set[str], config: LabelledConfig) -> bool:
    """Whether rows are steps of series rather than items."""
    if config.kind is not None or config.text is not None:
        return config.kind == "series"
    if config.id is not None or config.channels:
        return True
    id = _by_name(_ID, free)
    if id is None or _by_name(_TEXT, free) is not None:
        return False
    rest = [name for name in free if name not in (id, _by_name(_TIME, free))]
    return bool(rest) and all(name in numeric for name in rest)


def _by_name(known: str, names: Iterable[str]) -> str | None:
    folded = {name.strip().casefold(): name for name in names}
    return next((folded[one] for one in known.split() if one in folded), None)


def _label_by_content(head: pd.DataFrame, names: list[str]) -> str | None:
    """Of the columns whose cells repeat, the one with the fewest different ones."""
    counts = {name: head[name].astype(str).nunique() for name in names}
    fit = [name for name, count in counts.items() if count <= max(2, len(head) // 2)]
    return min(fit, key=lambda name: counts[name]) if fit and len(head) > 1 else None


def _longest(head: pd.DataFrame, names: list[str]) -> str | None:
    if not names:
        return None
    return max(names, key=lambda name: head[name].astype(str).str.len().mean())


def _say(
    notes: list[str],
    table: Table,
    config: LabelledConfig,
    labelled: bool,
    **roles: str | None,
) -> None:
    """Tell the columns that were not named by the user."""
    for role, name in roles.items():
        if name is not None and getattr(config, role) is None:
            notes.append(f"{role}: the column '{name}'")
    if labelled and roles["label"] is None:
        raise _missing("label", "holds the classes", table)


def _missing(role: str, what: str, table: Table) -> DataError:
    names = list(table.frame.columns)
    verb = what if role != "channels" else "hold the numbers of the series"
    return DataError(
        f"{table.name}: no column was found that {verb} (columns: {some(names, len(names), 12)}). "
        f"Name it ({role}=..., --{role})."
    )
