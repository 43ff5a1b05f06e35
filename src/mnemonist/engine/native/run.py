"""Runs of plans under torch's autograd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from mnemonist.engine.differentiate import Gradient, differentiate
from mnemonist.engine.differentiate.evaluate import evaluate
from mnemonist.engine.graph import Graph
from mnemonist.engine.interpret import run_program
from mnemonist.engine.native import library
from mnemonist.engine.native.compile import (
    Backward,
    Slot,
    compile_backward,
    compile_forward,
)
from mnemonist.engine.native.plan import Layout, Plan
from mnemonist.engine.native.planner import Unplanned
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program
from mnemonist.engine.time import valid_mask

__all__ = [
    "Compiled",
    "Grid",
    "Rows",
    "Signature",
    "again",
    "as_read",
    "compiled",
    "constants_of",
    "final_of",
    "lack",
    "run_backward",
    "run_forward",
    "run_rows",
]

_Key = tuple[str, str | int]


@dataclass(frozen=True)
class Grid:
    """The rows of a run: those of all steps, step by step, and at each the rows still running.

    Attributes:
        steps: T.
        rows: B.
        lengths: int64 (B,), descending: the steps of each row; None where all have T.
    """

    steps: int
    rows: int
    lengths: Tensor | None = None

    @cached_property
    def first(self) -> Tensor | None:
        """(T + 1,): the rows of all steps before each step, where rows end early."""
        if self.lengths is None:
            return None
        running = self.lengths[None, :] > torch.arange(self.steps)[:, None]
        return torch.cat([torch.zeros(1, dtype=torch.int64), running.sum(1).cumsum(0)])

    @cached_property
    def total(self) -> int:
        """N, the rows of all steps together."""
        return self.steps * self.rows if self.lengths is None else int(self.lengths.sum())

    @cached_property
    def padded(self) -> Tensor | None:
        """(N,): where the rows stand among T·B, where rows end early."""
        if self.lengths is None:
            return None
        running = self.lengths[None, :] > torch.arange(self.steps)[:, None]
        return running.flatten().nonzero()[:, 0]

    @cached_property
    def last(self) -> Tensor:
        """(B,): the last row of each row of the batch, in a buffer that begins with B others."""
        rows = torch.arange(self.rows)
        if self.first is None or self.lengths is None:
            return self.total + rows
        before = self.first[(self.lengths - 1).clamp(min=0)]
        return torch.where(self.lengths > 0, self.rows + before + rows, rows)


@dataclass(frozen=True)
class Signature:
    """What a call asks of a program; one plan serves all calls with the same.

    Attributes:
        keep: states and outputs whose values over time are wanted.
        fixed: extras that are the same at every step.
        wanted: names of inputs and states with a gradient, and indices of constants; None where
            no gradient is wanted at all.
        ragged: whether rows end early.
    """

    keep: tuple[str, ...]
    fixed: frozenset[str] = frozenset()
    wanted: frozenset[str | int] | None = None
    ragged: bool = False


class _Buffers:
    """What a plan asks of its caller: the key of each of its buffers, and what is behind it."""

    def __init__(self, slots: Sequence[Slot | None]) -> None:
        self.keys = tuple(None if slot is None else slot.key for slot in slots)
        self.sizes = {s.key: (s.layout, s.width) for s in slots if s is not None}


class Compiled:
    """A program for one signature: the plans, forwards and backwards."""

    def __init__(self, program: Program, signature: Signature) -> None:
        self.program = program
        self.signature = signature
        self.gradient: Gradient | None = None
        stored: tuple[Node, ...] = ()
        keep = signature.keep
        if signature.wanted is not None:
            self.gradient = self._gradient(signature.wanted)
            stored = self.gradient.saved
        latest = signature.wanted is None and not signature.ragged
        self.ring = frozenset(program.states) - {*keep} if latest else frozenset[str]()
        self.forward = compile_forward(
            program, keep, stored=stored, fixed=signature.fixed, ring=self.ring
        )
        self.forward_plan = _compiled_plan(self.forward.plan)

    def _gradient(self, wanted: frozenset[str | int]) -> Gradient:
        program = self.program
        loose = [name for name in program.states if name not in program.carried]
        constants = constants_of(program, self.signature.keep)
        inputs = [n for n in ("x", *program.extras, *program.bound) if n in wanted]
        asked = [node for i, node in enumerate(constants) if i in wanted]
        keep = [*self.signature.keep, *loose]
        return differentiate(program, keep=keep, inputs=inputs, parameters=asked)

    @cached_property
    def backward(self) -> Backward:
        assert self.gradient is not None
        return compile_backward(self.gradient, self.forward, self.signature.fixed)

    @cached_property
    def keys(self) -> tuple[_Key, ...]:
        """The tensors of a run in the order in which they are handed over: role and name."""
        program = self.program
        named = [("x", "x"), *(("extra", n) for n in program.extras)]
        named += [("known", n) for n in program.bound]
        named += [("state", n) for n in program.states]
        return (*named, *(("constant", i) for i in range(len(self.forward.constants))))

    @cached_property
    def forward_buffers(self) -> _Buffers:
        return _Buffers(self.forward.slots)

    @cached_property
    def backward_buffers(self) -> _Buffers:
        return _Buffers(self.backward.slots)

    @cached_property
    def of_constants(self) -> Program:
        """The program with the constants as its parameters."""
        names = {node: f"k{i}" for i, node in enumerate(self.forward.constants)}

        def rule(graph: Graph, node: Node, made: Made) -> Node | None:
            name = names.get(node)
            return None if name is None else graph.leaf(name, node.shape, logical=node.logical)

        return replace(self.program, values=rewrite(self.program.values, rule))

    @cached_property
    def stored(self) -> tuple[_Key, ...]:
        """The buffers that the backward plan reads of the forward plan's, inputs apart."""
        slots = [s.key for s in self.backward.slots if s is not None]
        return tuple(key for key in slots if key[0] in ("state", "value", "stored"))

    @cached_property
    def backward_plan(self) -> Any:
        return _compiled_plan(self.backward.plan)


def _compiled_plan(plan: Plan) -> Any:
    """The plan as the extension keeps it."""
    return library.module().Plan(plan.code(), plan.numbers)


_COMPILED: WeakKeyDictionary[Program, dict[Signature, Compiled]] = WeakKeyDictionary()
_LACKS: WeakKeyDictionary[Program, dict[Any, str | None]] = WeakKeyDictionary()


def compiled(program: Program, signature: Signature) -> Compiled:
    """The plans of a program for a signature, made when they are first asked for."""
    known = _COMPILED.setdefault(program, {})
    if signature not in known:
        known[signature] = Compiled(program, signature)
    return known[signature]


def constants_of(program: Program, keep: Sequence[str]) -> tuple[Node, ...]:
    """The values of binding time K that a run reads, in the order in which it takes them."""
    return compiled(program, Signature(tuple(keep))).forward.constants


def lack(program: Program, keep: Sequence[str], gradients: bool) -> str | None:
    """What the compiled engine lacks for a program, backwards too if asked; None if nothing."""
    asked = (tuple(keep), gradients)
    known = _LACKS.setdefault(program, {})
    if asked not in known:
        try:
            constants = constants_of(program, keep)
            if gradients:
                names = {"x", *program.extras, *program.bound, *range(len(constants))}
                compiled(program, Signature(tuple(keep), wanted=frozenset(names))).backward  # noqa: B018
            known[asked] = None
        except Unplanned as error:
            known[asked] = str(error)
    return known[asked]


@dataclass(frozen=True)
class Rows:
    """What a program runs on: every tensor with one row for each step and row of the batch.

    Attributes:
        grid: how many rows there are.
        x: (N, I), N the rows of all steps.
        extras: (N, width), or (B, width) for those that are the same at every step.
        known: previous states that are given at all steps, (N, width).
        state: before the first step, (B, width).
        constants: the values of `constants_of`.
    """

    grid: Grid
    x: Tensor
    extras: Mapping[str, Tensor]
    known: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    constants: Sequence[Tensor]


def run_rows(
    program: Program, keep: tuple[str, ...], rows: Rows
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Run a program: what is kept over time, (N, width) each, and the final state, (B, width)."""
    inputs = _named(program, rows)
    fixed = frozenset(n for n, e in rows.extras.items() if e.shape[0] != rows.grid.total)
    wanted = None
    if torch.is_grad_enabled():
        asked: set[str | int] = {n for n, value in inputs.items() if value.requires_grad}
        asked |= {i for i, value in enumerate(rows.constants) if value.requires_grad}
        wanted = frozenset(asked) or None
    code = compiled(program, Signature(keep, fixed, wanted, rows.grid.lengths is not None))
    tensors = (*inputs.values(), *rows.constants)
    if wanted is None:  # nothing for autograd to do, which would cost a quarter of a short run
        values = _results(run_forward(code, rows.grid, tensors), code, rows.grid)
    else:
        values = _Run.apply(code, rows.grid, *tensors)
    return dict(zip(keep, values)), dict(zip(program.states, values[len(keep) :]))


def _named(program: Program, rows: Rows) -> dict[str, Tensor]:
    """The tensors of a run by name, constants apart; a state's name is ``state.<name>``."""
    named = {"x": rows.x}
    named |= {name: rows.extras[name] for name in program.extras}
    named |= {name: rows.known[name] for name in program.bound}
    return named | {f"state.{name}": rows.state[name] for name in program.states}


class _Run(torch.autograd.Function):
    """Forward and backward plans as one function of inputs, states and constants."""

    @staticmethod
    def forward(ctx: Any, code: Compiled, grid: Grid, *tensors: Tensor) -> tuple[Tensor, ...]:
        memory = run_forward(code, grid, tensors)
        results = _results(memory, code, grid)
        ctx.code, ctx.grid, ctx.count = code, grid, len(tensors)
        ctx.set_materialize_grads(False)
        # what is kept shares its memory with what is stored: saved as well, autograd sees when
        # somebody has written to it
        stored = (memory[key] for key in code.stored)
        ctx.save_for_backward(*tensors, *stored, *results[: len(code.signature.keep)])
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        code, grid, saved = ctx.code, ctx.grid, ctx.saved_tensors
        tensors, stored = saved[: ctx.count], saved[ctx.count :]
        if torch.is_grad_enabled():  # a second derivative is wanted
            return None, None, *_again(code, grid, tensors, gradients)
        found = run_backward(code, grid, tensors, stored, gradients)
        return None, None, *found


def _results(memory: Mapping[_Key, Tensor], code: Compiled, grid: Grid) -> tuple[Tensor, ...]:
    """What is kept over time and the final states, out of the buffers of a run."""
    kept = [_kept(memory, grid, name) for name in code.signature.keep]
    return (*kept, *(final_of(memory, code, grid, name) for name in code.program.states))


def run_forward(
    code: Compiled, grid: Grid, tensors: Sequence[Tensor], capacity: int = 0
) -> dict[_Key, Tensor]:
    """Run the forward plan: the buffers that it read and wrote.

    Args:
        tensors: as `run_rows` hands them over.
        capacity: rows of all steps that new buffers have room for, if more than there are.
    """
    given = dict(zip(code.keys, [t.detach().contiguous() for t in tensors], strict=True))
    before = {name: given.pop(("state", name)) for name in code.program.states}
    memory = _memory(code.forward_buffers, grid, given["x", "x"], given, capacity)
    for name, state in before.items():
        memory["state", name][: grid.rows] = state
    _execute(code.forward_plan, code.forward_buffers, grid, given["x", "x"].dtype, memory)
    return memory


def _memory(
    buffers: _Buffers,
    grid: Grid,
    like: Tensor,
    given: Mapping[_Key, Tensor],
    capacity: int = 0,
) -> dict[_Key, Tensor]:
    """The buffers of a run: those given, and new ones for all others."""
    total = max(grid.total, capacity)
    rows = {
        Layout.STEPS: total,
        Layout.STATE: grid.rows + total,
        Layout.RING: 2 * grid.rows,
        Layout.ROWS: grid.rows,
        Layout.VECTOR: 1,
    }
    memory = {}
    for key, (layout, width) in buffers.sizes.items():
        tensor = given.get(key)
        if tensor is None:
            tensor = library.empty((rows[layout], width), like.dtype)
        memory[key] = tensor
    return memory


def _execute(
    plan: Any,
    buffers: _Buffers,
    grid: Grid,
    dtype: torch.dtype,
    memory: Mapping[_Key, Tensor],
) -> None:
    addresses = [0 if key is None else memory[key].data_ptr() for key in buffers.keys]
    sizes = [0 if key is None else memory[key].numel() for key in buffers.keys]
    first = grid.first
    library.module().run(
        plan,
        dtype is torch.float64,
        grid.steps,
        grid.rows,
        0 if first is None else first.data_ptr(),
        addresses,
        torch.get_num_threads(),
        library.isa(),
        sizes=sizes,
    )


def _kept(memory: Mapping[_Key, Tensor], grid: Grid, name: str) -> Tensor:
    """A value over time: (N, width)."""
    value = memory.get(("value", name))
    if value is not None:
        return value
    state = memory["state", name]
    # no view in autograd's eyes: a result that shares memory with what is stored, and no more
    offset, shape = grid.rows * state.shape[1], (grid.total, state.shape[1])
    return state.new_empty(0).set_(state.untyped_storage(), offset, shape, state.stride())


def final_of(memory: Mapping[_Key, Tensor], code: Compiled, grid: Grid, name: str) -> Tensor:
    """The state behind each row's last step: (B, width)."""
    state = memory["state", name]
    if grid.lengths is not None:
        return state[grid.last]
    start = grid.total if name not in code.ring else (grid.steps % 2) * grid.rows
    return state[start : start + grid.rows].clone()


def run_backward(
    code: Compiled,
    grid: Grid,
    tensors: Sequence[Tensor],
    stored: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """∂L/∂ of every tensor of a run, None where it is not wanted."""
    program, backward, gradient = code.program, code.backward, code.gradient
    assert gradient is not None
    assert code.signature.wanted is not None
    given = dict(zip(code.keys, [t.detach().contiguous() for t in tensors], strict=True))
    like = given["x", "x"]
    forward = {n: given["constant", i] for i, n in enumerate(code.forward.constants)}
    for i, node in enumerate(backward.constants):
        given["constant", i] = _constant(node, forward, like).contiguous()
    given |= dict(zip(code.stored, stored))
    keep = code.signature.keep
    over_time = dict(zip(keep, gradients))
    final = dict(zip(program.states, gradients[len(keep) :]))
    for name in program.carried:
        carry = like.new_zeros(grid.rows, program.states[name])
        if (incoming := final[name]) is not None:
            carry.copy_(incoming)
        given["carry", name] = carry
    for name in gradient.keep:
        given["loss", name] = _loss(code, grid, name, like, over_time.get(name), final.get(name))
    memory = _memory(code.backward_buffers, grid, like, given)
    _execute(code.backward_plan, code.backward_buffers, grid, like.dtype, memory)

    wanted = code.signature.wanted
    results: list[Tensor | None] = []
    constants: dict[Node, Tensor] = {}
    for i, (node, shape) in enumerate(backward.parameters):
        value = memory["parameter", i].reshape(shape)
        value = value.sum_to_size(node.shape) if node.shape != shape else value
        constants[node] = constants[node] + value if node in constants else value
    for (role, which), tensor in zip(code.keys, tensors, strict=True):
        name = str(which)
        if role == "constant":
            found = constants.get(code.forward.constants[int(which)])
            asked = which in wanted
        elif role == "state":
            asked, found = f"state.{name}" in wanted, given.get(("carry", name))
            if found is None and asked:
                found = _unread(grid, final[name], tensor)
        else:
            asked, found = name in wanted, memory.get(("input", name))
        if asked and found is None:
            found = torch.zeros_like(tensor)
        results.append(found.reshape(tensor.shape) if asked and found is not None else None)
    return results


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
        return _in_place(over_time)
    total = (
        like.new_zeros(grid.total, width)
        if over_time is None
        else over_time.clone(memory_format=torch.contiguous_format)
    )
    if unread and final is not None:
        ran = grid.last >= grid.rows
        total[grid.last[ran] - grid.rows] += final[ran]
    return total


def _in_place(value: Tensor) -> Tensor:
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


def _again(
    code: Compiled, grid: Grid, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients as torch operations, so that they can be differentiated once more."""
    given = dict(zip(code.keys, tensors, strict=True))
    values, final = _run_torch(code, grid, given)
    outputs = [*(values[name] for name in code.signature.keep), *final.values()]
    return again(outputs, tensors, gradients)


def as_read(program: Program, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inputs as torch operations read them: conditions as bool, which plans hold as numbers."""
    logical = {n.attr[0] for n in program.nodes if n.op in ("input", "known") and n.logical}
    return {name: value != 0 if name in logical else value for name, value in named.items()}


def again(
    outputs: Sequence[Tensor], tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """∂L/∂ of every tensor that wants one, by torch, to be differentiated once more."""
    pairs = [(o, g) for o, g in zip(outputs, gradients) if g is not None and o.requires_grad]
    inputs = [t for t in tensors if t.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs], inputs, [g for _, g in pairs], create_graph=True, allow_unused=True
    )
    by_input = iter(found)
    return [next(by_input) if t.requires_grad else None for t in tensors]


def _run_torch(
    code: Compiled, grid: Grid, given: Mapping[_Key, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What `_Run.forward` computes, by the program executor."""
    steps, rows = grid.steps, grid.rows
    index = grid.padded

    def over_time(value: Tensor) -> Tensor:
        if index is None:
            return value.reshape(steps, rows, -1)
        return (
            value.new_zeros(steps * rows, value.shape[1])
            .index_copy(0, index, value)
            .reshape(steps, rows, -1)
        )

    program = code.of_constants
    leaves = {f"k{i}": given["constant", i] for i in range(len(code.forward.constants))}
    extras = {}
    for name in program.extras:
        value = given["extra", name]
        extras[name] = value[None] if name in code.signature.fixed else over_time(value)
    values, final = run_program(
        program,
        leaves,
        over_time(given["x", "x"]),
        {name: given["state", name] for name in program.states},
        as_read(program, extras),
        keep=code.signature.keep,
        valid=None if grid.lengths is None else valid_mask(grid.lengths, steps),
        forced={name: over_time(given["known", name]) for name in program.bound},
    )
    flat = {name: value.reshape(steps * rows, -1) for name, value in values.items()}
    if index is not None:
        flat = {name: value[index] for name, value in flat.items()}
    return flat, final
