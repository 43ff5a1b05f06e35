"""`RNNCell`, `LSTMCell` and `GRUCell` in the place of torch.nn's."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mnemonist.engine import unroll
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._dropin_base import ArgumentError, InputError
from mnemonist.nn._dropin_run import VENDOR, obstacle
from mnemonist.nn._dropin_view import Borrowed, BorrowedGRU, BorrowedLSTM, BorrowedRNN, Lender

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _StepCell(Lender):
    """One step with torch.nn's weights, call and initialisation."""

    _gates: ClassVar[int]
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        executor: str,
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int) or size < 1:
                raise ArgumentError(f"{name} must be a positive integer, got {size!r}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.executor = executor

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        rows = self._gates * hidden_size
        self.weight_ih = weight(rows, input_size)
        self.weight_hh = weight(rows, hidden_size)
        self.register_parameter("bias_ih", weight(rows) if bias else None)
        self.register_parameter("bias_hh", weight(rows) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in ±1/√H, every parameter, in the order of registration: torch's own draws."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def _run(self, input: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """One step by the executor asked for; states None for zeros."""
        kind = type(self).__name__
        if input.dim() not in (1, 2):
            raise ShapeError(f"{kind}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        x = input if input.dim() == 2 else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise InputError(
                f"{kind}: input has inconsistent input_size: got {x.shape[1]}, "
                f"expected {self.input_size}"
            )
        cell = self._cells[0]
        names = tuple(cell.state_sizes)
        if states is None:
            states = (x.new_zeros(x.shape[0], self.hidden_size),) * len(names)
        else:
            states = tuple(self._checked_state(s, input) for s in states)
        reason = obstacle(self.executor)
        if reason is None:
            after = self._kernel(x, states)
        elif self.executor == VENDOR:
            raise ConfigError(f"executor 'vendor' cannot run this {kind}: {reason}. Take 'auto'")
        else:
            named = dict(zip(names, states, strict=True))
            with parametrize.cached():  # a parametrised weight is computed once a call
                # for one step there is nothing to hoist; "auto" comes here inside vmap and jvp only
                name = "eager" if self.executor == "auto" else self.executor
                done = unroll(cell, x.unsqueeze(0), named, executor=name)
            after = tuple(done.state[name] for name in names)
        return after if input.dim() == 2 else tuple(s.squeeze(0) for s in after)

    def _checked_state(self, state: Tensor, input: Tensor) -> Tensor:
        if state.dim() not in (1, 2):
            raise ShapeError(
                f"{type(self).__name__}: Expected hidden to be 1D or 2D, got {state.dim()}D instead"
            )
        expected = (*input.shape[:-1], self.hidden_size)
        if state.shape != expected:
            raise InputError(
                f"{type(self).__name__}: a state must be {expected} for input of shape "
                f"{tuple(input.shape)}, got {tuple(state.shape)}"
            )
        return state if input.dim() == 2 else state.unsqueeze(0)

    def _kernel(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """torch's own step."""
        raise NotImplementedError

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (("bias", True), ("nonlinearity", "tanh"), ("executor", "auto")):
            if getattr(self, name, default) != default:
                text += f", {name}={getattr(self, name)}"
        return text


class RNNCell(_StepCell):
    """One step of the simple recurrent network, in the place of `torch.nn.RNNCell`.

    h' = φ(W_ih x + b_ih + W_hh h + b_hh)      (Elman 1990)

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        bias: whether there are b_ih and b_hh.
        nonlinearity: φ, "tanh" or "relu".
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.

    Raises:
        ConfigError: a size below 1, or another nonlinearity.

    >>> RNNCell(3, 5)(torch.randn(2, 3)).shape
    torch.Size([2, 5])
    """

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(
                f"Unknown nonlinearity: {nonlinearity!r}. Select from 'tanh' or 'relu'"
            )
        super().__init__(input_size, hidden_size, bias, device, dtype, executor)
        self.nonlinearity = nonlinearity
        self._cells = self._make_cells()

    def _make_cells(self) -> tuple[Borrowed, ...]:
        make = partial(BorrowedRNN, activation=self.nonlinearity)
        return (make(self, "", self.input_size, self.hidden_size, bias=self.bias),)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """x (B, I) or (I,) and h, shaped alike and zeros if not given, to the next h."""
        return self._run(input, None if hx is None else (hx,))[0]

    def _kernel(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        tanh = self.nonlinearity == "tanh"
        step = torch._VF.rnn_tanh_cell if tanh else torch._VF.rnn_relu_cell
        return (step(x, states[0], *self._weights()),)


class LSTMCell(_StepCell):
    """One step of the LSTM, in the place of `torch.nn.LSTMCell`.

    i = σ(W_ii x + b_ii + W_hi h + b_hi)       (Gers, Schmidhuber & Cummins 2000)
    f = σ(W_if x + b_if + W_hf h + b_hf)
    g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    o = σ(W_io x + b_io + W_ho h + b_ho)
    c' = f ⊙ c + i ⊙ g
    h' = o ⊙ tanh(c')

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c.
        bias: whether there are b_ih and b_hh.
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.

    Raises:
        ConfigError: a size below 1.

    >>> h, c = LSTMCell(3, 5)(torch.randn(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    _gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype, executor)
        self._cells = self._make_cells()

    def _make_cells(self) -> tuple[Borrowed, ...]:
        return (BorrowedLSTM(self, "", self.input_size, self.hidden_size, bias=self.bias),)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (B, I) or (I,) and (h, c), shaped alike and zeros if not given, to the next (h, c)."""
        if hx is not None and len(hx) != 2:
            raise InputError(f"LSTMCell: hx must be the pair (h, c), got {len(hx)} value(s)")
        h, c = self._run(input, None if hx is None else (hx[0], hx[1]))
        return h, c

    def _kernel(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return torch._VF.lstm_cell(x, states, *self._weights())


class GRUCell(_StepCell):
    """One step of the GRU, in the place of `torch.nn.GRUCell`.

    r = σ(W_ir x + b_ir + W_hr h + b_hr)       (Cho et al. 2014; reset after the product)
    z = σ(W_iz x + b_iz + W_hz h + b_hz)
    n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
    h' = (1 - z) ⊙ n + z ⊙ h

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        bias: whether there are b_ih and b_hh.
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.

    Raises:
        ConfigError: a size below 1.

    >>> GRUCell(3, 5)(torch.randn(3), torch.zeros(5)).shape
    torch.Size([5])
    """

    _gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype, executor)
        self._cells = self._make_cells()

    def _make_cells(self) -> tuple[Borrowed, ...]:
        return (BorrowedGRU(self, "", self.input_size, self.hidden_size, bias=self.bias),)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """x (B, I) or (I,) and h, shaped alike and zeros if not given, to the next h."""
        return self._run(input, None if hx is None else (hx,))[0]

    def _kernel(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (torch._VF.gru_cell(x, states[0], *self._weights()),)
