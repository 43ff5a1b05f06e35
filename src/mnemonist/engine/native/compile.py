"""A program, and its gradient, as plans: what lies where, and what is handed over at a call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from mnemonist.engine.differentiate import Gradient, Sink
from mnemonist.engine.native.fuse import advanced, fused, scattered
from mnemonist.engine.native.plan import Layout, Plan, View, WeightGradient
from mnemonist.engine.native.planner import Planner, Unplanned
from mnemonist.engine.program import Node, Program, Time, ancestors

__all__ = ["Backward", "Forward", "compile_backward", "compile_forward", "constants_of"]


@dataclass(frozen=True)
class Slot:
    """A buffer that the caller provides.

    Attributes:
        role: what it is: x, extra, known, state, value, constant; backwards also carry, loss,
            input, parameter, kept.
        name: which of them.
        layout: how its rows answer to steps and rows of the batch.
        shape: the shape of one row.
    """

    role: str
    name: str | int
    layout: Layout
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        return max(1, prod(self.shape))

    @property
    def key(self) -> tuple[str, str | int]:
        return self.role, self.name


@dataclass(frozen=True)
class Forward:
    """A program as a plan.

    Attributes:
        plan: what the compiled executor runs.
        slots: for each of the plan's buffers, what the caller provides, or None.
        constants: the values of binding time K that it reads, in the order of their slots.
        views: where sources and stored values lie, for the backward plan to read.
    """

    plan: Plan
    slots: tuple[Slot | None, ...]
    constants: tuple[Node, ...]
    views: Mapping[int, tuple[Slot, View]]


@dataclass(frozen=True)
class Backward:
    """A gradient as a plan; `parameters` names the K node of each slot of role parameter."""

    plan: Plan
    slots: tuple[Slot | None, ...]
    constants: tuple[Node, ...]
    parameters: tuple[tuple[Node, tuple[int, ...]], ...]


class _Memory:
    """The buffers that the caller provides, as they are asked for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.slots: dict[int, Slot] = {}
        self._known: dict[tuple[str, str | int], int] = {}

    def view(self, slot: Slot, shift: int = 0) -> View:
        key = (slot.role, slot.name)
        if key not in self._known:
            self._known[key] = self.plan.buffer(slot.layout, slot.width)
            self.slots[self._known[key]] = slot
        return View.whole(self._known[key], slot.shape, 0, shift)

    def all(self) -> tuple[Slot | None, ...]:
        return tuple(self.slots.get(i) for i in range(len(self.plan.buffers)))


def constants_of(program: Program, keep: Sequence[str]) -> tuple[Node, ...]:
    """The values of binding time K, numbers apart, that a run or a step reads or returns.

    Args:
        program: the program.
        keep: the states and outputs that are wanted.
    """
    wanted = {program.values[name] for name in (*program.states, *keep)}
    returned = {n for n in wanted if n.time is Time.K and n.op != "const"}
    return tuple(sorted({*_constants(ancestors(wanted)), *returned}, key=_id))


def _constants(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """What nodes read of binding time K, numbers apart."""
    read = {a for n in nodes if n.time is not Time.K for a in n.args}
    return tuple(sorted((n for n in read if n.time is Time.K and n.op != "const"), key=_id))


def _id(node: Node) -> int:
    return node.id


def _constant_views(memory: _Memory, constants: Sequence[Node]) -> dict[Node, View]:
    return {
        node: memory.view(Slot("constant", i, Layout.VECTOR, node.shape))
        for i, node in enumerate(constants)
    }


def compile_forward(
    program: Program,
    keep: Sequence[str],
    *,
    stored: Sequence[Node] = (),
    fixed: frozenset[str] = frozenset(),
    ring: frozenset[str] = frozenset(),
) -> Forward:
    """The plan that runs a program over time.

    Args:
        program: the program.
        keep: states and outputs whose values over time are wanted.
        stored: what the backward pass reads beside every state: `Gradient.saved`.
        fixed: extras that are the same at every step.
        ring: states of which only the final value is wanted.

    Raises:
        Unplanned: the program has what the compiled executor lacks.
    """
    plan = Plan()
    memory = _Memory(plan)
    results: dict[Node, list[View]] = {}
    roots = [*program.values.values(), *stored]
    if any(n not in keep for n in program.outputs):
        wanted = {*program.states, *keep}
        roots = [*(program.values[n] for n in program.values if n in wanted), *stored]
    nodes = ancestors(roots)
    views: dict[int, tuple[Slot, View]] = {}
    sources: dict[Node, View] = {}

    def source(node: Node, slot: Slot, shift: int = 0) -> None:
        sources[node] = memory.view(slot, shift)
        views[node.id] = (slot, sources[node])

    for node in nodes:
        if node.op == "input":
            source(node, _input_slot(node, fixed))
        elif node.op == "known":
            source(node, Slot("known", node.attr[0], Layout.STEPS, node.shape))
        elif node.op == "state":
            source(node, _state_slot(program, node.attr[0], ring))
    for name in program.states:
        slot = _state_slot(program, name, ring)
        place = memory.view(slot, 1)
        node = program.values[name]
        results.setdefault(node, []).append(place)
        if slot.layout is Layout.STATE:
            views.setdefault(node.id, (slot, place))
    for name in keep:
        if name not in program.states:
            node = program.values[name]
            slot = Slot("value", name, Layout.STEPS, node.shape)
            results.setdefault(node, []).append(memory.view(slot))
            views.setdefault(node.id, (slot, memory.view(slot)))
    for node in stored:
        if node.id not in views:
            slot = Slot("stored", node.id, Layout.STEPS, node.shape)
            results.setdefault(node, []).append(memory.view(slot))
            views[node.id] = (slot, memory.view(slot))
    constants = constants_of(program, keep)
    sources |= _constant_views(memory, constants)
    inside = set(program.loop)
    computed = [n for n in nodes if n.time is not Time.K and n not in sources]
    phases = {
        "before": [n for n in computed if n.time is Time.X],
        "loop": [n for n in computed if n in inside],
        "after": [n for n in computed if n.time is Time.S and n not in inside],
    }
    phases, made = fused(phases, set(results))
    results = {made.get(node, node): places for node, places in results.items()}
    Planner(plan, phases, sources, results).build()
    return Forward(plan, memory.all(), constants, views)


def _input_slot(node: Node, fixed: frozenset[str]) -> Slot:
    (name,) = node.attr
    if name == "x":
        return Slot("x", "x", Layout.STEPS, node.shape)
    return Slot("extra", name, Layout.ROWS if name in fixed else Layout.STEPS, node.shape)


def _state_slot(program: Program, name: str, ring: frozenset[str]) -> Slot:
    layout = Layout.RING if name in ring else Layout.STATE
    return Slot("state", name, layout, (program.states[name],))


def compile_backward(gradient: Gradient, forward: Forward, fixed: frozenset[str]) -> Backward:
    """The plan that runs a gradient backwards in time over what the forward plan stored.

    Raises:
        Unplanned: the gradient has what the compiled executor lacks.
    """
    program = gradient.program
    plan = Plan(backward=True)
    memory = _Memory(plan)
    sources: dict[Node, View] = {}
    results: dict[Node, list[View]] = {}
    for node in gradient.nodes:
        if node.op == "saved":
            slot, view = forward.views[node.attr[0]]
            sources[node] = memory.view(slot, view.shift).reshaped(node.shape)
        elif node.op == "carry":
            sources[node] = memory.view(Slot("carry", node.attr[0], Layout.ROWS, node.shape))
        elif node.op == "loss":
            sources[node] = memory.view(Slot("loss", node.attr[0], Layout.STEPS, node.shape))
    constants = _constants(gradient.nodes)
    constants += tuple(n for n in gradient.constants if n not in constants)
    sources |= _constant_views(memory, constants)
    for name, node in gradient.states.items():
        place = memory.view(Slot("carry", name, Layout.ROWS, (program.states[name],)))
        results.setdefault(node, []).append(place)
    graph = _Sums(gradient)
    for name, node in gradient.inputs.items():
        if name in fixed:
            place = memory.view(Slot("input", name, Layout.ROWS, node.shape))
            plan.accumulators.append(place.buffer)
            results[graph.accumulate(node)] = [place]
        else:
            place = memory.view(Slot("input", name, Layout.STEPS, node.shape))
            results.setdefault(node, []).append(place)

    parameters: list[tuple[Node, tuple[int, ...]]] = []
    beside = _sums_beside_products(gradient.parameters)
    for index, sink in enumerate(gradient.parameters):
        shape = sink.gradient.shape if sink.kind == "sum" else sink.node.shape
        out = memory.view(Slot("parameter", index, Layout.VECTOR, shape))
        parameters.append((sink.node, shape))
        if sink.kind == "sum" and index not in beside.values():
            place = memory.view(Slot("sum", index, Layout.ROWS, shape))
            plan.accumulators.append(place.buffer)
            results[graph.accumulate(sink.gradient)] = [place]
            plan.column_sums.append((place.reshaped((max(1, prod(shape)),)), out.buffer))
    phases = advanced(graph.phases())
    products = [s for s in gradient.parameters if s.operand is not None]
    blocks = {s.gradient for s in products if s.kind == "bmm"}
    operands = {s.operand for s in products if s.operand is not None}
    apart = scattered(phases, {*results, *blocks, *operands})
    together = {s.gradient for s in products} - apart
    parts = {part for cat in apart for part in cat.args}
    # the parts of a concatenation lie in it where they are computed in the same phase
    phase_of = {node: phase for phase, nodes in phases.items() for node in nodes}
    inside = {p for cat in together for p in cat.args if phase_of.get(p) == phase_of.get(cat)}
    for value in sorted(together | operands | parts - inside, key=_id):
        places = [*results.get(value, ()), *([sources[value]] if value in sources else ())]
        if not any(_is_over_time(plan, place) for place in places):
            slot = Slot("kept", value.id, Layout.STEPS, value.shape)
            results.setdefault(value, []).append(memory.view(slot))

    phases, made = fused(phases, {*results, *parts, *apart})
    results = {made.get(node, node): places for node, places in results.items()}
    planner = Planner(plan, phases, sources, results, {made.get(cat, cat) for cat in apart})
    planner.build()

    def over_time(node: Node) -> list[tuple[int, View]]:
        """Where a value lies for every step: first column and place of each piece."""
        node = made.get(node, node)
        if node in planner.scattered:
            runs = planner.runs(node)
        else:
            places = [planner.views.get(node), *results.get(node, ())]
            runs = [(0, v) for v in places if v is not None and _is_over_time(plan, v)][:1]
        if not runs or not all(_is_over_time(plan, view) for _, view in runs):
            raise Unplanned("the gradient of a weight whose factors are not stored")
        return runs

    for index, sink in enumerate(gradient.parameters):
        if sink.operand is not None:
            out = memory.view(Slot("parameter", index, Layout.VECTOR, sink.node.shape))
            sums = None
            if index in beside:
                of = beside[index]
                slot = Slot("parameter", of, Layout.VECTOR, gradient.parameters[of].gradient.shape)
                sums = memory.view(slot).buffer
            ((_, operand),) = over_time(sink.operand)
            for first, rows in over_time(sink.gradient):
                plan.weight_gradients += _weight_gradients(
                    sink.node.shape, rows, operand, first, out.buffer, sums
                )
    return Backward(plan, memory.all(), constants, tuple(parameters))


def _is_over_time(plan: Plan, view: View) -> bool:
    layout = plan.buffers[view.buffer][0]
    return layout in (Layout.STEPS, Layout.STATE) and view.contiguous


def _sums_beside_products(sinks: Sequence[Sink]) -> dict[int, int]:
    """Weights whose gradient is a product of what a bias's gradient is the sum of, and the bias."""
    sums: dict[Node, list[int]] = defaultdict(list)
    for index, sink in enumerate(sinks):
        if sink.kind == "sum":
            sums[sink.gradient].append(index)
    found = {}
    for index, sink in enumerate(sinks):
        if sink.kind == "mm" and sums[sink.gradient]:
            found[index] = sums[sink.gradient].pop()
    return found


def _weight_gradients(
    shape: tuple[int, ...], gradient: View, operand: View, first: int, out: int, sums: int | None
) -> list[WeightGradient]:
    """The gradient of a matrix, from row `first` on, or of every block of a diagonal of blocks."""
    if len(shape) == 2:
        return [
            WeightGradient(
                gradient, operand, (out, first * shape[1]), None if sums is None else (sums, first)
            )
        ]
    blocks, m, n = shape
    found = []
    for block in range(blocks):
        source = block % (operand.shape[0] // n)
        rows = gradient.slice(block * m, (block + 1) * m)
        columns = operand.slice(source * n, (source + 1) * n)
        found.append(WeightGradient(rows, columns, (out, block * m * n)))
    return found


class _Sums:
    """A gradient's phases, with the sums over steps as operations of their own."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient
        self.next = 1 + max((n.id for n in gradient.nodes), default=0)
        self.sums: list[Node] = []

    def accumulate(self, node: Node) -> Node:
        """The operation that adds a value, at every step, to its place."""
        self.sums.append(Node(self.next, "accumulate", (node,), (), node.shape, Time.S))
        self.next += 1
        return self.sums[-1]

    def phases(self) -> dict[str, list[Node]]:
        gradient = self.gradient
        before, loop = list(gradient.before), list(gradient.loop)
        earlier = {*before, *loop}
        after = [n for n in gradient.after if n not in earlier]
        behind = set(after)
        for node in self.sums:
            (after if node.args[0] in behind else loop).append(node)
        return {"before": before, "loop": loop, "after": after}
