"""What a program computes, whatever its weights are called and however they are stored.

Two cells with the same equations have the same fingerprint if one keeps four gate matrices and
the other one stacked matrix, in whatever order of gates. The fingerprint lists the operands
(weights and biases, or rows of them) in an order of its own, so that a fused implementation of
known equations can be handed the weights of any cell that has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.program import AFFINE, Node, Program, Time

__all__ = ["Fingerprint", "Operand", "fingerprint", "operand_values"]

_COMMUTATIVE = frozenset({"mul", "max", "min", "eq", "ne", "and", "or"})


@dataclass(frozen=True)
class Operand:
    """Rows of something that depends on parameters only.

    Attributes:
        node: a node of the prologue, or a leaf.
        start, stop: which of its rows (first dimension); all of them for a scalar.
    """

    node: Node
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.stop - self.start, *self.node.shape[1:]) if self.node.shape else ()


@dataclass(frozen=True)
class Fingerprint:
    """A digest of the equations, and the operands in the order in which they occur in it.

    Attributes:
        digest: equal for programs that compute the same from corresponding operands.
        operands: what corresponds, one by one.
    """

    digest: str
    operands: tuple[Operand, ...]


def fingerprint(program: Program) -> Fingerprint:
    """The fingerprint of a program; sizes and names of states and outputs are part of it."""
    known = _KNOWN.get(program)
    if known is None:
        known = _KNOWN[program] = _Canonical(program).fingerprint()
    return known


def operand_values(program: Program, leaves: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """The tensors of the operands of a program's fingerprint, with gradients to the leaves."""
    compute = _COMPUTE.get(program)
    operands = fingerprint(program).operands
    if compute is None:
        compute = _COMPUTE[program] = compile_prologue(program, [o.node for o in operands])
    like = next(iter(leaves.values()), None)
    values = compute(like, tuple(leaves[name] for name in program.leaves))
    return tuple(
        v if o.shape == tuple(v.shape) else v[o.start : o.stop]
        for v, o in zip(values, operands, strict=True)
    )


_KNOWN: WeakKeyDictionary[Program, Fingerprint] = WeakKeyDictionary()
_COMPUTE: WeakKeyDictionary[Program, Callable[..., Any]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class _Form:
    """A canonical expression; equal ones are one object.

    Attributes:
        op: the operation.
        parts: operands, and whatever else it needs as text.
        operand: what stands here, if it is a parameter.
        structure: a digest in which all parameters of one shape look alike: an order for sums.
    """

    op: str
    parts: tuple[_Form | str, ...]
    operand: Operand | None
    structure: str


class _Canonical:
    """Sums flat and in an order of their own, slices of stacked products as products."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: dict[Any, _Form] = {}
        self.known: dict[tuple[Node, int, int], _Form] = {}

    def fingerprint(self) -> Fingerprint:
        roots = {n: self.form(node, 0, node.width) for n, node in self.program.values.items()}
        numbers: dict[Operand, int] = {}
        written: dict[_Form, int] = {}
        lines: list[str] = []

        def write(form: _Form | str) -> str:
            if isinstance(form, str):
                return form
            if form.operand is not None:
                return f"k{numbers.setdefault(form.operand, len(numbers))}{form.operand.shape}"
            if form not in written:
                parts = ", ".join(write(p) for p in form.parts)
                written[form] = len(lines)
                lines.append(f"{form.op}({parts})")
            return f"%{written[form]}"

        lines += [f"{name} = {write(form)}" for name, form in roots.items()]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return Fingerprint(digest, tuple(numbers))

    def make(self, op: str, *parts: _Form | str, operand: Operand | None = None) -> _Form:
        key = (op, parts, operand)
        if key not in self.made:
            inside = [p if isinstance(p, str) else p.structure for p in parts]
            shape = "" if operand is None else str(operand.shape)
            text = f"{op}({','.join(inside)}){shape}"
            self.made[key] = _Form(op, parts, operand, hashlib.sha256(text.encode()).hexdigest())
        return self.made[key]

    def form(self, node: Node, start: int, stop: int) -> _Form:
        """The form of elements `start` to `stop` of a value's last dimension."""
        key = (node, start, stop)
        if key not in self.known:
            self.known[key] = self._form(node, start, stop)
        return self.known[key]

    def _form(self, node: Node, start: int, stop: int) -> _Form:
        if node.time is Time.K:
            return self._operand(node, start, stop)
        if node.op == "slice":
            return self.form(node.args[0], node.attr[0] + start, node.attr[0] + stop)
        if node.op == "cat":
            part = _part(node.args, start, stop, lambda n: n.width)
            if part is not None:
                return self.form(*part)
        if node.op == "add" or node.op in AFFINE:
            terms = sorted(self._terms(node, start, stop), key=lambda f: f.structure)
            return terms[0] if len(terms) == 1 else self.make("sum", *terms)
        piece = "" if (start, stop) == (0, node.width) else f"{start}:{stop}"
        operands = [self.form(a, 0, a.width) for a in node.args]
        if node.op in _COMMUTATIVE:
            operands.sort(key=lambda f: f.structure)
        return self.make(node.op, *operands, str(node.attr), str(node.shape), piece)

    def _terms(self, node: Node, start: int, stop: int) -> list[_Form]:
        """What is added up to make these elements."""
        if node.time is Time.K:
            return [self.form(node, start, stop)]
        if node.op == "add":
            terms = []
            for part in node.args:
                narrow = part.shape != node.shape
                terms += self._terms(part, *((0, part.width) if narrow else (start, stop)))
            return terms
        if node.op == "zeros":
            return []
        if node.op == "slice":
            return self._terms(node.args[0], node.attr[0] + start, node.attr[0] + stop)
        if node.op == "cat":
            found = _part(node.args, start, stop, lambda n: n.width)
            return [self.form(node, start, stop)] if found is None else self._terms(*found)
        if node.op not in AFFINE:
            return [self.form(node, start, stop)]
        rest = self._terms(node.args[2], start, stop) if len(node.args) == 3 else []
        return [self._product(node, start, stop), *rest]

    def _product(self, node: Node, start: int, stop: int) -> _Form:
        operand, weight = node.args[:2]
        value = self.form(operand, 0, operand.width)
        unit = 1 if node.op == "mm" else weight.shape[1]
        # rows of a block-diagonal weight can be taken for all operand blocks together only
        whole = unit if node.op == "mm" else unit * (operand.width // weight.shape[-1])
        if start % whole == 0 and stop % whole == 0:
            return self.make(node.op, value, self._rows(weight, start // unit, stop // unit))
        rows = self._rows(weight, 0, weight.shape[0])
        return self.make(node.op, value, rows, f"{start}:{stop}")

    def _operand(self, node: Node, start: int, stop: int) -> _Form:
        """Elements of a vector of parameters, found inside what joined it."""
        if node.op == "const":
            return self.make("const", repr(node.attr[0]))
        if len(node.shape) != 1:
            return self._rows(node, 0, node.shape[0] if node.shape else 1)
        if node.width == 1:
            start, stop = 0, 1  # one number for all elements
        if node.op == "slice":
            return self._operand(node.args[0], node.attr[0] + start, node.attr[0] + stop)
        found = _part(node.args, start, stop, lambda n: n.width) if node.op == "cat" else None
        if found is not None:
            return self._operand(*found)
        return self.make("operand", operand=Operand(node, start, stop))

    def _rows(self, weight: Node, start: int, stop: int) -> _Form:
        """Rows of a weight, found inside what stacked it."""
        stacked = weight.op == "call" and weight.attr[0] == "torch.cat"
        if stacked and weight.attr[1].endswith('],0],"kwargs":{}}'):
            part = _part(weight.args, start, stop, lambda n: n.shape[0])
            if part is not None:
                return self._rows(*part)
        return self.make("operand", operand=Operand(weight, start, stop))


def _part(
    parts: Sequence[Node], start: int, stop: int, size: Callable[[Node], int]
) -> tuple[Node, int, int] | None:
    """The one part in which a range lies, and where in it."""
    offset = 0
    for part in parts:
        if offset <= start and stop <= offset + size(part):
            return part, start - offset, stop - offset
        offset += size(part)
    return None
