"""Files to arrays: tables, series, checks, splits, scaling, windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.bundled import bundled_names, bundled_path
    from mnemonist.data.findings import Finding
    from mnemonist.data.labelled import (
        LabelledConfig,
        LabelledSet,
        LabelledSplit,
        check_labelled,
        class_weights,
        load_labelled,
        load_labelled_split,
        split_labelled,
    )
    from mnemonist.data.parallel import (
        ParallelConfig,
        ParallelSet,
        ParallelSplit,
        check_parallel,
        check_parts,
        load_parallel,
        split_parallel,
    )
    from mnemonist.data.series import (
        Scaler,
        Series,
        SeriesConfig,
        SeriesScaler,
        SeriesSet,
        Split,
        Windows,
        check_series,
        load_series,
        split,
    )
    from mnemonist.data.table import Table, read_table
    from mnemonist.data.text import (
        Text,
        TokenCorpus,
        Tokenizer,
        Vocabulary,
        check_lines,
        make_tokenizer,
        read_lines,
        tokenizer_from_dict,
    )

__all__ = [
    "Finding",
    "LabelledConfig",
    "LabelledSet",
    "LabelledSplit",
    "ParallelConfig",
    "ParallelSet",
    "ParallelSplit",
    "Scaler",
    "Series",
    "SeriesConfig",
    "SeriesScaler",
    "SeriesSet",
    "Split",
    "Table",
    "Text",
    "TokenCorpus",
    "Tokenizer",
    "Vocabulary",
    "Windows",
    "bundled_names",
    "bundled_path",
    "check_labelled",
    "check_lines",
    "check_parallel",
    "check_parts",
    "check_series",
    "class_weights",
    "load_labelled",
    "load_labelled_split",
    "load_parallel",
    "load_series",
    "make_tokenizer",
    "read_lines",
    "read_table",
    "split",
    "split_labelled",
    "split_parallel",
    "tokenizer_from_dict",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Finding": ".findings",
        "LabelledConfig": ".labelled",
        "LabelledSet": ".labelled",
        "LabelledSplit": ".labelled",
        "ParallelConfig": ".parallel",
        "ParallelSet": ".parallel",
        "ParallelSplit": ".parallel",
        "Scaler": ".series",
        "Series": ".series",
        "SeriesConfig": ".series",
        "SeriesScaler": ".series",
        "SeriesSet": ".series",
        "Split": ".series",
        "Table": ".table",
        "Text": ".text",
        "TokenCorpus": ".text",
        "Tokenizer": ".text",
        "Vocabulary": ".text",
        "Windows": ".series",
        "bundled_names": ".bundled",
        "bundled_path": ".bundled",
        "check_labelled": ".labelled",
        "check_lines": ".text",
        "check_parallel": ".parallel",
        "check_parts": ".parallel",
        "check_series": ".series",
        "class_weights": ".labelled",
        "load_labelled": ".labelled",
        "load_labelled_split": ".labelled",
        "load_parallel": ".parallel",
        "load_series": ".series",
        "make_tokenizer": ".text",
        "read_lines": ".text",
        "read_table": ".table",
        "split": ".series",
        "split_labelled": ".labelled",
        "split_parallel": ".parallel",
        "tokenizer_from_dict": ".text",
    },
)
