"""How many parameters, and where they start."""

import math

import pytest
import torch
from torch import nn

from mnemonist import cells
from mnemonist.errors import CellError

I, H, P, O = 3, 5, 2, 4  # noqa: E741
GATE = H * I + H * H + H


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("elman", {}, GATE),
        ("jordan", {"output_size": O}, H * I + H * O + H + O * H + O),
        ("elman_jordan", {"output_size": O}, GATE + H * O + O * H + O),
        ("elman_jordan", {"output_size": O, "output_to": "input"}, GATE + I * O + O * H + O),
        ("lstm_ungated", {}, GATE),
        ("lstm_no_forget", {}, 3 * GATE),
        ("lstm", {}, 4 * GATE),
        ("lstm_peephole", {}, 4 * GATE + 3 * H),
        # Sak et al. 2014, section 2, without the output layer, and with our four biases
        ("lstm_projected", {"proj_size": P}, 4 * H * P + 4 * I * H + H * P + 3 * H + 4 * H),
        ("nig", {}, 3 * GATE + 2 * H),
        ("nfg", {}, 3 * GATE + 2 * H),
        ("nog", {}, 3 * GATE + 2 * H),
        ("niaf", {}, 4 * GATE + 3 * H),
        ("noaf", {}, 4 * GATE + 3 * H),
        ("cifg", {}, 3 * GATE + 2 * H),
        ("np", {}, 4 * GATE),
        ("fgr", {}, 4 * GATE + 3 * H + 9 * H * H),
        ("gru", {}, 3 * GATE + H),
        ("gru_reset_before", {}, 3 * GATE),
        ("mgu", {}, 2 * GATE),
        ("ugrnn", {}, 2 * GATE),
        ("janet", {}, 2 * GATE),
        ("indrnn", {}, H * I + 2 * H),
        ("rhn", {"depth": 4}, 2 * (H * I + 4 * (H * H + H))),
        ("lstm_multiplicative", {}, 4 * GATE + H * I + H * H),
        ("slstm", {"heads": 5}, 4 * (H * I + 5 + H)),
        ("mingru", {}, 2 * (H * I + H)),
        ("minlstm", {}, 3 * (H * I + H)),
        ("torch_lstm", {}, 4 * (GATE + H)),
    ],
)
def test_the_count_is_the_formulas(name, options, expected):
    assert count(cells.get(name)(I, H, **options)) == expected


def test_one_unit_with_a_linear_readout_has_five_parameters():
    cell, readout = cells.Elman(1, 1), nn.Linear(1, 1)
    assert count(cell) + count(readout) == 5  # w, u, b, v, c


def test_two_units_on_one_feature_have_six_weights_and_two_biases():
    gate = cells.Elman(1, 2).hidden
    assert (gate.W.numel() + gate.U.numel(), gate.b.numel()) == (6, 2)


@pytest.mark.parametrize("name", ["lstm", "gru", "mgu", "rhn", "fgr", "slstm"])
def test_recurrent_matrices_start_orthogonal(name):
    for parameter_name, parameter in cells.get(name)(3, 8).named_parameters():
        if parameter_name.endswith(".U"):
            for block in parameter if parameter.dim() == 3 else [parameter]:
                torch.testing.assert_close(block @ block.T, torch.eye(8), rtol=0, atol=1e-5)


def test_input_matrices_start_within_glorots_bound():
    weights = cells.Elman(50, 30).hidden.W.detach()
    bound = math.sqrt(6 / (50 + 30))
    assert weights.abs().max() <= bound
    assert weights.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_biases_start_at_zero_except_where_the_name_says_otherwise():
    ones, zeros = torch.ones(4), torch.zeros(4)
    lstm = cells.PeepholeLSTM(2, 4)
    assert torch.equal(lstm.forget.b, ones)
    for gate in (lstm.input, lstm.block, lstm.output):
        assert torch.equal(gate.b, zeros)
    assert torch.equal(lstm.input.p, zeros)
    assert torch.equal(cells.MGU(2, 4).forget.b, zeros)
    assert torch.equal(cells.UGRNN(2, 4).update.b, ones)
    assert torch.equal(cells.CIFG(2, 4).input.b, -ones)
    assert torch.equal(cells.SLSTM(2, 4).forget.b, ones)
    assert torch.equal(cells.RecurrentHighway(2, 4, transform_bias=-3).transform[1].b, -3 * ones)


def test_a_gate_drawn_anew_starts_where_it_started():
    gate = cells.LSTM(2, 4).forget
    nn.init.zeros_(gate.b)
    gate.reset_parameters()
    assert torch.equal(gate.b, torch.ones(4))


def test_irnn_starts_by_copying():
    cell = cells.IRNN(3, 4, identity_scale=0.5)
    assert torch.equal(cell.hidden.U, 0.5 * torch.eye(4))
    assert cell.hidden.W.abs().max() < 0.01


@pytest.mark.parametrize("kind", [cells.LSTM, cells.PeepholeLSTM, cells.JANET, cells.GRU])
def test_chrono_spreads_memories_up_to_the_longest(kind):
    torch.manual_seed(0)
    cell = kind(2, 300, chrono=101)
    keep = cell.update if kind is cells.GRU else cell.forget
    times = keep.b.exp()  # uniform between 1 and T_max - 1 (Tallec & Ollivier 2018, eq. 16)
    assert times.min() >= 1
    assert times.max() <= 100
    assert times.mean().item() == pytest.approx(50.5, rel=0.15)
    if hasattr(cell, "input"):
        assert torch.equal(cell.input.b, -keep.b)


def test_chrono_needs_a_time_to_spread_over():
    with pytest.raises(CellError, match="at least 3; got 2"):
        cells.LSTM(2, 3, chrono=2)


@pytest.mark.parametrize("units", [1, 2, 5, 60])
def test_a_reservoir_has_the_spectral_radius_asked_for_and_is_not_trained(units):
    torch.manual_seed(0)
    cell = cells.EchoState(2, units, spectral_radius=0.7, density=0.2, input_scale=0.1)
    radius = torch.linalg.eigvals(cell.hidden.U.double()).abs().max().item()
    assert radius == pytest.approx(0.7, rel=1e-5)
    assert cell.hidden.W.abs().max() <= 0.1
    assert not any(p.requires_grad for p in cell.parameters())


def test_most_connections_of_a_sparse_reservoir_do_not_exist():
    cell = cells.EchoState(2, 200, density=0.05)
    assert 0.04 < (cell.hidden.U != 0).double().mean() < 0.06


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.Elman(0, 3), r"input_size must be a positive integer, got 0"),
        (lambda: cells.Elman(2, 2.5), r"hidden_size must be a positive integer, got 2.5"),
        (lambda: cells.ProjectedLSTM(2, 3, proj_size=4), r"between 1 and hidden_size = 3; got 4"),
        (lambda: cells.SLSTM(2, 5, heads=2), r"heads must divide hidden_size = 5"),
        (lambda: cells.SLSTM(2, 4, forget_gate="tanh"), r"forget_gate must be 'sigmoid' or"),
        (lambda: cells.RecurrentHighway(2, 3, depth=0), r"depth.* at least 1; got 0"),
        (lambda: cells.Leaky(2, 3, leak=0), r"leak must lie in \(0, 1\].* got 0"),
        (lambda: cells.EchoState(2, 3, density=0), r"density must lie in \(0, 1\]; got 0"),
        (
            lambda: cells.EchoState(2, 3, spectral_radius=-1),
            r"spectral_radius must not be negative",
        ),
        (lambda: cells.ElmanJordan(2, 3, output_to="output"), r"'hidden' or 'input'; got 'output'"),
        (lambda: cells.BatchNormLSTM(2, 3, max_steps=0), r"max_steps must be at least 1; got 0"),
        (lambda: cells.LSTM(2, 3, activation="sigmod"), r"did you mean 'sigmoid'"),
    ],
)
def test_an_impossible_option_is_refused_with_its_value(make, message):
    with pytest.raises(CellError, match=message):
        make()
