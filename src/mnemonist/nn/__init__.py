"""Modules on the engine: layers and stacks of any cell, and what models need around them."""

from mnemonist.nn.feedback import Feedback
from mnemonist.nn.norm import SequenceBatchNorm
from mnemonist.nn.pooling import LastStep, last_valid
from mnemonist.nn.recurrent import Recurrent

__all__ = ["Feedback", "LastStep", "Recurrent", "SequenceBatchNorm", "last_valid"]
