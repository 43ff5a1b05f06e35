"""A whole stack step by step is the stack."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mnemonist.engine.native import library
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn import GRU, LSTM, RNN, Feedback, Recurrent, Streaming

EXECUTORS = ["program", *(["native"] if library.available() else [])]
STACKS: list[tuple[str, dict[str, Any]]] = [
    ("lstm", {}),
    ("gru", {"num_layers": 3, "connection": "residual", "dropout": 0.3}),
    ("lstm_peephole", {"num_layers": 2, "connection": "highway", "norm": "layer"}),
    (
        "lstm_projected",
        {"num_layers": 2, "connection": "dense", "cell_options": {"proj_size": 3}},
    ),
    ("elman", {"num_layers": 2, "norm": "batch"}),
    ("lstm", {"num_layers": 2, "emit": ("h", "c"), "zoneout": 0.1, "weight_dropout": 0.2}),
    ("gru", {"num_layers": 2, "feedback": [Feedback(1, 0)]}),
]


def steps(stream: Streaming, x: Tensor) -> Tensor:
    return torch.stack([stream.step(now).clone() for now in x])


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("cell", "options"), STACKS)
def test_step_by_step_is_the_stack(cell: str, options: dict[str, Any], executor: str) -> None:
    torch.manual_seed(0)
    model = Recurrent(cell, 5, 6, **options)
    x = torch.randn(7, 3, 5)
    model(x)  # in training: running averages move
    expected, state = model.eval()(x)
    stream = Streaming(model.train(), 3, executor=executor)
    assert model.training
    assert stream.executor == executor
    found = steps(stream, x[:4])
    kept = stream.state
    other = Streaming(model, 3, executor=executor)
    other.state = kept
    found = torch.cat([found, steps(other, x[4:])])
    assert torch.allclose(found, expected, atol=3e-6)
    assert other.state.keys() == state.keys()
    for name, value in other.state.items():
        assert torch.allclose(value, state[name], atol=3e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_drop_in_layers_stream(kind: type[LSTM | GRU | RNN]) -> None:
    torch.manual_seed(1)
    model = kind(5, 6, num_layers=2).eval()
    x = torch.randn(7, 3, 5)
    with torch.no_grad():
        expected, _ = model(x)
        stream = Streaming(model, 3)
        assert torch.allclose(steps(stream, x), expected, atol=3e-6)
        for parameter in model.parameters():
            parameter.mul_(0.5)
        stream.refresh()
        stream.reset()
        assert torch.allclose(steps(stream, x), model(x)[0], atol=3e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_few_bits_cost_little_in_a_stack(precision: str) -> None:
    torch.manual_seed(2)
    model = Recurrent("lstm", 16, 32, num_layers=3).float().eval()
    x = torch.randn(40, 2, 16, dtype=torch.float32)
    error = (steps(Streaming(model, 2, precision=precision), x) - model(x)[0]).abs().max()
    assert 1e-6 < error < 1e-2


def test_one_row_starts_afresh() -> None:
    torch.manual_seed(3)
    model, x = Recurrent("lstm", 4, 5, num_layers=2).eval(), torch.randn(6, 3, 4)
    resets = torch.zeros(6, 3, dtype=torch.bool)
    resets[3, 2] = True
    stream = Streaming(model, 3)
    found = [steps(stream, x[:3])]
    stream.reset(2)
    found.append(steps(stream, x[3:]))
    assert torch.allclose(torch.cat(found), model(x, resets=resets)[0], atol=3e-6)


def test_what_cannot_stream() -> None:
    with pytest.raises(ConfigError, match="cannot run step by step"):
        Streaming(Recurrent("gru", 3, 4, bidirectional=True))
    stream = Streaming(Recurrent("gru", 3, 4))
    with pytest.raises(ShapeError, match=r"x must be \(B, I\) = \(1, 3\)"):
        stream.step(torch.zeros(2, 3))
    with pytest.raises(ConfigError, match="noise"):
        stream.step(torch.zeros(1, 3), noise=torch.zeros(1, 3))
    with pytest.raises(ShapeError, match=r"layers · directions, B, width\) = \(1, 1, 4\)"):
        stream.state = {"h": torch.zeros(1, 4)}
    assert repr(stream).startswith("Streaming(Recurrent, batch_size=1, torch.float64, executor=")
