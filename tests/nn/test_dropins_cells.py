"""The drop-in cells compute one step as torch.nn's do."""

import copy
import re

import pytest
import torch
from torch import Tensor, nn

import mnemonist.nn as ours
from mnemonist.errors import ConfigError, MnemonistError

EXECUTORS = ("eager", "program", "vendor")
KINDS = [
    ("LSTMCell", {}),
    ("GRUCell", {}),
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
]


def both(kind: str, **options: object) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(5)
    executor = options.pop("executor", "auto")
    mine = getattr(ours, kind)(3, 5, dtype=torch.float64, executor=executor, **options)
    torch.manual_seed(5)
    return mine, getattr(nn, kind)(3, 5, dtype=torch.float64, **options)


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64).requires_grad_()


def flat(value: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_values_and_gradients_are_torchs(
    kind: str, options: dict, bias: bool, executor: str
) -> None:
    mine, torchs = both(kind, bias=bias, executor=executor, **options)
    torch.manual_seed(1)
    for batch in ((4,), ()):
        x, h, c = draw(*batch, 3), draw(*batch, 5), draw(*batch, 5)
        for hx in ((h, c) if kind == "LSTMCell" else h, None):
            sources = [x, *(flat(hx) if hx is not None else ())]
            found = []
            for cell in (mine, torchs):
                results = flat(cell(x, hx))
                loss = sum((r * r.detach().cos()).sum() for r in results)
                weights = list(cell.parameters())
                found.append((*results, *torch.autograd.grad(loss, [*sources, *weights])))
            for a, b in zip(*found, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_same_seed_same_weights_and_checkpoints_both_ways(kind: str, options: dict) -> None:
    mine, torchs = both(kind, **options)
    assert all(map(torch.equal, mine.parameters(), torchs.parameters()))
    assert repr(mine) == repr(torchs)
    torchs.load_state_dict({name: value + 1 for name, value in mine.state_dict().items()})
    mine.load_state_dict(torchs.state_dict())
    assert all(map(torch.equal, mine.parameters(), torchs.parameters()))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_loop_over_the_cell_is_the_layer(kind: str) -> None:
    layer = getattr(ours, kind)(3, 5, dtype=torch.float64)
    cell = getattr(ours, f"{kind}Cell")(3, 5, dtype=torch.float64)
    cell.load_state_dict({n.removesuffix("_l0"): v for n, v in layer.state_dict().items()})
    x, state, outputs = draw(6, 2, 3), None, []
    for x_t in x:
        state = cell(x_t, state)
        outputs.append(flat(state)[0])
    torch.testing.assert_close(torch.stack(outputs), layer(x)[0], rtol=1e-12, atol=1e-12)


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


BAD_CALLS = {
    "3-D input": ("GRUCell", (zeros(1, 4, 3),)),
    "wrong width": ("RNNCell", (zeros(4, 2),)),
    "wrong width of h": ("GRUCell", (zeros(4, 3), zeros(4, 6))),
    "wrong batch of h": ("RNNCell", (zeros(4, 3), zeros(3, 5))),
    "3-D h": ("GRUCell", (zeros(4, 3), zeros(1, 4, 5))),
    "3-D c": ("LSTMCell", (zeros(4, 3), (zeros(4, 5), zeros(1, 4, 5)))),
    "wrong width of c": ("LSTMCell", (zeros(4, 3), (zeros(4, 5), zeros(4, 6)))),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_calls_raise_what_torch_raises(case: str) -> None:
    kind, arguments = BAD_CALLS[case]
    mine, torchs = both(kind)
    with pytest.raises((ValueError, RuntimeError)) as expected:
        torchs(*arguments)
    with pytest.raises(expected.type) as found:
        mine(*arguments)
    assert isinstance(found.value, MnemonistError)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ConfigError, match="hidden_size must be a positive integer, got 0"):
        ours.GRUCell(3, 0)
    with pytest.raises(ConfigError, match="nonlinearity: 'sine'"):
        ours.RNNCell(3, 5, nonlinearity="sine")
    with pytest.raises(ConfigError, match="no executor 'warp'"):
        ours.GRUCell(3, 5, executor="warp")(torch.zeros(2, 3, dtype=torch.get_default_dtype()))
    with pytest.raises(RuntimeError, match=re.escape("the pair (h, c), got 3")):
        ours.LSTMCell(3, 5)(torch.zeros(4, 3), (torch.zeros(4, 5),) * 3)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_copies_and_functional_calls_use_their_own_weights(kind: str) -> None:
    cell, _ = both(kind, executor="eager")
    x, zero = draw(2, 3), {n: torch.zeros_like(p) for n, p in cell.named_parameters()}
    twin = copy.deepcopy(cell)
    before = flat(cell(x))[0]
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert torch.equal(flat(cell(x))[0], before)
    assert not flat(twin(x))[0].any()
    assert not flat(torch.func.functional_call(cell, zero, (x,)))[0].any()


def test_vmap_falls_back_to_the_engine() -> None:
    cell, _ = both("LSTMCell")
    x = draw(7, 4, 3)
    together = torch.func.vmap(lambda one: cell(one)[0])(x)
    torch.testing.assert_close(together, torch.stack([cell(one)[0] for one in x]))


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell"])
def test_torch_compile_makes_one_graph(kind: str) -> None:
    torch._dynamo.reset()
    cell, _ = both(kind)
    x = draw(2, 3)
    compiled = torch.compile(cell, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), cell(x))
