"""The laws of a stack, for every cell: what it must be equal to."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from safetensors.torch import load, save
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from mnemonist.cells import LSTM, Cell
from mnemonist.engine import unroll
from mnemonist.errors import CellError, ConfigError, ShapeError, UnrepresentableError
from mnemonist.nn import Recurrent, last_valid

LENGTHS = torch.tensor([3, 6, 0, 5])


def rows_alone(model, x, lengths, **options):
    """Each row by itself, at its own length; the outputs padded with zeros again."""
    output = x.new_zeros(*x.shape[:2], model.output_size)
    states = []
    for row, length in enumerate(lengths.tolist()):
        alone, state = model(x[:length, row : row + 1], **options)
        output[:length, row] = alone[:, 0]
        states.append(state)
    return output, {name: torch.cat([s[name] for s in states], 1) for name in states[0]}


def test_a_stack_of_one_is_the_layer(cell):
    model = Recurrent(cell, 3, 5)
    x = torch.randn(6, 4, 3)
    output, state = model(x, lengths=LENGTHS)
    layer = unroll(model.cells[0], x, lengths=LENGTHS)
    assert_close(output, layer.output)
    for name, value in layer.state.items():
        assert_close(state[name], value[None])


def test_a_stack_feeds_each_layer_with_the_one_below(cell):
    model = Recurrent(cell, 3, 5, num_layers=3)
    value = x = torch.randn(6, 4, 3)
    for layer in model.cells:
        value = unroll(layer, value).output
    assert_close(model(x)[0], value)


def test_bidirectional_is_two_directions_concatenated(cell):
    model = Recurrent(cell, 3, 5, bidirectional=True)
    x = torch.randn(6, 4, 3)
    output, state = model(x)
    forward = unroll(model.cells[0], x)
    backward = unroll(model.cells[1], x.flip(0))
    assert_close(output, torch.cat([forward.output, backward.output.flip(0)], -1))
    for name in state:
        assert_close(state[name], torch.stack([forward.state[name], backward.state[name]]))


STACKS = {
    "plain": {},
    "two directions": {"bidirectional": True},
    "residual": {"connection": "residual", "norm": "layer"},
    "highway": {"connection": "highway", "bidirectional": True},
    "dense": {"connection": "dense", "norm": "batch", "bidirectional": True},
    "last": {"output": "last", "bidirectional": True},
}


@pytest.fixture(params=STACKS, ids=str)
def stack(request, cell):
    model = Recurrent(cell, 3, 5, num_layers=2, **STACKS[request.param])
    for norm in model.between.norms:
        if hasattr(norm, "running_mean"):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2.0)
    return model.eval()


def test_padded_with_lengths_is_ragged_one_by_one(stack):
    x = torch.randn(6, 4, 3)
    for row, length in enumerate(LENGTHS.tolist()):
        x[length:, row] = float("nan")  # padding must not be looked at
    output, state = stack(x, lengths=LENGTHS)
    if stack.output == "last":
        alone = torch.cat([stack(x[:n, [b]])[0] for b, n in enumerate(LENGTHS.tolist())])
        assert_close(output, alone)
        return
    alone, alone_state = rows_alone(stack, x, LENGTHS)
    assert_close(output, alone)
    assert_close(state, alone_state)


def test_no_gradient_depends_on_padding(stack):
    x = torch.randn(6, 4, 3)
    x.masked_fill_(torch.arange(6)[:, None, None] >= LENGTHS[:, None], float("nan"))
    x.requires_grad_()
    stack(x, lengths=LENGTHS)[0].square().sum().backward()
    assert all(p.grad.isfinite().all() for p in stack.parameters() if p.grad is not None)
    assert_close(x.grad[3:, 0], torch.zeros(3, 3))


def test_packed_is_padded(stack):
    x = torch.randn(6, 3, 3)
    lengths = torch.tensor([3, 6, 5])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, state = stack(packed)
    expected, expected_state = stack(x, lengths=lengths)
    if stack.output == "all":
        output = pad_packed_sequence(output)[0]
    assert_close(output, expected)
    assert_close(state, expected_state)


def test_chunks_with_the_state_carried_are_the_whole(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, connection="residual")
    x = torch.randn(7, 4, 3)
    whole, end = model(x)
    first, state = model(x[:3])
    second, state = model(x[3:], state)
    assert_close(torch.cat([first, second]), whole)
    assert_close(state, end)


@pytest.mark.parametrize(
    ("connection", "norm"),
    [(None, "batch"), ("residual", "layer"), ("highway", None), ("dense", "batch")],
)
def test_step_after_step_is_the_whole(cell, connection, norm):
    model = Recurrent(cell, 3, 5, num_layers=3, connection=connection, norm=norm, dropout=0.3)
    model(torch.randn(5, 4, 3))  # running averages that are not those of the start
    model.eval()
    x = torch.randn(6, 4, 3)
    whole, end = model(x)
    state, outputs = None, []
    for now in x:
        output, state = model.step(now, state)
        outputs.append(output)
    assert_close(torch.stack(outputs), whole)
    assert_close(state, end)


def test_a_reset_is_a_new_sequence(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(6, 4, 3)
    resets = torch.zeros(6, 4, dtype=torch.bool)
    resets[2] = True
    output, _ = model(x, resets=resets)
    assert_close(output, torch.cat([model(x[:2])[0], model(x[2:])[0]]))


def test_residual_highway_and_dense_are_what_they_say(cell):
    x = torch.randn(6, 4, 3)

    residual = Recurrent(cell, 3, 5, num_layers=2, connection="residual")
    low = unroll(residual.cells[0], x).output
    assert_close(residual(x)[0], low + unroll(residual.cells[1], low).output)

    highway = Recurrent(cell, 3, 5, num_layers=2, connection="highway")
    low = unroll(highway.cells[0], x).output
    weight, bias = highway.between.gates[0].weight, highway.between.gates[0].bias
    gate = torch.sigmoid(low @ weight.T + bias)
    assert_close(highway(x)[0], gate * unroll(highway.cells[1], low).output + (1 - gate) * low)

    dense = Recurrent(cell, 3, 5, num_layers=3, connection="dense")
    low = unroll(dense.cells[0], x).output
    middle = unroll(dense.cells[1], torch.cat([x, low], -1)).output
    high = unroll(dense.cells[2], torch.cat([x, low, middle], -1)).output
    assert dense.output_size == 3 * low.shape[-1]
    assert_close(dense(x)[0], torch.cat([low, middle, high], -1))


def test_norm_stands_in_front_of_upper_layers_and_not_on_the_residual_path():
    model = Recurrent("lstm", 3, 5, num_layers=2, connection="residual", norm="layer")
    x = torch.randn(6, 4, 3)
    low = unroll(model.cells[0], x).output
    centred = low - low.mean(-1, keepdim=True)
    read = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    assert_close(model(x)[0], low + unroll(model.cells[1], read).output)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_last_output_has_read_the_whole_row(cell, bidirectional):
    model = Recurrent(cell, 3, 5, bidirectional=bidirectional)
    x = torch.randn(6, 4, 3)
    sequence, _ = model(x, lengths=LENGTHS)
    model.output = "last"
    output, _ = model(x, lengths=LENGTHS)
    width = model.output_size // model.num_directions
    assert_close(output[:, :width], last_valid(sequence[..., :width], LENGTHS))
    assert_close(output[:, width:], sequence[0, :, width:])
    assert not output[2].any()


def test_emission_of_any_state():
    model = Recurrent("lstm", 3, 5, num_layers=2, emit=("c", "h"))
    x = torch.randn(6, 4, 3)
    low = unroll(model.cells[0], x).output
    states = unroll(model.cells[1], low, all_states=True).states
    assert model.output_size == 10
    assert_close(model(x)[0], torch.cat([states["c"], states["h"]], -1))


def test_one_vector_unfolds_at_the_first_step_or_at_every_step(cell):
    x = torch.randn(4, 3)
    sequence = Recurrent(cell, 3, 5)
    first = torch.cat([x[None], torch.zeros(5, 4, 3)])
    expected = {"first": sequence(first)[0], "hold": sequence(x.expand(6, -1, -1))[0]}
    for unfold, output in expected.items():
        model = Recurrent(cell, 3, 5, unfold=unfold)
        model.load_state_dict(sequence.state_dict())
        assert_close(model(x, steps=6)[0], output)
        assert_close(model(x[1], steps=6)[0], output[:, 1])
        assert model(x, steps=0)[0].shape == (0, 4, model.output_size)


def test_batch_first_and_unbatched_are_other_views_of_the_same(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(6, 4, 3)
    resets = torch.rand(6, 4) < 0.3
    expected, state = model(x, resets=resets)
    alone, alone_state = model(x[:, 1], resets=resets[:, 1])
    assert_close(alone, expected[:, 1])
    assert_close(alone_state, {name: value[:, 1] for name, value in state.items()})
    again, _ = model(x[:, 1], alone_state)
    assert_close(again, model(x, state)[0][:, 1])
    model.batch_first = True
    output, same = model(x.transpose(0, 1), resets=resets.T)
    assert_close(output.transpose(0, 1), expected)
    assert_close(same, state)
    assert_close(model(x[:, 1], resets=resets[:, 1])[0], alone)


def test_no_steps_at_all(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, bidirectional=True, norm="batch")
    output, state = model(torch.zeros(0, 4, 3))
    assert output.shape == (0, 4, model.output_size)
    assert_close(state, model.initial_state(4))
    model.output = "last"
    assert_close(model(torch.zeros(0, 4, 3))[0], torch.zeros(4, model.output_size))


def test_checkpointing_changes_no_gradient(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(6, 4, 3)
    grads = []
    for checkpoint in (None, 0, 4):
        model.checkpoint = checkpoint
        model.zero_grad()
        model(x)[0].square().sum().backward()
        grads.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert_close(grads[1], grads[0])
    assert_close(grads[2], grads[0])


def test_dropout_is_reproducible_and_off_in_evaluation(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, dropout=0.5)
    x = torch.randn(6, 4, 3)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(model(x)[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def test_copies_and_saved_weights_are_the_same_model(cell):
    model = Recurrent(cell, 3, 5, num_layers=2, connection="dense", norm="batch")
    x = torch.randn(6, 4, 3)
    model(x)
    model.eval()
    twin = copy.deepcopy(model)
    fresh = Recurrent(cell, 3, 5, num_layers=2, connection="dense", norm="batch").eval()
    fresh.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(twin(x)[0], model(x)[0])
    assert torch.equal(fresh(x)[0], model(x)[0])
    with torch.no_grad():
        next(twin.parameters()).add_(1.0)
    assert not torch.equal(twin(x)[0], model(x)[0])
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True).keys() == model.state_dict().keys()


def test_a_cell_may_be_a_function_and_have_options():
    from mnemonist.cells import get

    model = Recurrent(lambda i, h: get("gru")(i, h), 3, 5, num_layers=2)
    assert model(torch.randn(6, 4, 3))[0].shape == (6, 4, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "lstn"}, "did you mean 'lstm'"),
        ({"connection": "residul"}, "Did you mean 'residual'"),
        ({"norm": "batchnorm"}, "Did you mean 'batch'"),
        ({"unfold": "all"}, "'sequence', 'first', 'hold'"),
        ({"output": "lst"}, "Did you mean 'last'"),
        ({"emit": "hh"}, "Did you mean 'h'"),
        ({"num_layers": 0}, "num_layers must be a positive integer; got 0"),
        ({"dropout": 1.5}, "between 0 and 1"),
        ({"emit": ("h", "c"), "num_layers": 2, "connection": "residual"}, "equally wide"),
        ({"zoneout": {"k": 0.1}}, "'k'"),
        ({"cell": lambda i, h: torch.nn.Linear(i, h)}, "made a Linear, which is not a cell"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    with pytest.raises((ConfigError, CellError), match=message):
        Recurrent(**{"cell": "lstm", "input_size": 3, "hidden_size": 5, **arguments})


def test_wrong_inputs_are_named():
    model = Recurrent("lstm", 3, 5)
    x = torch.zeros(6, 4, 3)
    with pytest.raises(ShapeError, match=r"x must be \(T, B, 3\).*got \(6, 4, 2\)"):
        model(x[..., :2])
    with pytest.raises(ShapeError, match=r"state h must be .* \(1, 4, 5\); got \(1, 3, 5\)"):
        model(x, {"h": torch.zeros(1, 3, 5)})
    with pytest.raises(ConfigError, match="unknown state 'hh'"):
        model(x, {"hh": torch.zeros(1, 4, 5)})
    with pytest.raises(ConfigError, match="unknown extra input 'dt'"):
        model(x, extras={"dt": torch.zeros(6, 4, 1)})
    with pytest.raises(ConfigError, match="unfold='first' and 'hold'"):
        model(x, steps=3)
    with pytest.raises(ConfigError, match="needs steps"):
        Recurrent("lstm", 3, 5, unfold="hold")(x[0])
    with pytest.raises(ConfigError, match="bidirectional"):
        Recurrent("lstm", 3, 5, bidirectional=True).step(x[0])
    with pytest.raises(ConfigError, match="Every layer and direction makes its own cell"):
        Recurrent(model.cells[0], 3, 5)
    with pytest.warns(UserWarning, match="num_layers=1"):
        Recurrent("lstm", 3, 5, dropout=0.1)


def own(input_size: int, hidden_size: int, depth: int) -> Cell:
    return LSTM(input_size, hidden_size, activation="relu" if depth else "tanh")


def anything(input_size: int, hidden_size: int, **options: object) -> Cell:
    return LSTM(input_size, hidden_size)


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        ("lstm", {"bogus": 1}, "'bogus'; there is activation, gate_activation, chrono"),
        ("lstm", {"activaton": "relu"}, "Did you mean 'activation'"),
        ("lstm", {"input_size": 4}, "unknown option of the cell LSTM 'input_size'"),
        (lambda i, h: LSTM(i, h), {"bogus": 1}, "'bogus'; there is none"),
        (own, {}, "the cell own needs depth"),
        (lambda size: LSTM(size, size), {}, "cannot be made from .*too many positional"),
        ("janet", {"beta": "1"}, "beta of the cell JANET must be a number; got '1'"),
        ("lstm", {"chrono": True}, "chrono of the cell LSTM must be an integer or None; got True"),
        ("torch_gru", {"bias": 0}, "bias of the cell TorchGRU must be true or false; got 0"),
    ],
)
def test_options_that_a_cell_does_not_take_are_named(cell, options, message):
    with pytest.raises(ConfigError, match=message):
        Recurrent(cell, 3, 5, cell_options=options)


def test_options_reach_the_cell():
    assert Recurrent("lstm_projected", 3, 5, cell_options={"proj_size": 2}).output_size == 2
    assert Recurrent("janet", 3, 5, cell_options={"beta": 2}).layers[0].beta == 2
    Recurrent(own, 3, 5, cell_options={"depth": 1})
    Recurrent(anything, 3, 5, cell_options={"whatever": "it takes"})


@pytest.mark.filterwarnings("ignore:.*no weights.*:UserWarning")
def test_regularisers_stand_around_every_cell_of_a_stack(cell):
    model = Recurrent(
        cell, 3, 5, num_layers=2, bidirectional=True,
        zoneout=0.2, variational_dropout={"input": 0.3}, weight_dropout=0.5,
    )  # fmt: skip
    x = torch.randn(6, 4, 3)
    torch.manual_seed(1)
    output, _ = model(x)
    torch.manual_seed(1)
    assert torch.equal(model(x)[0], output)
    assert not torch.equal(model(x)[0], output)
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def test_zoneout_of_everything_keeps_the_state():
    model = Recurrent("lstm", 3, 5, zoneout={"h": 1.0, "c": 1.0})
    state = {name: torch.randn_like(value) for name, value in model.initial_state(4).items()}
    assert_close(model(torch.randn(6, 4, 3), state)[1], state)


def test_explain_says_of_every_cell_how_it_runs():
    model = Recurrent("lstm", 3, 5, num_layers=2, bidirectional=True)
    for x in (None, torch.zeros(6, 4, 3)):
        told = model.explain(x)
        assert [e.cell for e in told] == ["LSTM"] * 4
        assert all(e.program is not None and e.refusal is None for e in told)
    model.executor = "eager"
    assert {e.executor for e in model.explain(torch.zeros(6, 4, 3))} == {"eager"}


def test_strict_refuses_a_step_without_a_program():
    class Sorting(Cell):
        def step(self, x, h):
            return h.sort(-1)[0]

    x = torch.randn(6, 4, 3)
    assert Recurrent(Sorting, 3, 5)(x)[0].shape == (6, 4, 5)
    with pytest.raises(UnrepresentableError, match="sort"):
        Recurrent(Sorting, 3, 5, strict=True)(x)
