"""The compiled engine as a citizen of torch: autograd, threads, copies, modes and transforms."""

from __future__ import annotations

import copy
import io
import os
import threading

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.utils.checkpoint import checkpoint

from mnemonist import cells
from mnemonist.engine import explain, unroll
from mnemonist.engine.native import library
from mnemonist.errors import ConfigError
from mnemonist.nn import Recurrent

pytestmark = pytest.mark.skipif(not library.available(), reason="the engine is not built here")


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def peephole() -> tuple[cells.Cell, Tensor]:
    """A small cell that only the compiled engine has a kernel for, and a sequence."""
    torch.manual_seed(0)
    return cells.get("lstm_peephole")(3, 4).double(), draw(5, 2, 3)


def gradients(cell, x, executor="native", **options) -> list[Tensor]:
    done = unroll(cell, x, executor=executor, **options)
    loss = done.output.square().sum() + sum(s.sum() for s in done.state.values())
    wanted = [t for t in (x, *cell.parameters()) if t.requires_grad]
    return list(torch.autograd.grad(loss, wanted))


class Decaying(cells.Cell):
    """A cell that forgets with the time between its inputs."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.write,) = self.gates("write")

    @property
    def extra_sizes(self) -> dict[str, int]:
        return {"dt": 1}

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        return torch.exp(-dt) * h + torch.tanh(self.write(x, h))


class Forward(torch.nn.Module):
    """A cell over time as a module, for torch.func."""

    def __init__(self, cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x):
        return unroll(self.cell, x).output


# Second derivatives


@pytest.mark.parametrize("name", ["elman", "lstm", "gru_reset_before", "lstm_layer_norm"])
def test_second_derivatives(name):
    torch.manual_seed(0)
    cell = cells.get(name)(2, 2).double()
    x = draw(3, 2, 2).requires_grad_()
    weights = [*cell.parameters()]

    def run(x, *weights):
        return unroll(cell, x, executor="native").output

    assert torch.autograd.gradgradcheck(run, (x, *weights))


def test_second_derivatives_with_lengths_resets_extras_and_forced_states():
    torch.manual_seed(0)
    cell = cells.Zoneout(cells.get("gru")(2, 2), {"h": 0.5}).double().train()
    x, state = draw(3, 2, 2).requires_grad_(), draw(2, 2).requires_grad_()
    forced = draw(3, 2, 2).requires_grad_()
    options = {
        "extras": cell.draw_extras(3, 2, dtype=torch.float64),
        "lengths": torch.tensor([3, 2]),
        "resets": torch.tensor([[False, False], [True, False], [False, True]]),
        "forced_mask": torch.tensor([[False, True], [False, False], [True, False]]),
    }

    def run(x, state, forced):
        given = {"forced": {"h": forced}, "state": {"h": state}}
        done = unroll(cell, x, executor="native", **given, **options)
        return done.output, done.state["h"]

    assert torch.autograd.gradgradcheck(run, (x, state, forced))


def test_second_derivatives_with_a_time_step_that_wants_a_gradient():
    torch.manual_seed(0)
    cell, x = Decaying(2, 2).double(), draw(3, 2, 2).requires_grad_()
    for steps in (1, 3):
        dt = torch.rand(steps, 2, 1, dtype=torch.float64).requires_grad_()
        run = lambda x, dt: unroll(cell, x, extras={"dt": dt}, executor="native").output  # noqa: E731
        assert torch.autograd.gradcheck(run, (x, dt))
        assert torch.autograd.gradgradcheck(run, (x, dt))


def test_explain_says_who_takes_second_derivatives_and_what_graphs_hold():
    cell, x = peephole()
    said = str(explain(cell, x, executor="native"))
    assert "second derivatives, where they are wanted, by the executor program" in said
    assert "in torch.compile and torch.export: one operator" in said
    assert "float16" in explain(cell.half(), x.half()).in_graphs


# What autograd lets people do


def test_backward_twice_and_with_a_retained_graph():
    cell, x = peephole()
    loss = unroll(cell, x, executor="native").output.square().sum()
    first = torch.autograd.grad(loss, [*cell.parameters()], retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, [*cell.parameters()]), first)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.parametrize("what", ["output", "state", "input"])
def test_writing_into_what_the_backward_pass_reads_is_found_out(what):
    cell, x = peephole()
    x.requires_grad_()
    given = x * 1
    done = unroll(cell, given, executor="native", all_states=True)
    loss = done.output.square().sum()
    with torch.no_grad():
        {"output": done.output, "state": done.states["c"], "input": given}[what].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_gradients_of_some_inputs_only_and_toggled_between_calls():
    cell, x = peephole()
    everything = gradients(cell, x.requires_grad_())
    names = [name for name, _ in cell.named_parameters()]
    for frozen in (names[0], names[-1]):
        cell.get_parameter(frozen).requires_grad_(False)
        expected = [g for n, g in zip(["x", *names], everything) if n != frozen]
        torch.testing.assert_close(gradients(cell, x), expected)
        cell.get_parameter(frozen).requires_grad_(True)
    cell.requires_grad_(False)
    torch.testing.assert_close(gradients(cell, x), everything[:1])
    assert not unroll(cell, x.detach(), executor="native").output.requires_grad
    cell.requires_grad_(True)
    torch.testing.assert_close(gradients(cell, x), everything)


def test_a_gradient_of_the_first_state_alone():
    cell, x = peephole()
    cell.requires_grad_(False)
    found = []
    state = {name: draw(2, 4).requires_grad_() for name in ("h", "c")}
    for executor in ("native", "eager"):
        loss = unroll(cell, x, state, executor=executor).state["c"].sum()
        found.append(torch.autograd.grad(loss, [*state.values()]))
    torch.testing.assert_close(*found)


def test_hooks_see_gradients_and_change_them():
    cell, x = peephole()
    x.requires_grad_()
    seen = []
    done = unroll(cell, x, executor="native")
    done.output.register_hook(lambda g: seen.append(g) or 2 * g)
    done.output.sum().backward()
    expected = torch.autograd.grad(2 * unroll(cell, x, executor="eager").output.sum(), x)[0]
    torch.testing.assert_close(x.grad, expected)
    assert seen[0].shape == (5, 2, 4)


@pytest.mark.parametrize("reentrant", [False, True])
def test_under_torchs_checkpoint(reentrant):
    cell, x = peephole()
    x.requires_grad_()
    run = lambda x: unroll(cell, x, executor="native").output  # noqa: E731
    loss = checkpoint(run, x, use_reentrant=reentrant).square().sum()
    loss.backward()
    found = x.grad
    expected = torch.autograd.grad(run(x).square().sum(), x)[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_in_any_layout(dtype):
    cell, _ = peephole()
    cell = cell.to(dtype)
    plain = torch.randn(5, 2, 3).to(dtype)
    layouts = {
        "transposed": plain.transpose(0, 1).contiguous().transpose(0, 1),
        "strided": torch.stack([plain, plain], -1)[..., 0],
        "expanded": plain[:1, :1].expand(5, 2, 3),
        "reversed columns": plain.flip(2),
        "offset": torch.cat([plain, plain])[3:8],
    }
    for x in layouts.values():
        x = x.detach().requires_grad_()
        expected = gradients(cell, x, "eager")
        torch.testing.assert_close(gradients(cell, x), expected)


def test_inference_mode_and_what_it_made():
    cell, x = peephole()
    expected = unroll(cell, x, executor="eager").output
    with torch.inference_mode():
        made = unroll(cell, x, executor="native")
        assert made.output.is_inference()
        torch.testing.assert_close(made.output, expected)
    with torch.no_grad():
        again, plain = (
            unroll(cell, x, made.state, executor=executor).output
            for executor in ("native", "eager")
        )
    torch.testing.assert_close(again, plain)


# Copies, threads, processes


def test_copies_and_what_comes_back_from_a_file():
    torch.manual_seed(0)
    model, x = Recurrent("lstm_peephole", 3, 4, executor="native"), torch.randn(5, 2, 3)
    expected = model(x)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    for twin in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        torch.testing.assert_close(twin(x), expected)
        with torch.no_grad():
            next(twin.parameters()).add_(1)
        assert not torch.allclose(twin(x)[0], expected[0])
    torch.testing.assert_close(model(x), expected)


def test_several_threads_at_once():
    cell, _ = peephole()
    inputs = [draw(6, k + 1, 3).requires_grad_() for k in range(4)]
    expected = [gradients(cell, x, "eager") for x in inputs]
    wrong: list[object] = []

    def work(k: int) -> None:
        try:
            for _ in range(10):
                torch.testing.assert_close(gradients(cell, inputs[k]), expected[k])
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_forks_after_use():
    cell, x = peephole()
    expected = unroll(cell, x, executor="native").output
    child = os.fork()
    if child == 0:
        same = torch.equal(unroll(cell, x, executor="native").output, expected)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Types and transforms: another executor runs, and explain says which


def test_under_autocast_torch_operations_run():
    cell, x = peephole()
    cell, x = cell.float(), x.float()
    with torch.autocast("cpu", torch.bfloat16):
        explanation = explain(cell, x)
        assert explanation.executor == "program"
        assert "autocast" in explanation.passed_over["native"]
        output = unroll(cell, x).output
        with pytest.raises(ConfigError, match="autocast"):
            unroll(cell, x, executor="native")
    torch.testing.assert_close(output.float(), unroll(cell, x).output, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_runs_by_torch_operations(dtype):
    cell, x = peephole()
    expected = unroll(cell, x).output
    explanation = explain(cell.to(dtype), x.to(dtype))
    assert explanation.executor == "program"
    assert str(dtype) in explanation.passed_over["native"]
    output = unroll(cell, x.to(dtype)).output
    assert output.dtype is dtype
    torch.testing.assert_close(output.double(), expected, rtol=0.1, atol=0.05)


def test_an_input_of_another_type_than_the_weights_is_explained():
    cell, x = peephole()
    assert "float32" in explain(cell, x.float()).passed_over["native"]


def test_func_grad():
    cell, x = peephole()
    model = Forward(cell)
    weights = dict(model.named_parameters())

    def loss(weights, x):
        return functional_call(model, weights, (x,)).square().sum()

    found = grad(loss)(weights, x)
    value = unroll(cell, x, executor="eager").output.square().sum()
    expected = torch.autograd.grad(value, [*weights.values()])
    torch.testing.assert_close([*found.values()], [*expected])


def test_func_jvp():
    cell, x = peephole()
    direction = draw(5, 2, 3)
    run = lambda x: unroll(cell, x).output  # noqa: E731
    value, tangent = jvp(run, (x,), (direction,))
    ahead, behind = (run(x + s * 1e-6 * direction) for s in (1, -1))
    torch.testing.assert_close(value, unroll(cell, x, executor="eager").output)
    torch.testing.assert_close(tangent, (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-7)


def test_func_vmap_over_a_batch_and_its_gradient():
    cell, _ = peephole()
    x = draw(6, 5, 2, 3)
    loss = lambda x: unroll(cell, x).output.square().sum()  # noqa: E731
    expected = torch.stack([grad(loss)(each) for each in x])
    torch.testing.assert_close(vmap(grad(loss))(x), expected)


def test_func_vmap_over_stacked_parameters():
    torch.manual_seed(0)
    models = [Forward(cells.get("gru_reset_before")(3, 4).double()) for _ in range(3)]
    x = draw(5, 2, 3)
    weights, buffers = stack_module_state(models)
    run = lambda w, b: functional_call(models[0], (w, b), (x,))  # noqa: E731
    torch.testing.assert_close(vmap(run)(weights, buffers), torch.stack([m(x) for m in models]))


def test_what_explain_says_inside_transforms():
    cell, x = peephole()
    said: list[tuple[str, str]] = []

    def run(x):
        explanation = explain(cell, x)
        said.append((explanation.executor, explanation.passed_over["native"]))
        return unroll(cell, x).output.sum()

    grad(run)(x)
    vmap(run)(x[None])
    jvp(run, (x,), (x,))
    assert [executor for executor, _ in said] == ["program", "eager", "eager"]
    assert "torch.func" in said[0][1]
    assert all("torch.func.vmap" in why for _, why in said[1:])


def test_the_native_executor_by_name_inside_a_transform_is_an_error():
    cell, x = peephole()
    run = lambda x: unroll(cell, x, executor="native").output.sum()  # noqa: E731
    with pytest.raises(ConfigError, match=r"torch\.func"):
        grad(run)(x)
    with pytest.raises(ConfigError, match=r"torch\.func"):
        vmap(run)(x[None])
