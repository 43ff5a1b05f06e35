"""Feedback between layers, against loops written by hand."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from mnemonist.cells import Cell
from mnemonist.engine import unroll
from mnemonist.errors import ConfigError
from mnemonist.nn import Feedback, Recurrent

T, B, INPUT, HIDDEN, OUTPUT = 6, 4, 3, 5, 2


class Tanh(Cell):
    """h' = tanh(W x + U h + b), with parameters that a test can read."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")

    def step(self, x, h):
        return torch.tanh(self.hidden(x, h))


def tanh_step(cell, x, h):
    gate = cell.hidden
    return torch.tanh(x @ gate.W.T + h @ gate.U.T + gate.b)


def readout(stack, h):
    return torch.tanh(h @ stack.readout.weight.T + stack.readout.bias)


def test_output_to_input_is_a_jordan_network():
    model = Recurrent(
        Tanh,
        INPUT,
        HIDDEN,
        feedback=[Feedback("output")],
        output_size=OUTPUT,
        output_activation="tanh",
    )
    stack, x = model.cells[0], torch.randn(T, B, INPUT)
    h, y, expected = torch.zeros(B, HIDDEN), torch.zeros(B, OUTPUT), []
    for now in x:
        h = tanh_step(stack.cells[0], torch.cat([now, y], -1), h)
        y = readout(stack, h)
        expected.append(y)
    output, state = model(x)
    assert_close(output, torch.stack(expected))
    assert_close(state, {"h": h[None], "output": y[None]})
    assert model.output_size == OUTPUT


def test_output_to_hidden():
    model = Recurrent(
        Tanh, INPUT, HIDDEN, feedback=[Feedback("output", 0, "hidden")], output_size=OUTPUT,
        output_activation="tanh",
    )  # fmt: skip
    stack, x = model.cells[0], torch.randn(T, B, INPUT)
    (into,) = stack.into_hidden.values()
    h, y, expected = torch.zeros(B, HIDDEN), torch.zeros(B, OUTPUT), []
    for now in x:
        h = tanh_step(stack.cells[0], now, h + y @ into.weight.T)
        y = readout(stack, h)
        expected.append(y)
    assert_close(model(x)[0], torch.stack(expected))


def test_upper_to_lower_and_hidden_to_input_with_residual_and_norm():
    paths = [Feedback(1, 0, "hidden"), Feedback(0, 0, "input"), Feedback(1, 0, "input")]
    model = Recurrent(
        Tanh, INPUT, HIDDEN, num_layers=2, feedback=paths, connection="residual", norm="layer"
    )
    stack, x = model.cells[0], torch.randn(T, B, INPUT)
    (into,) = stack.into_hidden.values()
    low, high, expected = torch.zeros(B, HIDDEN), torch.zeros(B, HIDDEN), []
    for now in x:
        read = torch.cat([now, low, high], -1)
        low = tanh_step(stack.cells[0], read, low + high @ into.weight.T)
        centred = low - low.mean(-1, keepdim=True)
        normal = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        high = tanh_step(stack.cells[1], normal, high)
        expected.append(low + high)
    output, state = model(x)
    assert_close(output, torch.stack(expected))
    assert_close(state, {"h": torch.stack([low, high])})


def test_what_is_emitted_but_is_no_state_is_fed_back_too():
    class Doubling(Tanh):
        outputs = ("y",)

        def step(self, x, h):
            h = super().step(x, h)
            return h, 2 * h

    model = Recurrent(Doubling, INPUT, HIDDEN, num_layers=2, feedback=[Feedback(1, 0)])
    stack, x = model.cells[0], torch.randn(T, B, INPUT)
    low, high, expected = torch.zeros(B, HIDDEN), torch.zeros(B, HIDDEN), []
    for now in x:
        low = tanh_step(stack.cells[0], torch.cat([now, 2 * high], -1), low)
        high = tanh_step(stack.cells[1], 2 * low, high)
        expected.append(2 * high)
    output, state = model(x)
    assert_close(output, torch.stack(expected))
    assert_close(state["emitted"], 2 * high[None])


PATHS = [Feedback("output", 0), Feedback(1, 0, "hidden"), Feedback(0, 1, "input")]


@pytest.fixture
def model(cell):
    return Recurrent(
        cell,
        INPUT,
        HIDDEN,
        num_layers=2,
        feedback=PATHS,
        output_size=OUTPUT,
        connection="dense",
        dropout=0.4,
    )


def test_without_feedback_weights_it_is_the_stack(cell):
    """Feedback whose weights are zero changes nothing."""
    model = Recurrent(cell, INPUT, HIDDEN, num_layers=2, feedback=[Feedback(1, 0, "hidden")])
    torch.nn.init.zeros_(model.cells[0].into_hidden["0"].weight)
    plain = Recurrent(cell, INPUT, HIDDEN, num_layers=2)
    plain.cells.load_state_dict(model.cells[0].cells.state_dict())
    x = torch.randn(T, B, INPUT)
    assert_close(model(x)[0], plain(x)[0])


def test_teacher_forcing_hands_back_the_targets_and_not_the_output(model):
    model.eval()
    x, target = torch.randn(T, B, INPUT), torch.randn(T, B, OUTPUT)
    late = torch.cat([torch.zeros(1, B, OUTPUT), target[:-1]])
    output, _ = model(x, forced={"output": late})
    state = model.initial_state(B)
    for t in range(T):
        state["output"] = late[t][None]
        now, state = model.step(x[t], state)
        assert_close(now, output[t])
    never, _ = model(x, forced={"output": late}, forced_mask=torch.zeros(T, B, dtype=torch.bool))
    assert_close(never, model(x)[0])
    assert not torch.allclose(never, output)


def test_time_is_handled_as_for_any_cell(model):
    model.eval()
    x, lengths = torch.randn(T, B, INPUT), torch.tensor([3, 6, 0, 5])
    output, state = model(x, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, alone_state = model(x[:length, [row]])
        assert_close(output[:length, [row]], alone)
        assert_close({n: v[:, [row]] for n, v in state.items()}, alone_state)
    assert not output[3:, 0].any()
    start, middle = model(x[:2])
    assert_close(torch.cat([start, model(x[2:], middle)[0]]), model(x)[0])
    assert model(torch.zeros(0, B, INPUT))[0].shape == (0, B, OUTPUT)


def test_dropout_between_layers_is_new_at_every_step_and_off_in_evaluation(model):
    x = torch.randn(T, B, INPUT)
    torch.manual_seed(3)
    first, _ = model(x)
    assert not torch.equal(model(x)[0], first)
    torch.manual_seed(3)
    assert torch.equal(model(x)[0], first)
    masks = model.cells[0].draw_extras(200, B, dtype=x.dtype)["1.dropout"]
    assert set(masks.unique().tolist()) == {0.0, 1 / 0.6}
    assert masks.eq(0).double().mean().item() == pytest.approx(0.4, abs=0.05)
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def test_gradients_are_those_of_the_equations():
    model = Recurrent(
        "gru", 1, 2, num_layers=2, executor="eager", feedback=[Feedback("output"), Feedback(1, 0, "hidden")],
        output_size=1,
    )  # fmt: skip
    x = torch.randn(3, 2, 1, requires_grad=True)
    leaves = (x, *model.parameters())

    def run(*_):  # gradcheck moves the leaves in place
        return model(x)[0]

    assert torch.autograd.gradcheck(run, leaves)


def test_the_composite_is_a_cell_to_the_engine(cell):
    model = Recurrent(cell, INPUT, HIDDEN, num_layers=2, feedback=[Feedback(1, 0)], emit=None)
    run = unroll(model.cells[0], torch.randn(T, B, INPUT), all_states=True)
    assert set(run.states) == set(model.cells[0].state_sizes)
    for name, value in run.states.items():
        assert_close(value[-1], run.state[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": [Feedback("output")]}, "needs output_size"),
        ({"output_size": 2}, "put torch.nn.Linear behind the stack"),
        ({"feedback": [Feedback(2)]}, "source of a feedback must be one of 0, 1, 'output'; got 2"),
        ({"feedback": [Feedback(0, 5)]}, "target of a feedback must be one of 0, 1; got 5"),
        ({"feedback": [Feedback(0, 0, "hiden")]}, "Did you mean 'hidden'"),
        ({"feedback": [(0, 1)]}, r"got \(0, 1\)"),
        ({"feedback": [Feedback(1)], "norm": "batch"}, "choose norm='layer'"),
        ({"feedback": [Feedback(1)], "bidirectional": True}, "one direction of time"),
    ],
)
def test_wrong_feedback_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Recurrent(Tanh, INPUT, HIDDEN, num_layers=2, **options)
