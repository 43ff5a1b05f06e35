"""What one call hands to the next: plans, and nothing that may have changed; and what it leaves."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.func import functional_call, grad

from mnemonist import cells
from mnemonist.engine import explain, program_of, unroll
from mnemonist.engine.native import library
from mnemonist.engine.native.compiled import Signature, compiled
from mnemonist.engine.native.executor import obstacle
from mnemonist.engine.unroll import prepare
from mnemonist.nn import Recurrent

pytestmark = pytest.mark.skipif(not library.available(), reason="the engine is not built here")


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def peephole() -> tuple[cells.Cell, Tensor]:
    torch.manual_seed(0)
    return cells.get("lstm_peephole")(3, 4).double(), draw(5, 2, 3).requires_grad_()


def gradients(cell: cells.Cell, x: Tensor, executor: str) -> tuple[Tensor, list[Tensor]]:
    done = unroll(cell, x, executor=executor)
    loss = done.output.square().sum() + sum(s.sum() for s in done.state.values())
    wanted = [t for t in (x, *cell.parameters()) if t.requires_grad]
    return done.output, list(torch.autograd.grad(loss, wanted))


def assert_right(cell: cells.Cell, x: Tensor) -> None:
    torch.testing.assert_close(gradients(cell, x, "native"), gradients(cell, x, "eager"))


# What may change between two calls


def test_a_parameter_in_the_place_of_another():
    cell, x = peephole()
    assert_right(cell, x)
    cell.input.W = nn.Parameter(draw(4, 3))
    assert_right(cell, x)
    cell.input.W.data = draw(4, 3)
    assert_right(cell, x)
    cell.input.p = nn.Parameter(draw(4), requires_grad=False)
    assert_right(cell, x)


def test_another_type_and_back():
    cell, x = peephole()
    before = gradients(cell, x, "native")
    assert_right(cell.float(), x.detach().float().requires_grad_())
    assert "float32" in explain(cell, x).passed_over["native"]
    cell.double()
    torch.testing.assert_close(gradients(cell, x, "native"), before, rtol=1e-5, atol=1e-6)


def test_training_and_evaluation():
    torch.manual_seed(0)
    cell, x = cells.Zoneout(cells.get("gru")(3, 4), {"h": 0.5}).double(), draw(5, 2, 3)
    for training in (True, False, True, False):
        cell.train(training)
        extras = {n: torch.ones(5, 2, w, dtype=x.dtype) for n, w in cell.extra_sizes.items()}
        found, expected = (
            unroll(cell, x, extras=extras, executor=executor).output
            for executor in ("native", "eager")
        )
        torch.testing.assert_close(found, expected)


def test_an_option_of_the_cell():
    class Scaled(cells.get("elman")):
        factor = 1.0

        def step(self, x, h):
            return self.factor * super().step(x, h)

    torch.manual_seed(0)
    cell, x = Scaled(3, 4).double(), draw(5, 2, 3).requires_grad_()
    for factor in (1.0, 0.5, 2.0):
        cell.factor = factor
        assert_right(cell, x)


def test_autocast_and_transforms_between_calls():
    cell, x = peephole()
    cell, x = cell.float(), x.detach().float()
    chosen = []
    for _ in range(2):
        chosen.append(explain(cell, x).executor)
        with torch.autocast("cpu", torch.bfloat16):
            chosen.append(explain(cell, x).executor)
        grad(lambda x: chosen.append(explain(cell, x).executor) or unroll(cell, x).output.sum())(x)
    assert chosen == ["native", "program", "program"] * 2


def test_shapes_gradients_and_what_is_kept_take_turns():
    cell, _ = peephole()
    for steps, rows in ((5, 2), (1, 1), (5, 2), (0, 2), (3, 4)):
        x = draw(steps, rows, 3).requires_grad_()
        if steps:
            assert_right(cell, x)
        with torch.no_grad():
            found, expected = (
                unroll(cell, x, emit=("c", "h"), all_states=True, executor=executor)
                for executor in ("native", "eager")
            )
        torch.testing.assert_close(found.output, expected.output)
        torch.testing.assert_close(found.states, expected.states)
        torch.testing.assert_close(found.state, expected.state)


def test_parameters_lent_for_one_call():
    torch.manual_seed(0)
    model, x = Recurrent("lstm_peephole", 3, 4, executor="native").double(), draw(5, 2, 3)
    own = model(x)[0]
    lent = {name: draw(*p.shape) for name, p in model.named_parameters()}
    found = functional_call(model, lent, (x,))[0]
    torch.testing.assert_close(model(x)[0], own)
    model.load_state_dict(lent)
    torch.testing.assert_close(model(x)[0], found)


def test_states_in_other_layouts():
    cell, x = peephole()
    states = {"h": draw(4, 2).T, "c": draw(2, 8)[:, ::2]}
    found, expected = (
        unroll(cell, x, states, executor=executor).output for executor in ("native", "eager")
    )
    torch.testing.assert_close(found, expected)


def test_weights_that_are_not_in_memory_are_not_read():
    cell, x = peephole()
    program, job = program_of(cell), prepare(cell, x)
    assert obstacle(program, job) is None
    cell.input.W = nn.Parameter(torch.empty(4, 3, dtype=torch.float64, device="meta"))
    assert "input.W is on meta" in (obstacle(program, prepare(cell, x)) or "")


# What a call leaves behind


def test_programs_end_with_their_last_cell():
    cell, x = peephole()
    cell.unshared = object()  # so that its program is its own
    gradients(cell, x, "native")
    unroll(cell, x, resets=torch.ones(5, 2, dtype=torch.bool), executor="native")
    gone = weakref.ref(program_of(cell))
    del cell
    gc.collect()
    assert gone() is None


def test_results_are_tensors_of_their_own():
    cell, x = peephole()
    for wanted in (True, False):
        with torch.set_grad_enabled(wanted):
            done = unroll(cell, x, all_states=True, executor="native")
        for value in (done.output, *done.state.values(), *done.states.values()):
            assert value._base is None
            assert value.is_contiguous()
        before = done.output.clone()
        with torch.no_grad():
            done.state["h"].zero_()
        assert torch.equal(done.output, before)
        done.state["h"].detach_()


def test_an_output_that_is_kept_keeps_nothing_else():
    cell = cells.LSTM(8, 64)
    x = torch.randn(300, 4, 8)
    gradients(cell, x, "native")
    gc.collect()
    before = library.module().arena_use()["in_use"]
    output = unroll(cell, x, executor="native").output.detach()
    gc.collect()
    grown = library.module().arena_use()["in_use"] - before
    assert output.nbytes <= grown < 1.5 * output.nbytes


@pytest.mark.parametrize("name", ["lstm_peephole", "elman", "gru"])
def test_what_is_saved_may_be_kept_elsewhere(name):
    """Saved tensors that come back from a hook are others, with their elements only."""
    torch.manual_seed(0)
    cell, x = cells.get(name)(3, 4).double(), draw(5, 2, 3).requires_grad_()
    expected = gradients(cell, x, "eager")
    with save_on_cpu():
        torch.testing.assert_close(gradients(cell, x, "native"), expected)
    with saved_tensors_hooks(lambda t: t.numpy(force=True).copy(), torch.from_numpy):
        torch.testing.assert_close(gradients(cell, x, "native"), expected)


def test_only_states_enter_and_leave():
    cell, _ = peephole()
    frame = compiled(program_of(cell), Signature(("h",))).forward_frame
    native, addresses = library.module(), [0] * len(frame._nothing)
    x = frame._index["x", "x"]
    for ends in ({"enter": [(x, 0)]}, {"leave": [(x, 0)]}, {"enter": [(99, 0)]}):
        with pytest.raises(ValueError, match="buffer"):
            native.run(frame._plan, True, 0, 0, 0, addresses, 1, "", **ends)
