"""A cell one step at a time, as fast as the machine reads its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from mnemonist.engine.codegen import compile_prologue
from mnemonist.engine.contract import CellLike, Emit
from mnemonist.engine.native import library
from mnemonist.engine.native.compile import constants_of
from mnemonist.engine.native.planner import Unplanned
from mnemonist.engine.native.stepper import NativeStep, step_plan
from mnemonist.engine.private import like_of
from mnemonist.engine.steps import EagerStep, ProgramStep
from mnemonist.engine.trusted import trusted_program
from mnemonist.engine.unroll import names
from mnemonist.errors import ConfigError, ShapeError, UnrepresentableError

__all__ = ["Stepper"]

_NARROW = ("bfloat16", "int8")
_EXECUTORS = ("auto", "native", "program", "eager")


class Stepper:
    """A cell that takes one time step at a call: for streams, games and token by token.

    The states live in the stepper, weights are packed once, and a step allocates nothing and
    knows nothing of autograd. The cell steps as in evaluation (no dropout, no zoneout) with
    the parameters that it has now: call `refresh` after training it further.

    What `step` returns is one and the same tensor at every call, overwritten by the next:
    clone what you keep, or give ``out``.

    >>> from mnemonist.cells import GRU
    >>> from mnemonist.engine import Stepper
    >>> stepper = Stepper(GRU(3, 8))
    >>> for x in torch.randn(5, 1, 3):
    ...     output = stepper.step(x)
    >>> output.shape, {name: tuple(value.shape) for name, value in stepper.state.items()}
    (torch.Size([1, 8]), {'h': (1, 8)})

    With ``precision`` the weights of all products W x are stored in fewer bits, while states,
    inputs and sums stay float32. A weight in bfloat16 is off by 2⁻⁸ of itself at most; in int8
    by 1/254 of the largest of its row (W[o] ≈ s[o] q[o], |q| ≤ 127), and what it multiplies is
    rounded to 14 bits.

    Args:
        cell: anything with a cell's names, sizes and `step`.
        batch_size: B, rows that step together.
        dtype: of inputs, states and output; that of the cell's parameters or buffers if not given.
        precision: of the weights: "bfloat16" or "int8" (both with float32); as dtype if not given.
        emit: the states or outputs that make the output; by default what the cell emits.
        executor: "native" (the compiled engine), "program" (the traced program in torch
            operations), "eager" (the cell's own step), or "auto": the first of these that can.

    Attributes:
        executor: the one that runs.
        why_not_native: why that is not the compiled engine, or None.

    Raises:
        ConfigError: an unknown name, a precision that cannot be had, or an executor that
            cannot run the cell.
    """

    def __init__(
        self,
        cell: CellLike,
        batch_size: int = 1,
        *,
        dtype: torch.dtype | None = None,
        precision: str | None = None,
        emit: Emit | None = None,
        executor: str = "auto",
    ) -> None:
        assert isinstance(cell, nn.Module)
        if batch_size < 1:
            raise ConfigError(f"batch_size must be positive, got {batch_size}")
        if executor not in _EXECUTORS:
            raise ConfigError(f"executor can be {', '.join(_EXECUTORS)}; got {executor!r}")
        like = like_of(cell)
        self.cell, self.batch_size = cell, batch_size
        self.dtype, self.device = dtype or like.dtype, like.device
        self.precision = _precision(precision, self.dtype)
        self.emits = names(cell.emits if emit is None else emit)
        widths = {**cell.state_sizes, **cell.output_sizes}
        for name in self.emits:
            if name not in widths:
                raise ConfigError(f"cannot emit {name!r}: the cell has {', '.join(widths)}")
        self._shape = torch.Size((batch_size, cell.input_size))
        with torch.inference_mode(False), _evaluating(cell):  # memory that any mode may write to
            self.executor, self.why_not_native = self._choose(executor)
        self._output = self._steps.output
        self._output_at = self._output.data_ptr()
        self.refresh()
        self.reset()

    def step(self, x: Tensor, out: Tensor | None = None, **extras: Tensor) -> Tensor:
        """One time step.

        Args:
            x: (B, I).
            out: (B, E), contiguous and apart from x, to be written instead of the stepper's own
                tensor.
            extras: the cell's per-step inputs by name, (B, width).

        Returns:
            The output (B, E): ``out``, or a tensor that the next step overwrites.

        Raises:
            ShapeError: a shape that does not fit.
            ConfigError: an extra input that is missing or that the cell does not have.
        """
        if x.shape != self._shape or x.dtype is not self.dtype or not x.is_contiguous():
            x = self._fitting(x)
        if extras or self._asked:
            self._take(extras)
        if out is None:
            out, out_at = self._output, self._output_at
        else:
            out_at = self._check_out(out)
        if self._native is None:
            if x.data_ptr() == out_at:
                x = x.clone()
            with torch.no_grad():
                self._steps.step(x, out)
            return out
        if not x.is_cpu:
            x = x.cpu()
        x_at = x.data_ptr()
        if x_at == out_at:  # the output fed back as the next input
            x = x.clone()
            x_at = x.data_ptr()
        self._native(x_at, out_at)
        return out

    @property
    def state(self) -> dict[str, Tensor]:
        """Every state by name, (B, width): a copy, so that it can be kept and set again.

        Setting it changes the states that are named and leaves the others alone.
        """
        return {name: value.clone() for name, value in self._steps.states.items()}

    @state.setter
    def state(self, values: Mapping[str, Tensor]) -> None:
        states = self._steps.states
        for name, value in values.items():
            if name not in states:
                raise ConfigError(f"unknown state {name!r}: the cell has {', '.join(states)}")
            if value.shape != states[name].shape:
                expected = tuple(states[name].shape)
                raise ShapeError(f"state {name} must be {expected}; got {tuple(value.shape)}")
        with torch.no_grad():
            for name, value in values.items():
                states[name].copy_(value)

    def reset(self, rows: int | Sequence[int] | Tensor | None = None) -> None:
        """Start afresh from the cell's initial state.

        Args:
            rows: which rows of the batch, as indices or as a bool mask (B,); all if not given.
        """
        with torch.no_grad():
            for name, value in self._steps.states.items():
                if rows is None:
                    value.copy_(self._initial[name])
                else:
                    value[rows] = self._initial[name][rows]

    def refresh(self) -> None:
        """Take over the cell's parameters as they are now. The states stay as they are."""
        assert isinstance(self.cell, nn.Module)
        kind = {"device": self.device, "dtype": self.dtype}
        with torch.no_grad(), _evaluating(self.cell):
            initial = self.cell.initial_state(self.batch_size, **kind)  # type: ignore[arg-type]
            self._initial = {name: value.clone() for name, value in initial.items()}
            drawn = self.cell.draw_extras(1, self.batch_size, **kind)  # type: ignore[arg-type]
            for name, value in drawn.items():
                self._steps.extras[name].copy_(value[0])
            self._asked = tuple(n for n in self._steps.extras if n not in drawn)
            if isinstance(self._steps, EagerStep):
                self._steps.copied(self.cell)
            else:
                leaves = tuple(
                    leaf.to(self.dtype) if leaf.is_floating_point() else leaf
                    for leaf in self._program.leaves_of(self.cell).values()
                )
                like = torch.empty(self._shape, dtype=self.dtype, device=self.device)
                self._steps.load(self._prologue(like, leaves))

    def extra_repr(self) -> str:
        """Sizes and executor, for people."""
        weights = f", weights in {self.precision}" if self.precision in _NARROW else ""
        return f"batch_size={self.batch_size}, {self.dtype}{weights}, executor={self.executor!r}"

    def __repr__(self) -> str:
        return f"Stepper({type(self.cell).__name__}, {self.extra_repr()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Stepper holds packed weights of this machine and can be neither copied nor pickled: "
            "save the cell and stepper.state, and make a new Stepper of them"
        )

    def _choose(self, executor: str) -> tuple[str, str | None]:
        """Set up the steps; the executor's name, and why it is not the compiled engine."""
        self._native: Callable[[int, int], None] | None = None
        self._steps: NativeStep | ProgramStep | EagerStep
        program, why = None, None
        if executor == "eager":
            why = "executor='eager' was asked for"
        else:
            try:
                program = trusted_program(self.cell)
            except UnrepresentableError as error:
                if executor != "auto":
                    raise ConfigError(f"executor={executor!r} cannot run it: {error}") from error
                why = str(error)
        if program is None:
            if self.precision in _NARROW:
                raise ConfigError(
                    f"precision={self.precision!r} needs a program, to know which weights are "
                    f"multiplied with, but {why}"
                )
            self._steps = EagerStep(self.cell, self.emits, self._zeros)
            return "eager", why
        self._program = program
        constants = constants_of(program, self.emits)
        self._prologue: Callable[..., Any] = compile_prologue(program, constants)
        why = "executor='program' was asked for" if executor == "program" else self._obstacle()
        if why is None:
            compiled = step_plan(program, self.emits)
            precision = self.precision if self.precision in _NARROW else "full"
            steps = NativeStep(compiled, program, self.batch_size, self.dtype, precision)
            self._steps, self._native = steps, steps.run
            return "native", None
        if executor == "native":
            raise ConfigError(f"the native executor cannot run it, because {why}.")
        self._steps = ProgramStep(program, constants, self.emits, self.precision, self._zeros)
        return "program", why

    def _obstacle(self) -> str | None:
        """Why the compiled engine cannot run the program, or None."""
        missing = library.why_missing()
        if missing is not None:
            return missing
        if self.device.type != "cpu":
            return f"it runs on a CPU, and the cell is on {self.device}"
        if self.dtype not in (torch.float32, torch.float64):
            return f"it knows float32 and float64, and the dtype is {self.dtype}"
        try:
            step_plan(self._program, self.emits)
        except Unplanned as lack:
            return f"it lacks {lack}"
        return None

    def _zeros(self, width: int) -> Tensor:
        return torch.zeros(self.batch_size, width, dtype=self.dtype, device=self.device)

    def _fitting(self, x: Tensor) -> Tensor:
        """x as a step reads it."""
        if x.shape != self._shape:
            raise ShapeError(f"x must be (B, I) = {tuple(self._shape)}; got {tuple(x.shape)}")
        return x.detach().to(self.device, self.dtype).contiguous()

    def _check_out(self, out: Tensor) -> int:
        """The address of the caller's own output."""
        own = self._output
        fits = out.shape == own.shape and out.dtype is own.dtype and out.device == own.device
        if not fits or not out.is_contiguous():
            raise ShapeError(
                f"out must be a contiguous {own.dtype} tensor {tuple(own.shape)} on {own.device}; "
                f"got {out.dtype} {tuple(out.shape)} on {out.device}"
            )
        return out.data_ptr()

    def _take(self, given: Mapping[str, Tensor]) -> None:
        """The extra inputs of a step."""
        extras = self._steps.extras
        missing = [name for name in self._asked if name not in given]
        if missing or not given.keys() <= extras.keys():
            raise ConfigError(
                f"the cell takes the extra inputs {', '.join(extras) or '(none)'}; "
                f"got {', '.join(given) or '(none)'}"
            )
        for name, value in given.items():
            if value.shape != extras[name].shape:
                raise ShapeError(
                    f"extra input {name} must be (B, width) = {tuple(extras[name].shape)}; "
                    f"got {tuple(value.shape)}"
                )
        with torch.no_grad():
            for name, value in given.items():
                extras[name].copy_(value)


def _precision(precision: str | None, dtype: torch.dtype) -> str:
    """The precision by name."""
    own = str(dtype).removeprefix("torch.")
    if precision is None or precision == own:
        return own
    if precision not in _NARROW:
        raise ConfigError(
            f"precision can be {own} (as the dtype), {' or '.join(_NARROW)}; got {precision!r}"
        )
    if dtype is not torch.float32:
        raise ConfigError(f"precision={precision!r} goes with dtype float32; the dtype is {own}")
    return precision


@contextmanager
def _evaluating(cell: nn.Module) -> Iterator[None]:
    """The cell in evaluation, for a while."""
    training = [module for module in cell.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True
