"""Programs drawn from a seed: every operation of the program form, in places a cell seldom has."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import prod

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.passes import optimise
from mnemonist.engine.program import Node, Program, Time

INPUT = 3
WIDTHS = (1, 4, 6)
UNARY = "neg tanh sigmoid softplus erf sin cos abs sign floor stop exp log sqrt rsqrt"
BINARY = "add sub mul div max min pow"
TESTS = "gt ge lt le eq ne"


def random_program(seed: int) -> Program:
    """One to three states of different widths, perhaps an output and an extra input."""
    return _Draw(seed).program()


def wide_program(seed: int) -> Program:
    """As `random_program`, with widths about those of vectors, heads, ties and computed weights."""
    return _Wide(seed).program()


class _Draw:
    widths: tuple[int, ...] = WIDTHS

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.g = Graph()
        draw = self.draw
        self.states = {f"s{i}": draw.choice(self.widths) for i in range(draw.randint(1, 3))}
        self.extras = {"e": draw.choice(self.widths)} if draw.random() < 0.4 else {}
        self.pool: list[Node] = [self.g.node("input", (), ("x",), (INPUT,), time=Time.X)]
        for name, width in self.extras.items():
            self.pool.append(self.g.node("input", (), (name,), (width,), time=Time.X))
        for name, width in self.states.items():
            self.pool.append(self.g.node("state", (), (name,), (width,), time=Time.S))

    def program(self) -> Program:
        for _ in range(self.draw.randint(4, 22)):
            try:
                self.pool.append(self.operation())
            except Unfit:
                continue
        outputs = {"y": self.draw.choice(self.widths)} if self.draw.random() < 0.4 else {}
        values = {}
        for name, width in {**self.states, **outputs}.items():
            value = self.fitted(self.pick(), width)
            values[name] = self.g.pointwise("tanh", self.row(value))
        return Program(
            cell="Random",
            input_size=INPUT,
            hidden_size=4,
            states=self.states,
            outputs=outputs,
            extras=self.extras,
            emits=(next(reversed(values)),),
            initial=dict.fromkeys(self.states, 0.0),
            values=optimise(values) if self.draw.random() < 0.7 else values,
        )

    # Operands

    def pick(self) -> Node:
        return self.draw.choice(self.pool[-6:] if self.draw.random() < 0.6 else self.pool)

    def one_of(self, names: str) -> str:
        return self.draw.choice(names.split())

    def row(self, node: Node) -> Node:
        """A number for every row, even where only parameters made it."""
        node = self.g.number(node)
        if node.time is not Time.K:
            return node
        return self.g.pointwise("add", self.g.zeros(node.shape), node)

    def flat(self, node: Node) -> Node:
        return self.g.view(self.g.number(node), (prod(node.shape),))

    def leaf(self, *shape: int) -> Node:
        """One of two parameters of this shape, or a buffer."""
        kind = self.draw.choice(("p", "q", "b"))
        name = kind + "_".join(map(str, shape))
        return self.g.leaf(name, shape, "buffer" if kind == "b" else "parameter")

    def fitted(self, node: Node, width: int) -> Node:
        """A vector of this width."""
        node = self.flat(node)
        if node.width == width:
            return node
        choice = self.draw.random()
        if node.width > width and choice < 0.4:
            start = self.draw.randint(0, node.width - width)
            return self.g.slice(node, start, start + width)
        if choice < 0.6 and node.width == 1:
            return self.g.expand(node, width)
        return self.g.affine("mm", node, self.leaf(width, node.width))

    # Operations

    def operation(self) -> Node:
        kinds: tuple[tuple[float, Callable[[], Node]], ...] = (
            (4, self.unary),
            (5, self.binary),
            (2, self.with_parameter),
            (3, self.product),
            (1, self.blocks),
            (2, self.reduction),
            (4, self.structure),
            (1, self.selection),
        )
        weights = [weight for weight, _ in kinds]
        (chosen,) = self.draw.choices([kind for _, kind in kinds], weights)
        return chosen()

    def unary(self) -> Node:
        g, a = self.g, self.g.number(self.pick())
        one = g.const(1.0)
        op = self.one_of(UNARY)
        if op == "exp":
            a = g.pointwise("neg", g.pointwise("mul", a, a))
        elif op == "floor":
            a = g.pointwise("add", a, g.const(0.123))
        elif op in ("log", "sqrt", "rsqrt"):
            a = g.pointwise("add", g.pointwise("abs", a), one)
        return g.pointwise(op, a)

    def binary(self) -> Node:
        g, a = self.g, self.pick()
        alike = [n for n in self.pool if n.shape == a.shape]
        b = self.draw.choice(alike)
        if self.draw.random() < 0.3 and a.shape:
            b = g.reduce("sum", b)
        op = self.one_of(BINARY)
        if op in ("div", "pow"):
            a, b = g.number(a), g.number(b)
            positive = g.pointwise("add", g.pointwise("abs", b), g.const(0.5))
            if op == "div":
                return g.pointwise("div", a, positive)
            power = (
                g.pointwise("tanh", a)
                if self.draw.random() < 0.5
                else g.const(self.draw.choice((-1.0, 0.0, 0.5, 2.0, 3.0)))
            )
            return g.pointwise("pow", positive, power)
        return g.pointwise(op, *((a, b) if self.draw.random() < 0.5 else (b, a)))

    def with_parameter(self) -> Node:
        """A parameter or a number that is broadcast along a row in one of several ways."""
        a = self.pick()
        shapes = [(), a.shape, *((a.shape[-1:], (1,)) if a.shape else ())]
        if len(a.shape) == 2:
            shapes += [(a.shape[0], 1), (1, a.shape[1])]
        parameter = self.leaf(*self.draw.choice(shapes))
        choice = self.draw.random()
        if choice < 0.3:
            parameter = self.g.pointwise(self.draw.choice(("tanh", "sigmoid")), parameter)
        elif choice < 0.5:
            parameter = self.g.const(self.draw.choice((-1.5, 0.0, 0.25, 2.0)))
        return self.g.pointwise(self.draw.choice(("add", "sub", "mul", "max")), a, parameter)

    def product(self) -> Node:
        a = self.flat(self.pick())
        width = self.draw.choice(self.widths)
        starts = [n for n in self.pool if n.shape == (width,) and not n.logical]
        start = self.draw.choice(starts) if starts and self.draw.random() < 0.3 else None
        return self.g.affine("mm", a, self.leaf(width, a.width), start)

    def blocks(self) -> Node:
        """Block-diagonal, with several weights to an operand block."""
        a = self.flat(self.pick())
        size = self.draw.choice([s for s in range(1, a.width + 1) if a.width % s == 0])
        count = a.width // size * self.draw.randint(1, 2)
        return self.g.affine("bmm", a, self.leaf(count, self.draw.randint(1, 3), size))

    def reduction(self) -> Node:
        g, a = self.g, self.g.number(self.pick())
        if not a.shape:
            return a
        kind = self.draw.random()
        if kind < 0.3:
            return g.reduce("sum", a)
        if kind < 0.5:
            return g.reduce("amax", a)
        if kind < 0.6:
            powers = g.pointwise("exp", g.pointwise("sub", a, g.reduce("amax", a)))
            return g.pointwise("div", powers, g.reduce("sum", powers))
        if kind < 0.65:
            square = g.mean(g.pointwise("mul", a, a))
            return g.pointwise(
                "mul", a, g.pointwise("rsqrt", g.pointwise("add", square, g.const(0.1)))
            )
        centred = g.pointwise("sub", a, g.mean(a))
        variance = g.mean(g.pointwise("mul", centred, centred))
        variance = g.pointwise("add", variance, g.const(0.1))
        if kind < 0.85:
            normal = g.pointwise("mul", centred, g.pointwise("rsqrt", variance))
        else:
            normal = g.pointwise("div", centred, g.pointwise("sqrt", variance))
        # a sum that is zero but for rounding would decide comparisons by chance
        return g.pointwise("add", normal, g.const(0.3))

    def structure(self) -> Node:
        g, a = self.g, self.flat(self.pick())
        kind = self.draw.random()
        if kind < 0.3:
            b = self.flat(self.pick())
            return g.cat([self.row(a), self.row(b)])
        if kind < 0.55 and a.width > 1:
            start = self.draw.randint(0, a.width - 1)
            return g.slice(a, start, self.draw.randint(start + 1, a.width))
        if kind < 0.85 and a.width in (4, 6):
            return g.view(a, (2, a.width // 2))
        if kind < 0.9 and a.width == 1:
            return g.expand(a, 4)
        return g.view(a, ()) if a.width == 1 and kind > 0.97 else g.zeros((a.width,))

    def selection(self) -> Node:
        g, a = self.g, self.pick()
        b = self.draw.choice([n for n in self.pool if n.shape == a.shape])
        test = g.pointwise(self.one_of(TESTS), a, b)
        if self.draw.random() < 0.3:
            other = g.pointwise("gt", g.number(b), g.const(0.0))
            test = g.pointwise(self.draw.choice(("and", "or")), g.pointwise("not", test), other)
        if self.draw.random() < 0.3:
            return g.pointwise("where", g.pointwise("le", a, g.const(0.0)), g.const(0.0), a)
        return g.pointwise("where", test, a, g.pointwise("mul", b, g.const(0.5)))


class _Wide(_Draw):
    def __init__(self, seed: int) -> None:
        self.widths = tuple(random.Random(seed).sample((1, 2, 3, 5, 8, 16, 17, 33, 70), 3))
        super().__init__(seed)

    def leaf(self, *shape: int) -> Node:
        """A parameter, or what the step computes from parameters."""
        leaf, kind = super().leaf(*shape), self.draw.random()
        if kind < 0.15:
            return self.g.pointwise("tanh", leaf)
        if kind < 0.25:
            return self.g.pointwise("mul", leaf, super().leaf(*shape))
        if kind < 0.3 and len(shape) == 2 and shape[0] == shape[1]:
            return self.g.call("torch.Tensor.t", leaf, shape=shape)
        return leaf

    def structure(self) -> Node:
        """Everything twice, which ties; or heads."""
        kind, g = self.draw.random(), self.g
        if kind < 0.12:
            twice = self.row(self.flat(self.pick()))
            return g.cat([twice, twice])
        if kind < 0.3:
            a = self.flat(self.pick())
            heads = [n for n in (2, 3, 5) if a.width % n == 0 and a.width > n]
            if heads:
                shape = [self.draw.choice(heads)]
                shape.insert(self.draw.randint(0, 1), a.width // shape[0])
                return g.view(a, shape)
        return super().structure()

    def selection(self) -> Node:
        if self.draw.random() < 0.25:
            return self.g.pointwise(
                self.draw.choice(("max", "min")), self.pick(), self.g.const(0.0)
            )
        return super().selection()
