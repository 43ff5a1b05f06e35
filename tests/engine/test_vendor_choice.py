"""Which of torch's kernel and the compiled engine runs what both can run: shapes decide, nothing else."""

from __future__ import annotations

import itertools

import pytest
import torch

from mnemonist import cells
from mnemonist.engine import explain, unroll, vendor_choice, vendor_table
from mnemonist.engine.native import library

needs_native = pytest.mark.skipif(not library.available(), reason="the engine is not built here")


@pytest.fixture
def at_one_size(unmeasured, monkeypatch):
    """A table in which torch is faster at T 8, B 8, H 128 with gradients, and nowhere else."""
    table = {}
    for kernel, kind, gradients in itertools.product(
        ("lstm", "gru", "rnn"), ("float32", "float64", "ragged"), (False, True)
    ):
        table[kernel, kind, gradients] = {
            (steps, rows): tuple(
                0.5 if (steps, rows, width, gradients) == (8, 8, 128, True) else 2.0
                for width in vendor_table.WIDTHS
            )
            for steps in vendor_table.STEPS
            for rows in vendor_table.ROWS
        }
    monkeypatch.setattr(vendor_table, "RATIOS", table)


def chosen(*size: int, gradients: bool = True) -> str:
    slower, _ = vendor_choice.slower("lstm", "float32", gradients, size)
    return {"native": "vendor", "vendor": "native"}[slower]


def test_every_size_of_every_kernel_was_measured():
    kinds = ("float32", "float64", "ragged")
    assert vendor_table.RATIOS.keys() == {
        *itertools.product(("lstm", "gru", "rnn"), kinds, (False, True))
    }
    for rows in vendor_table.RATIOS.values():
        assert rows.keys() == {*itertools.product(vendor_table.STEPS, vendor_table.ROWS)}
        for ratios in rows.values():
            assert len(ratios) == len(vendor_table.WIDTHS)
            assert all(0.01 < ratio < 100 for ratio in ratios)


@pytest.mark.usefixtures("at_one_size")
def test_the_nearest_size_by_ratio_decides():
    assert chosen(8, 8, 128) == "vendor"
    # the borders are the geometric means: 2.8 and 22.6 steps, 2.8 and 22.6 rows, 90.5 and 181 units
    assert {chosen(3, 8, 128), chosen(22, 8, 128)} == {"vendor"}
    assert {chosen(2, 8, 128), chosen(23, 8, 128)} == {"native"}
    assert {chosen(8, 3, 128), chosen(8, 22, 128)} == {"vendor"}
    assert {chosen(8, 2, 128), chosen(8, 23, 128)} == {"native"}
    assert {chosen(8, 8, 91), chosen(8, 8, 181)} == {"vendor"}
    assert {chosen(8, 8, 90), chosen(8, 8, 182)} == {"native"}
    assert chosen(8, 8, 128, gradients=False) == "native"
    assert chosen(100_000, 10_000, 4096) == "native"


def test_a_difference_within_the_noise_keeps_the_engine(measured):
    measured(0.98)
    assert vendor_choice.slower("gru", "float64", True, (1, 1, 1))[0] == "vendor"
    measured(0.96)
    assert vendor_choice.slower("gru", "float64", True, (1, 1, 1))[0] == "native"


def test_without_avx2_torchs_kernels_are_taken_whatever_the_table_says(monkeypatch):
    monkeypatch.setattr(library, "isa", lambda: "portable")
    slower, reason = vendor_choice.slower("lstm", "float32", True, (64, 64, 128))
    assert slower == "native"
    assert "portable" in reason


@needs_native
@pytest.mark.parametrize("name", ["lstm", "torch_lstm", "gru", "elman"])
def test_the_choice_is_explained_with_its_measurement(name, measured):
    cell, x = cells.get(name)(3, 100), torch.zeros(50, 20, 3)
    measured(1.25)
    explanation = explain(cell, x)
    assert explanation.executor == "native"
    assert (
        "not vendor: measured 1.25 times slower than native near T 64, B 8, H 128, with gradients"
        in str(explanation)
    )
    measured(0.5)
    with torch.no_grad():
        explanation = explain(cell, x)
    assert explanation.executor == "vendor"
    assert (
        "not native: measured 2.00 times slower than vendor near T 64, B 8, H 128, without gradients"
        in str(explanation)
    )


@needs_native
def test_an_executor_that_is_named_runs_whatever_was_measured(measured):
    cell, x = cells.get("gru")(3, 5), torch.zeros(4, 2, 3)
    measured(0.01)
    assert explain(cell, x, executor="native").executor == "native"
    measured(100.0)
    assert explain(cell, x, executor="vendor").executor == "vendor"


def test_without_the_engine_torchs_kernel_runs_and_why_is_said(measured, monkeypatch):
    monkeypatch.setenv("MNEMONIST_NATIVE", "0")
    measured(100.0)
    explanation = explain(cells.get("lstm")(3, 5), torch.zeros(64, 64, 3))
    assert explanation.executor == "vendor"
    assert "MNEMONIST_NATIVE=0" in explanation.passed_over["native"]


@needs_native
def test_what_is_frozen_counts_as_without_gradients(at_one_size):
    cell, x = cells.get("lstm")(3, 128), torch.zeros(8, 8, 3)
    assert explain(cell, x).executor == "vendor"
    cell.requires_grad_(False)
    assert explain(cell, x).executor == "native"
    assert explain(cell, x.clone().requires_grad_()).executor == "vendor"
    h = torch.zeros(8, 128, requires_grad=True)
    assert explain(cell, x, state={"h": h}).executor == "vendor"


@needs_native
def test_values_threads_and_load_have_no_say(measured):
    measured(1.1)
    cell, x = cells.get("torch_lstm")(3, 8), torch.randn(12, 4, 3)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(unroll(cell, x).output)
            assert explain(cell, x * float("nan")).executor == "native"
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(results[0], other) for other in results)


@needs_native
def test_checkpointed_segments_run_as_the_whole_sequence_would(at_one_size):
    # in pieces of 4 steps the table would say native, and a segment is run twice
    torch.manual_seed(0)
    cell = cells.get("lstm")(3, 128)
    x = torch.randn(8, 8, 3)
    results = []
    for options in ({"checkpoint": 2}, {"executor": "vendor", "checkpoint": 2}):
        output = unroll(cell, x, **options).output
        results.append([output, *torch.autograd.grad(output.square().sum(), [*cell.parameters()])])
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)
