"""What code written for torch.nn's layers relies on beside the numbers they compute."""

import re
import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import mnemonist.nn as ours
from mnemonist.errors import ConfigError, MnemonistError
from mnemonist.nn import GRU, LSTM, RNN

CONFIGURATIONS = [
    ("LSTM", {}),
    ("LSTM", {"num_layers": 3, "bidirectional": True, "proj_size": 2}),
    ("LSTM", {"num_layers": 2, "bias": False, "proj_size": 1, "batch_first": True}),
    ("GRU", {"num_layers": 2, "bidirectional": True, "dropout": 0.25}),
    ("GRU", {"bias": False, "dtype": torch.float64}),
    ("RNN", {"num_layers": 2, "nonlinearity": "relu", "batch_first": True}),
    ("RNN", {"bidirectional": True, "bias": False}),
]


def both(kind: str, *arguments: object, **options: object) -> tuple[nn.Module, nn.Module]:
    options = {"dtype": torch.float64, **options}
    torch.manual_seed(5)
    mine = getattr(ours, kind)(*arguments, **options)
    torch.manual_seed(5)
    return mine, getattr(nn, kind)(*arguments, **options)


@pytest.mark.parametrize(("kind", "options"), CONFIGURATIONS)
def test_same_seed_same_weights_bit_for_bit(kind: str, options: dict) -> None:
    mine, torchs = both(kind, 3, 5, **options)
    after_ours = torch.rand(1)
    torch.manual_seed(5)
    getattr(nn, kind)(3, 5, **{"dtype": torch.float64, **options})
    assert torch.equal(after_ours, torch.rand(1))  # the generator is left where torch leaves it
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in torchs.named_parameters()]
    assert all(map(torch.equal, mine.parameters(), torchs.parameters()))
    assert list(mine.named_buffers()) == list(mine.named_children()) == []


@pytest.mark.parametrize(("kind", "options"), CONFIGURATIONS)
def test_checkpoints_load_both_ways(kind: str, options: dict) -> None:
    mine, torchs = both(kind, 3, 5, **options)
    with torch.no_grad():
        for weight in torchs.parameters():
            weight.add_(1)
    mine.load_state_dict(torchs.state_dict())
    assert all(map(torch.equal, mine.parameters(), torchs.parameters()))
    with torch.no_grad():
        for weight in mine.parameters():
            weight.mul_(2)
    torchs.load_state_dict(mine.state_dict())
    assert all(map(torch.equal, mine.parameters(), torchs.parameters()))


@pytest.mark.parametrize(("kind", "options"), CONFIGURATIONS)
def test_repr_and_attributes_are_torchs(kind: str, options: dict) -> None:
    mine, torchs = both(kind, 3, 5, **options)
    assert repr(mine) == repr(torchs)
    names = (
        "mode input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size"
    )
    for name in (*names.split(), "_all_weights", "_flat_weights_names"):
        assert getattr(mine, name) == getattr(torchs, name), name
    for mine_part, torchs_part in zip(mine.all_weights, torchs.all_weights, strict=True):
        assert all(map(torch.equal, mine_part, torchs_part))
    assert all(map(torch.equal, mine._flat_weights, torchs._flat_weights))
    assert mine.flatten_parameters() is None
    x = torch.zeros(7, 4, 3)
    assert mine.get_expected_hidden_size(x, None) == torchs.get_expected_hidden_size(x, None)
    sizes = torch.tensor([4, 2])
    flat = torch.zeros(6, 3)
    assert mine.get_expected_hidden_size(flat, sizes) == torchs.get_expected_hidden_size(
        flat, sizes
    )


def test_arguments_by_position_are_torchs() -> None:
    lstm = LSTM(3, 5, 2, False, True, 0.5, True, 2)
    assert repr(lstm) == repr(nn.LSTM(3, 5, 2, False, True, 0.5, True, 2))
    rnn, torchs = both("RNN", 3, 5, 2, "relu", False, True, 0.5, True)
    assert repr(rnn) == repr(torchs)
    assert rnn.mode == torchs.mode == "RNN_RELU"
    gru, torchs = both("GRU", 3, 5, 2, False, True, 0.5, True)
    assert repr(gru) == repr(torchs)


def test_executor_and_strict_show_in_the_repr() -> None:
    assert repr(GRU(3, 5, executor="eager")) == "GRU(3, 5, executor=eager)"


BAD_ARGUMENTS = [
    ("LSTM", (0, 5), {}),
    ("LSTM", (3, -1), {}),
    ("LSTM", (3.0, 5), {}),
    ("LSTM", (3, "5"), {}),
    ("GRU", (3, 5, 0), {}),
    ("GRU", (3, 5), {"bias": 1}),
    ("GRU", (3, 5), {"batch_first": "yes"}),
    ("GRU", (3, 5), {"dropout": 1.5}),
    ("GRU", (3, 5), {"dropout": True}),
    ("RNN", (3, 5), {"nonlinearity": "sine"}),
    ("LSTM", (3, 5), {"proj_size": 5}),
    ("LSTM", (3, 5), {"proj_size": -1}),
]


@pytest.mark.parametrize(("kind", "arguments", "options"), BAD_ARGUMENTS)
def test_bad_arguments_raise_what_torch_raises(kind: str, arguments: tuple, options: dict) -> None:
    with pytest.raises((ValueError, TypeError)) as torchs:
        getattr(nn, kind)(*arguments, **options)
    with pytest.raises(torchs.type) as mine:
        getattr(ours, kind)(*arguments, **options)
    assert isinstance(mine.value, MnemonistError)


@pytest.mark.parametrize("kind", ["GRU", "RNN"])
def test_only_the_lstm_has_a_projection(kind: str) -> None:
    with pytest.raises(TypeError, match="proj_size"):
        getattr(ours, kind)(3, 5, proj_size=2)


zeros = partial(torch.zeros, dtype=torch.float64)
X = zeros(7, 4, 3)
BAD_CALLS = {
    "4-D input": ("GRU", (zeros(1, 7, 4, 3),)),
    "wrong width": ("GRU", (zeros(7, 4, 2),)),
    "wrong width, LSTM": ("LSTM", (zeros(7, 2),)),
    "wrong dtype": ("RNN", (X.float(),)),
    "wrong batch in hx": ("GRU", (X, zeros(1, 3, 5))),
    "too many layers in hx": ("RNN", (X, zeros(2, 4, 5))),
    "hx without batch": ("GRU", (X, zeros(1, 5))),
    "hx with batch, input without": ("GRU", (X[:, 0], zeros(1, 1, 5))),
    "wrong h": ("LSTM", (X, (zeros(1, 4, 6), zeros(1, 4, 5)))),
    "wrong c": ("LSTM", (X, (zeros(1, 4, 5), zeros(1, 4, 6)))),
    "c without batch": ("LSTM", (X, (zeros(1, 4, 5), zeros(1, 5)))),
    "packed, wrong width": ("GRU", (pack_padded_sequence(zeros(7, 4, 2), [7] * 4),)),
    "packed, wrong hx": ("GRU", (pack_padded_sequence(X, [7] * 4), zeros(1, 3, 5))),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_calls_raise_what_torch_raises(case: str) -> None:
    kind, arguments = BAD_CALLS[case]
    mine, torchs = both(kind, 3, 5)
    with pytest.raises((ValueError, RuntimeError)) as expected:
        torchs(*arguments)
    with pytest.raises(expected.type) as found:
        mine(*arguments)
    assert isinstance(found.value, MnemonistError)
    numbers = set(re.findall(r"\d+", str(expected.value)))  # it tells as much as torch's message
    assert numbers <= set(re.findall(r"\d+", str(found.value)))


def test_a_state_of_the_wrong_kind_is_named() -> None:
    h = zeros(1, 4, 5)
    with pytest.raises(RuntimeError, match="GRU: hx must be a tensor, got tuple"):
        GRU(3, 5, dtype=torch.float64)(X, (h, h))
    with pytest.raises(RuntimeError, match="LSTM: hx must be the pair"):
        LSTM(3, 5, dtype=torch.float64)(X, h)


def test_dropout_in_one_layer_warns_where_the_caller_stands() -> None:
    with pytest.warns(UserWarning, match="num_layers=1") as caught:
        RNN(3, 5, dropout=0.5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RNN(3, 5, num_layers=2, dropout=0.5)


def test_lengths_are_refused_where_they_make_no_sense() -> None:
    layer = GRU(3, 5, dtype=torch.float64)
    with pytest.raises(ConfigError, match="PackedSequence has its own lengths"):
        layer(pack_padded_sequence(X, [7] * 4), lengths=[7] * 4)
    for lengths in ([7, 7, 7], [8, 1, 1, 1], [-1, 1, 1, 1], [1.0, 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="lengths must"):
            layer(X, lengths=lengths)


def test_executors_are_chosen_by_name() -> None:
    layer = GRU(3, 5, dtype=torch.float64, executor="vendor")
    with pytest.raises(ConfigError, match=r"cannot run this GRU: .*T = 0"):
        layer(X[:0])
    with pytest.raises(ConfigError, match="row of length 0"):
        layer(X, lengths=[7, 0, 1, 1])
    assert layer(X[:0], executor="auto")[0].shape == (0, 4, 5)
    with pytest.raises(ConfigError, match="no executor 'warp'"):
        layer(X, executor="warp")


def test_flat_weights_can_be_put_back_as_old_code_does() -> None:
    layer = LSTM(3, 5)
    replaced = nn.Parameter(zeros(20, 5))
    layer._flat_weights = [replaced if w.shape == (20, 5) else w for w in layer._flat_weights]
    assert layer.weight_hh_l0 is replaced
    assert dict(layer.named_parameters())["weight_hh_l0"] is replaced


def test_a_subclass_with_its_own_forward_finds_torchs_helpers() -> None:
    class Shouting(LSTM):
        def forward(self, input, hx=None):  # type: ignore[no-untyped-def, override]
            self.check_forward_args(input, hx, None)
            turned = self.permute_hidden(hx, torch.tensor([1, 0, 2, 3]))
            output, state = super().forward(input, turned)
            return output * 2, state

    torch.manual_seed(0)
    layer = Shouting(3, 5, dtype=torch.float64)
    h, c = torch.randn(1, 4, 5, dtype=torch.float64), torch.randn(1, 4, 5, dtype=torch.float64)
    swap = [1, 0, 2, 3]
    plain, _ = LSTM.forward(layer, X, (h[:, swap], c[:, swap]))
    torch.testing.assert_close(layer(X, (h, c))[0], plain * 2)
    with pytest.raises(RuntimeError, match=re.escape("Expected hidden[1] size (1, 4, 5)")):
        layer(X, (h, c[:, :1]))


def test_explain_names_the_executor_that_runs(measured: Callable[[float], None]) -> None:
    measured(0.5)
    layer = LSTM(3, 5, num_layers=2, dtype=torch.float64)
    assert layer.explain(X).executor == layer.explain().executor == "vendor"
    assert layer.explain(pack_padded_sequence(X, [7] * 4)).executor == "vendor"
    asked = layer.explain(X, executor="eager")
    assert asked.executor == "eager"
    assert "eager" in asked.passed_over["vendor, all layers in one call"]
    shown = str(layer.explain(X[:0]))
    assert "LSTM runs by the executor" in shown
    assert "T = 0" in shown
