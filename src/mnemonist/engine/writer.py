"""The lines of a function that runs a program, one stage of it at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.engine.fusion import as_addcmul, as_layer_norm, as_lerp, as_relu
from mnemonist.engine.program import AFFINE, Node, Program, Time, ancestors
from mnemonist.engine.prologue import lookup, render_call

__all__ = ["FUNCTIONS", "Writer"]

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
FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
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
"""torch's function for the operations that are written as a call."""


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
    **FUNCTIONS,
    **{f.__name__: f for f in (_cat, _blocks, _block_product, _over_time, _stacked, _whole, _last)},
    "torch": torch,
    "linear": F.linear,
    "layer_norm": F.layer_norm,
    "mm": torch.mm,
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


class Writer:
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
        if node.op in FUNCTIONS:
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
        elif lead == 1 and (weight, 1) in self._weights:
            turned = self._weights[weight, 1]
            start = f"{a[2]}, " if len(a) == 3 else ""
            return f"{'addmm' if start else 'mm'}({start}{a[0]}, {turned})"
        elif len(a) == 3 and node.args[2].time is Time.K:
            return f"linear({a[0]}, {a[1]}, {a[2]})"
        else:
            product = f"linear({a[0]}, {a[1]})"
        return product if len(a) == 2 else f"{product} + {a[2]}"

    def _patterns(self, nodes: Sequence[Node], inside: set[Node]) -> set[Node]:
        """Operations that torch has as one: layer norm, relu, lerp, addcmul. Returns the inner ones."""
        skipped: set[Node] = set()

        def inner(node: Node, op: str, uses: int = 1) -> bool:
            alone = len(self.users[node]) == uses and node not in self.fixed and node in inside
            return node.op == op and alone and node not in skipped and node not in self._folded

        # layer norms first: their last product and sum would do for an addcmul
        for patterns in ((as_layer_norm,), (as_relu, as_lerp, as_addcmul)):
            for node in reversed(nodes):
                if node in skipped or node in self._folded:
                    continue
                found = next(filter(None, (pattern(node, inner) for pattern in patterns)), None)
                if found is not None:
                    form, operands, within = found
                    self._folded[node] = form, operands
                    skipped.update(within)
        return skipped


def _number(value: float | bool) -> str:
    if isinstance(value, bool) or math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    return "NAN" if math.isnan(value) else "INF" if value > 0 else "(-INF)"
