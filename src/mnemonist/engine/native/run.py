"""Runs of plans under torch's autograd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mnemonist.engine.differentiate.evaluate import evaluate
from mnemonist.engine.native import library
from mnemonist.engine.native.again import run_again
from mnemonist.engine.native.compiled import Compiled, Key, Place
from mnemonist.engine.native.order import Grid
from mnemonist.engine.native.plan import Layout
from mnemonist.engine.program import Node

__all__ = ["run_backward", "run_forward", "run_plans"]

_LINE = 64  # bytes: what lies in one tensor with others begins at a multiple of it


def run_plans(code: Compiled, grid: Grid, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Run a program: what is kept over time, then the final states.

    Args:
        code: the program and what is wanted of it.
        grid: the rows that run.
        tensors: those of `Compiled.keys`, in float32 or all in float64, on the CPU: x (..., I),
            extras (..., width) or, where they are the same at every step, (B, width), known states
            (..., width), states (B, width), and the constants. The dots are T, B or the N rows
            of all steps; what is kept has the same in their place.
    """
    if code.gradient is None:  # nothing for autograd to do, which would cost more than a short run
        return _forward(code, grid, tensors)[0]
    return _Run.apply(code, grid, *tensors)


class _Run(torch.autograd.Function):
    """Forward and backward plans as one function of inputs, states and constants."""

    @staticmethod
    def forward(ctx: Any, code: Compiled, grid: Grid, *tensors: Tensor) -> tuple[Tensor, ...]:
        results, stored, ctx.places = _forward(code, grid, tensors)
        ctx.code, ctx.grid = code, grid
        ctx.set_materialize_grads(False)
        # what is kept shares its memory with what is stored: saved as well, autograd sees when
        # somebody has written to it
        ctx.save_for_backward(*tensors, *results[: len(code.signature.keep)], *stored)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        code, grid, saved = ctx.code, ctx.grid, ctx.saved_tensors
        tensors, stored = saved[: len(code.keys)], saved[len(code.keys) :]
        if torch.is_grad_enabled():  # a second derivative is wanted
            return None, None, *run_again(code, grid, tensors, gradients)
        memory = _addresses(code, stored, ctx.places)
        return None, None, *run_backward(code, grid, tensors, memory, gradients)


def _forward(
    code: Compiled, grid: Grid, tensors: Sequence[Tensor]
) -> tuple[tuple[Tensor, ...], list[Tensor], dict[Key, Place]]:
    """What comes out of the forward plan, and what else the backward plan reads of it.

    That is: the states that are kept, with that before the first step in front; one tensor with
    all buffers that nobody else reads; and where in it they lie, in bytes.
    """
    x, states = tensors[0], code.program.states
    dtype, lead = x.dtype, x.shape[:-1]
    memory: dict[Key, Place] = {}
    kept, stored = [], []
    for name in code.signature.keep:
        if name in states:
            ahead, shape = grid.rows * states[name], (*lead, states[name])
            whole, value = library.empty_behind(ahead, shape, dtype)
            memory["state", name] = _place(whole)
            stored.append(whole)
        else:
            value = library.empty((*lead, code.program.values[name].width), dtype)
            memory["value", name] = _place(value)
        kept.append(value)
    places: dict[Key, Place] = {}
    end = 0
    for key, layout, width in code.apart:
        size = width * (grid.total + grid.rows if layout is Layout.STATE else grid.total)
        places[key] = end, size
        end += -(-size * dtype.itemsize // _LINE) * _LINE
    if end:
        stored.append(block := library.empty((end // dtype.itemsize,), dtype))
        memory |= _within(block, places)
    final = [library.empty((grid.rows, width), dtype) for width in states.values()]
    run_forward(code, grid, tensors, memory, final)
    return (*kept, *final), stored, places


def _addresses(
    code: Compiled, saved: Sequence[Tensor], places: Mapping[Key, Place]
) -> dict[Key, Place]:
    """The buffers that the forward plan left, from what autograd has saved of `_forward`'s."""
    keep = code.signature.keep
    rest = iter(saved[len(keep) :])
    memory: dict[Key, Place] = {}
    for name, value in zip(keep, saved):
        if name in code.program.states:
            memory["state", name] = _place(next(rest))
        else:
            memory["value", name] = _place(value)
    for block in rest:
        memory |= _within(block, places)
    return memory


def _place(tensor: Tensor) -> Place:
    return tensor.data_ptr(), tensor.numel()


def _within(block: Tensor, places: Mapping[Key, Place]) -> dict[Key, Place]:
    """Places in bytes from the beginning of a tensor as places in memory."""
    start = block.data_ptr()
    return {key: (start + offset, size) for key, (offset, size) in places.items()}


def run_forward(
    code: Compiled,
    grid: Grid,
    tensors: Sequence[Tensor],
    memory: dict[Key, Place],
    final: Sequence[Tensor],
) -> None:
    """Run the forward plan.

    Args:
        code, grid, tensors: as in `run_plans`.
        memory: the buffers that are wanted, to which those of the tensors are added.
        final: what the state behind each row's last step is written to, (B, width) each.
    """
    given = [_dense(t) for t in tensors]  # alive until the end of the run
    enter: dict[Key, int] = {}
    for key, tensor in zip(code.keys, given, strict=True):
        if key[0] == "state":
            enter[key] = tensor.data_ptr()
        else:
            memory[key] = _place(tensor)
    names = code.program.states
    leave: dict[Key, int] = {("state", n): v.data_ptr() for n, v in zip(names, final)}
    code.forward_frame.run(grid, given[0].dtype, memory, enter, leave)


def run_backward(
    code: Compiled,
    grid: Grid,
    tensors: Sequence[Tensor],
    memory: dict[Key, Place],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """∂L/∂ of every tensor of a run, None where it is not wanted.

    Args:
        code, grid, tensors: as in `run_plans`.
        memory: the buffers of `Compiled.stored`, to which others are added.
        gradients: of what is kept over time and of the final states, in any layout.
    """
    assert code.gradient is not None
    x, keep, states = tensors[0], code.signature.keep, code.program.states
    over_time, final = dict(zip(keep, gradients)), dict(zip(states, gradients[len(keep) :]))
    alive: list[Tensor] = []  # until the end of the run

    def at(tensor: Tensor) -> Place:
        alive.append(tensor := _dense(tensor))
        return _place(tensor)

    def new(key: Key, shape: Sequence[int]) -> Tensor:
        made = library.empty(shape, x.dtype)
        memory[key] = _place(made)
        return made

    constants = dict(zip(code.constants, tensors[len(code.keys) - len(code.constants) :]))
    for i, node in enumerate(code.backward.constants):
        memory["constant", i] = at(_constant(node, constants, x))
    for name in code.gradient.keep:
        memory["loss", name] = at(_loss(code, grid, name, x, over_time.get(name), final.get(name)))
    parts: dict[Node, list[Tensor]] = {}
    for i, (node, shape) in enumerate(code.backward.parameters):
        parts.setdefault(node, []).append(new(("parameter", i), shape))
    enter: dict[Key, int] = {}
    results: list[Tensor | None] = []
    for key, tensor in zip(code.keys, tensors, strict=True):
        role, name = key[0], str(key[1])
        found, wanted = None, key in code.wanted
        if role == "constant":
            pass  # a sum of parts, behind the run
        elif role != "state":
            memory[key] = at(tensor)
            found = new(("input", name), tensor.shape) if wanted else None
        elif name in code.program.carried:
            arriving = final[name]
            enter["carry", name] = 0 if arriving is None else at(arriving)[0]
            found = new(("carry", name), tensor.shape) if wanted else None
        elif wanted:
            found = _unread(grid, final[name], tensor)
        results.append(found)
    code.backward_frame.run(grid, x.dtype, memory, enter, {})
    first = len(code.keys) - len(code.constants)
    for i, node in enumerate(code.constants, first):
        if code.keys[i] in code.wanted:
            results[i] = _sum(parts.get(node, ()), tensors[i])
    return results


def _sum(parts: Sequence[Tensor], like: Tensor) -> Tensor:
    """The gradient of a constant, which several places may add to, each in its own shape."""
    total = None
    for part in parts:
        value = part if part.shape == like.shape else part.sum_to_size(like.shape)
        total = value if total is None else total + value
    return torch.zeros_like(like) if total is None else total


def _constant(node: Node, known: Mapping[Node, Tensor], like: Tensor) -> Tensor:
    """A value of binding time K from those that the forward plan reads."""
    if node in known:
        return known[node]
    if node.op == "const":
        return like.new_tensor(node.attr[0])
    return evaluate(node, [_constant(a, known, like) for a in node.args], like).to(like.dtype)


def _loss(
    code: Compiled,
    grid: Grid,
    name: str,
    like: Tensor,
    over_time: Tensor | None,
    final: Tensor | None,
) -> Tensor:
    """∂L/∂ of a value over time; for a state that no step reads, with that of its final value."""
    width = code.program.values[name].width
    unread = name in code.program.states and name not in code.program.carried
    if over_time is not None and not (unread and final is not None):
        return over_time
    total = (
        like.new_zeros(grid.total, width)
        if over_time is None
        else over_time.clone(memory_format=torch.contiguous_format).view(grid.total, width)
    )
    if unread and final is not None:
        ran = grid.last >= grid.rows
        total[grid.last[ran] - grid.rows] += final[ran]
    return total


def _dense(value: Tensor) -> Tensor:
    """The value with its elements one behind another."""
    if value.is_contiguous():
        return value
    # the gradient of a sum is one number repeated: new memory would cost page faults
    return library.empty(value.shape, value.dtype).copy_(value)


def _unread(grid: Grid, final: Tensor | None, state: Tensor) -> Tensor:
    """∂L/∂ of the first value of a state that no step reads: it is final where there is no step."""
    found = torch.zeros_like(state)
    if final is not None:
        none = grid.last < grid.rows
        found[none] = final[none]
    return found
