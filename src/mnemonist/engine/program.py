"""The program form: one time step of a cell as ordered stages, for any executor to run.

A program is what is left of a cell's ``step`` once Python is gone: a directed graph of
operations on vectors, one vector for each row of the batch. Every node has a binding time,
the moment at which all that it depends on is known:

- ``K`` depends on parameters only: the *prologue*, computed once a sequence;
- ``X`` depends on the input: *hoisted*, computed for all steps at once, before the loop;
- ``S`` depends on a state: in the *loop*, or *sunk* behind it if only outputs need it.

A program names its parameters and never holds them: an executor gets them by name at every
call, so that training, `copy.deepcopy` and ``load_state_dict`` need no new program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from mnemonist.engine.contract import CellLike
    from mnemonist.engine.fingerprint import Fingerprint

__all__ = [
    "AFFINE",
    "POINTWISE",
    "REDUCTIONS",
    "SOURCES",
    "STRUCTURE",
    "Node",
    "Program",
    "Time",
    "ancestors",
]

POINTWISE: Mapping[str, int] = {
    **dict.fromkeys(["neg", "exp", "log", "tanh", "sigmoid", "softplus", "erf", "sin", "cos"], 1),
    **dict.fromkeys(["abs", "sign", "floor", "sqrt", "rsqrt", "not", "stop"], 1),
    **dict.fromkeys(["add", "sub", "mul", "div", "pow", "max", "min"], 2),
    **dict.fromkeys(["gt", "ge", "lt", "le", "eq", "ne", "and", "or"], 2),
    "where": 3,
}
"""Elementwise operations and how many operands they take. ``stop`` passes no gradient."""

LOGICAL = frozenset({"gt", "ge", "lt", "le", "eq", "ne", "and", "or", "not"})
"""Those whose result is true or false."""

REDUCTIONS = frozenset({"sum", "amax"})
"""Reductions of the last dimension to width 1."""

AFFINE = frozenset({"mm", "bmm"})
"""Products with a weight: ``mm(v, W[, start])`` is v Wᵀ + start with W (O, I);
``bmm(v, W[, start])`` is block-diagonal with W (N, O, I): output block n is W[n] times
operand block n mod m, where the operand has m blocks of width I."""

STRUCTURE = frozenset({"slice", "cat", "view", "expand", "zeros"})
"""Rearrangements of a row: ``slice`` (start, stop) of the last dimension, ``cat`` along it,
``view`` to another shape, ``expand`` of width 1, and zeros."""

SOURCES = frozenset({"leaf", "const", "call", "item", "input", "state", "known"})
"""Where values come from: a parameter or buffer by name, a number, a torch call on such (and
one item of what it returned), the input or an extra by name, the previous state by name (or,
where it is known for all steps, ``known``)."""


class Time(IntEnum):
    """Binding time of a node: what it depends on at most."""

    K = 0
    X = 1
    S = 2


@dataclass(eq=False, slots=True)
class Node:
    """One operation; not changed once its program is made.

    Attributes:
        id: position in the program; operands have smaller ones.
        op: name of the operation.
        args: operands.
        attr: what else the operation needs, in JSON values.
        shape: shape of the value, for X and S without the batch (and time) dimension.
        time: binding time.
        logical: whether the value is true or false rather than a number.
        source: the line of the cell that it came from; for messages only.
        label: what the step calls it; for people only.
    """

    id: int
    op: str
    args: tuple[Node, ...] = ()
    attr: tuple[Any, ...] = ()
    shape: tuple[int, ...] = ()
    time: Time = Time.K
    logical: bool = False
    source: str = field(default="", repr=False)
    label: str = field(default="", repr=False)

    @property
    def width(self) -> int:
        """Size of the last dimension; 1 for a scalar."""
        return self.shape[-1] if self.shape else 1

    def __repr__(self) -> str:
        operands = ", ".join(f"%{a.id}" for a in self.args)
        extra = "".join(f" {a!r}" for a in self.attr)
        return f"%{self.id} = {self.op}({operands}){extra} {self.time.name}{list(self.shape)}"


@dataclass(frozen=True, eq=False)
class Program:
    """One step of a cell, scheduled.

    Attributes:
        cell: name of the class that it came from; for people, nothing depends on it.
        input_size: width of x.
        hidden_size: the cell's hidden size, if it says one.
        states: name and width of every state.
        outputs: name and width of every further output.
        extras: name and width of every per-step input beside x.
        emits: which of the states and outputs make the output sequence.
        initial: the number that every element of a state starts from; a state that starts
            otherwise is left out.
        values: the node that computes each new state and each output, by name.
        bound: states whose previous value is known for all steps (see `transforms.bind`).
    """

    cell: str
    input_size: int
    hidden_size: int
    states: Mapping[str, int]
    outputs: Mapping[str, int]
    extras: Mapping[str, int]
    emits: tuple[str, ...]
    initial: Mapping[str, float]
    values: Mapping[str, Node]
    bound: tuple[str, ...] = ()

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, operands first."""
        return tuple(ancestors(self.values.values()))

    @cached_property
    def carried(self) -> tuple[str, ...]:
        """The states that a step reads from the step before it."""
        read = {n.attr[0] for n in self.nodes if n.op == "state"}
        return tuple(name for name in self.states if name in read)

    @cached_property
    def prologue(self) -> tuple[Node, ...]:
        """Computed once a sequence, from parameters alone."""
        return tuple(n for n in self.nodes if n.time is Time.K and n.op not in ("leaf", "const"))

    @cached_property
    def hoisted(self) -> tuple[Node, ...]:
        """Computed for all steps at once, before the loop."""
        return tuple(n for n in self.nodes if n.time is Time.X and n.op != "input")

    @cached_property
    def loop(self) -> tuple[Node, ...]:
        """Computed step by step: what the next step needs."""
        needed = ancestors(self.values[name] for name in self.carried)
        return tuple(n for n in needed if n.time is Time.S and n.op != "state")

    @cached_property
    def sunk(self) -> tuple[Node, ...]:
        """Computed for all steps at once, behind the loop."""
        inside = set(self.loop)
        return tuple(
            n for n in self.nodes if n.time is Time.S and n.op != "state" and n not in inside
        )

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Qualified names of the parameters and buffers that the program reads."""
        return tuple(dict.fromkeys(n.attr[0] for n in self.nodes if n.op == "leaf"))

    @cached_property
    def leaf_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of `leaves`."""
        return {n.attr[0]: n.shape for n in self.nodes if n.op == "leaf"}

    def leaves_of(self, cell: CellLike | nn.Module) -> dict[str, Tensor]:
        """The tensors of `leaves` as `cell` has them now, by name."""
        assert isinstance(cell, nn.Module)
        found = {}
        for name, path, last in self.paths:
            module: nn.Module = cell
            for part in path:
                module = module._modules[part]  # type: ignore[assignment]
            value = module._parameters.get(last)
            found[name] = module._buffers[last] if value is None else value
        return found  # type: ignore[return-value]

    @cached_property
    def paths(self) -> tuple[tuple[str, tuple[str, ...], str], ...]:
        """Of each of `leaves`: its name, the path of its module, and what it is called there."""
        split = ((name, name.split(".")) for name in self.leaves)
        return tuple((name, tuple(parts[:-1]), parts[-1]) for name, parts in split)

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """What executors make of the program, under keys of theirs; it ends with the program."""
        return {}

    def describe(self) -> str:
        """The program for people to read: its stages, and the equations of a step."""
        from mnemonist.engine.show import describe

        return describe(self)

    def to_json(self) -> str:
        """The program as versioned JSON (schema ``mnemonist.program/1``)."""
        from mnemonist.engine.serialise import to_json

        return to_json(self)

    @staticmethod
    def from_json(text: str) -> Program:
        """The program of `to_json`, checked; nothing in the text is executed.

        Raises:
            DataError: the text is no program of a version that this library reads.
        """
        from mnemonist.engine.serialise import from_json

        return from_json(text)

    def hash(self) -> str:
        """A digest of the whole program, the same in every process and on every machine."""
        from mnemonist.engine.serialise import digest

        return digest(self)

    def fingerprint(self) -> Fingerprint:
        """What the program computes, whatever its parameters are called and how they are stored."""
        from mnemonist.engine.fingerprint import fingerprint

        return fingerprint(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Program:
        return self  # immutable, and holds no tensors

    def __reduce__(self) -> tuple[Any, ...]:
        return Program.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return (
            f"Program({self.cell}: {len(self.prologue)} prologue, {len(self.hoisted)} hoisted, "
            f"{len(self.loop)} loop, {len(self.sunk)} sunk)"
        )


def ancestors(roots: Iterable[Node]) -> list[Node]:
    """The roots and all that they depend on, operands first."""
    return sorted(_reach(roots), key=lambda n: n.id)


def _reach(roots: Iterable[Node]) -> Iterator[Node]:
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
            yield node
