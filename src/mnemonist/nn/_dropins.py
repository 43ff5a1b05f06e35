"""`RNN`, `LSTM` and `GRU` in the place of torch.nn's."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from mnemonist.engine import Explanation
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._dropin_base import ArgumentError, InputError, TorchLayer
from mnemonist.nn._dropin_run import explain_layer, run_layer

__all__ = ["GRU", "LSTM", "RNN"]

Hidden = Tensor | tuple[Tensor, Tensor]


class _Layer(TorchLayer):
    """The forward contract of torch.nn's recurrent layers."""

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Tensor | list[int] | None = None,
        executor: str | None = None,
    ) -> tuple[Tensor | PackedSequence, Hidden]:
        """Run the layer over sequences.

        Args:
            input: (T, B, I), or (B, T, I) with ``batch_first``, or (T, I) without a batch, or a
                `PackedSequence`.
            hx: the state before the first step, h or (h, c), each (L · directions, B, width),
                or without the B where the input has none; zeros if not given. Rows are in the
                caller's order, for a `PackedSequence` too.
            lengths: (B,), the steps of each row of padded input. Padding influences nothing;
                the output there is zero, and the state is that after each row's last step.
            executor: in place of the layer's own, for this call.

        Returns:
            The output, laid out as the input and (directions · width) wide, and the state
            after the last step, shaped as `hx`.

        Raises:
            ShapeError: an input or a state whose shape does not fit (also a RuntimeError), or
                an input of another dtype than the weights.
            ConfigError: `lengths` with a `PackedSequence`, or an executor that cannot run this.
        """
        kind, single = type(self).__name__, False
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ConfigError(
                    f"{kind}: a PackedSequence has its own lengths; leave lengths out"
                )
            values, batch_sizes = input.data, input.batch_sizes
        else:
            if input.dim() not in (2, 3):
                raise ShapeError(
                    f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D tensor instead"
                )
            single = input.dim() == 2
            values, batch_sizes = input, None
            if single:
                values = input.unsqueeze(0 if self.batch_first else 1)
        self.check_input(values, batch_sizes)
        states = self._states_from(hx, values, batch_sizes, single)
        self.check_forward_args(values, _hidden(states), batch_sizes)

        x = input
        if batch_sizes is None:
            x = values.transpose(0, 1) if self.batch_first else values
        output, states = run_layer(self, x, states, lengths, executor or self.executor)
        if isinstance(output, Tensor):
            if single:
                output, states = output.squeeze(1), tuple(s.squeeze(1) for s in states)
            elif self.batch_first:
                output = output.transpose(0, 1)
        return output, _hidden(states)

    def explain(
        self,
        input: Tensor | PackedSequence | None = None,
        *,
        lengths: Tensor | list[int] | None = None,
        executor: str | None = None,
    ) -> Explanation:
        """Which executor runs such a call, and why not another; arguments as `forward`'s.

        >>> LSTM(3, 5, executor="vendor").explain().executor
        'vendor'
        >>> reasons = LSTM(3, 5).explain(torch.zeros(7, 2, 3), lengths=[7, 0]).passed_over
        >>> reasons["vendor, all layers in one call"]
        'it takes no row of length 0'
        """
        x = input
        if isinstance(x, Tensor):
            x = x.unsqueeze(1) if x.dim() == 2 else x.transpose(0, 1) if self.batch_first else x
        return explain_layer(self, x, lengths, executor or self.executor)

    def _states_from(
        self, hx: Hidden | None, values: Tensor, batch_sizes: Tensor | None, single: bool
    ) -> tuple[Tensor, ...]:
        """The states, (L · directions, B, width) each, made of what the caller gave."""
        if hx is None:
            return tuple(
                torch.zeros(shape, dtype=values.dtype, device=values.device)
                for shape in self._expected_sizes(values, batch_sizes)
            )
        states = self._unwrap(hx)
        dimensions = 2 if single else 3
        if batch_sizes is None and any(s.dim() != dimensions for s in states):
            batched = "unbatched 2-D" if single else "batched 3-D"
            got = ", ".join(f"{s.dim()}-D" for s in states)
            raise InputError(
                f"For {batched} input, hx should also be {dimensions}-D but got {got} tensor"
            )
        return tuple(s.unsqueeze(1) for s in states) if single else states

    def _unwrap(self, hx: Hidden) -> tuple[Tensor, ...]:
        if not isinstance(hx, Tensor):
            raise InputError(f"{type(self).__name__}: hx must be a tensor, got {type(hx).__name__}")
        return (hx,)

    def _expected_sizes(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[tuple[int, int, int], ...]:
        return (self.get_expected_hidden_size(input, batch_sizes),)

    def check_forward_args(self, input: Tensor, hidden: Hidden, batch_sizes: Tensor | None) -> None:
        """Raise unless input and state fit the layer and each other."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(
            cast(Tensor, hidden), self.get_expected_hidden_size(input, batch_sizes)
        )

    def permute_hidden(self, hx: Hidden, permutation: Tensor | None) -> Hidden:
        """The state with its rows in the order of `permutation`, (B,)."""
        if permutation is None:
            return hx
        return _hidden(tuple(s.index_select(1, permutation) for s in self._unwrap(hx)))


def _hidden(states: tuple[Tensor, ...]) -> Hidden:
    return states[0] if len(states) == 1 else cast(tuple[Tensor, Tensor], states)


class RNN(_Layer):
    """The simple recurrent network (Elman 1990) in the place of `torch.nn.RNN`.

    h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

    Same constructor, call, names in the state_dict and initialisation as `torch.nn.RNN`
    (see docs/drop-in.md); `lengths`, `executor` and `strict` are more than it has.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        num_layers: L; each layer reads the output of the one below.
        nonlinearity: φ, "tanh" or "relu".
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (B, T, ·); states stay (L · directions, B, H).
        dropout: probability of zeroing an element of every layer's output but the last's.
        bidirectional: run both ways in time and concatenate.
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.
        strict: raise where the engine would run a cell eagerly for want of a program.

    Raises:
        ConfigError: an argument out of its range (also a ValueError or TypeError, as in torch).

    >>> output, h = RNN(3, 5, nonlinearity="relu")(torch.randn(7, 2, 3), lengths=[7, 4])
    >>> output.shape, h.shape, bool(torch.equal(h[0, 1], output[3, 1]))
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]), True)
    """

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
        strict: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(
                f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'; "
                "mnemonist.nn.Recurrent takes any activation"
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
            executor,
            strict,
        )
        self.nonlinearity = nonlinearity


class LSTM(_Layer):
    """The LSTM (Gers, Schmidhuber & Cummins 2000) in the place of `torch.nn.LSTM`.

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(c_t), or W_hr (o_t ⊙ tanh(c_t)) with a projection (Sak et al. 2014)

    Same constructor, call, names in the state_dict and initialisation as `torch.nn.LSTM`
    (see docs/drop-in.md); `lengths`, `executor` and `strict` are more than it has.

    Args:
        input_size: width I of x.
        hidden_size: width H of c, and of h unless it is projected.
        num_layers: L; each layer reads the output of the one below.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (B, T, ·); states stay (L · directions, B, ·).
        dropout: probability of zeroing an element of every layer's output but the last's.
        bidirectional: run both ways in time and concatenate.
        proj_size: width P of h, smaller than H, or 0 for no projection.
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.
        strict: raise where the engine would run a cell eagerly for want of a program.

    Raises:
        ConfigError: an argument out of its range (also a ValueError or TypeError, as in torch).

    >>> torch_lstm = torch.nn.LSTM(3, 5, bidirectional=True)
    >>> lstm = LSTM(3, 5, bidirectional=True)
    >>> lstm.load_state_dict(torch_lstm.state_dict())
    <All keys matched successfully>
    >>> x = torch.randn(7, 2, 3)
    >>> output, (h, c) = lstm(x)
    >>> torch.allclose(output, torch_lstm(x)[0], atol=1e-6)
    True
    """

    _gates = 4
    _states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
        strict: bool = False,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            executor,
            strict,
        )

    def _unwrap(self, hx: Hidden) -> tuple[Tensor, ...]:
        if len(hx) != 2:
            raise InputError(f"LSTM: hx must be the pair (h, c), got {len(hx)} value(s)")
        return hx[0], hx[1]

    def get_expected_cell_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """The shape of c for this input: (L · directions, B, H)."""
        return (*self.get_expected_hidden_size(input, batch_sizes)[:2], self.hidden_size)

    def _expected_sizes(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[tuple[int, int, int], ...]:
        return (
            self.get_expected_hidden_size(input, batch_sizes),
            self.get_expected_cell_size(input, batch_sizes),
        )

    def check_forward_args(self, input: Tensor, hidden: Hidden, batch_sizes: Tensor | None) -> None:
        """Raise unless input and states fit the layer and each other."""
        self.check_input(input, batch_sizes)
        sizes = self._expected_sizes(input, batch_sizes)
        for which, (state, size) in enumerate(zip(hidden, sizes, strict=True)):
            self.check_hidden_size(state, size, f"Expected hidden[{which}] size {{}}, got {{}}")


class GRU(_Layer):
    """The GRU (Cho et al. 2014; reset after the product) in the place of `torch.nn.GRU`.

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Same constructor, call, names in the state_dict and initialisation as `torch.nn.GRU`
    (see docs/drop-in.md); `lengths`, `executor` and `strict` are more than it has.

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        num_layers: L; each layer reads the output of the one below.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (B, T, ·); states stay (L · directions, B, H).
        dropout: probability of zeroing an element of every layer's output but the last's.
        bidirectional: run both ways in time and concatenate.
        device, dtype: of the weights.
        executor: "auto", "vendor" (torch's own kernel), or one of the engine's.
        strict: raise where the engine would run a cell eagerly for want of a program.

    Raises:
        ConfigError: an argument out of its range (also a ValueError or TypeError, as in torch).

    >>> gru = GRU(3, 5, num_layers=2, batch_first=True)
    >>> output, h = gru(torch.randn(2, 7, 3))
    >>> output.shape, h.shape
    (torch.Size([2, 7, 5]), torch.Size([2, 2, 5]))
    """

    _gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        executor: str = "auto",
        strict: bool = False,
    ) -> None:
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
            executor,
            strict,
        )
