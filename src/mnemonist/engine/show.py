"""Programs for people: the stages in the order in which they run, and a step as equations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from mnemonist.engine.program import AFFINE, POINTWISE, REDUCTIONS, Node, Program, Time
from mnemonist.engine.prologue import render_call

__all__ = ["Description", "columns", "describe", "fresh"]

_STAGE = 12
_NOTE = 52
_INFIX = {
    "add": (1, "+"),
    "sub": (1, "-"),
    "mul": (2, "*"),
    "div": (2, "/"),
    "pow": (4, "**"),
    "gt": (0, ">"),
    "ge": (0, ">="),
    "lt": (0, "<"),
    "le": (0, "<="),
    "eq": (0, "=="),
    "ne": (0, "!="),
}
_ATOM = 5
_UNSEEN = frozenset({"slice", "view", "expand", "zeros"})


def describe(program: Program) -> str:
    """A program as text.

    The first line names the input and the states with their widths. Then one line for each
    product (which gates it serves, and whether it is one for all steps or one a step) and for
    each value that the step gives a name, under the stage in which it is computed.

    >>> import torch
    >>> from mnemonist.cells import Cell
    >>> from mnemonist.engine.trace import trace
    >>> class Elman(Cell):
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__(input_size, hidden_size)
    ...         (self.hidden,) = self.gates("hidden")
    ...     def step(self, x, h):
    ...         return torch.tanh(self.hidden(x, h))
    >>> print(describe(trace(Elman(3, 5))))
    Elman  x[3], h[5] -> h[5]                             emits h
      hoisted   g   = x @ W.T + b                         [hidden] 3 -> 5, one GEMM for all t
      loop      g  += h @ U.T                             [hidden] 5 -> 5, one GEMM per step
                h'  = tanh(g)
      counts    for all t: 1 GEMM; per step: 1 GEMM, 1 pointwise operation
    """
    return "\n".join(Description(program).lines())


class Description:
    """Names for the nodes of a program, and the equations that they stand in."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[Node, str] = {}
        self.users: dict[Node, list[Node]] = defaultdict(list)
        for node in program.nodes:
            for operand in node.args:
                self.users[operand].append(node)
        self.prefix = _shared_module(program.leaves)
        self._name_all()

    def lines(self) -> list[str]:
        program = self.program
        lines = [self._header()]
        prologue = [n for n in program.prologue if n in self.names and not _stacks(n)]
        for title, nodes in (
            ("prologue", prologue),
            ("hoisted", program.hoisted),
            ("loop", program.loop),
            ("sunk", program.sunk),
        ):
            shown = [self._line(n) for n in nodes if n in self.names]
            shown += self._passed_on() if title == "loop" else []
            for i, (equation, note) in enumerate(shown):
                stage = title if i == 0 else ""
                lines.append(columns(f"  {stage:{_STAGE - 2}}{equation}", note))
        lines.append(f"  {'counts':{_STAGE - 2}}{self._counts()}")
        return lines

    def _header(self) -> str:
        p = self.program
        given = [f"x[{p.input_size}]"]
        given += [f"{n}[{w}]" for n, w in {**p.extras, **p.states}.items()]
        made = [f"{n}[{w}]" for n, w in {**p.states, **p.outputs}.items()]
        head = f"{p.cell}  {', '.join(given)} -> {', '.join(made)}"
        return f"{head:{_NOTE}}  emits {' '.join(p.emits)}" + (
            f"   known at all steps: {' '.join(p.bound)}" if p.bound else ""
        )

    # Names

    def _name_all(self) -> None:
        p = self.program
        taken = {"x", *p.extras, *p.states, *p.leaves}
        for node in p.nodes:
            if node.op in ("input", "state", "known"):
                self.names[node] = node.attr[0]
        for name, node in p.values.items():
            if node not in self.names:
                self.names[node] = f"{name}'" if name in p.states else name
                taken.add(self.names[node])
        for node in p.nodes:
            if node in self.names or node.op in ("leaf", "const", "zeros"):
                continue
            if node.op in AFFINE:
                self.names[node] = self._started(node) or fresh(node.label or "g", taken)
            elif self._deserves_name(node):
                self.names[node] = fresh(node.label or "v", taken)

    def _started(self, node: Node) -> str | None:
        """The name of the product that this one goes on from, if nobody else uses that."""
        start = node.args[2] if len(node.args) == 3 else None
        if start is None or start.op not in AFFINE or start.width != node.width:
            return None
        return self.names[start] if self.users[start] == [node] else None

    def _deserves_name(self, node: Node) -> bool:
        if node.time is Time.K:
            row = any(u.time is not Time.K and u.op not in AFFINE for u in self.users[node])
            return row and node.op not in ("item", "cat")
        if node.op in _UNSEEN:
            return bool(node.label) and node.op == "view"
        return bool(node.label) or len(self.users[node]) > 1

    # Lines

    def _line(self, node: Node) -> tuple[str, str]:
        name = self.names[node]
        if node.op in AFFINE:
            return self._product(node, name)
        return f"{name:3} = {self._expression(node)[1]}", ""

    def _product(self, node: Node, name: str) -> tuple[str, str]:
        operand, weight = node.args[:2]
        start = node.args[2] if len(node.args) == 3 else None
        letter = self._letter(node)
        if self._started(node):
            equation = f"{name:3}+= {self._text(operand)} @ {letter}.T"
        else:
            equation = f"{name:3} = {self._text(operand)} @ {letter}.T"
            if start is not None:
                bias = start.time is Time.K and _is_stored(start)
                equation += f" + {'b' if bias else self._text(start)}"
        groups = operand.width // weight.shape[-1]
        blocks = f", {groups} blocks" if groups > 1 else ""
        when = "per step" if node in self.program.loop else "for all t"
        sizes = f"{operand.width} -> {node.width}{blocks}"
        return equation, f"{self._served(weight)} {sizes}, one GEMM {when}"

    def _letter(self, product: Node) -> str:
        """What the weight of a product is called: W, U, ..."""
        letter = _letter(_parts(product.args[1]))
        return letter or ("W" if product.time is Time.X else "U")

    def _served(self, weight: Node) -> str:
        """The gates that a weight serves."""
        return f"[{' '.join(gate for gate, _ in self._gates(weight)) or 'one matrix'}]"

    def _passed_on(self) -> Iterable[tuple[str, str]]:
        """States that are another value under their own name."""
        for state, node in self.program.values.items():
            name = f"{state}'" if state in self.program.states else state
            if self.names[node] != name:
                yield f"{name:3} = {self.names[node]}", ""

    def _counts(self) -> str:
        p = self.program
        ahead = _count(p.hoisted) or "nothing"
        text = f"for all t: {ahead}; per step: {_count(p.loop) or 'nothing'}"
        return text + (f"; behind the loop: {_count(p.sunk)}" if p.sunk else "")

    # Expressions

    def _text(self, node: Node, tightness: int = _ATOM) -> str:
        """A node by name, or its expression, in brackets where the place needs them."""
        if node in self.names:
            return self.names[node]
        own, text = self._expression(node)
        return f"({text})" if own < tightness else text

    def _expression(self, node: Node) -> tuple[int, str]:
        """How tightly an expression binds, and its text."""
        args = node.args
        if node.op == "leaf":
            return _ATOM, str(node.attr[0]).removeprefix(self.prefix)
        if node.op == "const":
            value = node.attr[0]
            return (_ATOM if isinstance(value, bool) or value >= 0 else 3), f"{value:.6g}"
        if node.op == "zeros":
            return _ATOM, "0"
        if node.op == "slice":
            return _ATOM, f"{self._text(args[0])}[{self._range(node)}]"
        if node.op in ("view", "expand"):
            return (
                self._expression(args[0])
                if args[0] not in self.names
                else (_ATOM, self.names[args[0]])
            )
        found = self._idiom(node)
        if found is not None:
            return found
        if node.op in _INFIX:
            binding, sign = _INFIX[node.op]
            left = self._text(args[0], binding)
            right = self._text(args[1], binding + (node.op in ("sub", "div", "pow")))
            return binding, f"{left} {sign} {right}"
        if node.op == "neg":
            return 3, f"-{self._text(args[0], 3)}"
        if node.op == "call":
            return self._call(node)
        if node.op == "cat":
            return _ATOM, f"[{', '.join(self._text(a, 0) for a in args)}]"
        return _ATOM, f"{node.op}({', '.join(self._text(a, 0) for a in args)})"

    def _call(self, node: Node) -> tuple[int, str]:
        """A torch call on parameters, with the arguments that are not tensors."""
        function = node.attr[0].removesuffix(".__get__").rpartition(".")[2].strip("_")
        if function == "rsub":
            number = json.loads(node.attr[1])["args"][1]
            return 1, f"{number} - {self._text(node.args[0], 2)}"
        return _ATOM, render_call(node.attr, function, [self._text(a, 0) for a in node.args], "x")

    def _idiom(self, node: Node) -> tuple[int, str] | None:
        """Operations that people know under another name: mean and relu."""
        if node.op == "add" and node.args[0].op == "zeros":
            return self._expression(node.args[1])
        if node.op == "mul" and node.args[0].op == "sum" and node.args[0] not in self.names:
            total, scale = node.args
            if scale.op == "const" and scale.attr[0] == 1.0 / total.args[0].width:
                return _ATOM, f"mean({self._text(total.args[0], 0)})"
        if node.op == "where" and node.args[0].op == "le":
            (value, bound), zero = node.args[0].args, node.args[1]
            zeros = all(z.op == "const" and z.attr[0] == 0.0 for z in (bound, zero))
            if zeros and value is node.args[2]:
                return _ATOM, f"relu({self._text(value, 0)})"
        return None

    def _range(self, node: Node) -> str:
        """Which gates a slice of a product is, or else its numbers."""
        start, stop = node.attr
        base = node.args[0]
        names, offset = [], 0
        covered = 0
        gates = self._gates(base.args[1]) if base.op in AFFINE else []
        for gate, width in gates:
            if start <= offset and offset + width <= stop:
                names.append(gate)
                covered += width
            offset += width
        told = covered == stop - start and len({g for g, _ in gates}) == len(gates)
        return " ".join(names) if told else f"{start}:{stop}"

    def _gates(self, weight: Node) -> list[tuple[str, int]]:
        """The gate that each part of a weight belongs to, and how wide it is."""
        found = []
        for part in _parts(weight):
            module, parametrised, _ = _named_leaf(part).partition(".parametrizations.")
            gate = module if parametrised else module.rpartition(".")[0] or module
            width = part.shape[0] if len(part.shape) == 2 else part.shape[0] * part.shape[1]
            found.append((gate.removeprefix(self.prefix), width))
        return found


def columns(left: str, right: str) -> str:
    return f"{left:{_NOTE}}  {right}".rstrip() if right else left


def fresh(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}{number}"
    taken.add(found)
    return found


def _is_stored(node: Node) -> bool:
    """Whether a bias is a leaf or leaves side by side, rather than something computed."""
    return node.op == "leaf" or (node.op == "cat" and all(a.op == "leaf" for a in node.args))


def _stacks(node: Node) -> bool:
    return node.op == "call" and node.attr[0] == "torch.cat"


def _parts(weight: Node) -> Sequence[Node]:
    return weight.args if _stacks(weight) else (weight,)


def _named_leaf(node: Node) -> str:
    while node.op != "leaf" and node.args:
        node = node.args[0]
    return str(node.attr[0]) if node.op == "leaf" else ""


def _shared_module(leaves: Sequence[str]) -> str:
    """``cell.`` if every leaf lies in a wrapped cell, in a module below it."""
    prefix = ""
    while leaves:
        first = leaves[0].removeprefix(prefix).partition(".")[0]
        inner = [leaf.removeprefix(f"{prefix}{first}.") for leaf in leaves]
        if any(i == leaf or "." not in i for i, leaf in zip(inner, leaves, strict=True)):
            break
        prefix += f"{first}."
    return prefix


def _letter(parts: Sequence[Node]) -> str:
    """W, U, ... if all parts are called so."""
    letters = {_named_leaf(part).rpartition(".")[2] for part in parts}
    (letter,) = letters if len(letters) == 1 else ("",)
    return letter if len(letter) == 1 else ""


def _count(nodes: Sequence[Node]) -> str:
    """``1 GEMM, 9 pointwise operations``"""
    kinds = (
        (sum(n.op in AFFINE for n in nodes), "GEMM"),
        (sum(n.op in POINTWISE for n in nodes), "pointwise operation"),
        (sum(n.op in REDUCTIONS for n in nodes), "row reduction"),
    )
    return ", ".join(f"{n} {what}{'s' if n > 1 else ''}" for n, what in kinds if n)
