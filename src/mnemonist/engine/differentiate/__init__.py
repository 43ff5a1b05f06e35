"""The backward program of any program, symbolically."""

from mnemonist.engine.differentiate.backward import differentiate
from mnemonist.engine.differentiate.gradient import Gradient, Sink
from mnemonist.engine.differentiate.run import GradientRun, run_gradient

__all__ = ["Gradient", "GradientRun", "Sink", "differentiate", "run_gradient"]
