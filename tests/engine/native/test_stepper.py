"""One step at a time is the same recurrence: every cell, precision, executor and machine."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from mnemonist import cells
from mnemonist.cells import GRU, LSTM, Cell
from mnemonist.cells.regularise import Zoneout
from mnemonist.engine import Stepper, explain, unroll, why_not
from mnemonist.engine.native import library
from mnemonist.engine.steps import rounded
from mnemonist.errors import ConfigError, ShapeError

EXECUTORS = ["program", *(["native"] if library.available() else [])]
ISAS = ("portable", "avx2", "avx512")
native = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")

# one diagonal weight a unit, or one width only
SQUARE = {"echo_state"}


def made(name: str, input_size: int = 5, hidden_size: int = 7) -> Cell:
    torch.manual_seed(len(name))
    if name in SQUARE:
        input_size = hidden_size
    return cells.get(name)(input_size, hidden_size).eval()


def steps(stepper: Stepper, x: Tensor) -> Tensor:
    return torch.stack([stepper.step(now).clone() for now in x])


class Driven(Cell):
    """Leaks, and reads two inputs beside x."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.inward,) = self.gates("inward", recurrent_size=0)

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        return {"drive": self.hidden_size, "gain": 1}

    def step(self, x: Tensor, h: Tensor, *, drive: Tensor, gain: Tensor) -> Tensor:
        return 0.9 * h + gain * self.inward(x) + drive


class Fixed(Cell):
    """Nothing is learned: the weights are a buffer."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.register_buffer("weight", torch.randn(hidden_size, input_size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(0.5 * h + x @ self.weight.T)


class Rotated(Cell):
    """A step that no program holds."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.roll(h, 1, -1) + x.sum(-1, keepdim=True)


class Swapped(Cell):
    """Two states that change places, so that neither may be written before both are read."""

    states = ("a", "b")

    def step(self, x: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return b + x, a


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("name", cells.names())
def test_step_by_step_is_the_unrolled_cell(name: str, executor: str) -> None:
    cell = made(name)
    for dtype, bound in ((torch.float32, 3e-6), (torch.float64, 1e-13)):
        cell = copy.deepcopy(cell).to(dtype)
        for rows in (1, 3):
            x = torch.randn(6, rows, cell.input_size, dtype=dtype)
            expected = unroll(cell, x, executor="eager")
            chosen = executor if name != "lstm_batch_norm" else "auto"  # its step counts steps
            stepper = Stepper(cell, rows, executor=chosen)
            found = steps(stepper, x)
            assert stepper.executor == (executor if chosen == executor else "eager")
            scale = 1 + expected.output.abs().max()
            assert (found - expected.output).abs().max() < bound * scale
            for state, value in stepper.state.items():
                assert torch.allclose(value, expected.state[state], atol=bound, rtol=10 * bound)


@native
@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("precision", [None, "bfloat16", "int8"])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 64), (64, 3), (100, 130), (17, 65)])
def test_sizes_that_are_no_multiple_of_anything(sizes: tuple[int, int], precision) -> None:
    torch.manual_seed(0)
    cell = cells.get("lstm_peephole")(*sizes)
    for rows in (1, 2, 5, 16):
        x = torch.randn(4, rows, sizes[0])
        found = steps(Stepper(cell, rows, precision=precision, executor="native"), x)
        expected = steps(Stepper(cell, rows, precision=precision, executor="program"), x)
        # torch rounds to bfloat16 itself; the engine lets half of them differ from that in their
        # last bit, and rounds activations for int8
        bound = {None: 3e-6, "bfloat16": 1e-2, "int8": 5e-4}[precision]
        assert (found - expected).abs().max() < bound


@native
@pytest.mark.parametrize("precision", [None, "bfloat16", "int8"])
def test_a_row_does_not_depend_on_its_neighbours(precision) -> None:
    torch.manual_seed(1)
    cell = LSTM(19, 33)
    x = torch.randn(5, 7, 19)
    together = steps(Stepper(cell, 7, precision=precision, executor="native"), x)
    for row in range(7):
        alone = steps(Stepper(cell, precision=precision, executor="native"), x[:, row : row + 1])
        assert torch.equal(alone, together[:, row : row + 1])


@native
@pytest.mark.parametrize("precision", [None, "bfloat16", "int8"])
def test_every_instruction_set_gives_the_same_to_rounding(precision, monkeypatch) -> None:
    torch.manual_seed(2)
    cell = GRU(21, 70)
    x = torch.randn(5, 3, 21)
    found = []
    for isa in ISAS:
        if library.module().has_isa(isa):
            monkeypatch.setenv("MNEMONIST_ISA", isa)
            found.append(steps(Stepper(cell, 3, precision=precision, executor="native"), x))
    # a step's rounding may change to which of 2^14 values an activation goes
    bound = 2e-4 if precision == "int8" else 2e-6
    for other in found[1:]:
        assert (other - found[0]).abs().max() < bound


@native
def test_weights_in_bfloat16_are_off_by_no_more_than_its_rounding() -> None:
    torch.manual_seed(3)
    weight, applied = applied_weight("bfloat16")
    assert ((applied - weight).abs() <= weight.abs() * 2**-8 * 1.001 + 2**-99).all()
    assert torch.equal(applied[:, ::2], rounded(weight, "bfloat16")[:, ::2])


@native
def test_weights_in_int8_are_off_by_no_more_than_half_a_step() -> None:
    torch.manual_seed(4)
    weight, applied = applied_weight("int8")
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((applied - weight).abs() <= 0.5005 * step).all()


def applied_weight(precision: str) -> tuple[Tensor, Tensor]:
    """A weight, and what a stepper multiplies with in its place, by steps of unit vectors."""
    cell = cells.get("elman")(37, 70, activation="identity")
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        weight = next(p for n, p in cell.named_parameters() if n.endswith("W"))
        weight.copy_(torch.randn(70, 37) * 10.0 ** torch.randint(-6, 3, (70, 37)))
        weight[0] = 0
        weight[1, ::3] = 0
    stepper = Stepper(cell, 37, precision=precision, executor="native")
    return weight.detach(), stepper.step(torch.eye(37)).T.clone()


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "rhn"])
@pytest.mark.parametrize(("precision", "bound"), [("bfloat16", 1e-2), ("int8", 3e-2)])
def test_few_bits_cost_little_on_random_weights(name: str, precision: str, bound: float) -> None:
    cell = made(name, 24, 48)
    x = torch.randn(50, 2, cell.input_size)
    exact = steps(Stepper(cell, 2), x)
    assert 1e-5 < (steps(Stepper(cell, 2, precision=precision), x) - exact).abs().max() < bound


@native
def test_what_is_not_finite_stays_visible_and_in_its_row() -> None:
    for precision in (None, "bfloat16", "int8"):
        stepper = Stepper(GRU(9, 12), 3, precision=precision, executor="native")
        x = torch.randn(3, 9)
        x[1, 4] = float("nan")
        found = stepper.step(x)
        assert found[1].isnan().all()
        assert found[[0, 2]].isfinite().all()
        stepper.reset(1)
        assert stepper.step(torch.zeros(3, 9)).isfinite().all()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_states_can_be_taken_out_and_put_back(executor: str) -> None:
    torch.manual_seed(5)
    cell = LSTM(4, 6)
    x = torch.randn(8, 2, 4)
    stepper = Stepper(cell, 2, executor=executor)
    whole = steps(stepper, x)
    stepper.reset()
    assert torch.equal(steps(stepper, x[:3]), whole[:3])
    kept = stepper.state
    steps(stepper, x[3:])
    other = Stepper(cell, 2, executor=executor)
    other.state = kept
    assert torch.equal(steps(other, x[3:]), whole[3:])
    other.state = {"h": torch.ones(2, 6)}
    assert torch.equal(other.state["h"], torch.ones(2, 6))
    assert torch.equal(other.state["c"], stepper.state["c"])


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("rows", [1, [1], torch.tensor([False, True, False])])
def test_rows_start_afresh_by_themselves(executor: str, rows) -> None:
    torch.manual_seed(6)
    cell = cells.get("slstm")(4, 6)
    x = torch.randn(6, 3, 4)
    resets = torch.zeros(6, 3, dtype=torch.bool)
    resets[2, 1] = True
    expected = unroll(cell, x, resets=resets, executor="eager").output
    stepper = Stepper(cell, 3, executor=executor)
    found = [stepper.step(now).clone() for now in x[:2]]
    stepper.reset(rows)
    found += [stepper.step(now).clone() for now in x[2:]]
    assert torch.allclose(torch.stack(found), expected, atol=2e-6)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_weights_are_those_at_the_last_refresh(executor: str) -> None:
    torch.manual_seed(7)
    cell, x = GRU(3, 5), torch.randn(1, 3)
    stepper = Stepper(cell, executor=executor)
    before = stepper.step(x).clone()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(2.0)
    stepper.reset()
    assert torch.equal(stepper.step(x), before)
    stepper.refresh()
    stepper.reset()
    expected = unroll(cell, x[None], executor="eager").output[0]
    assert torch.allclose(stepper.step(x), expected, atol=1e-6)
    assert not torch.allclose(expected, before, atol=1e-2)


@pytest.mark.parametrize("executor", [*EXECUTORS, "eager"])
def test_the_output_can_be_the_next_input(executor: str) -> None:
    torch.manual_seed(8)
    cell = LSTM(5, 5)
    stepper, h, c = Stepper(cell, executor=executor), torch.zeros(1, 5), torch.zeros(1, 5)
    now = after = torch.randn(1, 5)
    for _ in range(6):
        now = stepper.step(now)
        h, c = cell.step(after, h, c)
        after = h
    assert torch.allclose(now, after, atol=1e-6)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_where_the_output_goes(executor: str) -> None:
    torch.manual_seed(9)
    cell, x = LSTM(4, 6), torch.randn(3, 2, 4)
    kept = steps(Stepper(cell, 2, emit=("c", "h"), executor=executor), x)
    stepper = Stepper(cell, 2, emit=("c", "h"), executor=executor)
    mine = torch.zeros(3, 2, 12)
    for now, out in zip(x, mine, strict=True):
        assert stepper.step(now, out) is out
    assert torch.equal(mine, kept)
    assert torch.equal(mine[-1, :, 6:], stepper.state["h"])
    assert stepper.step(x[0]) is stepper.step(x[1])
    for out in (torch.zeros(2, 6), torch.zeros(12, 2).T, torch.zeros(2, 12).double()):
        with pytest.raises(ShapeError, match="out must be a contiguous"):
            stepper.step(x[0], out)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_inputs_come_in_any_layout_but_in_one_shape(executor: str) -> None:
    torch.manual_seed(10)
    cell, x = GRU(4, 6), torch.randn(2, 4)
    expected = Stepper(cell, 2, executor=executor).step(x)
    for same in (x.T.contiguous().T, x.double(), x.clone().requires_grad_()):
        found = Stepper(cell, 2, executor=executor).step(same)
        assert torch.equal(found, expected)
        assert not found.requires_grad
    stepper = Stepper(cell, 2, executor=executor)
    for wrong in (x[0], x[:1], x.T, x[None]):
        with pytest.raises(ShapeError, match=r"x must be \(B, I\) = \(2, 4\)"):
            stepper.step(wrong)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_extra_inputs_go_by_name(executor: str) -> None:
    torch.manual_seed(11)
    cell = Driven(3, 4)
    x = torch.randn(5, 2, 3)
    extras = {"drive": torch.randn(5, 2, 4), "gain": torch.randn(5, 2, 1)}
    expected = unroll(cell, x, extras=extras, executor="eager").output
    stepper = Stepper(cell, 2, executor=executor)
    found = [
        stepper.step(now, **{name: value[t] for name, value in extras.items()}).clone()
        for t, now in enumerate(x)
    ]
    assert torch.allclose(torch.stack(found), expected, atol=1e-6)
    with pytest.raises(ConfigError, match="takes the extra inputs drive, gain; got gain"):
        stepper.step(x[0], gain=extras["gain"][0])
    with pytest.raises(ShapeError, match="extra input gain"):
        stepper.step(x[0], drive=extras["drive"][0], gain=torch.zeros(2, 4))
    with pytest.raises(ConfigError, match=r"\(none\); got noise"):
        Stepper(GRU(3, 4), executor=executor).step(x[0, :1], noise=x[0, :1])


@pytest.mark.parametrize("executor", EXECUTORS)
def test_states_may_change_places(executor: str) -> None:
    cell, x = Swapped(4, 4), torch.randn(5, 2, 4)
    expected = unroll(cell, x, executor="eager", all_states=True)
    stepper = Stepper(cell, 2, executor=executor, emit=("b", "a"))
    found = steps(stepper, x)
    assert expected.states is not None
    both = torch.cat([expected.states["b"], expected.states["a"]], -1)
    assert torch.allclose(found, both, atol=1e-6)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_it_steps_as_in_evaluation_and_leaves_training_alone(executor: str) -> None:
    torch.manual_seed(12)
    cell = Zoneout(LSTM(3, 5), {"h": 0.5, "c": 0.5}).train()
    stepper = Stepper(cell, 2, executor=executor)
    assert cell.training
    x = torch.randn(4, 2, 3)
    found = steps(stepper, x)
    cell.eval()
    assert torch.allclose(found, unroll(cell, x, executor="eager").output, atol=1e-6)


def test_without_the_compiled_engine_it_steps_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMONIST_NATIVE", "0")
    stepper = Stepper(LSTM(3, 4))
    assert stepper.executor == "program"
    assert "MNEMONIST_NATIVE=0" in str(stepper.why_not_native)
    with pytest.raises(ConfigError, match="MNEMONIST_NATIVE=0"):
        Stepper(LSTM(3, 4), executor="native")
    half = Stepper(LSTM(3, 4).bfloat16())
    assert half.step(torch.randn(1, 3)).dtype is torch.bfloat16


def test_a_cell_without_a_program_steps_eagerly() -> None:
    cell, x = Rotated(3, 4), torch.randn(5, 2, 3)
    stepper = Stepper(cell, 2)
    assert stepper.executor == "eager"
    assert "roll" in str(stepper.why_not_native)
    assert torch.equal(steps(stepper, x), unroll(cell, x, executor="eager").output)
    with pytest.raises(ConfigError, match="needs a program"):
        Stepper(cell, precision="int8")
    with pytest.raises(ConfigError, match="cannot run it"):
        Stepper(cell, executor="program")


@native
def test_steps_allocate_nothing() -> None:
    stepper, x = Stepper(LSTM(6, 8), executor="native"), torch.randn(1, 6)
    for _ in range(100):
        stepper.step(x)
    taken, blocks = library.module().arena_use()["taken"], sys.getallocatedblocks()
    for _ in range(100_000):
        stepper.step(x)
    assert library.module().arena_use()["taken"] == taken
    assert sys.getallocatedblocks() - blocks < 200


@native
def test_memory_of_weights_goes_down_with_their_bits() -> None:
    cell = LSTM(64, 64)
    full, half, quarter = (
        Stepper(cell, precision=p, executor="native")._steps.weight_bytes
        for p in (None, "bfloat16", "int8")
    )
    assert full == 4 * 2 * 256 * 64
    assert half == full / 2
    assert full / 4 < quarter < full / 3.5


def test_every_thread_has_its_own() -> None:
    torch.manual_seed(13)
    cell, x = LSTM(30, 300), torch.randn(20, 1, 30)
    expected = steps(Stepper(cell), x)

    def run(_: int) -> bool:
        return torch.equal(steps(Stepper(cell), x), expected)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))


@pytest.mark.parametrize("executor", [*EXECUTORS, "eager"])
def test_it_may_be_made_in_inference_mode_and_used_outside(executor: str) -> None:
    torch.manual_seed(14)
    cell, x = GRU(3, 4), torch.randn(1, 3)
    with torch.inference_mode():
        stepper = Stepper(cell, executor=executor)
        first = stepper.step(x).clone()
    stepper.reset(0)
    assert torch.equal(stepper.step(x), first)
    stepper.state = {"h": torch.zeros(1, 4)}
    stepper.refresh()
    with torch.inference_mode():
        assert torch.equal(stepper.step(x), first)


def test_it_is_neither_copied_nor_pickled() -> None:
    stepper = Stepper(GRU(3, 4))
    for copying in (copy.deepcopy, copy.copy, pickle.dumps):
        with pytest.raises(TypeError, match=r"save the cell and stepper\.state"):
            copying(stepper)
    assert repr(stepper).startswith("Stepper(GRU, batch_size=1, torch.float32, executor=")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"precision": "float16"}, "precision can be float32 .*bfloat16 or int8; got 'float16'"),
        ({"precision": "int8", "dtype": torch.float64}, "goes with dtype float32"),
        ({"executor": "scan"}, "executor can be auto"),
        ({"emit": "z"}, "cannot emit 'z': the cell has h"),
    ],
)
def test_options_that_cannot_be(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Stepper(GRU(3, 4), **options)


def test_states_that_cannot_be() -> None:
    stepper = Stepper(GRU(3, 4))
    with pytest.raises(ConfigError, match="unknown state 'c': the cell has h"):
        stepper.state = {"c": torch.zeros(1, 4)}
    with pytest.raises(ShapeError, match=r"state h must be \(1, 4\); got \(4,\)"):
        stepper.state = {"h": torch.zeros(4)}
    assert isinstance(stepper.cell, nn.Module)


def test_the_dtype_is_that_of_the_buffers_where_nothing_is_learned():
    torch.manual_seed(0)
    cell, x = Fixed(3, 4).double(), torch.randn(5, 2, 3, dtype=torch.float64)
    stepper = Stepper(cell, 2)
    assert stepper.dtype is torch.float64
    assert explain(cell).executor == "native"
    assert why_not(cell, "native") is None
    outputs = torch.stack([stepper.step(now).clone() for now in x])
    torch.testing.assert_close(outputs, unroll(cell, x, executor="eager").output)
