"""Backward programs for people: what is stored, and a step backwards as equations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mnemonist.engine.differentiate.backward_graph import SUPER, TRANSPOSED
from mnemonist.engine.program import AFFINE, POINTWISE, REDUCTIONS, STRUCTURE, Node, Time
from mnemonist.engine.show import Description, columns, fresh

if TYPE_CHECKING:
    from mnemonist.engine.differentiate.gradient import Gradient, Sink

__all__ = ["describe"]

_ATOM, _PRODUCT, _POWER = 5, 2, 4
_STAGE = 10


def describe(gradient: Gradient) -> str:
    """A backward program as text.

    ``carry(h)`` is the gradient of h that comes from the step behind, ``loss(h)`` that of h as
    it is returned over time; h' is the new h, and dv the gradient of v.

    >>> from mnemonist.cells import Elman
    >>> from mnemonist.engine import program_of
    >>> from mnemonist.engine.differentiate import differentiate
    >>> print(describe(differentiate(program_of(Elman(3, 5)))))
    Backward of Elman, from h over time and the final h
      saved     nothing beside the states
      loop      dh' = loss(h) + carry(h)
                dg  = dh' * (1 - h' ** 2)
                dh  = dg @ U                              [hidden] 5 -> 5, one GEMM per step
      after     dx  = dg @ W                              [hidden] 5 -> 3, one GEMM for all t
      weights   dU += dg.T @ h                            [hidden] 5 x 5, one GEMM for all t
                dW += dg.T @ x                            [hidden] 5 x 3, one GEMM for all t
                dhidden.b += sum(dg)                      5
      counts    per step: 1 GEMM, 2 pointwise operations; behind the loop: 1 GEMM; weights: 2 GEMMs, 1 sum
    """
    return "\n".join(_Backward(gradient).lines())


class _Backward(Description):
    """Names and equations of backward nodes, with forward values under their own names."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient, self.program = gradient, gradient.program
        self.forward = Description(gradient.program)
        self.prefix = self.forward.prefix
        self.by_id = {n.id: n for n in gradient.program.nodes}
        products = [n for n in gradient.program.nodes if n.op in AFFINE]
        self.letters = {n.args[1]: self.forward._letter(n) for n in reversed(products)}
        self.names: dict[Node, str] = {}
        self.users: dict[Node, list[Node]] = defaultdict(list)
        for node in gradient.nodes:
            for operand in node.args:
                self.users[operand].append(node)
        self.roots = {*gradient.states.values(), *gradient.inputs.values()}
        self.roots |= {root for sink in gradient.parameters for root in sink.roots}
        self.given = self._name_saved()
        self._name_all()

    def _name_saved(self) -> dict[Node, str]:
        """Names for what is stored and has none, and the lines that say what they are."""
        names, lines = self.forward.names, {}
        taken = set(names.values())
        for node in self.gradient.saved:
            if node not in names and node.op not in STRUCTURE:
                text = self.forward._expression(node)[1]
                names[node] = fresh("s", taken)
                lines[node] = f"{names[node]:3} = {text}"
        return lines

    def _name_all(self) -> None:
        results = {n: f"d{name}" for name, n in self.gradient.inputs.items()}
        results |= {n: f"d{name}" for name, n in self.gradient.states.items()}
        taken = {*self.forward.names.values(), *results.values()}
        for node in self.gradient.nodes:
            if node.time is Time.K or node.op in ("saved", "carry", "loss", "zeros", "slice"):
                continue
            if node in results and node.op not in STRUCTURE:
                self.names[node] = results[node]
            elif node.op in TRANSPOSED or node.label:
                self.names[node] = fresh(node.label or "v", taken)
            elif node.op not in STRUCTURE and (node in self.roots or len(self.users[node]) > 1):
                self.names[node] = fresh("v", taken)

    def lines(self) -> list[str]:
        g = self.gradient
        over_time = " ".join(g.keep) or "nothing"
        finals = f" and the final {' '.join(g.states)}" if g.states else ""
        lines = [f"Backward of {self.program.cell}, from {over_time} over time{finals}"]
        inside = {n for n in g.loop if n.time is not Time.X}
        stages = (
            ("saved", self._stored()),
            ("before", [self._line(n) for n in g.before if n in self.names]),
            ("loop", [self._line(n) for n in g.loop if n in self.names] + self._renamed(g.states)),
            (
                "after",
                [self._line(n) for n in g.after if n in self.names and n not in inside]
                + self._renamed(g.inputs),
            ),
            ("weights", [self._sink(s) for s in g.parameters]),
            ("counts", [(self._counts(), "")]),
        )
        for title, shown in stages:
            for i, (equation, note) in enumerate(shown):
                lines.append(columns(f"  {title if i == 0 else '':{_STAGE}}{equation}", note))
        return lines

    def _stored(self) -> list[tuple[str, str]]:
        """What is stored: what has a name on one line, what is given one on a line of its own."""
        saved = self.gradient.saved
        if not saved:
            return [("nothing beside the states", "")]
        size = f"{sum(n.width for n in saved)} numbers a row and step"
        named = [n for n in saved if n not in self.given]
        lines = [(", ".join(self.forward._text(n, 0) for n in named), "")] if named else []
        lines += [(line, "") for line in self.given.values()]
        return [(lines[0][0], size), *lines[1:]]

    def _renamed(self, results: Mapping[str, Node]) -> list[tuple[str, str]]:
        """Results that are another value, or none, under their own name."""
        return [
            (f"{f'd{name}':3} = {self._text(node, 0)}", "")
            for name, node in results.items()
            if self.names.get(node) != f"d{name}"
        ]

    # Lines

    def _line(self, node: Node) -> tuple[str, str]:
        if node.op not in TRANSPOSED:
            return super()._line(node)
        d, weight = node.args
        when = "per step" if node in self.gradient.loop else "for all t"
        sizes = f"{d.width} -> {node.width}"
        equation = f"{self.names[node]:3} = {self._text(d)} @ {self.letters[weight]}"
        return equation, f"{self.forward._served(weight)} {sizes}, one GEMM {when}"

    def _sink(self, sink: Sink) -> tuple[str, str]:
        sizes = " x ".join(map(str, sink.node.shape)) or "1"
        if sink.operand is None:
            where = ", added up in the loop" if sink in self.gradient.accumulated else ""
            equation = _added(self._constant(sink.node), f"sum({self._text(sink.gradient, 0)})")
            return equation, sizes + where
        product = f"{self._text(sink.gradient)}.T @ {self._text(sink.operand)}"
        equation = _added(self.letters[sink.node], product)
        return equation, f"{self.forward._served(sink.node)} {sizes}, one GEMM for all t"

    def _constant(self, node: Node) -> str:
        """A K node by name, or what its parts are all called."""
        if node.op == "cat" and all(a.op == "leaf" for a in node.args):
            names = {str(a.attr[0]).rpartition(".")[2] for a in node.args}
            if len(names) == 1:
                return names.pop()
        return self.forward._text(node)

    def _counts(self) -> str:
        g = self.gradient
        inside = set(g.loop)
        counted = (
            ("for all t", _count(g.before)),
            ("per step", _count(g.loop) or "nothing"),
            ("behind the loop", _count(n for n in g.after if n not in inside)),
            ("weights", _sinks(g.parameters)),
        )
        return "; ".join(f"{when}: {count}" for when, count in counted if count)

    # Expressions

    def _expression(self, node: Node) -> tuple[int, str]:
        if node.op == "saved":
            value = self.by_id[node.attr[0]]
            name = self.forward.names.get(value)
            return (_ATOM, name) if name else self.forward._expression(value)
        if node.op in ("carry", "loss"):
            return _ATOM, f"{node.op}({node.attr[0]})"
        if node.time is Time.K and node in self.forward.names:
            return _ATOM, self.forward.names[node]
        if node.op in SUPER:
            d, y = self._text(node.args[0], _PRODUCT), self._text(node.args[1], _POWER + 1)
            slope = f"(1 - {y} ** 2)" if node.op == "dtanh" else f"{y} * (1 - {y})"
            return _PRODUCT, f"{d} * {slope}"
        return super()._expression(node)


def _added(name: str, term: str) -> str:
    return f"{f'd{name}':3}{' ' if len(name) > 1 else ''}+= {term}"


def _count(nodes: Iterable[Node]) -> str:
    """``1 GEMM, 14 pointwise operations``"""
    listed = list(nodes)
    return _listed(
        (sum(n.op in AFFINE | TRANSPOSED for n in listed), "GEMM"),
        (sum(n.op in POINTWISE or n.op in SUPER for n in listed), "pointwise operation"),
        (sum(n.op in REDUCTIONS for n in listed), "row reduction"),
    )


def _sinks(sinks: Iterable[Sink]) -> str:
    kinds = [s.kind != "sum" for s in sinks]
    return _listed((sum(kinds), "GEMM"), (len(kinds) - sum(kinds), "sum"))


def _listed(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n)
