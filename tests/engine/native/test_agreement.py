"""Random programs through `unroll`: every executor, at once, in pieces, recomputed and streamed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from random_programs import INPUT, wide_program
from torch import Tensor

from mnemonist.engine import Program, Stepper, Unrolled, unroll
from mnemonist.engine.native import library
from mnemonist.engine.program_cell import ProgramCell

pytestmark = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")

Values = dict[str, Tensor]


class Case:
    """A program, what it runs on, and how it is asked to."""

    def __init__(self, seed: int) -> None:
        draw = self.draw = random.Random(seed)
        torch.manual_seed(seed)
        program = self.program = wide_program(seed)
        self.in_halves = draw.random() < 0.2  # so that values tie
        self.cell = ProgramCell(program).double()
        leaves = dict(self.cell.named_parameters()) | dict(self.cell.named_buffers())
        for leaf in leaves.values():
            leaf.data = self.numbers(*leaf.shape).detach()
            leaf.requires_grad_()
        steps, rows = draw.choice((0, 1, 2, 3, 6, 9)), draw.choice((1, 1, 2, 3, 9, 17))
        self.steps, self.rows = steps, rows
        batch_first = draw.random() < 0.5
        x = self.numbers(rows, steps, INPUT) if batch_first else self.numbers(steps, rows, INPUT)
        self.x = x.transpose(0, 1) if batch_first else x
        self.state = {
            name: self.numbers(rows, width)
            for name, width in program.states.items()
            if draw.random() < 0.7
        }
        self.extras = {
            name: self.numbers(draw.choice((1, steps)), rows, width)
            for name, width in program.extras.items()
        }
        self.options = self.drawn_options()
        self.inputs = {"x": x, **leaves}
        for kind in ("state", "extras"):
            self.inputs |= {f"{kind} {name}": v for name, v in getattr(self, kind).items()}
        self.inputs |= {f"forced {n}": v for n, v in self.options.get("forced", {}).items()}

    def numbers(self, *shape: int) -> Tensor:
        drawn = torch.randn(shape, dtype=torch.float64)
        return ((2 * drawn).round() / 2 if self.in_halves else drawn).requires_grad_()

    def drawn_options(self) -> dict[str, Any]:
        draw, steps, rows, states = self.draw, self.steps, self.rows, self.program.states
        options: dict[str, Any] = {}
        if draw.random() < 0.4:
            options["lengths"] = torch.tensor([draw.randint(0, steps) for _ in range(rows)])
        if draw.random() < 0.3:
            options["resets"] = torch.rand(steps, rows) < 0.3
        if draw.random() < 0.3:
            options["reverse"] = True
        if draw.random() < 0.3:
            forced = draw.sample(list(states), draw.randint(1, len(states)))
            options["forced"] = {n: self.numbers(steps, rows, states[n]) for n in forced}
            if draw.random() < 0.6:
                options["forced_mask"] = torch.rand(steps, rows) < 0.5
        names = (*states, *self.program.outputs)
        options["emit"] = tuple(n for n in names if draw.random() < 0.6) or names[-1:]
        options["all_states"] = draw.random() < 0.4
        return options

    def run(self, executor: str, checkpoint: int | None = None) -> Values:
        return flat(
            unroll(
                self.cell, self.x, self.state, extras=self.extras,
                executor=executor, checkpoint=checkpoint, **self.options,
            )
        )  # fmt: skip

    def in_pieces(self) -> Values:
        """A first part, and the rest from where it ended."""
        cut = self.draw.randint(1, self.steps - 1)
        parts, state = [], self.state
        for start, stop in ((0, cut), (cut, self.steps)):
            here = dict(self.options)
            for name in ("resets", "forced_mask"):
                if name in here:
                    here[name] = here[name][start:stop]
            if "lengths" in here:
                here["lengths"] = (here["lengths"] - start).clamp(0, stop - start)
            if "forced" in here:
                here["forced"] = {n: v[start:stop] for n, v in here["forced"].items()}
            extras = {n: v if len(v) == 1 else v[start:stop] for n, v in self.extras.items()}
            x = self.x[start:stop]
            done = unroll(self.cell, x, state, extras=extras, executor="native", **here)
            parts.append(done)
            state = done.state
        both = [flat(part) for part in parts]
        over_time = {n: torch.cat([v[n] for v in both]) for n in both[0] if "final" not in n}
        return both[1] | over_time

    def streamed(self) -> Tensor:
        stepper = Stepper(
            self.cell, self.rows, emit=self.options["emit"], dtype=torch.float64, executor="native"
        )
        stepper.state = {name: value.detach() for name, value in self.state.items()}
        return torch.stack([stepper.step(x).clone() for x in self.x.detach()])

    def gradients(self, values: Values, weights: Values) -> tuple[Tensor, ...]:
        total = sum((0.0 * i.sum() for i in self.inputs.values()), torch.zeros(()))
        total = total + sum((values[n] * w).sum() for n, w in weights.items())
        return torch.autograd.grad(total, list(self.inputs.values()))


def flat(done: Unrolled) -> Values:
    values = {"output": done.output}
    values |= {f"final {name}": value for name, value in done.state.items()}
    return values | {f"all {name}": value for name, value in (done.states or {}).items()}


def assert_agrees(seed: int) -> None:
    case = Case(seed)
    expected = case.run("eager")
    weights = {n: torch.randn_like(v) for n, v in expected.items() if case.draw.random() < 0.8}
    slopes = case.gradients(expected, weights)
    runs: dict[str, Callable[[], Values]] = {
        "program": lambda: case.run("program"),
        "native": lambda: case.run("native"),
        "auto": lambda: case.run("auto"),
        "native recomputed": lambda: case.run("native", checkpoint=case.draw.randint(0, 3)),
        "program recomputed": lambda: case.run("program", checkpoint=2),
    }
    if case.steps > 1 and "reverse" not in case.options:
        runs["native in pieces"] = case.in_pieces
    for kind, run in runs.items():
        found = run()
        for name, value in expected.items():
            what = f"{kind}: {name}"
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=what)
        for name, want, have in zip(
            case.inputs, slopes, case.gradients(found, weights), strict=True
        ):
            scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
            what = f"{kind}: gradient of {name}"
            torch.testing.assert_close(have, want, rtol=0, atol=1e-9 * scale, msg=what)
    plain = not case.options.keys() & {"lengths", "resets", "reverse", "forced"}
    if plain and case.steps and not case.extras:
        torch.testing.assert_close(case.streamed(), expected["output"].detach(), rtol=0, atol=1e-10)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("first", range(0, 32, 8))
def test_random_programs(first: int) -> None:
    for seed in range(first, first + 8):
        try:
            assert_agrees(seed)
        except Exception as error:
            pytest.fail(f"random program {seed}: {type(error).__name__}: {error}")


def test_a_read_program_is_the_same_program() -> None:
    for seed in range(40):
        program = wide_program(seed)
        assert Program.from_json(program.to_json()).hash() == program.hash()
