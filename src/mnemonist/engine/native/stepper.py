"""A program as a plan of one step, and the compiled engine's stepper that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from mnemonist.engine.native import library
from mnemonist.engine.native.compile import constants_of
from mnemonist.engine.native.fuse import fused
from mnemonist.engine.native.plan import Layout, Plan, View
from mnemonist.engine.native.planner import Planner
from mnemonist.engine.program import AFFINE, Node, Program, Time, ancestors

__all__ = ["NativeStep", "StepPlan", "compile_step", "step_plan", "weights_of"]

_Names = tuple[str, ...]


@dataclass(frozen=True)
class StepPlan:
    """A program as the plan of one step.

    Attributes:
        plan: what the compiled stepper runs: all of it in the loop, every state in one place that
            a step reads and then writes, the values emitted side by side in one buffer.
        buffers: those that the caller provides, by role ("x", "output", "extra", "state") and name.
        constants: the values of binding time K that it reads.
        places: the buffers of `constants`.
    """

    plan: Plan
    buffers: Mapping[tuple[str, str], int]
    constants: tuple[Node, ...]
    places: tuple[int, ...]


def compile_step(program: Program, emits: _Names) -> StepPlan:
    """The plan that runs one step.

    Args:
        program: the program.
        emits: the states and outputs that make the output, in this order.

    Raises:
        Unplanned: the program has what the compiled engine lacks.
    """
    plan = Plan()
    nodes = ancestors(program.values[name] for name in (*program.states, *emits))
    constants = constants_of(program, emits)
    buffers: dict[tuple[str, str], int] = {}
    sources: dict[Node, View] = {}
    for node in nodes:
        if node.op == "input":
            (name,) = node.attr
            key = ("x", "x") if name == "x" else ("extra", name)
            buffers[key] = plan.buffer(Layout.STEPS, node.width)
            sources[node] = View.whole(buffers[key], node.shape)
    for name, width in program.states.items():
        buffers["state", name] = plan.buffer(Layout.ROWS, width)
    for node in nodes:
        if node.op == "state":
            sources[node] = View.whole(buffers["state", node.attr[0]], node.shape)
    places = []
    for node in constants:
        places.append(plan.buffer(Layout.VECTOR, max(1, prod(node.shape))))
        sources[node] = View.whole(places[-1], node.shape)

    results: dict[Node, list[View]] = {}
    for name in program.states:
        node = program.values[name]
        results.setdefault(node, []).append(View.whole(buffers["state", name], node.shape))
    output = plan.buffer(Layout.STEPS, sum(program.values[name].width for name in emits))
    buffers["output", "output"] = output
    column = 0
    for name in emits:
        node = program.values[name]
        results.setdefault(node, []).append(View.whole(output, node.shape, column))
        column += node.width

    computed = [n for n in nodes if n.time is not Time.K and n not in sources]
    early = [n for n in computed if n.time is Time.X]
    late = [n for n in computed if n.time is Time.S]
    phases, made = fused({"loop": [*early, *late]}, set(results))
    results = {made.get(node, node): views for node, views in results.items()}
    Planner(plan, phases, sources, results).build()
    return StepPlan(plan, buffers, constants, tuple(places))


def weights_of(program: Program) -> set[Node]:
    """The values of binding time K that products multiply with."""
    return {n.args[1] for n in program.nodes if n.op in AFFINE and n.time is not Time.K}


def step_plan(program: Program, emits: _Names) -> StepPlan:
    """`compile_step`, made when it is first asked for."""
    if (StepPlan, emits) not in program.memo:
        program.memo.setdefault((StepPlan, emits), compile_step(program, emits))
    found: StepPlan = program.memo[StepPlan, emits]
    return found


class NativeStep:
    """A step plan on memory of its own.

    Args:
        compiled: the plan.
        program: what it was made of.
        rows: B.
        dtype: float32 or float64.
        precision: "full", "bfloat16" or "int8", what weights are stored as.

    Attributes:
        states: (B, width) each; a step reads them and writes them.
        extras: (B, width) each; a step reads them.
        output: (B, E), what a step writes if it is not given another place.
        run: `step` by the addresses of x (B, I) and of the output (B, E).
    """

    def __init__(
        self, compiled: StepPlan, program: Program, rows: int, dtype: torch.dtype, precision: str
    ) -> None:
        plan, buffers = compiled.plan, compiled.buffers
        native = library.module()
        self.compiled, self.dtype = compiled, dtype
        self.native = native.Stepper(
            native.Plan(plan.code(), plan.numbers),
            dtype is torch.float64,
            rows,
            precision,
            library.isa(),
            buffers.get(("x", "x"), -1),
            buffers["output", "output"],
        )
        self.run = self.native.step

        def memory(width: int) -> Tensor:
            return library.empty((rows, width), dtype).zero_()

        self.states = {name: memory(width) for name, width in program.states.items()}
        self.extras = {name: memory(width) for name, width in program.extras.items()}
        self.output = memory(plan.buffers[buffers["output", "output"]][1])
        own = {("state", name): value for name, value in self.states.items()}
        own |= {("extra", name): value for name, value in self.extras.items()}
        for key, value in own.items():
            if key in buffers:
                self.native.bind(buffers[key], value.data_ptr(), value.numel())

    def load(self, constants: Sequence[Tensor]) -> None:
        """Take over the values of `StepPlan.constants`; later changes of them do not matter."""
        values = [value.to(self.dtype).contiguous() for value in constants]
        addresses, sizes = ([0] * len(self.compiled.plan.buffers) for _ in range(2))
        for place, value in zip(self.compiled.places, values, strict=True):
            addresses[place], sizes[place] = value.data_ptr(), value.numel()
        self.native.load(addresses, sizes)

    def step(self, x: Tensor, out: Tensor) -> None:
        """One step: x (B, I) to the output (B, E), both contiguous."""
        self.run(x.data_ptr(), out.data_ptr())

    @property
    def weight_bytes(self) -> int:
        """Bytes of packed weights."""
        return int(self.native.weight_bytes)
