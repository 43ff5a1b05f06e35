"""Sentences and their translations, or any texts in pairs.

>>> from mnemonist.data.parallel import ParallelSet, split_parallel
>>> pairs = ParallelSet.from_pairs([("你好", "hello"), ("你好", "hi"), ("谢谢", "thanks")] * 5)
>>> parts = split_parallel(pairs, valid=0.0, test=0.3)
>>> set(parts.train.sources) & set(parts.test.sources)
set()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.parallel.check import check_parallel, check_parts
    from mnemonist.data.parallel.config import ParallelConfig
    from mnemonist.data.parallel.load import load_parallel
    from mnemonist.data.parallel.model import ParallelSet
    from mnemonist.data.parallel.splitting import ParallelSplit, split_parallel

__all__ = [
    "ParallelConfig",
    "ParallelSet",
    "ParallelSplit",
    "check_parallel",
    "check_parts",
    "load_parallel",
    "split_parallel",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "ParallelConfig": ".config",
        "ParallelSet": ".model",
        "ParallelSplit": ".splitting",
        "check_parallel": ".check",
        "check_parts": ".check",
        "load_parallel": ".load",
        "split_parallel": ".splitting",
    },
)
