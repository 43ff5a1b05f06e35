"""The compiled engine as operators of torch, for graphs that outlive the call.

``torch.compile`` and ``torch.export`` write down operators, not Python. A run is one of them,

    mnemonist::run(Tensor[] inputs, Tensor[] leaves, Tensor? lengths, str code) -> Tensor[]

with the program as text in ``code``, so that a graph runs in another process. `run` is a
composite: it computes the prologue in torch operations, and takes the rest apart into
``mnemonist::forward``, whose results are what was computed and what the backward pass reads, and
``mnemonist::backward``. Those two are what a compiler sees; their results share no memory with
each other or with what they were given.

``inputs`` are, in this order: x (T, B, I), the program's extras (T or 1, B, width), the states
that are given at every step (T, B, width), and the states before the first step (B, width);
``leaves`` are its parameters and buffers. The results of `run`: what is kept over time,
(T, B, width) each, and the final states, (B, width). `forward` and `backward` take the inputs and
the values of the prologue, in one list.

For runs that share a prologue, the segments of a sequence, the two halves of `run` are operators
too: ``mnemonist::prologue`` and ``mnemonist::run_with``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from mnemonist.engine.interpret import run_program
from mnemonist.engine.native import library
from mnemonist.engine.native.again import again, as_read
from mnemonist.engine.native.compile import constants_of
from mnemonist.engine.native.compiled import Compiled, Key, Signature, compiled
from mnemonist.engine.native.executor import prologue_of
from mnemonist.engine.native.order import Order
from mnemonist.engine.native.plan import Layout
from mnemonist.engine.native.run import run_backward, run_forward
from mnemonist.engine.program import Program
from mnemonist.engine.time import check_lengths, valid_mask
from mnemonist.errors import DataError, ShapeError

__all__ = ["code_of", "no_modes"]

SCHEMA = "mnemonist.run/1"

_LIBRARY = torch.library.Library("mnemonist", "DEF")
_LIBRARY.define("run(Tensor[] inputs, Tensor[] leaves, Tensor? lengths, str code) -> Tensor[]")
_LIBRARY.define("prologue(Tensor x, Tensor[] leaves, str code) -> Tensor[]")
_LIBRARY.define(
    "run_with(Tensor[] inputs, Tensor[] constants, Tensor? lengths, str code) -> Tensor[]"
)
_LIBRARY.define("forward(Tensor[] tensors, Tensor? lengths, str code, int[] wanted) -> Tensor[]")
_LIBRARY.define(
    "backward(Tensor[] tensors, Tensor[] stored, Tensor?[] gradients, Tensor? lengths, str code, "
    "int[] wanted) -> Tensor[]"
)


def code_of(program: Program, keep: Sequence[str]) -> str:
    """What an operator must know of a run, as text.

    Args:
        program: the program.
        keep: states and outputs whose values over time are wanted.
    """
    content = {"schema": SCHEMA, "keep": [*keep], "program": program.to_json()}
    return json.dumps(content, separators=(",", ":"))


class _Code:
    """A program that operators run, read from text and checked."""

    def __init__(self, text: str) -> None:
        try:
            content = json.loads(text)
            keep, program = content["keep"], content["program"]
            if content["schema"] != SCHEMA:
                raise DataError(f"its schema is {content['schema']!r}, expected {SCHEMA!r}")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DataError(f"this is no run of the compiled engine: {error}") from None
        self.program = Program.from_json(program)
        self.keep: tuple[str, ...] = tuple(keep)
        for name in self.keep:
            if name not in self.program.values:
                raise DataError(f"this run is damaged: it keeps {name!r}, which its program lacks")
        constants = constants_of(self.program, self.keep)
        self.shapes = [node.shape for node in constants]
        self.prologue = prologue_of(self.program, constants)
        p = self.program
        self.widths = [p.input_size, *p.extras.values(), *(p.states[n] for n in p.bound)]
        self.names = ["x", *p.extras, *p.bound, *(f"state.{n}" for n in p.states)]

    def check_leaves(self, leaves: Sequence[Tensor]) -> None:
        """Raise a ShapeError unless these are the program's parameters and buffers."""
        shapes = self.program.leaf_shapes
        if len(leaves) != len(shapes):
            raise ShapeError(
                f"this program has {len(shapes)} parameters and buffers; got {len(leaves)}"
            )
        for (name, shape), leaf in zip(shapes.items(), leaves, strict=True):
            if tuple(leaf.shape) != shape:
                raise ShapeError(f"{name} must be {shape}; got {tuple(leaf.shape)}")

    def check(self, tensors: Sequence[Tensor], lengths: Tensor | None) -> tuple[int, int]:
        """T and B, of tensors that fit.

        Raises:
            ShapeError: tensors that do not fit the program.
        """
        names = [*self.names, *(f"value {i} of the prologue" for i in range(len(self.shapes)))]
        if len(tensors) != len(names):
            raise ShapeError(f"this program takes {len(names)} tensors; got {len(tensors)}")
        x = tensors[0]
        if x.dim() != 3 or x.dtype not in (torch.float32, torch.float64):
            raise ShapeError(f"x must be (T, B, I) in float32 or float64; got {_said(x)}")
        steps, rows = x.shape[:2]
        expected: list[tuple[Any, ...]] = []
        for i, width in enumerate(self.widths):
            expected.append((1 if self.is_fixed(i, tensors[i]) else steps, rows, width))
        expected += [(rows, width) for width in self.program.states.values()]
        for name, tensor, shape in zip(names, tensors, [*expected, *self.shapes], strict=True):
            if tensor.dim() != len(shape) or any(a != b for a, b in zip(tensor.shape, shape)):
                raise ShapeError(f"{name} must be {tuple(shape)}; got {tuple(tensor.shape)}")
            if tensor.dtype is not x.dtype or tensor.device != x.device:
                kind = f"{x.dtype} on {x.device}"
                raise ShapeError(f"{name} must be {kind}, as x is; got {_said(tensor)}")
        if lengths is not None and (lengths.dim() != 1 or lengths.shape[0] != rows):
            raise ShapeError(f"lengths must be ({rows},); got {tuple(lengths.shape)}")
        return steps, rows

    def is_fixed(self, index: int, tensor: Tensor) -> bool:
        """Whether a tensor is an extra that is the same at every step."""
        return 0 < index <= len(self.program.extras) and tensor.shape[0] == 1

    def plans(self, tensors: Sequence[Tensor], ragged: bool, wanted: Sequence[int]) -> Compiled:
        """The plans for tensors of these shapes, of which these want a gradient."""
        library.module()  # a graph may outlive the engine's being switched off: that is an error
        extras = enumerate(self.program.extras, 1)
        fixed = frozenset(name for i, name in extras if self.is_fixed(i, tensors[i]))
        return compiled(self.program, Signature(self.keep, fixed, tuple(wanted), ragged))

    def in_order(self, tensors: Sequence[Tensor], order: Order) -> list[Tensor]:
        """The tensors as `run_plans` takes them."""
        timed, first = len(self.widths), len(self.names)
        found = []
        for i, tensor in enumerate(tensors[:first]):
            if i < timed and not self.is_fixed(i, tensor):
                found.append(order.over_steps(tensor))
            else:
                found.append(order.rows(tensor[0] if i < timed else tensor))
        return [*found, *tensors[first:]]

    def home(self, name: str) -> Key:
        """The buffer that holds a value over time."""
        return ("state" if name in self.program.states else "value"), name

    def beside(self, plans: Compiled, ragged: bool) -> list[Key]:
        """What the forward pass stores in buffers that are not those of what is kept."""
        if ragged:
            return [slot.key for slot in plans.stored]
        return [key for key, _, _ in plans.apart]


@contextmanager
def no_modes() -> Iterator[None]:
    """Nothing is written down meanwhile: an export records what happens while it traces."""
    depth = torch._C._len_torch_function_stack()
    modes = [torch._C._pop_torch_function_stack() for _ in range(depth)]
    try:
        with _disable_current_modes():
            yield
    finally:
        for mode in reversed(modes):
            torch._C._push_on_torch_function_stack(mode)


@lru_cache(maxsize=1024)
def _decoded(text: str) -> _Code:
    with no_modes():
        return _Code(text)


def _said(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)}, {tensor.dtype} on {tensor.device}"


def _buffer_shapes(plans: Compiled, steps: int, rows: int) -> dict[Key, tuple[int, ...]]:
    """The buffers of a forward plan as tensors."""
    shapes: dict[Key, tuple[int, ...]] = {}
    for slot in plans.forward.slots:
        if slot is not None:
            shapes[slot.key] = {
                Layout.STEPS: (steps, rows, slot.width),
                Layout.STATE: (steps + 1, rows, slot.width),
                Layout.ROWS: (rows, slot.width),
                Layout.VECTOR: (1, slot.width),
                Layout.RING: (2, rows, slot.width),
            }[slot.layout]
    return shapes


def _forward(
    tensors: list[Tensor], lengths: Tensor | None, code: str, wanted: list[int]
) -> list[Tensor]:
    """What is kept, the final states, and what the backward pass reads.

    What is kept comes, where all rows have T steps, as the buffer in which the backward pass will
    read it: a state then as (T + 1, B, width), behind that before the first step.
    """
    decoded = _decoded(code)
    steps, rows = decoded.check(tensors, lengths)
    ragged = lengths is not None
    if lengths is not None:
        lengths = check_lengths(lengths, steps, rows, lengths.device)
    plans, order = decoded.plans(tensors, ragged, wanted), Order(steps, rows, lengths)
    shapes, states = _buffer_shapes(plans, steps, rows), decoded.program.states
    homes, beside = [*map(decoded.home, decoded.keep)], decoded.beside(plans, ragged)
    dtype = tensors[0].dtype
    memory = {key: library.empty(shapes[key], dtype) for key in dict.fromkeys([*homes, *beside])}
    final = [library.empty((rows, width), dtype) for width in states.values()]
    places = {key: (value.data_ptr(), value.numel()) for key, value in memory.items()}
    run_forward(plans, order.grid, decoded.in_order(tensors, order), places, final)
    kept = []
    for key in homes:
        value = memory[key]
        if ragged:
            start = rows if key[0] == "state" else 0
            ran = value.flatten(0, 1)[start : start + order.grid.total]
            value = order.over_time(ran) if order.order is not None else ran.clone()
        kept.append(value.view(steps, rows, -1) if ragged else value)
    return [*kept, *map(order.back, final), *(memory[key] for key in beside)]


def _forward_shapes(
    tensors: list[Tensor], lengths: Tensor | None, code: str, wanted: list[int]
) -> list[Tensor]:
    decoded = _decoded(code)
    steps, rows = decoded.check(tensors, lengths)
    ragged = lengths is not None
    plans = decoded.plans(tensors, ragged, wanted)
    shapes = _buffer_shapes(plans, steps, rows)
    found: list[tuple[int, ...]] = []
    for key in map(decoded.home, decoded.keep):
        found.append((steps, rows, shapes[key][-1]) if ragged else shapes[key])
    found += [(rows, width) for width in decoded.program.states.values()]
    found += [shapes[key] for key in decoded.beside(plans, ragged)]
    return [tensors[0].new_empty(shape) for shape in found]


def _backward(
    tensors: list[Tensor],
    stored: list[Tensor],
    gradients: list[Tensor | None],
    lengths: Tensor | None,
    code: str,
    wanted: list[int],
) -> list[Tensor]:
    """The gradients of those tensors that want one."""
    decoded = _decoded(code)
    steps, rows = decoded.check(tensors, lengths)
    plans = decoded.plans(tensors, lengths is not None, wanted)
    _check_backward(decoded, plans, tensors[0], stored, gradients)
    order = Order(steps, rows, lengths)
    arriving = [
        None if g is None else (order.over_steps(g) if i < len(decoded.keep) else order.rows(g))
        for i, g in enumerate(gradients)
    ]
    buffers = [value.contiguous() for value in stored]
    memory = {s.key: (b.data_ptr(), b.numel()) for s, b in zip(plans.stored, buffers, strict=True)}
    found = run_backward(plans, order.grid, decoded.in_order(tensors, order), memory, arriving)
    timed, first = len(decoded.widths), len(decoded.names)
    results = []
    for i in wanted:
        gradient = found[i]
        assert gradient is not None
        if i < timed and not decoded.is_fixed(i, tensors[i]):
            gradient = order.over_time(gradient)
        elif i < first:
            gradient = order.back(gradient)
        results.append(gradient.reshape(tensors[i].shape))
    return results


def _backward_shapes(
    tensors: list[Tensor],
    stored: list[Tensor],
    gradients: list[Tensor | None],
    lengths: Tensor | None,
    code: str,
    wanted: list[int],
) -> list[Tensor]:
    return [tensors[i].new_empty(tensors[i].shape) for i in wanted]


def _check_backward(
    code: _Code,
    plans: Compiled,
    x: Tensor,
    stored: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> None:
    """Raise unless a backward pass is given what its forward pass gave."""
    steps, rows = x.shape[:2]
    shapes = _buffer_shapes(plans, steps, rows)
    expected = [shapes[slot.key] for slot in plans.stored]
    widths = [code.program.values[name].width for name in code.keep]
    arriving = [(steps, rows, width) for width in widths]
    arriving += [(rows, width) for width in code.program.states.values()]  # type: ignore[misc]
    fits = [tuple(s.shape) for s in stored] == expected and len(gradients) == len(arriving)
    fits = fits and all(g is None or tuple(g.shape) == s for g, s in zip(gradients, arriving))
    given = [*stored, *(g for g in gradients if g is not None)]
    if not fits or any(g.dtype is not x.dtype or g.device != x.device for g in given):
        raise ShapeError(
            "mnemonist::backward takes what mnemonist::forward stored and a gradient for each of "
            "its results; call mnemonist::run, and autograd does so"
        )


class _Run(torch.autograd.Function):
    """`forward` and `backward` as one function."""

    @staticmethod
    def forward(
        ctx: Any, lengths: Tensor | None, code: str, wanted: list[int], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        decoded, given = _decoded(code), list(tensors)
        results = torch.ops.mnemonist.forward(given, lengths, code, wanted)
        count = len(decoded.keep)
        homes = [decoded.home(name) for name in decoded.keep]
        kept = results[:count]
        if lengths is None:
            kept = [v[1:] if home[0] == "state" else v for v, home in zip(kept, homes)]
        if wanted:
            plans = decoded.plans(given, lengths is not None, wanted)
            beside = results[count + len(decoded.program.states) :]
            buffers = dict(zip(decoded.beside(plans, lengths is not None), beside, strict=True))
            if lengths is None:
                buffers |= dict(zip(homes, results))
            # what is kept may be a part of what is stored: autograd sees when somebody writes to it
            ctx.save_for_backward(lengths, *tensors, *(buffers[slot.key] for slot in plans.stored))
            ctx.code, ctx.wanted, ctx.count = code, wanted, len(tensors)
            ctx.set_materialize_grads(False)
        return (*kept, *results[count : count + len(decoded.program.states)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, *saved = ctx.saved_tensors
        tensors, stored = saved[: ctx.count], saved[ctx.count :]
        if torch.is_grad_enabled():  # a second derivative is wanted
            return None, None, None, *_again(ctx.code, lengths, tensors, gradients)
        found = torch.ops.mnemonist.backward(
            tensors, stored, [*gradients], lengths, ctx.code, ctx.wanted
        )
        by_index = dict(zip(ctx.wanted, found, strict=True))
        return None, None, None, *(by_index.get(i) for i in range(ctx.count))


def _again(
    code: str,
    lengths: Tensor | None,
    tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The gradients as torch operations, so that they can be differentiated once more."""
    decoded = _decoded(code)
    program = decoded.plans(tensors, lengths is not None, ()).of_constants
    by_name = dict(zip(decoded.names, tensors))
    values, final = run_program(
        program,
        {f"k{i}": value for i, value in enumerate(tensors[len(decoded.names) :])},
        by_name["x"],
        {name: by_name[f"state.{name}"] for name in program.states},
        as_read(program, {name: by_name[name] for name in program.extras}),
        keep=decoded.keep,
        valid=None if lengths is None else valid_mask(lengths, len(by_name["x"])),
        forced={name: by_name[name] for name in program.bound},
    )
    return again([values[n] for n in decoded.keep] + [*final.values()], tensors, gradients)


def _run(
    inputs: list[Tensor], leaves: list[Tensor], lengths: Tensor | None, code: str
) -> list[Tensor]:
    return _run_with(inputs, _prologue(inputs[0], leaves, code), lengths, code)


def _prologue(x: Tensor, leaves: list[Tensor], code: str) -> list[Tensor]:
    """What depends on parameters only."""
    decoded = _decoded(code)
    decoded.check_leaves(leaves)
    return [k.to(x.dtype) for k in decoded.prologue(x, leaves)]


def _run_with(
    inputs: list[Tensor], constants: list[Tensor], lengths: Tensor | None, code: str
) -> list[Tensor]:
    tensors = [*inputs, *constants]
    wanted = []
    if torch.is_grad_enabled():
        wanted = [i for i, tensor in enumerate(tensors) if tensor.requires_grad]
    return list(_Run.apply(lengths, code, wanted, *tensors))


_LIBRARY.impl("run", _run, "CompositeImplicitAutograd")
_LIBRARY.impl("prologue", _prologue, "CompositeImplicitAutograd")
_LIBRARY.impl("run_with", _run_with, "CompositeImplicitAutograd")
_LIBRARY.impl("forward", _forward, "CPU")
_LIBRARY.impl("backward", _backward, "CPU")
torch.library.register_fake("mnemonist::forward", _forward_shapes)
torch.library.register_fake("mnemonist::backward", _backward_shapes)
