"""What a plan is made of, and how it is written down for the compiled executor.

`native/plan.hpp` is the other side of this file: the same buffers, references and stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import product as indices
from math import prod

__all__ = [
    "OPS",
    "Instruction",
    "Layout",
    "Plan",
    "Pointwise",
    "Product",
    "View",
    "WeightGradient",
]


class Layout(IntEnum):
    """How a buffer's rows answer to a time step and a row of the batch."""

    STEPS = 0
    """One row for each (t, b)."""
    STATE = 1
    """As STEPS, behind B rows for the state before the first step."""
    RING = 2
    """As STATE, but the latest two steps only."""
    ROWS = 3
    """The same row b at every step."""
    VECTOR = 4
    """One row for all."""
    WINDOW = 5
    """Of one thread: the steps of the chunk at hand."""
    SCRATCH = 6
    """Of one thread: the step at hand."""
    TILE = 7
    """Of one thread: the few rows that the pointwise machine works on."""
    NUMBER = 8
    """The plan's own constants."""


# In the order of `enum class Op` in native/kernels.hpp; a test holds the two together.
OPS = (
    *("add", "sub", "mul", "div", "pow", "max", "min"),
    *("neg", "exp", "log", "tanh", "sigmoid", "softplus", "erf", "sin", "cos"),
    *("abs", "sign", "floor", "sqrt", "rsqrt"),
    *("gt", "ge", "lt", "le", "eq", "ne", "and", "or", "not", "where"),
    *("fma", "fms", "fnma", "dtanh", "dsigmoid", "mul_dtanh", "mul_dsigmoid"),
    *("sub_mul", "mix", "mul_tanh", "copy"),
    *("sum", "amax", "sum_times", "dot_times", "spread_times", "dnormalised", "accumulate_rows"),
)
_CODE = {name: i for i, name in enumerate(OPS)}


@dataclass(frozen=True)
class View:
    """Where a value of some shape lies within a row of a buffer.

    Attributes:
        buffer: index of the buffer.
        shape: the value's shape, without steps and rows.
        strides: elements from one index to the next, for each dimension; 0 repeats.
        column: where in the row it begins.
        shift: 1 for a state as it is behind the step.
    """

    buffer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    column: int = 0
    shift: int = 0

    @staticmethod
    def whole(buffer: int, shape: Sequence[int], column: int = 0, shift: int = 0) -> View:
        """A value whose elements lie one behind another."""
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
        return View(buffer, tuple(shape), tuple(strides), column, shift)

    @property
    def contiguous(self) -> bool:
        """Whether its elements lie one behind another."""
        expected = View.whole(self.buffer, self.shape).strides
        return all(n == 1 or s == e for n, s, e in zip(self.shape, self.strides, expected))

    def slice(self, start: int, stop: int) -> View:
        """Elements of the last dimension."""
        shape = (*self.shape[:-1], stop - start)
        column = self.column + start * self.strides[-1]
        return View(self.buffer, shape, self.strides, column, self.shift)

    def reshaped(self, shape: Sequence[int]) -> View:
        """The same elements in another shape; only of a contiguous view."""
        assert self.contiguous
        return View.whole(self.buffer, shape, self.column, self.shift)

    def broadcast(self, shape: Sequence[int]) -> View:
        """Repeated along dimensions of size 1, as torch broadcasts."""
        missing = len(shape) - len(self.shape)
        strides = [0] * missing
        for size, have, stride in zip(shape[missing:], self.shape, self.strides):
            strides.append(0 if have == 1 and size != 1 else stride)
        return View(self.buffer, tuple(shape), tuple(strides), self.column, self.shift)

    def lines(self) -> list[tuple[View, bool]]:
        """Each run along the last dimension, and whether it is one number repeated."""
        if not self.shape:
            return [(View(self.buffer, (1,), (0,), self.column, self.shift), False)]
        *outer, width = self.shape
        *steps, last = self.strides
        found = []
        for index in indices(*(range(n) for n in outer)):
            column = self.column + sum(i * s for i, s in zip(index, steps))
            repeated = width > 1 and last == 0
            found.append((View(self.buffer, (width,), (last,), column, self.shift), repeated))
        return found

    @property
    def code(self) -> tuple[int, int, int]:
        """Buffer, shift and column."""
        return self.buffer, self.shift, self.column


@dataclass(frozen=True)
class Product:
    """result = start + operand Wᵀ, with the weight of this index."""

    weight: int
    operand: View
    result: View
    start: View | None = None

    def code(self) -> list[int]:
        code = [0, self.weight, *self.operand.code, *self.result.code]
        return [*code, 0] if self.start is None else [*code, 1, *self.start.code]


@dataclass(frozen=True)
class Instruction:
    """One elementwise operation, or a reduction, over the width of its first operand."""

    op: str
    result: View
    operands: tuple[View, ...]
    scalars: int
    width: int


@dataclass
class Pointwise:
    """Instructions that run for a few rows at a time."""

    instructions: list[Instruction] = field(default_factory=list)

    def code(self) -> list[int]:
        places: dict[tuple[int, int, int], int] = {}

        def index(view: View) -> int:
            return places.setdefault(view.code, len(places))

        body: list[int] = []
        for i in self.instructions:
            sources = [index(v) for v in i.operands]
            sources += [sources[0]] * (3 - len(sources))
            body += [_CODE[i.op], i.scalars, index(i.result), *sources, i.width]
        operands = [number for place in places for number in place]
        return [1, len(places), *operands, len(self.instructions), *body]


@dataclass(frozen=True)
class WeightGradient:
    """out = Σ gradientᵀ operand over all steps and rows, and sums = Σ gradient.

    Attributes:
        gradient: (m,) over time.
        operand: (n,) over time.
        out: the buffer of the (m, n) result, and where in it it begins.
        sums: the same of the (m,) result, where it is wanted.
    """

    gradient: View
    operand: View
    out: tuple[int, int]
    sums: tuple[int, int] | None = None

    def code(self) -> list[int]:
        m, n = prod(self.gradient.shape), prod(self.operand.shape)
        code = [m, n, *self.gradient.code, *self.operand.code, *self.out]
        return [*code, 0] if self.sums is None else [*code, 1, *self.sums]


@dataclass
class Plan:
    """A program over buffers, as stages before, in and behind the loop.

    Attributes:
        backward: whether the loop runs from the last step to the first.
        buffers: layout and width of each.
        weights: buffer, offset, out, in and strides (out, in) of each matrix.
        accumulators: buffers of layout ROWS that start at zero.
        weight_gradients: see `WeightGradient`.
        column_sums: (accumulator, out): the sum of its rows.
        numbers: the constants that buffers of layout NUMBER hold.
    """

    backward: bool = False
    buffers: list[tuple[Layout, int]] = field(default_factory=list)
    weights: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    before: list[Product | Pointwise] = field(default_factory=list)
    loop: list[Product | Pointwise] = field(default_factory=list)
    after: list[Product | Pointwise] = field(default_factory=list)
    accumulators: list[int] = field(default_factory=list)
    weight_gradients: list[WeightGradient] = field(default_factory=list)
    column_sums: list[tuple[View, int]] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    def buffer(self, layout: Layout, width: int) -> int:
        """A new buffer."""
        self.buffers.append((layout, width))
        return len(self.buffers) - 1

    def number(self, value: float) -> View:
        """A constant, repeated."""
        home = next((i for i, b in enumerate(self.buffers) if b[0] is Layout.NUMBER), None)
        if home is None:
            home = self.buffer(Layout.NUMBER, 1)
        # by their bits: 0.0 and -0.0 are two numbers, and NaN is one
        bits = [n.hex() for n in self.numbers]
        if value.hex() not in bits:
            self.numbers.append(value)
            bits.append(value.hex())
        return View(home, (), (), bits.index(value.hex()))

    def code(self) -> list[int]:
        """The plan as the integers that the compiled executor reads."""
        code = [int(self.backward), len(self.buffers)]
        for layout, width in self.buffers:
            code += [int(layout), len(self.numbers) if layout is Layout.NUMBER else width]
        code.append(len(self.weights))
        for weight in self.weights:
            code += weight
        for stages in (self.before, self.loop, self.after):
            code.append(len(stages))
            for stage in stages:
                code += stage.code()
        code += [len(self.accumulators), *self.accumulators, len(self.weight_gradients)]
        for weight_gradient in self.weight_gradients:
            code += weight_gradient.code()
        code.append(len(self.column_sums))
        for view, out in self.column_sums:
            code += [prod(view.shape), *view.code, out, 0]
        return code
