"""The drop-in layers compute what torch.nn's compute, in values and in all gradients."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from mnemonist.engine.native import library
from mnemonist.errors import ConfigError
from mnemonist.nn import GRU, LSTM, RNN

STEPS, ROWS, INPUT, HIDDEN = 4, 3, 2, 3
LENGTHS = {"sorted": [4, 3, 1], "unsorted": [3, 1, 4]}
EXECUTORS = ("eager", "program", "vendor", *(["native"] if library.available() else []))


def pair(kind: str, **options: object) -> tuple[nn.Module, nn.Module]:
    """The drop-in and torch's layer, made from the same seed, float64."""
    made = []
    for module in ({"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[kind], getattr(nn, kind)):
        torch.manual_seed(7)
        made.append(module(INPUT, HIDDEN, dtype=torch.float64, **options))
    ours, theirs = made
    return ours, theirs


def tensors(result: object) -> list[Tensor]:
    """Every tensor in a layer's result, in order."""
    if isinstance(result, PackedSequence):
        return [result.data, result.batch_sizes, *(t for t in result[2:] if t is not None)]
    if isinstance(result, Tensor):
        return [result]
    return [t for part in result for t in tensors(part)]


def state_for(layer: nn.Module, rows: int | None) -> Tensor | tuple[Tensor, Tensor]:
    """A random state as the caller gives it, that takes a gradient; no batch if rows is None."""
    parts = layer.num_layers * (2 if layer.bidirectional else 1)
    batch = () if rows is None else (rows,)
    torch.manual_seed(11)

    def draw(width: int) -> Tensor:
        return torch.randn(parts, *batch, width, dtype=torch.float64).requires_grad_()

    h = draw(layer.proj_size or layer.hidden_size)
    return (h, draw(layer.hidden_size)) if layer.mode == "LSTM" else h


def assert_same(ours: nn.Module, theirs: nn.Module, make_input, rows, **call) -> None:  # type: ignore[no-untyped-def]
    """Same results and same gradients (input, state, every parameter) from same arguments."""
    found = []
    for layer, extra in ((ours, call), (theirs, {})):
        torch.manual_seed(13)
        leaf, argument = make_input()
        hx = state_for(layer, rows)
        results = tensors(layer(argument, hx, **extra))
        loss = sum(
            (r * torch.arange(1, 1 + r.numel(), dtype=r.dtype).view_as(r).cos()).sum()
            for r in results
            if r.is_floating_point()
        )
        sources = [leaf, *tensors(hx), *layer.parameters()]
        found.append((results, torch.autograd.grad(loss, sources)))
    for mine, torchs in zip(*found, strict=True):
        assert len(mine) == len(torchs)
        for a, b in zip(mine, torchs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def padded(batch_first: bool = False):  # type: ignore[no-untyped-def]
    def make() -> tuple[Tensor, Tensor]:
        x = torch.randn(STEPS, ROWS, INPUT, dtype=torch.float64).requires_grad_()
        return x, x.transpose(0, 1) if batch_first else x

    return make


def packed(order: str):  # type: ignore[no-untyped-def]
    def make() -> tuple[Tensor, PackedSequence]:
        x = torch.randn(STEPS, ROWS, INPUT, dtype=torch.float64).requires_grad_()
        return x, pack_padded_sequence(x, LENGTHS[order], enforce_sorted=order == "sorted")

    return make


def unbatched() -> tuple[Tensor, Tensor]:
    x = torch.randn(STEPS, INPUT, dtype=torch.float64).requires_grad_()
    return x, x


KINDS = [
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
    ("GRU", {}),
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
]
CASES = [
    pytest.param(
        kind,
        {**options, "num_layers": layers, "bidirectional": both, "bias": bias},
        id="-".join(
            [kind, *map(str, options.values()), f"{layers}", "bi" * both, "nobias" * (not bias)]
        ),
    )
    for (kind, options), layers, both, bias in itertools.product(
        KINDS, (1, 2, 3), (False, True), (True, False)
    )
]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_values_and_gradients_are_torchs(kind: str, options: dict, executor: str) -> None:
    ours, theirs = pair(kind, **options)
    assert_same(ours, theirs, padded(), ROWS, executor=executor)
    assert_same(ours, theirs, packed("sorted"), ROWS, executor=executor)
    assert_same(ours, theirs, packed("unsorted"), ROWS, executor=executor)
    assert_same(ours, theirs, unbatched, None, executor=executor)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_batch_first_is_torchs(kind: str, options: dict, executor: str) -> None:
    ours, theirs = pair(kind, **options, num_layers=2, bidirectional=True, batch_first=True)
    assert_same(ours, theirs, padded(batch_first=True), ROWS, executor=executor)
    assert_same(ours, theirs, packed("unsorted"), ROWS, executor=executor)
    assert_same(ours, theirs, unbatched, None, executor=executor)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_missing_state_is_zeros(kind: str, options: dict, executor: str) -> None:
    ours, theirs = pair(kind, **options, num_layers=2, bidirectional=True)
    x = torch.randn(STEPS, ROWS, INPUT, dtype=torch.float64)
    for argument in (x, x[:, 0], pack_padded_sequence(x, LENGTHS["sorted"])):
        mine, torchs = tensors(ours(argument, executor=executor)), tensors(theirs(argument))
        for a, b in zip(mine, torchs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("executor", ["auto", *EXECUTORS])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_lengths_are_packing_without_packing(kind: str, options: dict, executor: str) -> None:
    ours, theirs = pair(kind, **options, num_layers=2, bidirectional=True, batch_first=True)
    lengths = [2, 1, 3]  # none reaches T = 4
    x = torch.randn(ROWS, STEPS, INPUT, dtype=torch.float64)
    hx = state_for(ours, ROWS)
    output, after = ours(x, hx, lengths=torch.tensor(lengths), executor=executor)
    argument = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, expected_after = theirs(argument, hx)
    expected, _ = pad_packed_sequence(expected, batch_first=True, total_length=STEPS)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    for a, b in zip(tensors(after), tensors(expected_after), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_row_without_steps_keeps_its_state(kind: str) -> None:
    ours, _ = pair(kind)
    x = torch.randn(STEPS, 2, INPUT, dtype=torch.float64)
    x[:, 1] = torch.nan  # padding, all of it
    hx = state_for(ours, 2)
    output, after = ours(x, hx, lengths=[4, 0])
    assert torch.equal(output[:, 1], torch.zeros(STEPS, HIDDEN, dtype=torch.float64))
    for before, now in zip(tensors(hx), tensors(after), strict=True):
        assert torch.equal(before[:, 1], now[:, 1])
    (output.sum() + sum(s.sum() for s in tensors(after))).backward()
    assert all(p.grad.isfinite().all() for p in ours.parameters())


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nan_in_padding_reaches_nothing(executor: str) -> None:
    ours, _ = pair("LSTM", num_layers=2, bidirectional=True)
    x = torch.randn(STEPS, 2, INPUT, dtype=torch.float64)
    x[2:, 1] = torch.nan
    output, _ = ours(x, lengths=[4, 2], executor=executor)
    output.sum().backward()
    assert output.isfinite().all()
    assert all(p.grad.isfinite().all() for p in ours.parameters())


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_no_steps_return_the_state(kind: str) -> None:
    ours, _ = pair(kind, num_layers=2, bidirectional=True)
    hx = state_for(ours, ROWS)
    output, after = ours(torch.zeros(0, ROWS, INPUT, dtype=torch.float64), hx)
    assert output.shape == (0, ROWS, 2 * HIDDEN)
    assert all(map(torch.equal, tensors(hx), tensors(after)))


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_an_empty_batch(kind: str, executor: str) -> None:
    ours, theirs = pair(kind, num_layers=2, bidirectional=True)
    x = torch.zeros(STEPS, 0, INPUT, dtype=torch.float64)
    mine, torchs = tensors(ours(x, executor=executor)), tensors(theirs(x))
    assert [t.shape for t in mine] == [t.shape for t in torchs]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_dropout_between_layers_drops_the_same_elements_as_torch(kind: str, executor: str) -> None:
    ours, theirs = pair(kind, num_layers=3, dropout=0.4)
    x = torch.randn(STEPS, ROWS, INPUT, dtype=torch.float64)
    results = []
    for layer, call in ((ours, {"executor": executor}), (theirs, {})):
        torch.manual_seed(3)
        results.append(layer(x, **call)[0])
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)
    torch.manual_seed(4)
    assert not torch.allclose(ours(x, executor=executor)[0], results[0])
    torch.testing.assert_close(ours.eval()(x, executor=executor), theirs.eval()(x))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_dropout_keeps_the_mean_and_drops_the_share(executor: str) -> None:
    """A second layer that passes its input through shows what it was given."""
    layer = RNN(
        1, 400, num_layers=2, nonlinearity="relu", bias=False, dropout=0.3, executor=executor
    )
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            weight.zero_()
            if name == "weight_ih_l0":
                weight.fill_(1.0)
            if name == "weight_ih_l1":
                weight.copy_(torch.eye(400))
        torch.manual_seed(0)
        seen, _ = layer(torch.ones(50, 1, 1))
    dropped = (seen == 0).double().mean().item()
    assert dropped == pytest.approx(0.3, abs=0.02)  # 20,000 draws: σ = 0.0032
    assert torch.all((seen == 0) | torch.isclose(seen, torch.tensor(1 / 0.7)))
    assert torch.equal(layer.eval()(torch.ones(50, 1, 1))[0], torch.ones(50, 1, 400))


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
@pytest.mark.parametrize("ratio", [0.5, 2.0])
@pytest.mark.parametrize(("kind", "options"), [KINDS[0], KINDS[2], KINDS[4]])
def test_whichever_was_measured_faster_runs_and_gives_torchs_numbers(
    kind: str, options: dict, ratio: float, measured: Callable[[float], None]
) -> None:
    measured(ratio)
    ours, theirs = pair(kind, **options, num_layers=2, bidirectional=True)
    found = ours.explain(torch.zeros(STEPS, ROWS, INPUT, dtype=torch.float64))
    assert found.executor == ("vendor" if ratio < 1 else "native")
    for make in (padded(), packed("sorted"), packed("unsorted")):
        assert_same(ours, theirs, make, ROWS)
    assert_same(ours, theirs, unbatched, None)


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
def test_where_torchs_kernel_stays_whatever_was_measured(measured: Callable[[float], None]) -> None:
    measured(100.0)
    x = torch.zeros(STEPS, ROWS, INPUT, dtype=torch.float64)
    ragged = pack_padded_sequence(x, LENGTHS["sorted"])
    projected, _ = pair("LSTM", proj_size=2)
    assert "projection" in projected.explain(x).passed_over["native"]
    dropping, _ = pair("GRU", num_layers=2, dropout=0.5)
    assert dropping.explain(x).executor == "native"
    assert "other elements" in dropping.explain(ragged).passed_over["native"]
    assert "other elements" in dropping.explain(x, lengths=[4, 3, 1]).passed_over["native"]
    assert dropping.eval().explain(ragged).executor == "native"
    half, _ = pair("RNN")
    assert "bfloat16" in half.bfloat16().explain(x.bfloat16()).passed_over["native"]
    whole, _ = pair("RNN")
    with torch.autocast("cpu"):
        assert "autocast" in whole.explain(x).passed_over["native"]
    assert whole.explain(x[:, :0]).executor == "vendor"
    assert torch.func.grad(lambda x: whole(x)[0].sum())(x).shape == x.shape


@pytest.mark.parametrize("executor", ["auto", *EXECUTORS])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_state_of_another_type_is_an_error(
    kind: str, executor: str, measured: Callable[[float], None]
) -> None:
    measured(2.0)
    ours, theirs = pair(kind)
    x, h = (
        torch.zeros(STEPS, ROWS, INPUT, dtype=torch.float64),
        torch.zeros(1, ROWS, HIDDEN).float(),
    )
    hx = (h, h) if kind == "LSTM" else h
    with pytest.raises(RuntimeError):
        theirs(x, hx)
    with pytest.raises(ConfigError if executor == "native" else RuntimeError):
        ours(x, hx, executor=executor)
