"""Programs as people read them. A person has read these and found them true."""

from __future__ import annotations

from program_zoo import GOOD, LSTM, Leaky, Masked, Minimal, Peephole, Readout

from mnemonist.engine.trace import program_of
from mnemonist.engine.transforms import bind

LSTM_TEXT = """\
LSTM  x[3], h[5], c[5] -> h[5], c[5]                  emits h
  hoisted   g   = x @ W.T + b                         [input forget block output] 3 -> 20, one GEMM for all t
  loop      g  += h @ U.T                             [input forget block output] 5 -> 20, one GEMM per step
            i   = sigmoid(g[input])
            f   = sigmoid(g[forget])
            z   = tanh(g[block])
            o   = sigmoid(g[output])
            c'  = f * c + i * z
            h'  = o * tanh(c')
  counts    for all t: 1 GEMM; per step: 1 GEMM, 9 pointwise operations"""

PEEPHOLE_TEXT = """\
Peephole  x[3], h[5], c[5] -> h[5], c[5]              emits h
  hoisted   g   = x @ W.T + b                         [input forget block output] 3 -> 20, one GEMM for all t
  loop      g  += h @ U.T                             [input forget block output] 5 -> 20, one GEMM per step
            i   = sigmoid(g[input] + input.p * c)
            f   = sigmoid(g[forget] + forget.p * c)
            c'  = f * c + i * tanh(g[block])
            o   = sigmoid(g[output] + output.p * c')
            h'  = o * tanh(c')
  counts    for all t: 1 GEMM; per step: 1 GEMM, 15 pointwise operations"""

LEAKY_TEXT = """\
Leaky  x[3], h[5] -> h[5]                             emits h
  prologue  rate2 = sigmoid(rate)
            v   = 1 - rate2
  hoisted   g   = x @ W.T + b                         [hidden] 3 -> 5, one GEMM for all t
  loop      g  += h @ U.T                             [hidden] 5 -> 5, one GEMM per step
            h'  = v * h + rate2 * tanh(g)
  counts    for all t: 1 GEMM; per step: 1 GEMM, 4 pointwise operations"""

READOUT_TEXT = """\
Readout  x[3], h[5] -> h[5], y[3]                     emits y
  hoisted   g   = x @ W.T + b                         [hidden] 3 -> 5, one GEMM for all t
  loop      g  += h @ U.T                             [hidden] 5 -> 5, one GEMM per step
            h'  = tanh(g)
  sunk      g2  = h' @ U.T + b                        [readout] 5 -> 3, one GEMM for all t
            v   = exp(g2 - stop(amax(g2)))
            y   = v / sum(v)
  counts    for all t: 1 GEMM; per step: 1 GEMM, 1 pointwise operation; behind the loop: 1 GEMM, 4 pointwise operations, 2 row reductions"""


def test_lstm() -> None:
    assert program_of(LSTM(3, 5)).describe() == LSTM_TEXT


def test_peephole_lstm() -> None:
    assert program_of(Peephole(3, 5)).describe() == PEEPHOLE_TEXT


def test_parameters_are_computed_in_the_prologue() -> None:
    assert program_of(Leaky(3, 5)).describe() == LEAKY_TEXT


def test_outputs_sink() -> None:
    assert program_of(Readout(3, 5)).describe() == READOUT_TEXT


def test_extras_and_known_states_are_in_the_header() -> None:
    assert "mask[5]" in program_of(Masked(3, 5)).describe().splitlines()[0]
    bound = bind(program_of(Minimal(3, 5)), "h").describe()
    assert "known at all steps: h" in bound.splitlines()[0]
    assert "loop" not in bound


def test_every_value_of_a_step_has_a_line() -> None:
    for kind in GOOD:
        program = program_of(kind(3, 6))
        lines = program.describe().splitlines()
        for name in program.values:
            shown = f"{name}'" if name in program.states else name
            assert any(f" {shown} " in line and "=" in line for line in lines), (kind, name)
