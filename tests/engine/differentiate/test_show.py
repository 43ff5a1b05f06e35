"""Backward programs as people read them. A person has read these and found them true."""

from __future__ import annotations

import pytest
from program_zoo import GOOD, LSTM, GRUAfter

from mnemonist.cli.entry import run
from mnemonist.engine.differentiate import differentiate
from mnemonist.engine.trace import program_of

LSTM_TEXT = """\
Backward of LSTM, from h over time and the final h c
  saved     i, f, z, o                                20 numbers a row and step
  loop      dh' = loss(h) + carry(h)
            v   = tanh(c')
            do  = dh' * v
            dc' = carry(c) + dh' * o * (1 - v ** 2)
            di  = dc' * z
            dz  = dc' * i
            df  = dc' * c
            dc  = dc' * f
            dg  = [di * i * (1 - i), df * f * (1 - f), dz * (1 - z ** 2), do * o * (1 - o)]
            dh  = dg @ U                              [input forget block output] 20 -> 5, one GEMM per step
  after     dx  = dg @ W                              [input forget block output] 20 -> 3, one GEMM for all t
  weights   dU += dg.T @ h                            [input forget block output] 20 x 5, one GEMM for all t
            dW += dg.T @ x                            [input forget block output] 20 x 3, one GEMM for all t
            db += sum(dg)                             20
  counts    per step: 1 GEMM, 14 pointwise operations; behind the loop: 1 GEMM; weights: 2 GEMMs, 1 sum"""

GRU_TEXT = """\
Backward of GRUAfter, from h over time and the final h
  saved     r, z, g2[inner], n                        20 numbers a row and step
  loop      dh' = loss(h) + carry(h)
            v   = dh' * z
            dn  = dh' - v
            v2  = dn * (1 - n ** 2)
            dr  = v2 * g2[inner]
            v3  = v2 * r
            dz  = dh' * (h - n)
            v4  = dz * z * (1 - z)
            v5  = dr * r * (1 - r)
            dg  = [v5, v4, v3]
            v6  = dg @ U                              [reset update inner] 15 -> 5, one GEMM per step
            dh  = v6 + v
  after     dg2 = [v5, v4, v2]
            dx  = dg2 @ W                             [reset update new] 15 -> 3, one GEMM for all t
  weights   dU += dg.T @ h                            [reset update inner] 15 x 5, one GEMM for all t
            dinner.bias += sum(v3)                    5
            dW += dg2.T @ x                           [reset update new] 15 x 3, one GEMM for all t
            db += sum(dg2)                            15
  counts    per step: 1 GEMM, 11 pointwise operations; behind the loop: 1 GEMM; weights: 2 GEMMs, 2 sums"""


def test_lstm() -> None:
    assert differentiate(program_of(LSTM(3, 5))).describe() == LSTM_TEXT


def test_gru() -> None:
    assert differentiate(program_of(GRUAfter(3, 5))).describe() == GRU_TEXT


def test_every_result_has_a_line() -> None:
    for kind in GOOD:
        gradient = differentiate(program_of(kind(3, 6)))
        lines = gradient.describe().splitlines()
        for name in (*gradient.states, *gradient.inputs):
            assert any(line[10:].lstrip().startswith(f"d{name} ") for line in lines), (kind, name)
        assert sum("+= " in line for line in lines) == len(gradient.parameters), kind


def test_explain_shows_it_under_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "lstm", "--input-size", "3", "--hidden-size", "5"]) == 0
    shown = capsys.readouterr().out
    assert shown.rstrip().endswith(LSTM_TEXT)
    assert "per step: 1 GEMM, 9 pointwise operations" in shown
