"""From torch's names to program operations: what each function means for one row of a batch.

A lowering takes the graph and the call's arguments, tensors already as nodes, and returns the
node (or nodes) of the result. It raises `Unfit` where the program form has no such thing.
Derivatives decide some choices: where torch passes the gradient at a tie or at a corner, so
must the operation chosen here (`relu` is a ``where`` and not a ``max``, which halves it).
"""

from mnemonist.engine.lowering import elementwise, rows, structure  # they fill the table
from mnemonist.engine.lowering.table import LOWERINGS, as_node, last_dim

__all__ = ["LOWERINGS", "as_node", "elementwise", "last_dim", "rows", "structure"]
