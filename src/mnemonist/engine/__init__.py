"""The engine: any cell over time, by the executor that suits it."""

from mnemonist.engine.contract import CellLike, Unrolled
from mnemonist.engine.executors import EXECUTORS
from mnemonist.engine.unroll import unroll

__all__ = ["EXECUTORS", "CellLike", "Unrolled", "unroll"]
