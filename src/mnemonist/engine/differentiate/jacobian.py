"""The Jacobian of a step with respect to the state before it."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.differentiate.backward import differentiate
from mnemonist.engine.differentiate.evaluate import constants, fill
from mnemonist.engine.differentiate.gradient import Gradient
from mnemonist.engine.program import Node, Program, Time

__all__ = ["step_jacobian"]

_STEPS: WeakKeyDictionary[Program, Gradient] = WeakKeyDictionary()


def step_jacobian(
    program: Program,
    leaves: Mapping[str, Tensor],
    x: Tensor,
    states: Mapping[str, Tensor],
    extras: Mapping[str, Tensor] | None = None,
    *,
    known: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """∂s_t/∂s_{t-1} for every row: what a step does to a small change of the state before it.

    By the backward program with the rows of an identity matrix for the gradient of the new
    state. Its singular values say how a cell forgets and explodes (Bengio et al. 1994, Pascanu
    et al. 2013); products of it over time give Lyapunov exponents.

    Args:
        program: the program of a cell.
        leaves: its parameters and buffers by name, as from `Program.leaves_of`.
        x: inputs with any leading dimensions, (..., I).
        states: the states before the step, (..., width) each.
        extras: further inputs of the step, (..., width) each.
        known: previous values of bound states, (..., width) each.

    Returns:
        (..., W, W), where W is the width of all carried states side by side, in the order of
        `Program.carried`; row i holds the derivatives of element i of the new state. No history
        is recorded.

    >>> from mnemonist.cells import Elman
    >>> from mnemonist.engine import program_of
    >>> cell = Elman(3, 5)
    >>> program = program_of(cell)
    >>> x, h = torch.randn(7, 3), torch.randn(7, 5)
    >>> jacobian = step_jacobian(program, program.leaves_of(cell), x, {"h": h})
    >>> slope = 1 - cell.step(x, h) ** 2                     # of tanh
    >>> torch.allclose(jacobian, slope[..., None] * cell.hidden.U, atol=1e-6)
    True
    """
    gradient = _STEPS.get(program)
    if gradient is None:
        gradient = differentiate(program, keep=(), inputs=(), parameters=())
        _STEPS[program] = gradient
    widths = [program.states[name] for name in program.carried]
    total = sum(widths)
    with torch.no_grad():
        values = constants(program, (*program.nodes, *gradient.nodes), leaves, x)
        given = {"x": x, **(extras or {})}
        for node in program.nodes:
            if node.op == "input":
                values[node] = given[node.attr[0]]
            elif node.op == "known":
                values[node] = (known or {})[node.attr[0]]
            elif node.op == "state":
                values[node] = states[node.attr[0]]
        fill(program.nodes, values, x)
        lead = x.shape[:-1]
        by_id = {n.id: v for n, v in values.items() if n.time is not Time.K}
        back: dict[Node, Tensor] = {n: v for n, v in values.items() if n.time is Time.K}
        identity = torch.eye(total, dtype=x.dtype, device=x.device)
        rows = identity.reshape(total, *(1,) * len(lead), total).split(widths, -1)
        carries = dict(zip(program.carried, rows))
        for node in gradient.nodes:
            if node.op == "saved":
                back[node] = by_id[node.attr[0]].expand(*lead, *node.shape)
            elif node.op == "carry":
                back[node] = carries[node.attr[0]].expand(total, *lead, *node.shape)
        fill(gradient.nodes, back, x)
        blocks = [back[node].expand(total, *lead, *node.shape) for node in gradient.states.values()]
        if not blocks:
            return x.new_zeros(*lead, 0, 0)
        return torch.cat(blocks, -1).movedim(0, -2)
