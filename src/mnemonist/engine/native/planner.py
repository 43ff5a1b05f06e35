"""From a graph of one step to a plan: the order of the stages, and where every value lies.

The planner is the same in both directions of time. What it is told is which nodes run before,
in and behind the loop, where sources lie, and which values must lie in a given place; what it
finds is an order, homes for all other values, and the instructions.

- Stages: all products whose operands are known, then all pointwise operations that are known
  after them, and so on. A pointwise stage runs a few rows at a time through all of its
  instructions, so that what is used only there (a *tile*) never leaves the first-level cache.
- Views cost nothing: slices, reshapes and repetitions are other readings of the same place.
- The parts of a concatenation are computed where they will lie.
- a·b + c is one instruction where a·b is used only there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

from mnemonist.engine.native.plan import Instruction, Layout, Plan, Pointwise, Product, View
from mnemonist.engine.program import Node

__all__ = ["Planner", "Unplanned"]

_PRODUCTS = frozenset({"mm", "mmT", "bmm", "bmmT"})
_VIEWS = frozenset({"slice", "view", "expand", "stop"})
_PHASES = ("before", "loop", "after")
_PASSING = (Layout.ROWS, Layout.RING)
_FUSED = {"add": ("fma", "fma"), "sub": ("fms", "fnma"), "accumulate": ("fma", "fma")}


class Unplanned(Exception):
    """What the compiled executor lacks."""


class Planner:
    """Builds a plan.

    Beside a program's operations it knows ``accumulate(v)``, which adds a value to the place
    that `results` names for it.

    Args:
        plan: the plan to be filled; its buffers for sources and results are there.
        phases: the nodes to compute in each phase, operands first.
        sources: where the values lie that nothing here computes.
        results: where values must lie, in one place or several. A place of layout ROWS that a
            source occupies is written after the source's last use in a step.
    """

    def __init__(
        self,
        plan: Plan,
        phases: Mapping[str, Sequence[Node]],
        sources: Mapping[Node, View],
        results: Mapping[Node, Sequence[View]],
    ) -> None:
        self.plan = plan
        self.sources = sources
        self.results = results
        self.views: dict[Node, View] = dict(sources)
        self.users: dict[Node, list[Node]] = defaultdict(list)
        self.stages = {phase: _stages(phases.get(phase, ())) for phase in _PHASES}
        self.stage_of: dict[Node, tuple[str, int, int]] = {}
        for phase, stages in self.stages.items():
            for i, stage in enumerate(stages):
                for j, node in enumerate(stage):
                    self.stage_of[node] = (phase, i, j)
                    for operand in node.args:
                        self.users[operand].append(node)
        self.factors = self._fused_products()
        self.skipped = set(self.factors.values())
        self.tiles = 0
        self.weights: dict[tuple[int, ...], int] = {}

    def build(self) -> None:
        """Fill the plan."""
        late = self._late_results()
        self._find_homes(late)
        for phase in _PHASES:
            out: list[Product | Pointwise] = getattr(self.plan, phase)
            waiting: list[Instruction] = []
            for stage in self.stages[phase]:
                if stage[0].op in _PRODUCTS:
                    for node in stage:
                        out += self._products(node)
                        waiting += self._copies(node, late)
                else:
                    out.append(Pointwise(waiting + self._instructions(stage, late)))
                    waiting = []
            if phase == "loop":
                waiting += self._last_copies(late)
            if waiting and out and isinstance(out[-1], Pointwise):
                out[-1].instructions += waiting
            elif waiting:
                out.append(Pointwise(waiting))
        tiles = _Tiles(self.plan)
        for phase in _PHASES:
            stages = getattr(self.plan, phase)
            stages[:] = [tiles.allocated(s) for s in stages]

    # Homes

    def _late_results(self) -> set[tuple[Node, View]]:
        """Results that can only be put in their place when the step is over.

        Those that are computed while a source in the same place is still to be read, and those
        that are computed for all steps at once although the place is that of one step.
        """
        read: dict[int, tuple[int, int]] = {}
        for node, view in self.sources.items():
            if self.plan.buffers[view.buffer][0] is Layout.ROWS:
                uses = [self._position(u) for u in self._readers(node)]
                if self._exposed(node):
                    uses.append((len(self.stages["loop"]), 0))
                read[view.buffer] = max([read.get(view.buffer, (-1, -1)), *uses])
        late = set()
        for node, places in self.results.items():
            for place in places:
                if node not in self.stage_of or node.op in _VIEWS:
                    late.add((node, place))
                elif place.buffer in read and node.op != "accumulate":
                    at = self._position(node)
                    product = node.op in _PRODUCTS
                    if (
                        self.stage_of[node][0] != "loop"
                        or at < read[place.buffer]
                        or (product and at == read[place.buffer])
                    ):
                        late.add((node, place))
        return late

    def _position(self, node: Node) -> tuple[int, int]:
        """Stage and instruction within a step; what runs for all steps at once comes first."""
        if node in self.skipped:
            (node,) = self.users[node]
        phase, stage, instruction = self.stage_of[node]
        return (stage, instruction) if phase == "loop" else (-1, -1)

    def _readers(self, node: Node) -> Iterator[Node]:
        """What reads a value, through views of it."""
        for user in self.users[node]:
            if user in self.skipped:
                yield from self.users[user]
            elif user.op in _VIEWS:
                yield from self._readers(user)
            else:
                yield user

    def _exposed(self, node: Node) -> bool:
        """Whether a value, or a view of it, is a result."""
        views = (u for u in self.users[node] if u.op in _VIEWS)
        return bool(self.results.get(node)) or any(map(self._exposed, views))

    def _find_homes(self, late: set[tuple[Node, View]]) -> None:
        """A place for every value; consumers first, so that a cat can claim its parts."""
        for phase in reversed(_PHASES):
            for stage in reversed(self.stages[phase]):
                for node in reversed(stage):
                    if node not in self.views and node.op not in _VIEWS:
                        self._place(node, late)
        for phase in _PHASES:
            for stage in self.stages[phase]:
                for node in stage:
                    if node.op in _VIEWS:
                        self.views[node] = self._view(node)

    def _place(self, node: Node, late: set[tuple[Node, View]]) -> None:
        if node in self.skipped:
            return
        places = [p for p in self.results.get(node, ()) if (node, p) not in late]
        if any(self.stage_of[u][0] != self.stage_of[node][0] for u in self._readers(node)):
            # the others read it when this place has seen later steps
            places = [p for p in places if self.plan.buffers[p.buffer][0] not in _PASSING]
        if node.op == "zeros":
            self.views[node] = self.plan.number(0.0).broadcast(node.shape)
        elif places:
            self.views[node] = places[0]
        else:
            layout = self._layout(node)
            if layout is Layout.TILE:
                self.tiles += 1
                buffer = -self.tiles
            else:
                buffer = self.plan.buffer(layout, max(1, prod(node.shape)))
            self.views[node] = View.whole(buffer, node.shape)
        if node.op == "cat":
            self._claim_parts(node)

    def _claim_parts(self, cat: Node) -> None:
        """The parts of a concatenation are computed in their place in it."""
        for part, place in _parts(cat, self.views[cat]):
            taken = part in self.views or part in self.skipped or bool(self.results.get(part))
            if taken or part.op in _VIEWS or part.op == "zeros" or part not in self.stage_of:
                continue
            if self.stage_of[part][0] != self.stage_of[cat][0]:
                continue
            # a tile lasts for one stage only
            outside = any(
                self.stage_of[u][:2] != self.stage_of[cat][:2] for u in self._readers(part)
            )
            if place.buffer < 0 and (outside or self.stage_of[part][:2] != self.stage_of[cat][:2]):
                continue
            if part.op in _PRODUCTS and not place.contiguous:
                continue
            self.views[part] = place
            if part.op == "cat":
                self._claim_parts(part)

    def _layout(self, node: Node) -> Layout:
        phase, stage, _ = self.stage_of[node]
        readers = [self.stage_of[u] for u in self._readers(node)]
        if any(r[0] != phase for r in readers):
            return Layout.WINDOW
        if (
            node.op not in _PRODUCTS
            and not self._exposed(node)
            and all(r[:2] == (phase, stage) for r in readers)
        ):
            return Layout.TILE
        return Layout.SCRATCH if phase == "loop" else Layout.WINDOW

    def _view(self, node: Node) -> View:
        """Another reading of a value that has a place."""
        of = self._operand(node.args[0])
        if node.op == "slice":
            return of.slice(*node.attr)
        if node.op == "expand":
            return of.broadcast(node.shape)
        if node.op == "stop":
            return of
        if not of.contiguous:
            raise Unplanned("a reshape of a value whose elements do not lie one behind another")
        return of.reshaped(node.shape)

    def _operand(self, node: Node) -> View:
        if node.op == "const":
            return self.plan.number(float(node.attr[0]))
        return self.views[node]

    # Stages

    def _fused_products(self) -> dict[Node, Node]:
        """For sums, the product that is computed with them in one instruction."""
        found: dict[Node, Node] = {}
        for node in self.stage_of:
            for factor in node.args if node.op in _FUSED else ():
                alone = (
                    factor.op == "mul"
                    and factor in self.stage_of
                    and len(self.users[factor]) == 1
                    and not self.results.get(factor)
                    and factor.shape == node.shape
                    and self.stage_of[factor][:2] == self.stage_of[node][:2]
                )
                if alone:
                    found[node] = factor
                    break
        return found

    def _instructions(
        self, stage: Sequence[Node], late: set[tuple[Node, View]]
    ) -> list[Instruction]:
        body: list[Instruction] = []
        for node in stage:
            if node.op == "cat":
                for part, place in _parts(node, self.views[node]):
                    if self._operand(part) != place:
                        body += _lines("copy", place, [self._operand(part)])
            elif node.op not in _VIEWS and node.op != "zeros" and node not in self.skipped:
                body += self._operation(node)
            body += self._copies(node, late)
        return body

    def _operation(self, node: Node) -> list[Instruction]:
        result = self.views[node]
        factor = self.factors.get(node)
        if node.op in ("sum", "amax"):
            return _reductions(node.op, result, self._operand(node.args[0]))
        if factor is None:
            operands = [self._operand(a) for a in node.args]
            if node.op == "accumulate":
                return _lines("add", result, [*operands, result])
            return _lines(node.op, result, operands)
        first = node.args[0] is factor
        op = _FUSED[node.op][0 if first else 1]
        pair = [self._operand(a) for a in factor.args]
        if node.op == "accumulate":
            return _lines(op, result, [*pair, result])
        return _lines(op, result, [*pair, self._operand(node.args[1 if first else 0])])

    def _copies(self, node: Node, late: set[tuple[Node, View]]) -> list[Instruction]:
        """A value into the other places where it must lie too."""
        found: list[Instruction] = []
        for place in self.results.get(node, ()):
            if (node, place) not in late and place != self.views[node]:
                found += _lines("copy", place, [self.views[node]])
        return found

    def _last_copies(self, late: set[tuple[Node, View]]) -> list[Instruction]:
        """Late results, through tiles, so that two can change places."""
        away: list[Instruction] = []
        back: list[Instruction] = []
        for node, place in sorted(late, key=lambda r: (r[0].id, r[1].code)):
            self.tiles += 1
            tile = View.whole(-self.tiles, place.shape)
            away += _lines("copy", tile, [self._operand(node).broadcast(place.shape)])
            back += _lines("copy", place, [tile])
        return away + back

    def _products(self, node: Node) -> list[Product | Pointwise]:
        out: list[Product | Pointwise] = []
        phase = self.stage_of[node][0]
        operand = self._dense(self._operand(node.args[0]), phase, out)
        start: View | None = None
        if len(node.args) > 2 and node.args[2].op != "zeros":
            start = self._operand(node.args[2]).broadcast(node.shape)
            start = self._dense(start, phase, out)
        result, weight = self.views[node], node.args[1]
        blocks = 1 if len(weight.shape) == 2 else weight.shape[0]
        outputs, inputs = weight.shape[-2:]
        into, of = (inputs, outputs) if node.op.endswith("T") else (outputs, inputs)
        reached: set[int] = set()
        for n in range(blocks):
            if node.op.endswith("T"):
                source, target = n, n % (result.shape[0] // into)
            else:
                source, target = n % (operand.shape[0] // of), n
            place = result.slice(target * into, (target + 1) * into)
            begin = None if start is None else start.slice(target * into, (target + 1) * into)
            if target in reached:
                begin = place
            reached.add(target)
            part = operand.slice(source * of, (source + 1) * of)
            out.append(Product(self._weight(node, n), part, place, begin))
        return out

    def _weight(self, node: Node, block: int) -> int:
        weight = node.args[1]
        outputs, inputs = weight.shape[-2:]
        view = self.views[weight]
        offset = view.column + block * outputs * inputs
        key = (view.buffer, offset, outputs, inputs, inputs, 1)
        if node.op.endswith("T"):
            key = (view.buffer, offset, inputs, outputs, 1, inputs)
        if key not in self.weights:
            self.weights[key] = len(self.plan.weights)
            self.plan.weights.append(key)
        return self.weights[key]

    def _dense(self, view: View, phase: str, out: list[Product | Pointwise]) -> View:
        """The value with its elements one behind another, in memory that a product can read."""
        if view.contiguous and self.plan.buffers[view.buffer][0] is not Layout.NUMBER:
            return view
        layout = Layout.SCRATCH if phase == "loop" else Layout.WINDOW
        place = View.whole(self.plan.buffer(layout, prod(view.shape)), view.shape)
        out.append(Pointwise(_lines("copy", place, [view])))
        return place


class _Tiles:
    """Slots for values that live within one pointwise stage, shared where they do not overlap."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.slots: dict[int, list[int]] = defaultdict(list)

    def allocated(self, stage: Product | Pointwise) -> Product | Pointwise:
        """The stage with slots in place of what are only names for them (negative buffers)."""
        if isinstance(stage, Product):
            return stage
        last: dict[int, int] = {}
        width: dict[int, int] = defaultdict(int)
        for i, instruction in enumerate(stage.instructions):
            for view in (instruction.result, *instruction.operands):
                if view.buffer < 0:
                    last[view.buffer] = i
                    end = view.column + max(
                        1, instruction.width if view.strides[-1:] != (0,) else 1
                    )
                    width[view.buffer] = max(width[view.buffer], end)
        slot: dict[int, int] = {}
        free = {w: list(reversed(slots)) for w, slots in self.slots.items()}
        done: list[Instruction] = []
        for i, instruction in enumerate(stage.instructions):
            views = (instruction.result, *instruction.operands)
            ending = {v.buffer for v in views if v.buffer < 0 and last[v.buffer] == i}
            for view in views:
                if view.buffer < 0 and view.buffer not in slot:
                    slot[view.buffer] = self._slot(width[view.buffer], free)
            moved = [replace(v, buffer=slot[v.buffer]) if v.buffer < 0 else v for v in views]
            done.append(replace(instruction, result=moved[0], operands=tuple(moved[1:])))
            for buffer in ending:
                free.setdefault(width[buffer], []).append(slot[buffer])
        return Pointwise(done)

    def _slot(self, width: int, free: dict[int, list[int]]) -> int:
        if free.get(width):
            return free[width].pop()
        buffer = self.plan.buffer(Layout.TILE, width)
        self.slots[width].append(buffer)
        return buffer


def _stages(nodes: Sequence[Node]) -> list[list[Node]]:
    """Products that are ready, then everything else that is ready, in turn."""
    waiting = list(nodes)
    inside, done = set(waiting), set[Node]()
    stages: list[list[Node]] = []
    products = True
    while waiting:
        stage: list[Node] = []
        left: list[Node] = []
        for node in waiting:
            ready = all(a in done or a not in inside for a in node.args)
            if ready and (node.op in _PRODUCTS) is products:
                stage.append(node)
                if not products:
                    done.add(node)
            else:
                left.append(node)
        done.update(stage)
        if stage:
            stages.append(stage)
        waiting, products = left, not products
    return stages


def _parts(cat: Node, home: View) -> Iterator[tuple[Node, View]]:
    start = 0
    for part in cat.args:
        yield part, home.slice(start, start + part.width)
        start += part.width


def _lines(op: str, result: View, operands: Sequence[View]) -> list[Instruction]:
    """An operation on values of any shape, one instruction for each run of the last dimension."""
    sources = [v.broadcast(result.shape).lines() for v in operands]
    found = []
    for i, (line, _) in enumerate(result.lines()):
        scalars = sum(source[i][1] << bit for bit, source in enumerate(sources))
        views = tuple(source[i][0] for source in sources)
        found.append(Instruction(op, line, views, scalars, max(1, line.shape[0])))
    return found


def _reductions(op: str, result: View, operand: View) -> list[Instruction]:
    """A reduction of the last dimension, one instruction for each run of it."""
    pairs = zip(result.lines(), operand.lines(), strict=True)
    return [
        Instruction(op, out, (line,), int(repeated), line.shape[0])
        for (out, _), (line, repeated) in pairs
    ]
