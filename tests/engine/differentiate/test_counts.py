"""What a step backwards costs: counted by hand for the cells that people write by hand."""

from __future__ import annotations

import pytest
from program_zoo import Readout

from mnemonist import cells
from mnemonist.engine.differentiate import Gradient, Sink, differentiate
from mnemonist.engine.differentiate.backward_graph import SUPER, TRANSPOSED
from mnemonist.engine.program import AFFINE, POINTWISE, REDUCTIONS, Node
from mnemonist.engine.trace import program_of
from mnemonist.errors import ConfigError


def gradient_of(name: str, **options: object) -> Gradient:
    return differentiate(program_of(cells.get(name)(3, 8)), **options)


def counts(nodes: tuple[Node, ...]) -> tuple[int, int, int]:
    """Products, elementwise operations, row reductions."""
    return (
        sum(n.op in AFFINE | TRANSPOSED for n in nodes),
        sum(n.op in POINTWISE or n.op in SUPER for n in nodes),
        sum(n.op in REDUCTIONS for n in nodes),
    )


# Elman: dh = carry + loss; dg = dh (1 - h²). LSTM: the 13 of the hand-written one, and tanh(c)
# once more. GRU: dh, dh z, dn = dh - dh z, da, dr, da r, h - n, dz, two sigmoids, and the sum.
@pytest.mark.parametrize(
    ("name", "loop"),
    [
        ("elman", (1, 2, 0)),
        ("lstm", (1, 14, 0)),
        ("torch_lstm", (1, 14, 0)),
        ("np", (1, 14, 0)),
        ("lstm_peephole", (1, 20, 0)),
        ("gru", (1, 11, 0)),
        ("torch_gru", (1, 11, 0)),
        ("gru_reset_before", (2, 12, 0)),
        ("ugrnn", (1, 8, 0)),
        ("indrnn", (0, 4, 0)),
        ("mingru", (0, 3, 0)),
        ("slstm", (1, 38, 0)),
        ("lstm_layer_norm", (1, 35, 4)),
    ],
)
def test_the_loop(name: str, loop: tuple[int, int, int]) -> None:
    assert counts(gradient_of(name).loop) == loop


@pytest.mark.parametrize(
    ("activation", "operations"),
    [("tanh", 2), ("relu", 3), ("leaky_relu", 3), ("elu", 6), ("hard_sigmoid", 6)],
)
def test_the_loop_of_an_elman_network(activation: str, operations: int) -> None:
    """A gradient that is chosen is chosen once: where(a > 0, d, 0.01 d)."""
    program = program_of(cells.get("elman")(3, 8, activation=activation))
    assert counts(differentiate(program).loop) == (1, operations, 0)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("elman", ["mm", "mm", "sum"]),
        ("lstm", ["mm", "mm", "sum"]),
        ("gru", ["mm", "mm", "sum", "sum"]),
        ("lstm_peephole", ["mm", "mm", "sum", "sum", "sum", "sum"]),
        ("slstm", ["bmm", "mm", "sum"]),
    ],
)
def test_weight_gradients(name: str, kinds: list[str]) -> None:
    """One product for all recurrent weights, one for all input weights, sums for the rest."""
    assert sorted(s.kind for s in gradient_of(name).parameters) == kinds


def test_behind_the_loop_one_product_gives_the_gradient_of_x() -> None:
    for name in ("elman", "lstm", "gru", "lstm_peephole", "slstm"):
        gradient = gradient_of(name)
        assert [n.op for n in gradient.after if n.op in TRANSPOSED] == ["mmT"]
        assert gradient.inputs["x"].op == "mmT"
        assert not gradient.before


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("elman", []),  # h' is a state, and tells tanh' and relu'
        ("irnn", []),
        ("lstm", ["i", "f", "z", "o"]),  # c is a state, tanh(c) is computed once more
        ("lstm_peephole", ["i", "f", "z", "o"]),
        ("cifg", ["i", "z", "o"]),  # 1 - i too
        ("gru_reset_before", ["r", "z", "n"]),
        ("jordan", ["h"]),
    ],
)
def test_what_is_stored(name: str, saved: list[str]) -> None:
    assert [n.label for n in gradient_of(name).saved] == saved


def test_the_gru_stores_the_product_that_its_reset_gate_multiplies() -> None:
    gradient = gradient_of("gru")
    assert [n.label or n.op for n in gradient.saved] == ["r", "z", "slice", "n"]
    (product,) = (n for n in gradient.saved if n.op == "slice")
    assert product.args[0].op == "mm"
    assert product.width == 8


def test_only_the_gradients_of_products_outlive_the_loop() -> None:
    """Four gates of an LSTM, in the order in which they lie in the stacked weight."""
    gradient = gradient_of("lstm")
    (product, *_) = gradient.parameters
    assert product.gradient.op == "cat"
    assert set(product.gradient.args) == set(gradient.kept)
    assert [n.op for n in product.gradient.args] == ["dsigmoid", "dsigmoid", "dtanh", "dsigmoid"]


def test_sums_whose_terms_nothing_keeps_are_added_up_in_the_loop() -> None:
    def names(sinks: tuple[Sink, ...]) -> set[str]:
        return {s.node.attr[0] for s in sinks if s.node.op == "leaf"}

    assert names(gradient_of("lstm_layer_norm").accumulated) == {"norm_c.weight", "norm_c.bias"}
    # the gradients of the gates are kept for the weights: their products with c can wait
    assert not gradient_of("lstm_peephole").accumulated
    frozen = gradient_of("indrnn", parameters=["u"], inputs=())
    assert names(frozen.accumulated) == {"u"}
    assert not frozen.kept


def test_a_readout_comes_before_the_loop() -> None:
    gradient = differentiate(program_of(Readout(3, 5)))
    assert [n.op for n in gradient.before if n.op in TRANSPOSED] == ["mmT"]
    assert counts(gradient.loop)[0] == 1


def test_a_softmax_reads_its_result_only() -> None:
    """y (d - sum(d y)), in a readout that sinks: three operations and one reduction."""
    gradient = differentiate(program_of(Readout(3, 5)))
    assert counts(gradient.before) == (1, 3, 1)
    assert not gradient.saved  # y is returned over time


def test_a_layer_norm_has_two_reductions_each_way() -> None:
    """Of h and of c in the loop, of x behind it."""
    gradient = gradient_of("lstm_layer_norm")
    assert counts(gradient.loop)[2] == 4
    assert counts(gradient.after)[2] == 2


def test_nothing_is_made_for_what_is_not_wanted() -> None:
    everything = gradient_of("lstm")
    no_input = gradient_of("lstm", inputs=())
    assert not no_input.inputs
    assert not any(n.op == "mmT" for n in no_input.after)
    assert no_input.loop
    assert len(no_input.loop) == len(everything.loop)
    only_recurrent = gradient_of("lstm", inputs=(), parameters=["forget.U"])
    assert [s.kind for s in only_recurrent.parameters] == ["mm"]
    weight = only_recurrent.parameters[0].node
    same = gradient_of("lstm", inputs=(), parameters=[weight])
    assert [s.node for s in same.parameters] == [weight]
    states_only = gradient_of("lstm", inputs=(), parameters=())
    assert not states_only.parameters
    assert not states_only.after
    assert not states_only.kept
    assert gradient_of("lstm", keep=("h", "c")).keep == ("h", "c")


def test_unknown_names() -> None:
    program = program_of(cells.get("lstm")(3, 8))
    for options in ({"keep": ["y"]}, {"inputs": ["u"]}, {"parameters": ["forget.V"]}):
        with pytest.raises(ConfigError, match=r"no .* '(y|u|forget.V)': the program has"):
            differentiate(program, **options)
