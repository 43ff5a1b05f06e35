"""One operation of a forward or backward program on tensors, in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.program import Node, Program, Time, ancestors
from mnemonist.engine.writer import FUNCTIONS

__all__ = ["constants", "evaluate", "fill"]


def _product(v: Tensor, weight: Tensor, start: Tensor | None = None) -> Tensor:
    product = v @ weight.mT
    return product if start is None else product + start


def _blocks(v: Tensor, weight: Tensor, start: Tensor | None = None) -> Tensor:
    """Output block n is weight[n] times operand block n mod m."""
    number, _, inputs = weight.shape
    operand = v.unflatten(-1, (-1, inputs))
    operand = operand.repeat(*(1,) * (v.dim() - 1), number // operand.shape[-2], 1)
    product = torch.einsum("...ni,noi->...no", operand, weight).flatten(-2)
    return product if start is None else product + start


def _blocks_transposed(d: Tensor, weight: Tensor, width: int) -> Tensor:
    number, outputs, inputs = weight.shape
    back = torch.einsum("...no,noi->...ni", d.unflatten(-1, (number, outputs)), weight)
    return back.unflatten(-2, (-1, width // inputs)).sum(-3).flatten(-2)


def _cat(parts: Sequence[Tensor]) -> Tensor:
    lead = torch.broadcast_shapes(*(p.shape[:-1] for p in parts))
    return torch.cat([p.expand(*lead, p.shape[-1]) for p in parts], -1)


_OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    **FUNCTIONS,
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "stop": lambda a: a,
    "gt": torch.gt,
    "ge": torch.ge,
    "lt": torch.lt,
    "le": torch.le,
    "eq": torch.eq,
    "ne": torch.ne,
    "dtanh": lambda d, y: d * (1 - y * y),
    "dsigmoid": lambda d, y: d * y * (1 - y),
    "sum": lambda a: a.sum(-1, keepdim=True),
    "amax": lambda a: a.amax(-1, keepdim=True),
    "mm": _product,
    "mmT": torch.matmul,
    "bmm": _blocks,
}


def evaluate(node: Node, args: Sequence[Tensor], like: Tensor) -> Tensor:
    """The value of a node, for rows with any leading dimensions.

    What is the same for all rows (zeros) may lack those dimensions.

    Args:
        args: the values of its operands.
        like: a tensor of the dtype and on the device to use.
    """
    if node.op in _OPERATIONS:
        return _OPERATIONS[node.op](*args)
    if node.op == "bmmT":
        return _blocks_transposed(args[0], args[1], node.width)
    if node.op == "slice":
        return args[0][..., slice(*node.attr)]
    if node.op == "cat":
        return _cat(args)
    if node.op == "view":
        lead = args[0].shape[: args[0].dim() - len(node.args[0].shape)]
        return args[0].reshape(*lead, *node.shape)
    if node.op == "expand":
        return args[0].expand(*args[0].shape[:-1], node.width)
    assert node.op == "zeros", node.op
    return like.new_zeros(node.shape)


def fill(nodes: Sequence[Node], values: dict[Node, Tensor], like: Tensor) -> None:
    """Evaluate nodes in order, beside the values there are."""
    for node in nodes:
        if node not in values:
            values[node] = evaluate(node, [values[a] for a in node.args], like)


def constants(
    program: Program, nodes: Sequence[Node], leaves: Mapping[str, Tensor], like: Tensor
) -> dict[Node, Tensor]:
    """The K nodes that nodes read, computed from parameters under torch's autograd."""
    read = {a for n in ancestors(nodes) for a in (n, *n.args) if a.time is Time.K}
    wanted = sorted((n for n in read if n.op != "const"), key=lambda n: n.id)
    given = tuple(leaves[name] for name in program.leaves)
    values = dict(zip(wanted, compile_prologue(program, wanted)(like, given)))
    for node in read:
        if node.op == "const":
            dtype = torch.bool if node.logical else like.dtype
            values[node] = torch.tensor(node.attr[0], dtype=dtype, device=like.device)
    return values
