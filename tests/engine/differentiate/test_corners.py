"""Where a derivative is undefined or not finite, the backward program says what torch says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.cells import Cell
from mnemonist.engine.differentiate import differentiate, run_gradient
from mnemonist.engine.graph import Graph
from mnemonist.engine.interpret import run_program
from mnemonist.engine.program import Node, Program, Time
from mnemonist.engine.trace import program_of

LIKE = {"dtype": torch.float64}
CORNERS = (0.0, -0.0, 1.0, -1.0, 2.0, float("inf"), float("-inf"), float("nan"))
UNARY = ("neg", "exp", "log", "tanh", "sigmoid", "erf", "sin", "cos", "abs", "sqrt", "rsqrt")
FLAT = ("sign", "floor")
BINARY = ("add", "sub", "mul", "div", "max", "min")


def program_from(make: object, width: int) -> Program:
    """A step s' = make(graph, s, x) with x of the same width."""
    g = Graph()
    x = g.node("input", (), ("x",), (width,), time=Time.X)
    s = g.node("state", (), ("s",), (width,), time=Time.S)
    value = make(g, s, x)
    states = {"s": width}
    return Program("Corner", width, width, states, {}, {}, ("s",), {"s": 0.0}, {"s": value})


def both(program: Program, s: Tensor, x: Tensor, d: Tensor) -> tuple[tuple[Tensor, ...], ...]:
    """Gradients of s and x by autograd and by the backward program; leaves are 2."""
    s, x = s.clone().requires_grad_(), x.clone()[None].requires_grad_()
    (state,) = program.states
    leaves = {n: torch.full(shape, 2.0, **LIKE) for n, shape in program.leaf_shapes.items()}
    values, _ = run_program(program, leaves, x, {state: s}, {}, keep=(state,))
    total = (values[state] * d).sum() + 0.0 * (
        torch.nan_to_num(s).sum() + torch.nan_to_num(x).sum()
    )
    wanted = torch.autograd.grad(total, [s, x])
    run = run_gradient(differentiate(program), leaves, x, {state: s}, loss={state: d[None]})
    return wanted, (run.states[state], run.inputs["x"])


def assert_same(program: Program, s: Tensor, x: Tensor, d: Tensor) -> None:
    for want, have in zip(*both(program, s, x, d), strict=True):
        torch.testing.assert_close(have, want, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("op", [*UNARY, *FLAT])
def test_of_one(op: str) -> None:
    s = torch.tensor([CORNERS], **LIKE)
    program = program_from(lambda g, s, x: g.pointwise("add", g.pointwise(op, s), x), len(CORNERS))
    assert_same(program, s, torch.zeros_like(s), torch.full_like(s, 0.7))


@pytest.mark.parametrize("op", BINARY)
def test_of_two(op: str) -> None:
    pairs = torch.tensor(list(product(CORNERS, CORNERS)), **LIKE).T
    s, x = pairs[:1], pairs[1:]
    program = program_from(lambda g, s, x: g.pointwise(op, s, x), s.shape[1])
    wanted, found = both(program, s, x, torch.full_like(s, 0.7))
    for want, have in zip(wanted, found, strict=True):
        # an infinite quotient has no derivative: which kind of "none" depends on the order
        defined = want.isfinite() | have.isfinite()
        torch.testing.assert_close(have[defined], want[defined], rtol=1e-12, atol=1e-12)


def test_powers() -> None:
    bases, powers = (0.0, 0.5, 1.0, 2.0), (0.0, 1.0, 2.0, -1.0, 0.5)
    pairs = torch.tensor(list(product(bases, powers)), **LIKE).T
    program = program_from(lambda g, s, x: g.pointwise("pow", s, x), pairs.shape[1])
    assert_same(program, pairs[:1], pairs[1:], torch.full_like(pairs[:1], 0.7))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0, 3.0, -1.0])
def test_powers_by_a_number(power: float) -> None:
    s = torch.tensor([[-1.0, 0.0, 0.5, 2.0]], **LIKE)

    def make(g: Graph, s: Node, x: Node) -> Node:
        return g.pointwise("add", g.pointwise("pow", s, g.const(power)), x)

    assert_same(program_from(make, 4), s, torch.zeros_like(s), torch.full_like(s, 0.7))


def test_ties_halve_the_gradient_of_max() -> None:
    s = torch.tensor([[1.0, 2.0, 3.0]], **LIKE)
    x = torch.tensor([[1.0, 3.0, 2.0]], **LIKE)
    program = program_from(lambda g, s, x: g.pointwise("max", s, x), 3)
    _, (d_s, d_x) = both(program, s, x, torch.ones_like(s))
    assert d_s.tolist() == [[0.5, 0.0, 1.0]]
    assert d_x[0].tolist() == [[0.5, 1.0, 0.0]]
    assert_same(program, s, x, torch.ones_like(s))


def test_ties_share_the_gradient_of_amax() -> None:
    s = torch.tensor([[2.0, 1.0, 2.0, 2.0], [1.0, 3.0, 0.0, 0.0]], **LIKE)
    program = program_from(lambda g, s, x: g.pointwise("add", x, g.reduce("amax", s)), 4)
    _, (d_s, _) = both(program, s, torch.zeros_like(s), torch.full_like(s, 0.75))
    assert d_s.tolist() == [[1.0, 0.0, 1.0, 1.0], [0.0, 3.0, 0.0, 0.0]]
    assert_same(program, s, torch.zeros_like(s), torch.full_like(s, 0.75))


def test_rectifiers_have_no_gradient_at_zero() -> None:
    def relu(g: Graph, s: Node, x: Node) -> Node:
        s = g.pointwise("add", s, x)
        return g.pointwise("where", g.pointwise("le", s, g.const(0.0)), g.const(0.0), s)

    s = torch.tensor([[-1.0, 0.0, -0.0, 1.0, float("nan")]], **LIKE)
    program = program_from(relu, 5)
    assert_same(program, s, torch.zeros_like(s), torch.ones_like(s))
    assert not differentiate(program).saved  # the new state tells where


@pytest.mark.parametrize("activation", [F.leaky_relu, F.elu, F.selu, F.hardtanh, F.relu6])
def test_large_arguments_of_what_chooses_a_branch(activation: Callable[[Tensor], Tensor]) -> None:
    """The exponential of a branch not taken overflows; the gradient does not."""

    class Chosen(Cell):
        def step(self, x: Tensor, h: Tensor) -> Tensor:
            return activation(x + h)

    program = program_of(Chosen(6, 6))
    x = torch.tensor([[-800.0, -1.0, 0.0, 1.0, 6.0, 800.0]], **LIKE)
    assert_same(program, torch.zeros_like(x), x, torch.ones_like(x))


def test_a_zero_weight_does_not_hide_nan() -> None:
    """0 · NaN is NaN: a gradient that is not a number must be seen."""

    def make(g: Graph, s: Node, x: Node) -> Node:
        return g.pointwise("add", g.pointwise("mul", s, g.const(0.0)), x)

    s, d = torch.ones(1, 2, **LIKE), torch.tensor([[float("nan"), 1.0]], **LIKE)
    _, (d_s, _) = both(program_from(make, 2), s, s, d)
    assert d_s[0, 0].isnan()
    assert d_s[0, 1] == 0.0


def test_equal_gradients_of_two_states_stay_apart() -> None:
    """Sources are told apart by name, however alike they are."""
    g = Graph()
    x = g.node("input", (), ("x",), (2,), time=Time.X)
    a, b = (g.node("state", (), (n,), (2,), time=Time.S) for n in "ab")
    values = {"a": g.pointwise("add", a, x), "b": g.pointwise("mul", b, g.pointwise("sin", x))}
    program = Program("Two", 2, 2, {"a": 2, "b": 2}, {}, {}, ("a", "b"), {}, values)
    gradient = differentiate(program)
    assert sum(n.op in ("carry", "loss") for n in gradient.nodes) == 4
    one, zero = torch.ones(3, 1, 2), torch.zeros(3, 1, 2)
    state = {"a": one[0], "b": one[0]}
    run = run_gradient(gradient, {}, zero + 0.5, state, loss={"a": one, "b": zero})
    torch.testing.assert_close(run.states["a"], 3 * one[0])
    assert run.states["b"].eq(0).all()


def test_stop_passes_nothing() -> None:
    def make(g: Graph, s: Node, x: Node) -> Node:
        return g.pointwise("add", g.pointwise("mul", g.pointwise("stop", s), s), x)

    s = torch.tensor([[3.0, -2.0]], **LIKE)
    assert_same(program_from(make, 2), s, torch.zeros_like(s), torch.ones_like(s))
    _, (d_s, _) = both(program_from(make, 2), s, torch.zeros_like(s), torch.ones_like(s))
    assert d_s.tolist() == [[3.0, -2.0]]


def test_a_step_of_a_thousand_operations() -> None:
    def make(g: Graph, s: Node, x: Node) -> Node:
        for _ in range(400):
            s = g.pointwise("neg", g.pointwise("sin", g.pointwise("add", s, x)))
        return s

    s = torch.tensor([[0.3, -0.2]], **LIKE)
    assert_same(program_from(make, 2), s, 1e-3 * torch.ones_like(s), torch.ones_like(s))
