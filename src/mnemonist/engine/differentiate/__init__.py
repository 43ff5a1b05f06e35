"""The backward program of any program, symbolically."""

from mnemonist.engine.differentiate.backward import differentiate
from mnemonist.engine.differentiate.gradient import Gradient, Sink
from mnemonist.engine.differentiate.jacobian import step_jacobian
from mnemonist.engine.differentiate.run import GradientRun, run_gradient
from mnemonist.engine.differentiate.tangent import Jvp, Tangent, jvp, tangent_program

__all__ = [
    "Gradient",
    "GradientRun",
    "Jvp",
    "Sink",
    "Tangent",
    "differentiate",
    "jvp",
    "run_gradient",
    "step_jacobian",
    "tangent_program",
]
