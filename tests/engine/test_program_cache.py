"""Programs are kept, and never outlive what they were recorded from."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from program_agreement import assert_agrees, job_for
from program_zoo import LSTM, Cell, FusedOdd, Simple
from torch import Tensor, nn
from torch.nn.utils import prune

import mnemonist.nn
from mnemonist import cells
from mnemonist.engine.native import library
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.engine.trace import program_of

SCALE = 0.5


def test_the_same_cell_has_the_same_program() -> None:
    cell = LSTM(3, 5)
    assert program_of(cell) is program_of(cell)


def test_new_values_need_no_new_program() -> None:
    cell = LSTM(3, 5).double()
    program = program_of(cell)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn_like(parameter))
    assert program_of(cell) is program
    assert_agrees(job_for(cell, 3, 2))


def test_a_changed_hyperparameter() -> None:
    cell = FusedOdd(3, 5).double()
    before = program_of(cell)
    cell.mode = "relu"
    assert program_of(cell) is not before
    assert_agrees(job_for(cell, 3, 2))
    cell.mode = "soft"
    assert program_of(cell) is before


class Scaled(Simple):
    factor = 1.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.factors = [1.0, 2.0]

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g = self.hidden(x, h) * self.factor * self.factors[1] * SCALE
        return torch.tanh(g) if self.training else torch.sigmoid(g)


def test_changed_attributes_of_object_class_list_and_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cell = Scaled(3, 5).double()
    hashes = {program_of(cell).hash()}
    cell.factors[1] = 3.0
    hashes.add(program_of(cell).hash())
    monkeypatch.setattr(Scaled, "factor", 0.7)
    hashes.add(program_of(cell).hash())
    monkeypatch.setitem(globals(), "SCALE", 0.25)
    hashes.add(program_of(cell).hash())
    cell.eval()
    hashes.add(program_of(cell).hash())
    assert len(hashes) == 5
    assert_agrees(job_for(cell, 3, 2))


def test_one_and_true_are_different_attributes() -> None:
    cell = Scaled(3, 5)
    cell.factor = 1
    first = program_of(cell)
    cell.factor = True
    assert program_of(cell) is not first


def test_a_replaced_parameter() -> None:
    cell = LSTM(3, 5).double()
    program = program_of(cell)
    cell.input.W = nn.Parameter(torch.randn(5, 3, dtype=torch.float64))
    assert program_of(cell).hash() == program.hash()
    assert_agrees(job_for(cell, 3, 2))


def test_tying_and_untying_parameters() -> None:
    cell = LSTM(3, 5).double()
    separate = program_of(cell).hash()
    cell.forget.U = cell.input.U
    tied = program_of(cell)
    assert tied.hash() != separate
    assert_agrees(job_for(cell, 3, 2))
    cell.forget.U = nn.Parameter(cell.input.U.detach().clone())
    assert program_of(cell).hash() == separate
    assert_agrees(job_for(cell, 3, 2))


def test_a_copy_has_its_own_parameters_and_attributes() -> None:
    cell = FusedOdd(3, 5).double()
    program_of(cell)
    twin = copy.deepcopy(cell)
    twin.mode = "relu"
    with torch.no_grad():
        twin.fused.weight.mul_(2)
    assert_agrees(job_for(twin, 3, 2))
    assert_agrees(job_for(cell, 3, 2))


def test_parametrisations_come_and_go() -> None:
    cell = LSTM(3, 5).double()
    program_of(cell)
    nn.utils.parametrizations.weight_norm(cell.input, "U")
    assert_agrees(job_for(cell, 3, 2))
    nn.utils.parametrize.remove_parametrizations(cell.input, "U")
    assert_agrees(job_for(cell, 3, 2))


def test_pruning_comes_and_goes() -> None:
    cell = LSTM(3, 5).double()
    program_of(cell)
    prune.random_unstructured(cell.input, "U", amount=0.5)
    assert_agrees(job_for(cell, 3, 2))
    prune.remove(cell.input, "U")
    assert_agrees(job_for(cell, 3, 2))


def test_an_outer_parametrization_cache_does_not_disturb() -> None:
    cell = LSTM(3, 5).double()
    nn.utils.parametrizations.weight_norm(cell.input, "U")
    with nn.utils.parametrize.cached():
        _ = cell.input.U
        assert program_of(cell).leaves


class Lazy(Simple):
    """Sets something up in its first step."""

    ready = False

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        self.ready = True
        return torch.tanh(self.hidden(x, h))


def test_a_first_step_may_set_something_up() -> None:
    cell = Lazy(3, 5)
    assert program_of(cell) is program_of(cell)


def test_a_cell_made_from_a_program_keeps_it() -> None:
    program = program_of(LSTM(3, 5))
    cell = ProgramCell(program)
    assert program_of(cell) is program
    program.describe()
    assert program_of(cell) is program
    assert program_of(copy.deepcopy(cell)) is program


def test_conversion_and_inference_mode() -> None:
    cell = LSTM(3, 5)
    with torch.inference_mode():
        program_of(cell)
    assert_agrees(job_for(cell.double(), 3, 2))


def test_recording_disturbs_nothing() -> None:
    cell = Scaled(3, 5)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    program_of(cell)
    assert torch.equal(torch.get_rng_state(), before)
    assert cell.training
    assert all(p.grad is None for p in cell.parameters())


def test_a_program_does_not_keep_its_cell_alive() -> None:
    cell: Cell | None = LSTM(3, 5)
    program = program_of(cell)
    gone = weakref.ref(cell)
    weight = weakref.ref(cell.input.W)
    cell = None
    gc.collect()
    assert gone() is None
    assert weight() is None
    assert program.loop


def test_equal_cells_share_one_program_and_others_do_not():
    first, again = cells.get("lstm")(3, 5), cells.get("lstm")(3, 5)
    assert program_of(first) is program_of(again)
    assert program_of(copy.deepcopy(first)) is program_of(first)
    assert program_of(cells.get("lstm")(3, 6)) is not program_of(first)
    assert program_of(cells.get("lstm")(3, 5, activation="relu")) is not program_of(first)
    again.double()
    assert program_of(again) is not program_of(first)


def test_a_hook_that_takes_the_place_of_another():
    cell = Scaled(3, 5).double()
    hashes = set()
    for factor in (2.0, 3.0):
        hook = cell.hidden.register_forward_hook(lambda module, x, y, f=factor: f * y)
        hashes.add(program_of(cell).hash())
        hook.remove()
    hashes.add(program_of(cell).hash())
    assert len(hashes) == 3


def test_a_module_that_becomes_another_kind_of_module():
    class Doubled(cells.Gate):
        def forward(self, *args: Tensor) -> Tensor:
            return 2 * super().forward(*args)

    cell = Scaled(3, 5).double()
    before = program_of(cell)
    cell.hidden.__class__ = Doubled
    assert program_of(cell).hash() != before.hash()
    assert_agrees(job_for(cell, 3, 2))


def test_a_module_in_two_places_and_in_one():
    cell = LSTM(3, 5).double()
    separate = program_of(cell).hash()
    own, cell.forget = cell.forget, cell.input
    assert program_of(cell).hash() != separate
    assert_agrees(job_for(cell, 3, 2))
    cell.forget = own
    assert program_of(cell).hash() == separate


def test_other_values_under_the_same_parameters():
    """`Module.to` and `.data =` change what a parameter is, and leave the object."""
    cell = LSTM(3, 5)
    before = program_of(cell)
    weights = [*cell.parameters()]
    assert all(a is b for a, b in zip(cell.double().parameters(), weights))
    assert program_of(cell) is not before
    assert_agrees(job_for(cell, 3, 2))


@pytest.mark.parametrize("executor", ["native", "program", "eager"])
def test_a_layer_dies_with_its_last_user(executor):
    """The cells of a drop-in layer read its weights, and so lead back to it."""
    if executor == "native" and not library.available():
        pytest.skip("the compiled engine is not built here")
    layer = mnemonist.nn.LSTM(3, 5, executor=executor)
    layer(torch.randn(4, 2, 3))[0].sum().backward()
    gone = weakref.ref(layer)
    del layer
    gc.collect()
    assert gone() is None
