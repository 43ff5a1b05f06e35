"""From a program to its backward program."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mnemonist.engine.differentiate.backward_graph import SUPER, BackwardGraph
from mnemonist.engine.differentiate.gradient import Gradient, Sink
from mnemonist.engine.differentiate.reverse import Reverse
from mnemonist.engine.differentiate.saving import Recompute, known_anyway, to_save
from mnemonist.engine.program import REDUCTIONS, Node, Program, Time, ancestors
from mnemonist.errors import ConfigError

__all__ = ["constants_of", "differentiate"]


def differentiate(
    program: Program,
    *,
    keep: Iterable[str] | None = None,
    inputs: Iterable[str] | None = None,
    parameters: Iterable[str | Node] | None = None,
) -> Gradient:
    """The backward program of a program: one step of reverse-mode differentiation.

    Args:
        program: any program, also one with bound states (`transforms.bind`).
        keep: states and outputs whose values over time have a gradient; what the program emits
            if not given. The gradients of final states enter as the first carry.
        inputs: of ``x``, extras and known states, those whose gradient is wanted; all by default.
        parameters: parameters and buffers whose gradient is wanted, with all that is computed
            from them; or single K nodes of the program; all by default.

    Raises:
        ConfigError: a name that the program does not have.

    >>> from mnemonist.cells import LSTM
    >>> from mnemonist.engine import program_of
    >>> gradient = differentiate(program_of(LSTM(3, 5)), inputs=())
    >>> [str(node.label) for node in gradient.saved]
    ['i', 'f', 'z', 'o']
    >>> [(sink.kind, sink.node.shape) for sink in gradient.parameters]
    [('mm', (20, 5)), ('mm', (20, 3)), ('sum', (20,))]
    """
    names = tuple(dict.fromkeys(program.emits if keep is None else keep))
    _require("value", names, program.values)
    asked = _asked(program, inputs)

    graph = BackwardGraph(program)
    before = {n.attr[0]: n for n in program.nodes if n.op == "state"}
    sources = {n.attr[0]: n for n in program.nodes if n.op in ("input", "known")}
    sources = {name: sources[name] for name in asked if name in sources}
    wanted = {*before.values(), *sources.values(), *constants_of(program, parameters)}
    reverse = Reverse(program, graph, wanted)
    seeds = [(name, graph.carry(name, program.states[name])) for name in program.carried]
    seeds += [(name, graph.loss(name, program.values[name].width)) for name in names]
    reverse.run(program, seeds)

    found = _Results(
        {name: reverse.result(before[name]) for name in program.carried},
        {
            name: reverse.result(sources[name]) if name in sources else graph.zeros((width,))
            for name, width in asked.items()
        },
        tuple(reverse.sinks),
    )
    forward = {n.id: n for n in program.nodes}
    known = known_anyway(program, names)
    saved = to_save(program, _read(found.roots, forward), known)
    final = _Finish(program, forward, known.union(saved)).results(found)
    read = _read(final.roots, forward)
    return Gradient(
        program=program,
        keep=names,
        states=final.states,
        inputs=final.inputs,
        parameters=final.sinks,
        saved=tuple(n for n in saved if n in read),
    )


@dataclass(frozen=True)
class _Results:
    """What a backward step gives."""

    states: dict[str, Node]
    inputs: dict[str, Node]
    sinks: tuple[Sink, ...]

    @property
    def roots(self) -> list[Node]:
        sinks = [root for sink in self.sinks for root in sink.roots]
        return [*self.states.values(), *self.inputs.values(), *sinks]


class _Finish:
    """The backward step once more, with the forward values that it reads stored or recomputed."""

    def __init__(
        self, program: Program, forward: Mapping[int, Node], available: Collection[Node]
    ) -> None:
        self.graph = BackwardGraph(program)
        self.forward = forward
        self.recompute = Recompute(self.graph, available)
        self.made: dict[Node, Node] = {n: n for n in program.nodes if n.time is Time.K}
        self.products: set[tuple[Node, Node]] = set()

    def results(self, found: _Results) -> _Results:
        nodes = ancestors(found.roots)
        for one, other in (n.args for n in nodes if n.op == "mul"):
            for factor, value in ((one, other), (other, one)):
                if value.op == "saved":
                    self.products.add((factor, self.forward[value.attr[0]]))
        for node in nodes:
            if node not in self.made:
                self.graph.source = node.source
                self.made[node] = again = self._again(node)
                again.label = again.label or node.label
        made = self.made
        return _Results(
            {name: made[node] for name, node in found.states.items()},
            {name: made[node] for name, node in found.inputs.items()},
            tuple(
                Sink(
                    s.kind, s.node, made[s.gradient], None if s.operand is None else made[s.operand]
                )
                for s in found.sinks
            ),
        )

    def _again(self, node: Node) -> Node:
        if node.op == "saved":
            return self.recompute.value(self.forward[node.attr[0]])
        if node.op == "mul":
            whole = self._complement(node)
            if whole is not None:
                return whole
        args = [self.made[a] for a in node.args]
        if node.op in SUPER:
            return self.graph.pointwise(node.op, *args)
        if node.op in REDUCTIONS:
            return self.graph.reduce(node.op, args[0])
        if node.op == "expand":
            return self.graph.expand(args[0], node.width)
        return self.graph.copy(node, args)

    def _complement(self, node: Node) -> Node | None:
        """d (1 - z) as d - d z, where d z is there already."""
        for factor, other in (node.args, node.args[::-1]):
            rest = self.forward[other.attr[0]] if other.op == "saved" else None
            if rest is None or rest.op != "sub" or rest.args[0].op != "const":
                continue
            one, gate = rest.args
            if one.attr[0] == 1.0 and (factor, gate) in self.products:
                whole, gate = self.made[factor], self.recompute.value(gate)
                return self.graph.pointwise("sub", whole, self.graph.pointwise("mul", whole, gate))
        return None


def _asked(program: Program, inputs: Iterable[str] | None) -> dict[str, int]:
    """Name and width of the inputs whose gradient is wanted."""
    known = {name: program.states[name] for name in program.bound}
    widths = {"x": program.input_size, **program.extras, **known}
    if inputs is None:
        return widths
    names = set(inputs)
    _require("input", names, widths)
    return {name: width for name, width in widths.items() if name in names}


def constants_of(program: Program, parameters: Iterable[str | Node] | None) -> set[Node]:
    """The K nodes that depend on parameters, or are those given; that depend on any by default."""
    asked = list(program.leaves if parameters is None else parameters)
    names = {p for p in asked if isinstance(p, str)}
    _require("parameter", names, program.leaf_shapes)
    found: set[Node] = set()
    for node in program.nodes:
        if node.time is Time.K and not node.logical:
            own = node.op == "leaf" and node.attr[0] in names
            if own or any(a in found for a in node.args):
                found.add(node)
    return found | {p for p in asked if isinstance(p, Node)}


def _read(roots: Iterable[Node], forward: Mapping[int, Node]) -> set[Node]:
    """The forward nodes whose values backward nodes read."""
    return {forward[n.attr[0]] for n in ancestors(roots) if n.op == "saved"}


def _require(what: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"no {what} {name!r}: the program has {', '.join(known) or 'none'}")
