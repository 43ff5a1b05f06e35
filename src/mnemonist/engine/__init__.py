"""The engine: any cell over time, by the executor that suits it."""

from mnemonist.engine.contract import CellLike, Unrolled
from mnemonist.engine.executors import EXECUTORS, why_not
from mnemonist.engine.explain import Explanation, explain
from mnemonist.engine.program import Program
from mnemonist.engine.stepper import Stepper
from mnemonist.engine.trace import program_of
from mnemonist.engine.unroll import unroll

__all__ = [
    "EXECUTORS",
    "CellLike",
    "Explanation",
    "Program",
    "Stepper",
    "Unrolled",
    "explain",
    "program_of",
    "unroll",
    "why_not",
]
