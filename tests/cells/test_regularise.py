"""Zoneout, variational dropout and weight dropout: their laws, around every cell."""

import copy
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from mnemonist import cells, engine
from mnemonist.cells import VariationalDropout, WeightDropout, Zoneout
from mnemonist.engine import CellLike
from mnemonist.errors import CellError

unroll = partial(engine.unroll, executor="eager")  # the oracle: these are tests of equations

WITHOUT_RECURRENT_WEIGHTS = {"mingru", "minlstm", "indrnn"}


def plain(name, **options):
    torch.manual_seed(0)
    return cells.get(name)(3, 4, **options)


def sequence(steps=6, rows=5, size=3):
    return torch.randn(steps, rows, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_runs_under_all_three_at_once(name):
    with warnings.catch_warnings():
        if name in WITHOUT_RECURRENT_WEIGHTS:
            warnings.simplefilter("ignore", UserWarning)
        else:
            warnings.simplefilter("error", UserWarning)
        cell = WeightDropout(
            Zoneout(VariationalDropout(plain(name), input=0.3, state=0.3), 0.3), 0.3
        )
    assert isinstance(cell, CellLike)
    x = sequence().requires_grad_()  # a reservoir has no parameter to train
    first = engine.unroll(cell, x)
    assert first.output.isfinite().all()
    first.output.sum().backward()
    assert not torch.equal(first.output, engine.unroll(cell, x).output)
    cell.eval()
    assert not cell.extra_sizes
    assert torch.equal(engine.unroll(cell, x).output, engine.unroll(cell, x).output)


@pytest.mark.parametrize("name", [n for n in cells.names() if n != "lstm_batch_norm"])
def test_nothing_dropped_is_the_plain_cell(name):
    cell, x = plain(name), sequence()
    expected = unroll(cell, x).output
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wrapped = WeightDropout(VariationalDropout(Zoneout(cell, 0.0), input=0.0, state=0.0), 0.0)
    assert not wrapped.extra_sizes
    assert torch.equal(unroll(wrapped, x).output, expected)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "fgr", "jordan", "slstm", "minlstm"])
def test_zoneout_of_everything_freezes_the_state(name):
    cell = plain(name)
    start = {n: torch.rand(5, w) for n, w in cell.state_sizes.items()}
    run = unroll(Zoneout(cell, 1.0), sequence(), start)
    for state in cell.independent_states:
        assert torch.equal(run.state[state], start[state])


def test_zoneout_keeps_the_units_that_its_mask_names():
    cell = Zoneout(plain("lstm"), {"c": 0.5})
    x, start = sequence(1)[0], {n: torch.rand(5, 4) for n in ("h", "c")}
    mask = (torch.arange(20).reshape(5, 4) % 2).float()
    _, state = cell(x, start, zoneout_c=mask)
    _, free = cell.cell(x, start)
    assert torch.equal(state["c"][mask > 0], start["c"][mask > 0])
    assert torch.equal(state["c"][mask == 0], free["c"][mask == 0])
    assert torch.equal(state["h"], free["h"])


def test_zoneout_draws_anew_at_every_step_at_its_rate():
    torch.manual_seed(0)
    masks = Zoneout(plain("lstm"), {"c": 0.2, "h": 0.9}).draw_extras(200, 50)
    assert {n: tuple(m.shape) for n, m in masks.items()} == {
        "zoneout_c": (200, 50, 4),
        "zoneout_h": (200, 50, 4),
    }
    assert masks["zoneout_c"].mean().item() == pytest.approx(0.2, abs=0.01)
    assert masks["zoneout_h"].mean().item() == pytest.approx(0.9, abs=0.01)
    assert not torch.equal(masks["zoneout_c"][0], masks["zoneout_c"][1])


def test_zoneout_in_evaluation_is_the_expectation_of_one_step():
    torch.manual_seed(0)
    cell = Zoneout(plain("gru"), 0.3)
    x, start = sequence(1, rows=1)[0], torch.rand(1, 4)
    many = cell(x.expand(40_000, 3), {"h": start.expand(40_000, 4)})[0].mean(0)
    torch.testing.assert_close(cell.eval()(x, {"h": start})[0][0], many, rtol=0, atol=0.01)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"cc": 0.1}, "did you mean 'c'"),
        ({"c": 1.5}, r"rate of c must lie in \[0, 1\]; got 1.5"),
    ],
)
def test_zoneout_refuses_a_wrong_state_or_rate(rates, message):
    with pytest.raises(CellError, match=message):
        Zoneout(plain("lstm"), rates)


def test_zoneout_refuses_a_state_that_only_scales_others():
    with pytest.raises(CellError, match="of which h can be held back alone"):
        Zoneout(plain("slstm"), {"c": 0.1})
    assert Zoneout(plain("slstm"), 0.1).rates == {"h": 0.1}


def test_variational_masks_are_constant_over_time_and_differ_between_rows():
    torch.manual_seed(0)
    cell = VariationalDropout(plain("gru"), input=0.25, state=0.5)
    masks = cell.draw_extras(100, 300)
    assert masks["dropout_x"].shape == (1, 300, 3)
    assert masks["dropout_4"].shape == (1, 300, 4)
    for name, keep in (("dropout_x", 0.75), ("dropout_4", 0.5)):
        assert masks[name].unique().tolist() == pytest.approx([0, 1 / keep])
        assert masks[name].mean().item() == pytest.approx(1, abs=0.1)
        assert not torch.equal(masks[name][0, 0], masks[name][0, 1])


def test_a_masked_lstm_is_an_lstm_with_masked_products_at_every_step():
    cell = VariationalDropout(plain("lstm"), input=0.4, state=0.4).double()
    x = sequence().double()
    masks = cell.draw_extras(6, 5, dtype=torch.float64)
    inner, dx, dh = cell.cell, masks["dropout_x"][0], masks["dropout_4"][0]
    h = c = torch.zeros(5, 4, dtype=torch.float64)
    for now in x:
        i, f, o = (
            torch.sigmoid(g(now * dx, h * dh)) for g in (inner.input, inner.forget, inner.output)
        )
        c = f * c + i * torch.tanh(inner.block(now * dx, h * dh))
        h = o * torch.tanh(c)
    torch.testing.assert_close(unroll(cell, x, extras=masks).state["h"], h)


@pytest.mark.parametrize("name", ["gru", "mgu", "leaky", "torch_gru", "rhn", "gru_layer_norm"])
def test_a_state_carried_on_by_addition_is_not_scaled_at_every_step(name):
    """The mask lies on the products. On the state itself, 1 / (1 - p) per step would explode."""
    cell = VariationalDropout(plain(name), state=0.5)
    torch.manual_seed(1)
    output = unroll(cell, sequence(200) * 0.1).output
    assert output.abs().max() < 10


def test_a_gru_that_only_carries_is_untouched_by_the_mask():
    cell = plain("gru").double()
    with torch.no_grad():
        cell.update.W.zero_()
        cell.update.U.zero_()
        cell.update.b.fill_(1000.0)
    start = torch.randn(5, 4, dtype=torch.float64)
    run = unroll(VariationalDropout(cell, state=0.5), sequence(50).double(), {"h": start})
    assert torch.equal(run.state["h"], start)


def test_a_step_leaves_no_mask_behind():
    cell = VariationalDropout(plain("gru"), state=0.5)
    unroll(cell, sequence())
    assert all(getattr(m, "operand_mask", None) is None for m in cell.modules())
    with pytest.raises(RuntimeError):
        cell.step(torch.zeros(5, 3), torch.zeros(5, 9), dropout_4=torch.ones(5, 4))
    assert all(getattr(m, "operand_mask", None) is None for m in cell.modules())


class Own(cells.Cell):
    """A cell of a user's, without gates."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.map = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.map(torch.cat([x, h], -1)))


def test_in_a_cell_without_gates_the_mask_lies_on_the_state_that_enters():
    torch.manual_seed(0)
    cell = VariationalDropout(Own(3, 4), state=0.5)
    x, h = sequence(1)[0], torch.rand(5, 4)
    mask = 2 * (torch.rand(5, 4) > 0.5).float()
    expected = cell.cell.step(x, h * mask)
    assert torch.equal(cell(x, {"h": h}, dropout_4=mask)[0], expected)


def test_weights_are_dropped_once_a_sequence():
    torch.manual_seed(0)
    cell = WeightDropout(plain("lstm"), 0.5)
    seen = []

    class Spy(type(cell.cell)):
        def step(self, x, h, c):
            seen.append((self.forget.U == 0).clone())
            return super().step(x, h, c)

    cell.cell.__class__ = Spy
    x = sequence(6)
    unroll(cell, x, executor="eager")
    unroll(cell, x, executor="eager")
    first, second = seen[:6], seen[6:]
    assert all(torch.equal(mask, first[0]) for mask in first)
    assert all(torch.equal(mask, second[0]) for mask in second)
    assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("gru", {"reset.U", "update.U", "memory.U"}),
        ("torch_lstm", {"weight_hh"}),
        ("slstm", {"block.U", "input.U", "forget.U", "output.U"}),
        ("elman_jordan", {"hidden.U", "feedback.U"}),
    ],
)
def test_weight_dropout_falls_on_the_recurrent_weights_only(name, weights):
    cell = WeightDropout(plain(name), 0.5)
    dropped = {
        f"{path}.{weight}".removeprefix("cell.").removeprefix("cell").lstrip(".")
        for path, module in cell.named_modules()
        if parametrize.is_parametrized(module)
        for weight in module.parametrizations
    }
    assert dropped == weights
    before = [p.clone() for p in cell.eval().parameters()]
    expected = unroll(plain(name), sequence()).output
    assert torch.equal(unroll(cell, sequence()).output, expected)
    assert all(torch.equal(a, b) for a, b in zip(before, cell.parameters(), strict=True))


@pytest.mark.parametrize("name", sorted(WITHOUT_RECURRENT_WEIGHTS))
def test_where_nothing_is_recurrent_the_user_is_told(name):
    with pytest.warns(UserWarning, match="weight dropout does nothing"):
        WeightDropout(plain(name), 0.5)
    with pytest.warns(UserWarning, match="dropout of the state does nothing"):
        VariationalDropout(plain(name), state=0.5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda cell: Zoneout(cell, 0.1),
        lambda cell: VariationalDropout(cell, input=0.1),
        lambda cell: WeightDropout(cell, 0.1),
    ],
)
def test_the_same_regulariser_twice_is_refused(wrap):
    with pytest.raises(CellError, match="already around this cell"):
        wrap(Zoneout(wrap(plain("gru")), 0.2))


@pytest.mark.parametrize(
    "make",
    [
        lambda cell: VariationalDropout(cell, input=1.0),
        lambda cell: VariationalDropout(cell, state=-0.1),
        lambda cell: WeightDropout(cell, 1.0),
    ],
)
def test_a_dropout_rate_of_one_is_refused(make):
    with pytest.raises(CellError, match=r"must lie in \[0, 1\)"):
        make(plain("gru"))


def test_a_wrapped_cell_keeps_its_start_and_what_it_emits():
    inner = plain("slstm")
    cell = Zoneout(inner, 0.1)
    assert cell.initial_state(2)["m"].isinf().all()
    jordan = Zoneout(plain("jordan", output_size=2), {"y": 0.1})
    assert jordan.emits == "y"
    assert dict(jordan.output_sizes) == {"h": 4}
    assert unroll(jordan, sequence()).output.shape == (6, 5, 2)


def test_wrapped_cells_survive_copy_dtype_and_state_dict():
    def make(seed):
        torch.manual_seed(seed)
        inner = VariationalDropout(cells.GRU(3, 4), input=0.2, state=0.2)
        return WeightDropout(Zoneout(inner, 0.2), 0.2)

    first, second = make(0), make(1)
    second.load_state_dict(first.state_dict())
    x = sequence()
    expected = unroll(first.eval(), x).output
    for cell in (second.eval(), copy.deepcopy(first)):
        assert torch.equal(unroll(cell, x).output, expected)
    doubled = copy.deepcopy(first).double().train()
    masks = doubled.draw_extras(6, 5, dtype=torch.float64)
    assert {mask.dtype for mask in masks.values()} == {torch.float64}
    assert unroll(doubled, x.double()).output.dtype == torch.float64
