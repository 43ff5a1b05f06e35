"""Python source for a program: straight-line code over torch, made once and compiled.

Looking nodes up in dictionaries would cost more than the operations on small layers; a
generated function has only local variables. The source holds no text from outside: variables
are numbered, numbers are printed, and functions are looked up by `prologue.lookup`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.engine.program import AFFINE, Node, Program, Time, ancestors
from mnemonist.engine.prologue import lookup, render_call

__all__ = ["Variant", "compile_loop", "compile_prologue", "compile_step"]

_INFIX = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "pow": "{} ** {}",
    "neg": "-{}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "stop": "{}.detach()",
    "sum": "{}.sum(-1, keepdim=True)",
    "amax": "{}.amax(-1, keepdim=True)",
}
_CALLED = {
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "max": torch.maximum,
    "min": torch.minimum,
    "where": torch.where,
    "not": torch.logical_not,
    "and": torch.logical_and,
    "or": torch.logical_or,
}


def _cat(parts: Sequence[Tensor]) -> Tensor:
    """Joined along the last dimension; what is the same at every step is repeated."""
    lead = torch.broadcast_shapes(*(p.shape[:-1] for p in parts))
    return torch.cat([p.expand(*lead, p.shape[-1]) for p in parts], -1)


def _blocks(weight: Tensor, groups: int) -> Tensor:
    """(N, O, I) as (m, I, r O) for one batched product over m operand blocks."""
    outputs, inputs = weight.shape[1:]
    split = weight.reshape(-1, groups, outputs, inputs).permute(1, 3, 0, 2)
    return split.reshape(groups, inputs, -1)


def _block_product(value: Tensor, blocks: Tensor, outputs: int) -> Tensor:
    """The block-diagonal product of (..., m I) with `_blocks`, as (..., r m O)."""
    groups, inputs, _ = blocks.shape
    lead = value.shape[:-1]
    product = value.reshape(-1, groups, inputs).transpose(0, 1) @ blocks
    product = product.unflatten(-1, (-1, outputs)).permute(1, 2, 0, 3)
    return product.reshape(*lead, blocks.shape[-1] // outputs * groups * outputs)


def _over_time(value: Tensor, steps: int) -> tuple[Tensor, ...]:
    """(T, B, ·) a step at a time; one step stands for all of them."""
    return value.unbind(0) if value.shape[0] == steps else (value[0],) * steps


def _stacked(values: list[Tensor], x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.stack(values) if values else x.new_zeros((0, x.shape[1], *shape))


def _whole(value: Tensor, x: Tensor) -> Tensor:
    """A value for all steps, though it may be the same at each."""
    return value.expand(*x.shape[:2], *value.shape[2:])


def _last(values: Tensor, valid: Tensor | None, before: Tensor) -> Tensor:
    """The value at each row's last step, or what was before it if it has none."""
    if values.shape[0] == 0:
        return before
    if valid is None:
        return values[-1]
    count = valid.sum(0)
    index = (count - 1).clamp(min=0)[None].expand(1, *values.shape[1:])
    return torch.where(count > 0, values.gather(0, index)[0], before)


_NAMESPACE: dict[str, Any] = {
    **_CALLED,
    **{f.__name__: f for f in (_cat, _blocks, _block_product, _over_time, _stacked, _whole, _last)},
    "torch": torch,
    "linear": F.linear,
    "addmm": torch.addmm,
    "addcmul": torch.addcmul,
    "lerp": torch.lerp,
    "relu": torch.relu,
    "cat": torch.cat,
    "INF": math.inf,
    "NAN": math.nan,
    "_and": torch.logical_and,
    "_or": torch.logical_or,
    "_not": torch.logical_not,
}
_RENAMED = {"and": "_and", "or": "_or", "not": "_not"}


@dataclass(frozen=True)
class Variant:
    """Which code a call needs: what is kept and what masks there are.

    Attributes:
        keep: names whose values over time are returned.
        masked: whether rows end early (``valid``).
        resets: whether rows start afresh in between.
        forced: states that are replaced where a mask says so.
        fused: whether several operations may be one (not under autocast, where types differ).
    """

    keep: tuple[str, ...]
    masked: bool = False
    resets: bool = False
    forced: tuple[str, ...] = ()
    fused: bool = True


class _Writer:
    """Writes the lines of one function, a stage at a time."""

    def __init__(self, program: Program, wanted: Iterable[Node], fused: bool) -> None:
        self.program = program
        self.lines: list[str] = []
        self.functions: dict[str, Any] = {}
        self.indent = "    "
        self.names: dict[Node, str] = {}
        self._weights: dict[tuple[Node, int], str] = {}
        self._folded: dict[Node, tuple[str, tuple[Node, ...]]] = {}
        self.nodes = ancestors(wanted)
        self.users: dict[Node, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for operand in node.args:
                self.users[operand].append(node)
        self.fixed = set(program.values.values())
        self.fused = fused

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def finish(self, signature: str) -> Callable[..., Any]:
        """Compile what has been written."""
        source = "\n".join([f"def run({signature}):", *self.lines])
        space = {**_NAMESPACE, **self.functions}
        exec(compile(source, f"<program {self.program.cell}>", "exec"), space)
        run = space["run"]
        run.source = source
        return run

    def name(self, node: Node) -> str:
        """The variable, or the number, that holds a node."""
        if node.op == "const":
            return _number(node.attr[0])
        return self.names[node]

    def sources(self, states: str = "s") -> None:
        """Names of what comes in from outside."""
        leaves = {name: f"k{i}" for i, name in enumerate(self.program.leaves)}
        extras = {name: f"e{i}" for i, name in enumerate(self.program.extras)}
        known = {name: f"f{i}" for i, name in enumerate(self.program.bound)}
        before = {name: f"{states}{i}" for i, name in enumerate(self.program.states)}
        for node in self.nodes:
            if node.op == "leaf":
                self.names[node] = leaves[node.attr[0]]
            elif node.op == "input":
                self.names[node] = ({"x": "x"} | extras)[node.attr[0]]
            elif node.op == "known":
                self.names[node] = known[node.attr[0]]
            elif node.op == "state":
                self.names[node] = before[node.attr[0]]

    def prologue(self) -> None:
        """What depends on parameters only, and weights in the layout that products want."""
        for node in self.nodes:
            if node.time is Time.K and node.op not in ("leaf", "const"):
                self.assign(node, self._constant(node))

    def prepare(self, nodes: Iterable[Node]) -> None:
        """Weights of step-by-step products, turned once."""
        for node in nodes:
            if node.op == "mm" and (node.args[1], 1) not in self._weights:
                self._weights[node.args[1], 1] = name = f"w{len(self._weights)}"
                self.line(f"{name} = {self.name(node.args[1])}.t()")
            elif node.op == "bmm":
                groups = node.args[0].width // node.args[1].shape[-1]
                if (node.args[1], groups) not in self._weights:
                    self._weights[node.args[1], groups] = name = f"w{len(self._weights)}"
                    self.line(f"{name} = _blocks({self.name(node.args[1])}, {groups})")

    def stage(self, nodes: Sequence[Node], lead: int) -> None:
        """Nodes over rows with so many leading dimensions: 2 for (T, B, ·), 1 for (B, ·)."""
        inside = set(nodes)
        skipped = self._patterns(nodes, inside) if self.fused else set()
        for node in nodes:
            if node in self.names or node in skipped:
                continue
            if node.op == "slice":
                self._slices(node, inside)
            else:
                self.assign(node, self._expression(node, lead))

    def assign(self, node: Node, expression: str) -> None:
        self.names[node] = f"n{node.id}"
        self.line(f"n{node.id} = {expression}")

    def _constant(self, node: Node) -> str:
        if node.op == "call":
            function = f"c{len(self.functions)}"
            self.functions[function] = lookup(node.attr[0])
            return render_call(node.attr, function, [self.name(a) for a in node.args], "x")
        if node.op == "item":
            return f"{self.name(node.args[0])}[{node.attr[0]}]"
        if node.op == "slice":
            return self._narrow(node)
        return self._expression(node, 0)

    def _narrow(self, node: Node) -> str:
        start, stop = node.attr
        return f"{self.name(node.args[0])}.narrow(-1, {start}, {stop - start})"

    def _slices(self, node: Node, inside: set[Node]) -> None:
        """All slices of one value at once, as `split`: its gradient is one cat."""
        base = node.args[0]
        slices = sorted(
            {u for u in self.users[base] if u.op == "slice" and u in inside}, key=lambda n: n.attr
        )
        if len(slices) == 1 or any(p.attr[1] > q.attr[0] for p, q in pairwise(slices)):
            self.assign(node, self._narrow(node))
            return
        targets, widths, reached = [], [], 0
        for piece in slices:
            if piece.attr[0] > reached:
                targets.append("_")
                widths.append(piece.attr[0] - reached)
            self.names[piece] = f"n{piece.id}"
            targets.append(f"n{piece.id}")
            widths.append(piece.width)
            reached = piece.attr[1]
        if reached < base.width:
            targets.append("_")
            widths.append(base.width - reached)
        sizes = widths[0] if len(set(widths)) == 1 else tuple(widths)
        self.line(f"{', '.join(targets)} = {self.name(base)}.split({sizes}, -1)")

    def _expression(self, node: Node, lead: int) -> str:
        if node in self._folded:
            form, operands = self._folded[node]
            return form.format(*map(self.name, operands))
        a = [self.name(n) for n in node.args]
        if node.op in AFFINE:
            return self._product(node, a, lead)
        if node.op == "where" and all(n.op == "const" for n in node.args[1:]):
            a[1:] = [f"x.new_full((), {v})" for v in a[1:]]
        if node.op in ("max", "min") and any(n.op == "const" for n in node.args):
            a = [f"x.new_full((), {v})" if n.op == "const" else v for n, v in zip(node.args, a)]
        if node.op in _INFIX:
            return _INFIX[node.op].format(*a)
        if node.op in _CALLED:
            return f"{_RENAMED.get(node.op, node.op)}({', '.join(a)})"
        if node.op == "cat":
            return (
                f"{'_cat((' if lead == 2 else 'cat(('}{', '.join(a)}), {'' if lead == 2 else '-1'})"
            )
        if node.op == "view":
            return f"{a[0]}.reshape({a[0]}.shape[:{lead}] + {node.shape})"
        if node.op == "expand":
            return f"{a[0]}.expand({a[0]}.shape[:-1] + ({node.width},))"
        if node.op == "zeros":
            return f"x.new_zeros(x.shape[:-1] + {node.shape})"
        raise AssertionError(f"no code for {node.op}")

    def _product(self, node: Node, a: list[str], lead: int) -> str:
        weight = node.args[1]
        if node.op == "bmm":
            groups = node.args[0].width // weight.shape[-1]
            product = f"_block_product({a[0]}, {self._weights[weight, groups]}, {weight.shape[1]})"
        elif lead == 1 and len(a) == 3 and (weight, 1) in self._weights:
            return f"addmm({a[2]}, {a[0]}, {self._weights[weight, 1]})"
        elif len(a) == 3 and node.args[2].time is Time.K:
            return f"linear({a[0]}, {a[1]}, {a[2]})"
        else:
            product = f"linear({a[0]}, {a[1]})"
        return product if len(a) == 2 else f"{product} + {a[2]}"

    def _patterns(self, nodes: Sequence[Node], inside: set[Node]) -> set[Node]:
        """Operations that torch has as one: lerp, addcmul, relu. Returns the inner ones."""
        skipped: set[Node] = set()

        def inner(node: Node, op: str) -> bool:
            alone = len(self.users[node]) == 1 and node not in self.fixed and node in inside
            return node.op == op and alone and node not in skipped

        for node in reversed(nodes):
            if node in skipped:
                continue
            found = _as_relu(node, inner) or _as_lerp(node, inner) or _as_addcmul(node, inner)
            if found is not None:
                form, operands, within = found
                self._folded[node] = form, operands
                skipped.update(within)
        return skipped


_Inner = Callable[[Node, str], bool]
_Pattern = tuple[str, tuple[Node, ...], tuple[Node, ...]]


def _as_relu(node: Node, inner: _Inner) -> _Pattern | None:
    """where(a <= 0, 0, a)"""
    if node.op != "where" or not inner(node.args[0], "le"):
        return None
    test, zero, value = node.args
    zeros = (test.args[1], zero)
    if test.args[0] is not value or any(z.op != "const" or z.attr[0] != 0.0 for z in zeros):
        return None
    return "relu({})", (value,), (test,)


def _as_lerp(node: Node, inner: _Inner) -> _Pattern | None:
    """(1 - w) a + w b, or a + w (b - a), with w of any binding time."""
    if node.op != "add":
        return None
    for one, other in (node.args, node.args[::-1]):
        if not inner(other, "mul"):
            continue
        for weight, factor in (other.args, other.args[::-1]):
            if inner(factor, "sub") and factor.args[1] is one and _rows(node, one, factor.args[0]):
                return "lerp({}, {}, {})", (one, factor.args[0], weight), (other, factor)
            if not inner(one, "mul"):
                continue
            for rest, start in (one.args, one.args[::-1]):
                is_rest = inner(rest, "sub") and rest.args[1] is weight and _is_one(rest.args[0])
                if is_rest and _rows(node, start, factor) and weight.op != "const":
                    return "lerp({}, {}, {})", (start, factor, weight), (one, other, rest)
    return None


def _as_addcmul(node: Node, inner: _Inner) -> _Pattern | None:
    """a + b c"""
    if node.op != "add":
        return None
    for rest, product in (node.args, node.args[::-1]):
        numbers = any(p.op == "const" for p in product.args)
        if inner(product, "mul") and not numbers and _rows(node, rest) and rest is not product:
            return "addcmul({}, {}, {})", (rest, *product.args), (product,)
    return None


def _rows(like: Node, *nodes: Node) -> bool:
    """Whether the nodes are vectors a row, as wide as one of them."""
    return all(n.time is not Time.K and n.shape == like.shape for n in nodes)


def _is_one(node: Node) -> bool:
    return node.op == "const" and node.attr[0] == 1.0


def _number(value: float | bool) -> str:
    if isinstance(value, bool) or math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    return "NAN" if math.isnan(value) else "INF" if value > 0 else "(-INF)"


def compile_loop(program: Program, variant: Variant) -> Callable[..., Any]:
    """The function that runs a program over (T, B, I).

    It takes ``(x, leaves, extras, known, state, initial, valid, resets, forced, mask)``, tuples
    in the program's order, and returns the values kept and the final states, as tuples.
    """
    carried = [program.values[name] for name in program.carried]
    loose = [name for name in program.states if name not in program.carried]
    kept = {name: program.values[name] for name in (*variant.keep, *loose)}
    w = _Writer(program, [*carried, *kept.values()], variant.fused)
    w.sources(states="p")
    inside = {n for n in program.loop if n in set(w.nodes)}
    hoisted = [n for n in w.nodes if n.time is Time.X and n.op not in ("input", "known")]
    sunk = [n for n in w.nodes if n.time is Time.S and n.op != "state" and n not in inside]
    _unpack(w, program, variant)
    w.line("steps = x.shape[0]")
    w.prologue()
    w.prepare(n for n in w.nodes if n.op == "bmm" and n not in inside)
    w.stage(hoisted, 2)
    w.prepare(inside)

    collected = _behind_the_loop(w, sunk, kept.values())
    over_time = dict(w.names)
    if inside or program.carried:
        _loop(w, program, variant, [n for n in w.nodes if n in inside], collected)
    for node in collected:
        w.line(f"n{node.id} = _stacked(a{node.id}, x, {node.shape})")
        over_time[node] = f"n{node.id}"
    w.names = over_time
    w.stage(sunk, 2)

    results = {}
    for name, node in kept.items():
        results[name] = f"_whole({w.name(node)}, x)"
    finals = []
    for i, name in enumerate(program.states):
        if name in program.carried:
            finals.append(f"s{i}")
        else:
            w.line(f"v{i} = {results[name]}")
            results[name] = f"v{i}"
            finals.append(f"_last(v{i}, valid, s{i})")
    outputs = [results[name] for name in variant.keep]
    if variant.masked:
        outputs = [f"where(valid, {v}, 0.0)" for v in outputs]
    w.line(f"return {_tuple(outputs)}, {_tuple(finals)}")
    return w.finish("x, leaves, extras, known, state, initial, valid, resets, forced, mask")


def _unpack(w: _Writer, program: Program, variant: Variant) -> None:
    for letter, group, names in (
        ("k", "leaves", program.leaves),
        ("e", "extras", program.extras),
        ("f", "known", program.bound),
        ("s", "state", program.states),
    ):
        if names:
            w.line(f"{_tuple([f'{letter}{i}' for i in range(len(names))])} = {group}")
    if variant.resets:
        w.line(f"{_tuple([f'i{i}' for i in range(len(program.states))])} = initial")


def _behind_the_loop(w: _Writer, sunk: Sequence[Node], kept: Iterable[Node]) -> list[Node]:
    """The loop's values that are needed for all steps afterwards."""
    behind = set(sunk)
    needed = [a for n in sunk for a in n.args] + list(kept)
    return sorted({n for n in needed if n.time is Time.S and n not in behind}, key=lambda n: n.id)


def _loop(
    w: _Writer,
    program: Program,
    variant: Variant,
    inside: Sequence[Node],
    collected: Sequence[Node],
) -> None:
    """The loop over steps: states before (p), operations, states after (s)."""
    index = {name: i for i, name in enumerate(program.states)}
    carried = program.carried
    for node in collected:
        w.line(f"a{node.id} = []")
    read = {a for n in inside for a in n.args} | {program.values[name] for name in carried}
    outside = sorted((n for n in read if n.time is Time.X), key=lambda n: n.id)
    moving = {f"{w.names[n]}": f"t{n.id}" for n in outside}
    if variant.masked:
        moving["valid"] = "v"
    if variant.resets:
        moving["resets[..., None]"] = "r"
    if variant.forced:
        moving["mask[..., None]"] = "m"
        moving |= {f"forced[{j}]": f"g{j}" for j in range(len(variant.forced))}
    if moving:
        rows = ", ".join(f"_over_time({v}, steps)" for v in moving)
        w.line(f"for {', '.join(moving.values())}, in zip({rows}):")
    else:
        w.line("for _ in range(steps):")
    w.indent *= 2
    w.names.update({n: f"t{n.id}" for n in outside})
    for name in carried:
        i = index[name]
        before = f"where(r, i{i}, s{i})" if variant.resets else f"s{i}"
        if name in variant.forced:
            before = f"where(m, g{variant.forced.index(name)}, {before})"
        w.line(f"p{i} = {before}")
    w.stage(inside, 1)
    for node in collected:
        w.line(f"a{node.id}.append({w.name(node)})")
    after = [(f"s{index[n]}", w.name(program.values[n])) for n in carried]
    if variant.masked:
        after = [(s, f"where(v, {value}, {s})") for s, value in after]
    if after:
        w.line(f"{_tuple([s for s, _ in after])} = {_tuple([v for _, v in after])}")
    w.indent = w.indent[: len(w.indent) // 2]


def compile_step(program: Program) -> Callable[..., Any]:
    """The function of one step: ``(x, leaves, extras, state)`` to new states, then outputs."""
    w = _Writer(program, program.values.values(), fused=True)
    w.sources()
    _unpack(w, program, Variant(()))
    w.prologue()
    rows = [n for n in w.nodes if n.time is not Time.K and n.op not in ("input", "state", "known")]
    w.prepare(n for n in rows if n.op == "bmm")
    w.stage(rows, 1)
    values = [w.name(n) for n in program.values.values()]
    w.line(f"return {_tuple(values)}")
    return w.finish("x, leaves, extras, state")


def compile_prologue(program: Program, wanted: Sequence[Node]) -> Callable[..., Any]:
    """The function of ``(x, leaves)`` that computes what depends on parameters only."""
    w = _Writer(program, wanted, fused=False)
    w.sources()
    if program.leaves:
        w.line(f"{_tuple([f'k{i}' for i in range(len(program.leaves))])} = leaves")
    w.prologue()
    w.line(f"return {_tuple([w.name(n) for n in wanted])}")
    return w.finish("x, leaves")


def _tuple(names: Sequence[str]) -> str:
    return f"({''.join(n + ', ' for n in names)})"
