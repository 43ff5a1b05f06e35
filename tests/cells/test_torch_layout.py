"""Cells in torch's layout against torch.nn: values, gradients, and the draws of their weights."""

from functools import partial

import pytest
import torch
from torch import nn

from mnemonist import engine
from mnemonist.cells.torch_layout import TorchGRU, TorchLSTM, TorchRNN
from mnemonist.errors import CellError

unroll = partial(engine.unroll, executor="eager")  # the oracle: these are tests of equations

CASES = [
    (TorchRNN, nn.RNN, {}),
    (TorchRNN, nn.RNN, {"activation": "relu"}),
    (TorchLSTM, nn.LSTM, {}),
    (TorchLSTM, nn.LSTM, {"proj_size": 3}),
    (TorchGRU, nn.GRU, {}),
]


def pair(ours, theirs, options, bias, **factory):
    renamed = {"nonlinearity" if n == "activation" else n: v for n, v in options.items()}
    torch.manual_seed(5)
    cell = ours(4, 6, bias=bias, **options, **factory)
    torch.manual_seed(5)
    return cell, theirs(4, 6, bias=bias, **renamed, **factory)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("ours", "theirs", "options"), CASES)
def test_the_same_seed_draws_torchs_weights_under_torchs_names(ours, theirs, options, bias):
    cell, layer = pair(ours, theirs, options, bias)
    expected = {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}
    drawn = dict(cell.named_parameters())
    assert list(drawn) == list(expected)
    for name, parameter in drawn.items():
        assert torch.equal(parameter, expected[name]), name


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("ours", "theirs", "options"), CASES)
def test_values_and_gradients_are_torchs(ours, theirs, options, bias):
    cell, layer = pair(ours, theirs, options, bias, dtype=torch.float64)
    torch.manual_seed(0)
    x = torch.randn(5, 2, 4, dtype=torch.float64, requires_grad=True)
    result = unroll(cell, x)
    output, state = layer(x)
    h, *c = state if isinstance(state, tuple) else (state,)
    torch.testing.assert_close(result.output, output)
    torch.testing.assert_close(result.state["h"], h[0])
    for ours_c, theirs_c in zip(list(result.state.values())[1:], c):
        torch.testing.assert_close(ours_c, theirs_c[0])
    weights = torch.randn_like(output)
    got = torch.autograd.grad((result.output * weights).sum(), [x, *cell.parameters()])
    expected = torch.autograd.grad((output * weights).sum(), [x, *layer.parameters()])
    for ours_grad, theirs_grad in zip(got, expected, strict=True):
        torch.testing.assert_close(ours_grad, theirs_grad)


def test_a_projection_as_wide_as_the_state_is_refused_with_both_numbers():
    with pytest.raises(CellError, match=r"smaller than hidden_size = 6; got 6"):
        TorchLSTM(4, 6, proj_size=6)
