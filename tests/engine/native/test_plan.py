"""What reaches the compiled engine is checked where it comes in: plans, sizes, addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mnemonist import cells
from mnemonist.engine import program_of
from mnemonist.engine.native import library
from mnemonist.engine.native.compiled import Signature, compiled
from mnemonist.engine.native.plan import Layout, Plan
from mnemonist.engine.native.stepper import step_plan

pytestmark = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")

PROGRAM = program_of(cells.get("lstm")(3, 5))
PLAN = compiled(PROGRAM, Signature(("h",))).forward.plan
STEPS, ROWS = 4, 2


def made(plan: Plan) -> Any:
    return library.module().Plan(plan.code(), plan.numbers)


@pytest.mark.parametrize(
    ("word", "value", "why"),
    [
        (0, 2, "the direction is 2"),
        (1, -1, "a count is -1"),
        (2, 9, "a layout is 9"),
        (3, 0, "a width is 0"),
        (-1, 1 << 40, "a count"),
    ],
)
def test_a_plan_that_is_none_is_refused(word: int, value: int, why: str) -> None:
    code = PLAN.code()
    code[word] = value
    with pytest.raises(ValueError, match=f"not a plan of this version of the engine: it {why}"):
        library.module().Plan(code, PLAN.numbers)


def test_a_plan_that_ends_early_or_late_is_refused() -> None:
    code = PLAN.code()
    with pytest.raises(ValueError, match="it ends early"):
        library.module().Plan(code[:-1], PLAN.numbers)
    with pytest.raises(ValueError, match="it goes on behind its end"):
        library.module().Plan([*code, 0], PLAN.numbers)
    with pytest.raises(ValueError, match="it ends early"):
        library.module().Plan([], [])


@pytest.mark.parametrize("layout", [n for n in Layout if n is not Layout.VECTOR])
def test_weights_are_read_from_constants_only(layout: Layout) -> None:
    (buffer, *_), *_ = PLAN.weights
    code = PLAN.code()
    code[2 + 2 * buffer] = int(layout)
    why = "keeps a weight in a buffer of another layout|fewer numbers|writes to a constant"
    with pytest.raises(ValueError, match=why):
        library.module().Plan(code, PLAN.numbers)


def test_a_weight_that_reaches_behind_its_constant_is_refused() -> None:
    code = PLAN.code()
    at = 2 + 2 * len(PLAN.buffers) + 1  # buffer, offset, out, in, and the strides of both
    for word, value in ((1, 1 << 62), (1, 1), (2, 21), (3, 1 << 24), (4, 1 << 24)):
        spoilt = [*code]
        spoilt[at + word] = value
        with pytest.raises(ValueError, match="not a plan of this version of the engine"):
            library.module().Plan(spoilt, PLAN.numbers)


Arguments = dict[str, Any]


def arguments() -> tuple[Arguments, list[torch.Tensor]]:
    """A good run of PLAN, and what its memory is."""
    rows = {
        Layout.STEPS: STEPS * ROWS,
        Layout.STATE: (STEPS + 1) * ROWS,
        Layout.RING: 2 * ROWS,
        Layout.ROWS: ROWS,
        Layout.VECTOR: 1,
    }
    memory = [torch.zeros(rows.get(layout, 0), width) for layout, width in PLAN.buffers]
    return {
        "plan": made(PLAN),
        "wide": False,
        "steps": STEPS,
        "rows": ROWS,
        "first": 0,
        "memory": [m.data_ptr() for m in memory],
        "sizes": [m.numel() for m in memory],
        "threads": 1,
        "isa": library.isa(),
    }, memory


def test_buffers_of_just_the_size_do() -> None:
    given, memory = arguments()
    library.module().run(**given)
    assert all(m.isfinite().all() for m in memory)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a["sizes"].__setitem__(0, a["sizes"][0] - 1), "buffer 0 needs 24 numbers and"),
        (lambda a: a["memory"].pop(), "an address and a size for each"),
        (lambda a: a["sizes"].append(1), "an address and a size for each"),
        (lambda a: a.update(steps=STEPS + 1), "buffer 0 needs 30 numbers and has 24"),
        (lambda a: a.update(rows=ROWS + 1), "buffer 0 needs 36 numbers and has 24"),
        (lambda a: a.update(wide=True, steps=1 << 40, rows=1 << 40), "more numbers than a machine"),
        (lambda a: a.update(steps=-1), "a negative size"),
        (lambda a: a.update(threads=0), "no thread"),
        (lambda a: a.update(isa="mmx"), "no instruction set mmx"),
    ],
)
def test_a_run_beyond_its_buffers_is_refused(
    change: Callable[[Arguments], object], why: str
) -> None:
    given, memory = arguments()
    change(given)
    with pytest.raises(ValueError, match=why):
        library.module().run(**given)
    assert all((m == 0).all() for m in memory)


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ([1, 2, 4, 6, 8], "rows before the first step"),
        ([0, 1, 3, 4, 5], "step 1 has 2 rows behind one of 1"),
        ([0, 3, 4, 5, 6], "step 0 has 3 rows behind one of 2"),
        ([0, 2, 1, 1, 1], "step 1 has -1 rows"),
    ],
)
def test_rows_end_and_do_not_begin(first: list[int], why: str) -> None:
    given, _memory = arguments()
    bounds = torch.tensor(first)
    with pytest.raises(ValueError, match=why):
        library.module().run(**given | {"first": bounds.data_ptr()})


def test_a_stepper_checks_what_it_is_given() -> None:
    compiled_step = step_plan(PROGRAM, ("h",))
    buffers, plan = compiled_step.buffers, compiled_step.plan
    output = buffers["output", "output"]
    stepper = library.module().Stepper(
        made(plan), False, ROWS, "full", library.isa(), buffers["x", "x"], output
    )
    x, out = torch.zeros(ROWS, 3), torch.full((ROWS, 5), 7.0)
    with pytest.raises(RuntimeError, match="a Stepper steps when it is loaded"):
        stepper.step(x.data_ptr(), out.data_ptr())
    state = {name: torch.zeros(ROWS, 5) for name in ("h", "c")}
    with pytest.raises(ValueError, match="needs 10 numbers and has 9"):
        stepper.bind(buffers["state", "h"], state["h"].data_ptr(), 9)
    for name, value in state.items():
        stepper.bind(buffers["state", name], value.data_ptr(), value.numel())
    constants = {i: torch.zeros(plan.buffers[i][1]) for i in compiled_step.places}
    addresses = [constants[i].data_ptr() if i in constants else 0 for i in range(len(plan.buffers))]
    sizes = [constants[i].numel() if i in constants else 0 for i in range(len(plan.buffers))]
    with pytest.raises(ValueError, match="numbers and has"):
        stepper.load(addresses, [size - 1 for size in sizes])
    with pytest.raises(ValueError, match="an address and a size for each"):
        stepper.load(addresses[1:], sizes)
    assert bool((out == 7).all())
    stepper.load(addresses, sizes)
    with pytest.raises(ValueError, match="no address"):
        stepper.step(0, out.data_ptr())
    stepper.step(x.data_ptr(), out.data_ptr())
    assert bool((out == 0).all())  # tanh(0)


def test_a_plan_over_time_is_none_of_one_step() -> None:
    with pytest.raises(ValueError, match="not a plan of one step: it has more than a loop"):
        library.module().Stepper(made(PLAN), False, ROWS, "full", library.isa(), -1, -1)
    plan = made(step_plan(PROGRAM, ("h",)).plan)
    for rows, why in ((0, "no rows"), (1 << 60, "more rows than a machine")):
        with pytest.raises(ValueError, match=f"not a plan of one step: it has {why}"):
            library.module().Stepper(plan, False, rows, "full", library.isa(), -1, -1)
