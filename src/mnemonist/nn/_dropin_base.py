"""What a layer in torch.nn's layout has beside its forward pass: weights, names, copies, checks."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterator
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._dropin_view import Borrowed, BorrowedGRU, BorrowedLSTM, BorrowedRNN, Lender

__all__ = ["ArgumentError", "ArgumentTypeError", "InputError", "TorchLayer"]


# torch.nn raises ValueError, TypeError or RuntimeError here; code that catches those must go on
# working, and so must code that catches mnemonist's errors.
class ArgumentError(ConfigError):
    """A constructor's argument out of its range (a ValueError, as in torch.nn)."""


class ArgumentTypeError(ConfigError, TypeError):
    """A constructor's argument of another type (a TypeError, as in torch.nn)."""


class InputError(ShapeError, RuntimeError):
    """An input or a state that does not fit (a RuntimeError, as in torch.nn)."""


class TorchLayer(Lender):
    """Stacked weights under torch.nn's names, drawn as torch.nn draws them.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        others: as `mnemonist.nn.LSTM` takes them.
    """

    _gates: ClassVar[int]
    _states: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        executor: str,
        strict: bool,
    ) -> None:
        super().__init__()
        _check_arguments(
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            proj_size=proj_size,
        )
        self.mode = mode
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bool(bidirectional), proj_size
        self.executor, self.strict = executor, strict
        self._all_weights: list[list[str]] = []
        rows = self._gates * hidden_size
        width = proj_size or hidden_size
        for suffix, reads in self._parts():
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (rows, reads),
                "weight_hh": (rows, width),
                **({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}),
                **({"weight_hr": (proj_size, hidden_size)} if proj_size else {}),
            }
            for name, shape in shapes.items():
                weight = torch.empty(shape, device=device, dtype=dtype)
                self.register_parameter(name + suffix, nn.Parameter(weight))
            self._all_weights.append([name + suffix for name in shapes])
        self._cells = self._make_cells()
        self.flatten_parameters()
        self.reset_parameters()

    def _parts(self) -> Iterator[tuple[str, int]]:
        """The suffix of the names and the width of the input, layer by layer, forward first."""
        directions = ("", "_reverse") if self.bidirectional else ("",)
        reads = self.input_size
        for layer in range(self.num_layers):
            for direction in directions:
                yield f"_l{layer}{direction}", reads
            reads = len(directions) * (self.proj_size or self.hidden_size)

    def _make_cells(self) -> tuple[Borrowed, ...]:
        make: Callable[..., Borrowed] = BorrowedRNN
        options: dict[str, int | str] = {}
        if self.mode == "LSTM":
            make, options = BorrowedLSTM, {"proj_size": self.proj_size}
        elif self.mode == "GRU":
            make = BorrowedGRU
        else:
            options = {"activation": self.mode.removeprefix("RNN_").lower()}
        return tuple(
            make(self, suffix, reads, self.hidden_size, bias=self.bias, **options)
            for suffix, reads in self._parts()
        )

    def reset_parameters(self) -> None:
        """Uniform in ±1/√H, every parameter, in the order of registration: torch's own draws."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    # What code written for torch.nn touches

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights as they are now, one list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for names in self._all_weights for name in names]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Tensor]) -> None:
        for name, weight in zip(self._flat_weights_names, weights, strict=True):
            if getattr(self, name, None) is not weight:
                setattr(self, name, weight)

    def flatten_parameters(self) -> None:
        """Lay the weights out in one block where cuDNN wants that; elsewhere nothing happens."""
        present = [getattr(self, name, None) for name in self._flat_weights_names]
        weights: list[Tensor] = [
            w
            for w in present
            if isinstance(w, nn.Parameter) and w.is_cuda and torch.backends.cudnn.is_acceptable(w)
        ]
        if len({w.dtype for w in weights}) != 1 or len({w.data_ptr() for w in weights}) < len(
            present
        ):
            return  # not all are cuDNN's, or two share storage, which moving would part
        from torch.backends.cudnn.rnn import get_cudnn_mode  # exists only where cuDNN does

        with torch.cuda.device_of(weights[0]), torch.no_grad():
            if torch._use_cudnn_rnn_flatten_weight():
                torch._cudnn_rnn_flatten_weight(
                    weights,
                    len(self._all_weights[0]),
                    self.input_size,
                    get_cudnn_mode(self.mode),
                    self.hidden_size,
                    self.proj_size,
                    self.num_layers,
                    self.batch_first,
                    self.bidirectional,
                )

    def get_expected_hidden_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """The shape of h for this input: (L · directions, B, H, or P where it is projected)."""
        if batch_sizes is not None:
            rows = int(batch_sizes[0])
        else:
            rows = input.size(0) if self.batch_first else input.size(1)
        return len(self._all_weights), rows, self.proj_size or self.hidden_size

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise unless `input` has the dimensions, the width and the dtype that the layer reads."""
        dtype = getattr(self, self._all_weights[0][0]).dtype
        if input.dtype != dtype and not torch._C._is_any_autocast_enabled():
            raise ShapeError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        dimensions = 2 if batch_sizes is not None else 3
        if input.dim() != dimensions:
            raise InputError(f"input must have {dimensions} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise InputError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.size(-1)}"
            )

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """Raise unless the state `hx` has this shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise InputError(
                msg.format(expected_hidden_size, list(hx.shape))
                + ": (num_layers * directions, batch, width)"
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self.flatten_parameters()
        return self

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
            ("executor", "auto"),
            ("strict", False),
        ):
            value = getattr(self, name)
            if value != default:
                text += f", {name}={value}"
        return text


def _check_arguments(
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bias: bool,
    batch_first: bool,
    dropout: float,
    proj_size: int,
) -> None:
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise ArgumentTypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise ArgumentTypeError(f"{name} should be of type int, got: {type(size).__name__}")
    for name, size in (
        ("input_size", input_size),
        ("hidden_size", hidden_size),
        ("num_layers", num_layers),
    ):
        if size < 1:
            raise ArgumentError(f"{name} must be greater than zero, got {size}")
    if not 0 <= proj_size < hidden_size:
        raise ArgumentError(
            f"proj_size must be 0 (no projection) or smaller than hidden_size = {hidden_size}, "
            f"got {proj_size}"
        )
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= dropout <= 1:
        raise ArgumentError(
            f"dropout should be a number in [0, 1], the probability of zeroing an element, got {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout stands after every layer but the last, so it does nothing with num_layers=1 "
            f"(got dropout={dropout})",
            stacklevel=4,
        )
