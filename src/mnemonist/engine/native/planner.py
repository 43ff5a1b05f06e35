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
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from math import prod

from mnemonist.engine.native.combine import JOINS
from mnemonist.engine.native.fuse import PRODUCTS
from mnemonist.engine.native.plan import Instruction, Layout, Plan, Pointwise, Product, View
from mnemonist.engine.program import Node, Time

__all__ = ["Planner", "Unplanned"]

_VIEWS = frozenset({"slice", "view", "expand", "stop"})
_PHASES = ("before", "loop", "after")
_PASSING = (Layout.ROWS, Layout.RING)
_OF_A_STEP = (*_PASSING, Layout.SCRATCH)
_OF_A_ROW = frozenset({"sum", "amax", "sum_times", "dot_times", "spread_times"})


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
        scattered: concatenations that are read part by part.
    """

    def __init__(
        self,
        plan: Plan,
        phases: Mapping[str, Sequence[Node]],
        sources: Mapping[Node, View],
        results: Mapping[Node, Sequence[View]],
        scattered: Set[Node] = frozenset(),
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
        self.starts = self._starting_cats()
        self.pieces = {n: p for n in self.stage_of if (p := self._pieces_of(n))}
        self.placed = {piece for pieces in self.pieces.values() for piece in pieces}
        self.factors = self._fused_products()
        self.scattered = scattered
        self.skipped = set(self.factors.values()) | self.starts | scattered
        self.skipped |= {n for n in self.stage_of if self._is_only_repeated(n)}
        self.gathered: set[Node] = set()
        self.tiles = 0
        self.weights: dict[tuple[int, ...], int] = {}
        self.last_read: dict[int, tuple[int, int]] = {}

    def build(self) -> None:
        """Fill the plan."""
        kept = self._keep_passing()
        late = self._late_results()
        self._find_homes(late)
        for phase in _PHASES:
            out: list[Product | Pointwise] = getattr(self.plan, phase)
            waiting: list[Instruction] = []
            if phase == "loop" and kept:
                out.append(Pointwise(kept))
            for stage in self.stages[phase]:
                if stage[0].op in PRODUCTS:
                    for node in stage:
                        out += self._products(node)
                        waiting += self._copies(node, late)
                else:
                    out.append(Pointwise(waiting + self._instructions(stage, late)))
                    waiting = []
            waiting += self._last_copies(r for r in late if self._phase_of_copy(*r) == phase)
            if waiting and out and isinstance(out[-1], Pointwise):
                out[-1].instructions += waiting
            elif waiting:
                out.append(Pointwise(waiting))
        tiles = _Tiles(self.plan)
        for phase in _PHASES:
            stages = getattr(self.plan, phase)
            filled = [s for s in stages if isinstance(s, Product) or s.instructions]
            stages[:] = [tiles.allocated(s) for s in filled]

    # Homes

    def _keep_passing(self) -> list[Instruction]:
        """What lies where later steps write, and is read behind the loop, is copied in it."""
        written = {place.buffer for places in self.results.values() for place in places}
        copies: list[Instruction] = []
        for node, view in self.sources.items():
            passing = self.plan.buffers[view.buffer][0] in _PASSING and view.buffer in written
            if passing and self._is_read_behind(node):
                home = self.plan.buffer(Layout.WINDOW, max(1, prod(node.shape)))
                self.views[node] = View.whole(home, node.shape)
                copies += _lines("copy", self.views[node], [view])
        return copies

    def _is_read_behind(self, node: Node) -> bool:
        users = self.users[node]
        if any(self.stage_of[u][0] == "after" for u in users):
            return True
        return any(self._is_read_behind(u) for u in users if u.op in _VIEWS)

    def _late_results(self) -> set[tuple[Node, View]]:
        """Results that can only be put in their place when the step is over.

        Those that are computed while a source in the same place is still to be read, and those
        that are computed for all steps at once although the place is that of one step.
        """
        read = self.last_read
        for node in self.sources:
            view = self.views[node]
            if self.plan.buffers[view.buffer][0] is Layout.ROWS:
                uses = [self._position(u) for u in self._readers(node)]
                if self._exposed(node):
                    uses.append((len(self.stages["loop"]), 0))
                read[view.buffer] = max([read.get(view.buffer, (-1, -1)), *uses])
        late = set()
        for node, places in self.results.items():
            for place in places:
                if node in self.placed:
                    continue
                if (
                    node not in self.stage_of
                    or node.op in _VIEWS
                    or (node.op != "accumulate" and self._too_early(node, place))
                ):
                    late.add((node, place))
        return late

    def _too_early(self, node: Node, place: View) -> bool:
        """Whether a value is computed while what lies in this place is still to be read."""
        if place.buffer < 0 or self.plan.buffers[place.buffer][0] not in _PASSING:
            return False
        if self.stage_of[node][0] != "loop":
            return self.stage_of[node][0] == "before"
        read, at = self.last_read.get(place.buffer, (-1, -1)), self._position(node)
        return at < read or (node.op in PRODUCTS and at == read)

    def _position(self, node: Node) -> tuple[int, int]:
        """Stage and instruction within a step; what runs for all steps at once comes first."""
        if node in self.skipped:
            return max((self._position(u) for u in self.users[node]), default=(-1, -1))
        phase, stage, instruction = self.stage_of[node]
        return (stage, instruction) if phase == "loop" else (-1, -1)

    def _readers(self, node: Node) -> Iterator[Node]:
        """What reads a value, through views of it; of views, those that are results."""
        for user in self.users[node]:
            if user.op in _VIEWS and self.results.get(user):
                yield user
            if user in self.skipped or user.op in _VIEWS:
                yield from self._readers(user)
            else:
                yield user

    def _exposed(self, node: Node) -> bool:
        """Whether a value, or a view of it, is a result."""
        views = (u for u in self.users[node] if u.op in _VIEWS)
        return bool(self.results.get(node)) or any(map(self._exposed, views))

    def _find_homes(self, late: set[tuple[Node, View]]) -> None:
        """A place for every value; consumers first, so that a cat can claim its parts."""
        for node in self.placed:
            self.views[node] = self.results[node][0]
        for phase in reversed(_PHASES):
            for stage in reversed(self.stages[phase]):
                for node in reversed(stage):
                    if node not in self.views and node.op not in _VIEWS:
                        self._place(node, late)
        for phase in _PHASES:
            for stage in self.stages[phase]:
                for node in stage:
                    if node.op in _VIEWS and node not in self.views:
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
            if part.op in PRODUCTS and not place.contiguous:
                continue
            if self._too_early(part, place):
                continue
            # what is read for all steps at once needs a place for each step
            phase = self.stage_of[part][0]
            of_a_step = place.buffer >= 0 and self.plan.buffers[place.buffer][0] in _OF_A_STEP
            if of_a_step and any(self.stage_of[u][0] != phase for u in self._readers(part)):
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
            node.op not in PRODUCTS
            and not self._exposed(node)
            and all(r[:2] == (phase, stage) for r in readers)
        ):
            return Layout.TILE
        return Layout.SCRATCH if phase == "loop" else Layout.WINDOW

    def _starting_cats(self) -> set[Node]:
        """Concatenations that only start one product, which can start part by part."""
        return {
            node
            for node in self.stage_of
            if node.op == "cat"
            and [u.op in PRODUCTS for u in self.users[node]] == [True]
            and self.users[node][0].args[2:] == (node,)
            and not self.results.get(node)
        }

    def _is_only_repeated(self, node: Node) -> bool:
        """Whether a node repeats a constant for every row, for products to start from."""
        readers = self.users[node]
        return (
            _repeated_constant(node) is not None
            and not self.results.get(node)
            and all(
                u in self.starts or (u.op in PRODUCTS and u.args[2:] == (node,)) for u in readers
            )
        )

    def _pieces_of(self, node: Node) -> list[Node]:
        """Slices of a product that must lie elsewhere, where they can be computed there.

        That is so if nothing reads the product but slices that do not overlap.
        """
        readers = self.users[node]
        if node.op not in PRODUCTS or self.results.get(node):
            return []
        if any(u.op != "slice" or self.stage_of[u][0] != self.stage_of[node][0] for u in readers):
            return []
        bounds = sorted(u.attr for u in readers)
        if any(a[1] > b[0] for a, b in pairwise(bounds)):
            return []
        exposed = [u for u in readers if self.results.get(u)]
        return [u for u in exposed if all(self._over_time(p) for p in self.results[u])]

    def _over_time(self, place: View) -> bool:
        return self.plan.buffers[place.buffer][0] not in _PASSING

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
            self.gathered.add(node)
            layout = Layout.SCRATCH if self.stage_of[node][0] == "loop" else Layout.WINDOW
            if any(self.stage_of[u][0] != self.stage_of[node][0] for u in self._readers(node)):
                layout = Layout.WINDOW
            return View.whole(self.plan.buffer(layout, prod(node.shape)), node.shape)
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
            for factor in node.args[: len(JOINS.get(node.op, ()))]:
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
            if node in self.skipped:
                continue
            if node.op == "cat":
                for part, place in _parts(node, self.views[node]):
                    if self._operand(part) != place:
                        body += _lines("copy", place, [self._operand(part)])
            elif node in self.gathered:
                of = self._operand(node.args[0])
                body += _lines("copy", self.views[node].reshaped(of.shape), [of])
            elif node.op not in _VIEWS and node.op != "zeros":
                body += self._operation(node)
            body += self._copies(node, late)
        return body

    def _operation(self, node: Node) -> list[Instruction]:
        result = self.views[node]
        factor = self.factors.get(node)
        if node.op in _OF_A_ROW:
            return _reductions(node.op, result, [self._operand(a) for a in node.args])
        if node.op == "accumulate" and node.args[0] in self.scattered:
            return [
                line
                for first, view in self.runs(node.args[0])
                for place in (result.slice(first, first + view.shape[0]),)
                for line in _lines("add", place, [view, place])
            ]
        if factor is None:
            operands = [self._operand(a) for a in node.args]
            if node.op == "accumulate":
                return _lines("add", result, [*operands, result])
            return _lines(node.op, result, operands)
        place = node.args.index(factor)
        third = [self._operand(a) for i, a in enumerate(node.args) if i != place] or [result]
        pair = [self._operand(a) for a in factor.args]
        return _lines(JOINS[node.op][place], result, [*pair, *third])

    def _copies(self, node: Node, late: set[tuple[Node, View]]) -> list[Instruction]:
        """A value into the other places where it must lie too."""
        found: list[Instruction] = []
        for place in self.results.get(node, ()):
            if (node, place) not in late and place != self.views[node]:
                found += _lines("copy", place, [self.views[node]])
        return found

    def _phase_of_copy(self, node: Node, place: View) -> str:
        """When a late result is put in its place: when the step is over, or all steps are."""
        if node not in self.stage_of:
            return "loop"
        phase = self.stage_of[node][0]
        passing = self.plan.buffers[place.buffer][0] in _PASSING
        return "loop" if passing and phase == "before" else phase

    def _last_copies(self, late: Iterable[tuple[Node, View]]) -> list[Instruction]:
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
        """A product: one for each block of the weight and each piece with a place or start."""
        out: list[Product | Pointwise] = []
        phase = self.stage_of[node][0]
        outputs, inputs = node.args[1].shape[-2:]
        if node.args[0] in self.scattered:
            for first, operand in self.runs(node.args[0]):
                start = self.views[node] if out else None
                if not out and len(node.args) > 2:
                    ((_, start),) = self._starts(node, phase, out)
                weight = self._weight(node, 0, 0, node.width, first, operand.shape[0])
                out.append(Product(weight, operand, self.views[node], start))
            return out
        operand = self._dense(self._operand(node.args[0]), phase, out)
        transposed = node.op.endswith("T")
        into, of = (inputs, outputs) if transposed else (outputs, inputs)
        blocks = 1 if len(node.args[1].shape) == 2 else node.args[1].shape[0]
        starts = self._starts(node, phase, out)
        reached: set[int] = set()
        for block in range(blocks):
            source = block if transposed else block % (operand.shape[0] // of)
            target = block % (node.width // into) if transposed else block
            part = operand.slice(source * of, (source + 1) * of)
            for first, last, place, start in self._ranges(node, starts, target * into, into):
                weight = self._weight(node, block, first - target * into, last - first)
                begin = place if target in reached else start
                out.append(Product(weight, part, place, begin))
            reached.add(target)
        return out

    def _starts(
        self, node: Node, phase: str, out: list[Product | Pointwise]
    ) -> list[tuple[int, View | None]]:
        """Where a product's accumulators start from, by the column from which it holds."""
        if len(node.args) < 3:
            return [(0, None)]
        start = node.args[2]
        parts = start.args if start in self.starts else (start,)
        found: list[tuple[int, View | None]] = []
        column = 0
        for part in parts:
            view: View | None = None
            constant = _repeated_constant(part)
            if constant is not None:
                view = self._operand(constant)
            elif part.op != "zeros":
                view = self._operand(part)
            if view is not None:
                view = self._dense(view.broadcast((part.width,)), phase, out)
            found.append((column, view))
            column += part.width
        return found

    def _ranges(
        self, node: Node, starts: Sequence[tuple[int, View | None]], first: int, width: int
    ) -> Iterator[tuple[int, int, View, View | None]]:
        """Columns of a product with one place and one start: (first, last, place, start)."""
        pieces = {p.attr: self.views[p] for p in self.pieces.get(node, ())}
        bounds = {first, first + width, *(b for piece in pieces for b in piece)}
        bounds |= {column for column, _ in starts}
        inside = sorted(b for b in bounds if first <= b <= first + width)
        for low, high in pairwise(inside):
            place = self.views[node].slice(low, high)
            for (begin, end), view in pieces.items():
                if begin <= low and high <= end:
                    place = view.slice(low - begin, high - begin)
            column, start = [s for s in starts if s[0] <= low][-1]
            if start is not None:
                start = start.slice(low - column, high - column)
            yield low, high, place, start

    def runs(self, cat: Node) -> list[tuple[int, View]]:
        """A scattered concatenation as what lies one behind another: first column, place."""
        runs: list[tuple[int, View]] = []
        column = 0
        for part in cat.args:
            view = self._operand(part)
            last = runs[-1][1] if runs else None
            follows = last is not None and view.contiguous and last.contiguous
            if (
                follows
                and last is not None
                and view.code
                == (
                    last.buffer,
                    last.shift,
                    last.column + last.shape[0],
                )
            ):
                shape = (last.shape[0] + part.width,)
                runs[-1] = runs[-1][0], View.whole(last.buffer, shape, last.column, last.shift)
            else:
                runs.append((column, view))
            column += part.width
        return runs

    def _weight(
        self,
        node: Node,
        block: int,
        first: int,
        width: int,
        from_: int = 0,
        depth: int | None = None,
    ) -> int:
        """The part of a product's weight that makes these of a block's columns, from these
        columns of the operand.
        """
        outputs, inputs = node.args[1].shape[-2:]
        view = self.views[node.args[1]]
        offset = view.column + block * outputs * inputs
        if node.op.endswith("T"):
            key = (view.buffer, offset + first + from_ * inputs, width, depth or outputs, 1, inputs)
        else:
            key = (view.buffer, offset + first * inputs + from_, width, depth or inputs, inputs, 1)
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
                    end = view.column + (view.shape[-1] if view.strides[-1:] != (0,) else 1)
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
            if ready and (node.op in PRODUCTS) is products:
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


def _repeated_constant(node: Node) -> Node | None:
    """The constant that is added to zeros to repeat it for every row."""
    if node.op == "add" and node.args[0].op == "zeros" and node.args[1].time is Time.K:
        return node.args[1]
    return None


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


def _reductions(op: str, result: View, operands: Sequence[View]) -> list[Instruction]:
    """A reduction of the last dimension, one instruction for each run of it."""
    sources = [v.broadcast(operands[0].shape).lines() for v in operands]
    found = []
    for i, (line, _) in enumerate(result.lines()):
        scalars = sum(source[i][1] << bit for bit, source in enumerate(sources))
        views = tuple(source[i][0] for source in sources)
        found.append(Instruction(op, line, views, scalars, views[0].shape[0]))
    return found
