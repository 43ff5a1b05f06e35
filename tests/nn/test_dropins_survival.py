"""The drop-ins go through what PyTorch does to modules, and come out computing the same."""

import copy
import io
import threading
import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils.rnn import pack_padded_sequence

import mnemonist.nn as ours
from mnemonist.engine.check import check_program
from mnemonist.engine.native import library
from mnemonist.engine.trace import trace
from mnemonist.nn import GRU, LSTM, RNN

EXECUTORS = ("eager", "program", "vendor")
KINDS = ["LSTM", "GRU", "RNN"]
EVERY = pytest.mark.parametrize("executor", EXECUTORS)
KIND = pytest.mark.parametrize("kind", KINDS)


def both(kind: str, **options: object) -> tuple[nn.Module, nn.Module]:
    """The drop-in and torch's layer with the same weights: two layers, both directions."""
    options = {"dtype": torch.float64, "num_layers": 2, "bidirectional": True, **options}
    made = []
    for module in (ours, nn):
        torch.manual_seed(5)
        made.append(getattr(module, kind)(3, 4, **options))
    return made[0], made[1]


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(6)
    return torch.randn(shape, dtype=dtype)


def assert_equal_run(mine: nn.Module, torchs: nn.Module, x: Tensor, **call: object) -> None:
    """The same outputs and gradients by name."""
    found = []
    for layer, extra in ((mine, call), (torchs, {})):
        layer.zero_grad()
        output, _ = layer(x, **extra)
        (output * output.detach().cos()).sum().backward()
        named = [(n, p.grad) for n, p in layer.named_parameters() if p.grad is not None]
        found.append((output, dict(named)))
    assert found[0][1].keys() == found[1][1].keys()
    torch.testing.assert_close(found[0], found[1], rtol=1e-11, atol=1e-12)


@KIND
def test_deepcopy_parts_from_the_original(kind: str) -> None:
    mine, torchs = both(kind)
    twin, x = copy.deepcopy(mine), draw(3, 2, 3)
    with torch.no_grad():
        for weight in mine.parameters():
            weight.zero_()
    for executor in EXECUTORS:
        assert_equal_run(twin, torchs, x, executor=executor)
        assert not mine(x, executor=executor)[0].any()


@KIND
def test_the_whole_module_and_its_state_dict_are_saved_and_loaded(kind: str) -> None:
    mine, torchs = both(kind)
    x = draw(3, 2, 3)
    file = io.BytesIO()
    torch.save(mine, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    for executor in EXECUTORS:
        assert_equal_run(loaded, torchs, x, executor=executor)
    file = io.BytesIO()
    torch.save(mine.state_dict(), file)
    file.seek(0)
    torchs.load_state_dict(torch.load(file, weights_only=True))


@EVERY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_precisions(dtype: torch.dtype, executor: str) -> None:
    mine, torchs = both("LSTM")
    x = draw(3, 2, 3)
    exact, _ = torchs(x)
    output, (h, c) = mine.to(dtype)(x.to(dtype), executor=executor)
    assert output.dtype == h.dtype == c.dtype == dtype
    error = (output.double() - exact).abs().max().item()
    assert error < 8 * torch.finfo(dtype).eps
    back, _ = mine.double()(x, executor=executor)
    assert (back - exact).abs().max().item() < 8 * torch.finfo(dtype).eps


def test_half_and_double_by_name() -> None:
    layer = GRU(3, 4)
    assert layer.half()(draw(3, 2, 3, dtype=torch.float16))[0].dtype == torch.float16
    assert layer.double()(draw(3, 2, 3))[0].dtype == torch.float64


def _parametrized(layer: nn.Module) -> None:
    parametrizations.weight_norm(layer, "weight_ih_l1")
    torch.manual_seed(0)  # orthogonal starts from a random basis
    parametrizations.orthogonal(layer, "weight_hh_l0_reverse")


@KIND
def test_a_program_is_checked_with_the_weights_that_parametrizations_make(kind: str) -> None:
    layer, _ = both(kind)
    _parametrized(layer)
    for cell in layer._cells:
        with parametrize.cached():
            assert check_program(trace(cell), cell) is None


@EVERY
@KIND
def test_parametrize(kind: str, executor: str) -> None:
    mine, torchs = both(kind)
    _parametrized(mine)
    _parametrized(torchs)
    assert_equal_run(mine, torchs, draw(3, 2, 3), executor=executor)
    assert_equal_run(copy.deepcopy(mine), torchs, draw(3, 2, 3), executor=executor)
    mine.load_state_dict(torchs.state_dict())
    parametrize.remove_parametrizations(mine, "weight_ih_l1")
    assert "weight_ih_l1" in dict(mine.named_parameters())
    torch.testing.assert_close(mine(draw(3, 2, 3), executor=executor)[0], torchs(draw(3, 2, 3))[0])


def test_a_parametrised_weight_is_computed_once_a_call() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, weight: Tensor) -> Tensor:
            self.calls += 1
            return 2 * weight

    layer, count = GRU(3, 4, dtype=torch.float64), Counting()
    parametrize.register_parametrization(layer, "weight_hh_l0", count)
    for executor in ("eager", "program"):
        layer(draw(9, 2, 3), executor=executor)  # a program is recorded and checked here
        count.calls = 0
        layer(draw(9, 2, 3), executor=executor)
        assert count.calls == 1, executor


@EVERY
def test_pruning(executor: str) -> None:
    mine, torchs = both("LSTM")
    for layer in (mine, torchs):
        torch.manual_seed(0)
        prune.random_unstructured(layer, "weight_hh_l1", amount=0.5)
        prune.l1_unstructured(layer, "bias_ih_l0", amount=2)
    for _ in range(2):
        assert_equal_run(mine, torchs, draw(3, 2, 3), executor=executor)
    grad, mask = mine.weight_hh_l1_orig.grad, mine.weight_hh_l1_mask
    assert not grad[mask == 0].any()
    assert grad[mask == 1].all()
    mine.load_state_dict(torchs.state_dict())
    prune.remove(mine, "weight_hh_l1")
    torch.testing.assert_close(mine(draw(3, 2, 3), executor=executor), torchs(draw(3, 2, 3)))


@EVERY
def test_weights_set_by_hand_as_in_awd_lstm(executor: str) -> None:
    """A plain tensor in the place of a parameter, new for every call (Merity et al. 2018)."""
    layer = LSTM(3, 4, dtype=torch.float64)
    raw = nn.Parameter(layer.weight_hh_l0.detach().clone())
    del layer._parameters["weight_hh_l0"]
    layer.register_parameter("weight_hh_l0_raw", raw)
    x = draw(3, 2, 3)
    torchs = nn.LSTM(3, 4, dtype=torch.float64)
    for scale in (1.0, 0.5):
        layer.weight_hh_l0 = raw * scale
        weights = {n: getattr(layer, n).detach() for n in torchs.state_dict()}
        expected, _ = torch.func.functional_call(torchs, weights, (x,))
        raw.grad = None
        output, _ = layer(x, executor=executor)
        output.sum().backward()
        torch.testing.assert_close(output, expected)
        assert raw.grad is not None


@EVERY
def test_the_old_weight_norm(executor: str) -> None:
    mine, torchs = both("GRU")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(mine, "weight_hh_l0")
        nn.utils.weight_norm(torchs, "weight_hh_l0")
    for _ in range(2):
        assert_equal_run(mine, torchs, draw(3, 2, 3), executor=executor)


@EVERY
@KIND
def test_functional_call_and_its_gradient(kind: str, executor: str) -> None:
    mine, torchs = both(kind)
    x = draw(3, 2, 3)
    moved = {n: p.detach() + 0.1 for n, p in mine.named_parameters()}

    def loss(layer: nn.Module, call: dict) -> object:
        def of(weights: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(layer, weights, (x,), call)[0].square().sum()

        return of

    before = mine(x, executor=executor)[0]
    found = torch.func.grad(loss(mine, {"executor": executor}))(moved)
    torch.testing.assert_close(found, torch.func.grad(loss(torchs, {}))(moved))
    assert torch.equal(mine(x, executor=executor)[0], before)


def test_an_ensemble_by_vmap() -> None:
    layers = [both("LSTM")[0] for _ in range(3)]
    for shift, layer in enumerate(layers):
        with torch.no_grad():
            layer.weight_hh_l0.add_(shift)
    weights, buffers = torch.func.stack_module_state(layers)
    blank, x = copy.deepcopy(layers[0]).to("meta"), draw(3, 2, 3)
    together = torch.func.vmap(
        lambda w, b: torch.func.functional_call(blank, (w, b), (x,))[0], in_dims=(0, 0)
    )(weights, buffers)
    torch.testing.assert_close(together, torch.stack([layer(x)[0] for layer in layers]))


@KIND
def test_forward_mode_derivatives(kind: str) -> None:
    mine, _ = both(kind)
    x, tangent = draw(3, 2, 3), draw(3, 2, 3).cos()
    _, forward = torch.func.jvp(lambda v: mine(v)[0], (x,), (tangent,))
    step = 1e-6
    numeric = (mine(x + step * tangent)[0] - mine(x - step * tangent)[0]) / (2 * step)
    torch.testing.assert_close(forward, numeric, rtol=1e-7, atol=1e-8)


@EVERY
def test_vector_to_parameters(executor: str) -> None:
    mine, torchs = both("GRU")
    vector = nn.utils.parameters_to_vector(torchs.parameters()) * 0.5
    nn.utils.vector_to_parameters(vector, mine.parameters())
    nn.utils.vector_to_parameters(vector, torchs.parameters())
    assert_equal_run(mine, torchs, draw(3, 2, 3), executor=executor)


@pytest.mark.parametrize("executor", [e for e in EXECUTORS if e != "vendor"])
@KIND
def test_second_derivatives(kind: str, executor: str) -> None:
    options = {"proj_size": 1} if kind == "LSTM" else {}
    layer = getattr(ours, kind)(2, 2, bidirectional=True, dtype=torch.float64, **options)
    x = draw(2, 1, 2).requires_grad_()
    names = ["weight_hh_l0", "bias_ih_l0_reverse"]
    weights = [getattr(layer, n).detach().requires_grad_() for n in names]

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        call = {"executor": executor}
        return torch.func.functional_call(layer, dict(zip(names, weights)), (x,), call)[0]

    assert torch.autograd.gradcheck(run, (x, *weights))
    assert torch.autograd.gradgradcheck(run, (x, *weights))


@EVERY
def test_frozen_weights_get_no_gradient_and_change_no_other(executor: str) -> None:
    mine, torchs = both("LSTM")
    for layer in (mine, torchs):
        layer.weight_hh_l0.requires_grad_(False)
        layer.bias_ih_l1_reverse.requires_grad_(False)
    assert_equal_run(mine, torchs, draw(3, 2, 3), executor=executor)
    assert mine.weight_hh_l0.grad is None
    mine.requires_grad_(False)
    assert not mine(draw(3, 2, 3), executor=executor)[0].requires_grad


def test_made_on_the_meta_device_and_filled_later() -> None:
    _, torchs = both("LSTM")
    options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    empty = LSTM(3, 4, device="meta", **options)
    x = draw(3, 2, 3)
    for executor in ("eager", "vendor"):
        output, _ = empty(x.to("meta"), executor=executor)
        assert output.shape == (3, 2, 8)
        assert output.is_meta
    empty.load_state_dict(torchs.state_dict(), assign=True)
    assert_equal_run(empty, torchs, x, executor="eager")
    filled = LSTM(3, 4, device="meta", **options).to_empty(device="cpu")
    torch.manual_seed(5)
    filled.reset_parameters()
    assert_equal_run(filled, torchs, x)


def test_a_replica_for_data_parallel_reads_its_own_weights() -> None:
    mine, _ = both("GRU")
    replica, x = mine._replicate_for_data_parallel(), draw(3, 2, 3)
    for name, weight in mine._parameters.items():
        setattr(replica, name, weight.detach() * 0)
    for executor in EXECUTORS:
        assert not replica(x, executor=executor)[0].any()
        assert mine(x, executor=executor)[0].all()


@EVERY
def test_threads_share_a_layer(executor: str) -> None:
    layer, _ = both("LSTM")
    inputs = [draw(5, 2, 3) * k for k in range(4)]
    expected = [layer(x, executor=executor)[0] for x in inputs]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(5):
            if not torch.allclose(layer(inputs[k], executor=executor)[0], expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_autocast_gives_what_it_gives_torch() -> None:
    for kind in KINDS:
        mine, torchs = both(kind, dtype=torch.float32)
        x = draw(3, 2, 3, dtype=torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(mine(x), torchs(x))
            eager, _ = mine(x, executor="eager")
        assert (eager - torchs(x)[0]).abs().max() < 0.05


@pytest.mark.parametrize("executor", ["vendor", "program"])
def test_torch_compile_goes_around_what_does_not_fit_into_a_graph(executor: str) -> None:
    torch._dynamo.reset()
    mine, _ = both("LSTM", num_layers=2, bidirectional=True)
    lengths = [3, 1]

    def model(x: Tensor) -> tuple[Tensor, Tensor]:
        doubled = 2 * x
        padded, _ = mine(doubled, executor=executor)
        return padded.relu(), mine(doubled, lengths=lengths, executor=executor)[0].relu()

    compiled, x = torch.compile(model, backend="aot_eager"), draw(3, 2, 3)
    torch.testing.assert_close(compiled(x), model(x))
    longer = draw(50, 2, 3)  # would take minutes if it were unrolled
    torch.testing.assert_close(compiled(longer), model(longer))
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="outside the graph"):
        torch.compile(model, backend="aot_eager", fullgraph=True)(x)


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_torch_compile_makes_one_graph_of_a_layer(kind: str) -> None:
    torch._dynamo.reset()
    mine, theirs = both(kind, num_layers=2, bidirectional=True)
    compiled = torch.compile(mine, backend="aot_eager", fullgraph=True, dynamic=True)
    for steps, rows in ((3, 2), (9, 4)):
        x = draw(steps, rows, 3).requires_grad_()
        h = draw(4, rows, 4)
        hx = (h, h) if kind == "LSTM" else h
        found, expected = compiled(x, hx), theirs(x, hx)
        torch.testing.assert_close(found, expected)
        losses = (output.square().sum() for output, _ in (found, expected))
        gradients = (
            torch.autograd.grad(loss, [x, *layer.parameters()])
            for loss, layer in zip(losses, (mine, theirs), strict=True)
        )
        torch.testing.assert_close(*gradients)


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
def test_ragged_and_empty_batches_stay_in_the_graph() -> None:
    torch._dynamo.reset()
    mine, _ = both("GRU")
    compiled = torch.compile(mine, backend="aot_eager", fullgraph=True)
    x = draw(5, 3, 3)
    for lengths in (torch.tensor([5, 0, 2]), [5, 0, 2]):
        torch.testing.assert_close(compiled(x, lengths=lengths), mine(x, lengths=lengths))
    torch.testing.assert_close(compiled(x[:0]), mine(x[:0]))


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
def test_a_graph_reads_weights_as_they_are() -> None:
    torch._dynamo.reset()
    layer = parametrizations.weight_norm(LSTM(3, 4, dtype=torch.float64), "weight_hh_l0")
    compiled, x = torch.compile(layer, backend="aot_eager", fullgraph=True), draw(4, 2, 3)
    torch.testing.assert_close(compiled(x), layer(x))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)
    torch.testing.assert_close(compiled(x), layer(x))
    compiled(x)[0].sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


@pytest.mark.parametrize("why", ["half", "no engine"])
def test_torch_compile_goes_around_a_layer_that_the_engine_cannot_run(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()
    if why == "no engine":
        monkeypatch.setenv("MNEMONIST_NATIVE", "0")
    dtype = torch.bfloat16 if why == "half" else torch.float64
    mine, _ = both("GRU", dtype=dtype)
    compiled, x = torch.compile(mine, backend="aot_eager"), draw(50, 2, 3).to(dtype)
    torch.testing.assert_close(compiled(x), mine(x))


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_torch_compile_makes_one_graph_of_the_eager_executor(kind: str) -> None:
    torch._dynamo.reset()
    layer = getattr(ours, kind)(3, 4, executor="eager", dtype=torch.float64)
    parametrizations.weight_norm(layer, "weight_hh_l0")
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x, lengths = draw(2, 2, 3), torch.tensor([2, 1])
    output, _ = compiled(x, lengths=lengths)
    torch.testing.assert_close(output, layer(x, lengths=lengths)[0])
    output.sum().backward()
    assert layer.weight_ih_l0.grad is not None


def test_torch_compile_takes_packed_sequences() -> None:
    torch._dynamo.reset()
    layer, _ = both("GRU")
    packed = pack_padded_sequence(draw(3, 2, 3), [3, 1])
    compiled = torch.compile(layer, backend="aot_eager")
    torch.testing.assert_close(compiled(packed)[0].data, layer(packed)[0].data)


@pytest.mark.parametrize("executor", ["auto", "eager"])
def test_torch_export_with_any_batch_size(executor: str) -> None:
    layer = LSTM(3, 4, bidirectional=True, dtype=torch.float64, executor=executor)
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer, (draw(3, 2, 3),), dynamic_shapes=({1: batch},))
    assert program.state_dict.keys() == layer.state_dict().keys()
    for rows in (2, 5):
        x = draw(3, rows, 3)
        torch.testing.assert_close(program.module()(x), layer(x))
    called = {str(node.target) for node in program.graph.nodes}
    assert ("aten.lstm.input" in called) == (executor == "auto")


@pytest.mark.skipif(not library.available(), reason="the engine is not built here")
@pytest.mark.parametrize("kind", KINDS)
def test_the_native_executor_is_one_operator_for_any_number_of_steps(kind: str) -> None:
    torch._dynamo.reset()
    layer = getattr(ours, kind)(3, 4, executor="native", dtype=torch.float64)
    sizes = {0: torch.export.Dim("steps"), 1: torch.export.Dim("batch")}
    program = torch.export.export(layer, (draw(3, 2, 3),), dynamic_shapes=(sizes,))
    assert "mnemonist.run.default" in {str(node.target) for node in program.graph.nodes}
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = draw(7, 3, 3)
    torch.testing.assert_close(program.module()(x), layer(x))
    torch.testing.assert_close(compiled(x), layer(x))


def test_modules_do_not_see_the_cells_inside() -> None:
    layer, _ = both("LSTM")
    assert list(layer.modules()) == [layer]
    assert next(n for n, _ in nn.Sequential(layer).named_parameters()) == "0.weight_ih_l0"
    assert isinstance(RNN(3, 4), nn.Module)
    assert not isinstance(layer, nn.RNNBase)
