"""Programs as plans for a kind of call, made when the first of that kind comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import torch

from mnemonist.engine.differentiate import Gradient, differentiate
from mnemonist.engine.graph import Graph
from mnemonist.engine.native import library
from mnemonist.engine.native.compile import (
    Backward,
    Slot,
    compile_backward,
    compile_forward,
    constants_of,
)
from mnemonist.engine.native.order import Grid
from mnemonist.engine.native.plan import Layout, Plan
from mnemonist.engine.native.planner import Unplanned
from mnemonist.engine.passes import Made, rewrite
from mnemonist.engine.program import Node, Program

__all__ = ["Compiled", "Frame", "Key", "Place", "Signature", "compiled", "lack"]

Key = tuple[str, str | int]
"""A buffer that the caller of a plan provides: its role and which of them it is."""

Place = tuple[int, int]
"""Where a buffer lies: its address and how many numbers it has."""


class Signature(NamedTuple):
    """What a call asks of a program; one plan serves all calls with the same.

    Attributes:
        keep: states and outputs whose values over time are wanted.
        fixed: extras that are the same at every step.
        wanted: which of the tensors of `Compiled.keys` want a gradient.
        ragged: whether rows end early.
    """

    keep: tuple[str, ...]
    fixed: frozenset[str] = frozenset()
    wanted: tuple[int, ...] = ()
    ragged: bool = False


class Frame:
    """A plan, and the buffers that its caller may provide.

    Attributes:
        slots: those buffers by their keys.
    """

    def __init__(self, plan: Plan, slots: Sequence[Slot | None]) -> None:
        self.slots = {slot.key: slot for slot in slots if slot is not None}
        self._native = library.module()
        self._plan = self._native.Plan(plan.code(), plan.numbers)
        self._index = {slot.key: i for i, slot in enumerate(slots) if slot is not None}
        self._nothing = [0] * len(slots)

    def run(
        self,
        grid: Grid,
        dtype: torch.dtype,
        memory: Mapping[Key, Place],
        enter: Mapping[Key, int],
        leave: Mapping[Key, int],
    ) -> None:
        """Run the plan.

        Args:
            grid: how many steps and rows.
            dtype: float32 or float64.
            memory: what is read and what is wanted; buffers left out live as long as the run.
            enter: address of what the first rows of a buffer are filled with before, or 0: of
                zeros.
            leave: address of where each row's last state goes to.
        """
        index, first = self._index, grid.first
        addresses, sizes = self._nothing.copy(), self._nothing.copy()
        for key, (address, size) in memory.items():
            if key in index:
                addresses[index[key]], sizes[index[key]] = address, size
        self._native.run(
            self._plan,
            dtype is torch.float64,
            grid.steps,
            grid.rows,
            0 if first is None else first.data_ptr(),
            addresses,
            torch.get_num_threads(),
            library.isa(),
            [(index[key], address) for key, address in enter.items() if key in index],
            [(index[key], address) for key, address in leave.items()],
            sizes,
        )


class Compiled:
    """A program for one signature: the plans, forwards and backwards.

    Attributes:
        program, signature: what was compiled.
        constants: the values of binding time K that a run reads.
        keys: the tensors of a run in the order in which they are handed over: x, extras, states
            that are known, the states before the first step, constants.
        wanted: the keys of those that want a gradient.
        gradient: the backward program, where a gradient is wanted.
        forward: the forward plan.
    """

    def __init__(self, program: Program, signature: Signature) -> None:
        self.program, self.signature = program, signature
        self.constants = constants_of(program, signature.keep)
        named: list[Key] = [("x", "x"), *(("extra", n) for n in program.extras)]
        named += [("known", n) for n in program.bound]
        named += [("state", n) for n in program.states]
        self.keys = (*named, *(("constant", i) for i in range(len(self.constants))))
        self.wanted = frozenset(self.keys[i] for i in signature.wanted)
        self.gradient = self._gradient() if self.wanted else None
        latest = not self.wanted and not signature.ragged  # all that anybody asks for
        self.forward = compile_forward(
            program,
            signature.keep,
            stored=() if self.gradient is None else self.gradient.saved,
            fixed=signature.fixed,
            ring=frozenset(program.states) - {*signature.keep} if latest else frozenset(),
        )
        self.forward_frame = Frame(self.forward.plan, self.forward.slots)

    def _gradient(self) -> Gradient:
        program = self.program
        loose = [name for name in program.states if name not in program.carried]
        inputs = [str(n) for role, n in self.keys if role in _TIMED and (role, n) in self.wanted]
        asked = [node for i, node in enumerate(self.constants) if ("constant", i) in self.wanted]
        keep = [*self.signature.keep, *loose]
        return differentiate(program, keep=keep, inputs=inputs, parameters=asked)

    @cached_property
    def backward(self) -> Backward:
        """The backward plan."""
        assert self.gradient is not None
        return compile_backward(self.gradient, self.forward, self.signature.fixed)

    @cached_property
    def backward_frame(self) -> Frame:
        return Frame(self.backward.plan, self.backward.slots)

    @cached_property
    def stored(self) -> tuple[Slot, ...]:
        """The buffers that the backward plan reads of the forward plan's, inputs apart."""
        if self.gradient is None:
            return ()
        slots = self.backward_frame.slots.values()
        return tuple(slot for slot in slots if slot.role in ("state", "value", "stored"))

    @cached_property
    def apart(self) -> tuple[tuple[Key, Layout, int], ...]:
        """Key, layout and width of those of `stored` that nobody else reads."""
        kept = {("state", name) for name in self.signature.keep}
        kept |= {("value", name) for name in self.signature.keep}
        return tuple((s.key, s.layout, s.width) for s in self.stored if s.key not in kept)

    @cached_property
    def of_constants(self) -> Program:
        """The program with the constants as its parameters, k0, k1 and so on."""
        names = {node: f"k{i}" for i, node in enumerate(self.constants)}

        def rule(graph: Graph, node: Node, made: Made) -> Node | None:
            name = names.get(node)
            return None if name is None else graph.leaf(name, node.shape, logical=node.logical)

        return replace(self.program, values=rewrite(self.program.values, rule))


_TIMED = ("x", "extra", "known")


def compiled(program: Program, signature: Signature) -> Compiled:
    """The plans of a program for a signature, made when they are first asked for."""
    found = program.memo.get(signature)
    if found is None:
        found = program.memo.setdefault(signature, Compiled(program, signature))
    return found


def lack(program: Program, keep: tuple[str, ...], gradients: bool) -> str | None:
    """What the compiled engine lacks for a program, backwards too if asked; None if nothing."""
    try:
        plans = compiled(program, Signature(keep))
        if gradients:
            states = {("state", name) for name in program.states}
            wanted = tuple(i for i, key in enumerate(plans.keys) if key not in states)
            compiled(program, Signature(keep, wanted=wanted)).backward  # noqa: B018
    except Unplanned as error:
        return str(error)
    return None
