"""Programs compute what the cells' steps compute, to rounding, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from program_agreement import assert_agrees, job_for, run_job
from program_zoo import (
    GOOD,
    LSTM,
    BlockLSTM,
    Cell,
    FusedLSTM,
    GRUAfter,
    Jordan,
    LayerNormLSTM,
    Masked,
    Minimal,
    Passthrough,
    Peephole,
    Readout,
)

import mnemonist.cells
from mnemonist.cells import VariationalDropout, WeightDropout, Zoneout
from mnemonist.engine.program import AFFINE, POINTWISE, Program
from mnemonist.engine.trace import program_of
from mnemonist.errors import UnrepresentableError

# torch keeps the slope of hardsigmoid in float32: its own float64 gradient is off by 5e-9
GRADIENT = {"Activations": 1e-6}
SIZES = [(0, 1, 5), (1, 3, 1), (2, 1, 17), (17, 3, 5)]
EAGER_ONLY = {"lstm_batch_norm"}


def made(kind: type[Cell], input_size: int = 3, hidden_size: int = 5) -> Cell:
    torch.manual_seed(0)
    return kind(input_size, hidden_size).double()


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_values_and_gradients(kind: type[Cell]) -> None:
    assert_agrees(job_for(made(kind), 4, 3), gradient=GRADIENT.get(kind.__name__, 1e-10))


@pytest.mark.parametrize(("steps", "rows", "width"), SIZES)
@pytest.mark.parametrize(
    "kind",
    [LSTM, GRUAfter, Readout, BlockLSTM, Masked, Passthrough],
    ids=lambda kind: kind.__name__,
)
def test_odd_sizes(kind: type[Cell], steps: int, rows: int, width: int) -> None:
    assert_agrees(job_for(made(kind, 1 if width == 1 else 3, width), steps, rows))


@pytest.mark.parametrize("name", mnemonist.cells.names())
def test_every_cell_of_the_library(name: str) -> None:
    torch.manual_seed(0)
    cell = mnemonist.cells.get(name)(3, 5).double()
    for parameter in cell.parameters():  # initial values are zero or the identity here and there
        parameter.data += 0.1 * torch.randn_like(parameter)
    if name in EAGER_ONLY:
        with pytest.raises(UnrepresentableError):
            program_of(cell)
        return
    options = {"lengths": torch.tensor([4, 0, 2]), "resets": torch.rand(4, 3) > 0.6}
    assert_agrees(job_for(cell, 4, 3, **options))


REGULARISED = {
    "zoneout": lambda cell: Zoneout(cell, {"h": 0.3}),
    "variational": lambda cell: VariationalDropout(cell, input=0.3, state=0.4),
    "weights": lambda cell: WeightDropout(cell, 0.4),
    "all": lambda cell: WeightDropout(Zoneout(VariationalDropout(cell, state=0.4), 0.2), 0.4),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("regularise", REGULARISED.values(), ids=REGULARISED.keys())
@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_layer_norm"])
def test_regularised_cells(name: str, regularise: Callable, training: bool) -> None:
    """With the same draws the program does what the step does, to the gradients."""
    torch.manual_seed(0)
    cell = regularise(mnemonist.cells.get(name)(3, 5)).double().train(training)
    assert_agrees(job_for(cell, 4, 3, lengths=torch.tensor([4, 0, 2])))


@pytest.mark.parametrize(
    "kind", [LSTM, Readout, Masked, Minimal, Passthrough], ids=lambda kind: kind.__name__
)
def test_lengths_and_resets(kind: type[Cell]) -> None:
    lengths = torch.tensor([6, 0, 1, 4])
    resets = torch.rand(6, 4, generator=torch.Generator().manual_seed(3)) > 0.6
    assert_agrees(job_for(made(kind), 6, 4, lengths=lengths))
    assert_agrees(job_for(made(kind), 6, 4, resets=resets))
    assert_agrees(job_for(made(kind), 6, 4, lengths=lengths, resets=resets))


@pytest.mark.parametrize("kind", [LSTM, Jordan, Readout, Passthrough], ids=lambda k: k.__name__)
@pytest.mark.parametrize("masked", [False, True], ids=["always", "sometimes"])
def test_forced_states(kind: type[Cell], masked: bool) -> None:
    cell = made(kind)
    first = next(iter(cell.state_sizes))
    generator = torch.Generator().manual_seed(4)
    width = cell.state_sizes[first]
    forced = {first: torch.randn(5, 3, width, dtype=torch.float64, generator=generator)}
    mask = torch.rand(5, 3, generator=generator) > 0.5 if masked else None
    for lengths in (None, torch.tensor([5, 0, 2])):
        job = job_for(cell, 5, 3, forced=forced, forced_mask=mask, lengths=lengths)
        assert_agrees(job)


def test_padding_may_be_anything() -> None:
    """What stands behind a row's end reaches no value of the program."""
    cell = made(Readout)
    job = job_for(cell, 4, 2, lengths=torch.tensor([4, 1]))
    x = job.x.detach().clone()
    x[1:, 1] = torch.nan
    clean, dirty = (run_job(program_of(cell), j) for j in (job, replace(job, x=x)))
    for name in job.keep:
        torch.testing.assert_close(dirty[0][name], clean[0][name])
    for name in cell.state_sizes:
        torch.testing.assert_close(dirty[1][name], clean[1][name])


@pytest.mark.parametrize("kind", [LSTM, BlockLSTM, GRUAfter], ids=lambda kind: kind.__name__)
def test_single_precision_and_second_derivatives(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(2, 3)
    program = program_of(cell)
    assert program.leaves_of(cell)[program.leaves[0]].dtype == torch.float32
    assert_agrees(job_for(cell.double(), 3, 2), program_of(cell))
    job = job_for(cell, 2, 1)

    def total(x: torch.Tensor) -> torch.Tensor:
        values, _ = run_job(program_of(cell), replace(job, x=x))
        return sum(v.sum() for v in values.values())

    assert torch.autograd.gradgradcheck(total, (job.x.detach().clone().requires_grad_(),))


def shape_of(program: Program) -> tuple[int, int, int, int]:
    """Products and elementwise operations before the loop, and in it."""
    return tuple(
        sum(n.op in ops for n in stage)
        for stage in (program.hoisted, program.loop)
        for ops in (AFFINE, POINTWISE)
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (LSTM, (1, 0, 1, 9)),
        (FusedLSTM, (1, 0, 1, 9)),
        (Peephole, (1, 0, 1, 15)),
        (GRUAfter, (1, 1, 1, 9)),
        (Jordan, (1, 0, 2, 2)),
        (LayerNormLSTM, (1, 9, 1, 27)),
        (Minimal, (1, 3, 0, 2)),
        (BlockLSTM, (1, 0, 1, 21)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_stages(kind: type[Cell], expected: tuple[int, int, int, int]) -> None:
    assert shape_of(program_of(kind(3, 6))) == expected


def test_an_output_that_is_not_fed_back_sinks_behind_the_loop() -> None:
    program = program_of(Readout(3, 5))
    assert [n.op for n in program.loop] == ["mm", "tanh"]
    assert "mm" in [n.op for n in program.sunk]


def test_a_program_holds_names_and_no_tensors() -> None:
    program = program_of(LSTM(3, 5))
    assert set(program.leaves) == {
        f"{gate}.{weight}" for gate in ("input", "forget", "block", "output") for weight in "WUb"
    }
    for node in program.nodes:
        assert all(isinstance(value, (str, int, float, bool)) for value in node.attr)
