"""A whole stack one step at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from mnemonist.engine import CellLike, Stepper
from mnemonist.errors import ConfigError
from mnemonist.nn._build import emitted_width
from mnemonist.nn._dropins import GRU, LSTM, RNN
from mnemonist.nn._states import StackedStates, State, extras_of_layers
from mnemonist.nn.connections import Connections
from mnemonist.nn.feedback import FeedbackStack
from mnemonist.nn.recurrent import Recurrent
from mnemonist.nn.stack import LayerStack

__all__ = ["Streaming"]


class Streaming:
    """A stack of layers that takes one time step at a call, with its state inside.

    All layers and what stands between them are one program, so that a step is one call of the
    compiled engine however deep the stack is (`mnemonist.engine.Stepper`, whose notes on
    evaluation, later training and the tensor returned hold here too).

    >>> from mnemonist.nn import Recurrent, Streaming
    >>> model = Recurrent("lstm", 3, 8, num_layers=2, connection="residual").eval()
    >>> stream, x = Streaming(model), torch.randn(5, 1, 3)
    >>> outputs = torch.stack([stream.step(now).clone() for now in x])
    >>> torch.allclose(outputs, model(x)[0], atol=1e-6)
    True
    >>> {name: tuple(value.shape) for name, value in stream.state.items()}
    {'h': (2, 1, 8), 'c': (2, 1, 8)}

    Args:
        model: a `Recurrent`, or a drop-in `LSTM`, `GRU` or `RNN`, in one direction.
        batch_size: B, rows that step together.
        dtype: of inputs, states and output; the dtype of the parameters if not given.
        precision: of the weights: "bfloat16" or "int8" (with float32); as dtype if not given.
        executor: as `Stepper` takes it.

    Raises:
        ConfigError: a model that runs backwards in time too, or what `Stepper` refuses.
    """

    def __init__(
        self,
        model: Recurrent | LSTM | GRU | RNN,
        batch_size: int = 1,
        *,
        dtype: torch.dtype | None = None,
        precision: str | None = None,
        executor: str = "auto",
    ) -> None:
        if model.bidirectional:
            raise ConfigError(
                "a bidirectional stack cannot run step by step: its backward direction starts "
                "at the end. Call it on whole sequences, or set bidirectional=False"
            )
        self.model = model
        self.layers, cell = _as_one_cell(model)
        self._states = StackedStates(self.layers)
        self.stepper = Stepper(
            cell, batch_size, dtype=dtype, precision=precision, executor=executor
        )
        self.executor = self.stepper.executor
        self.why_not_native = self.stepper.why_not_native

    def step(self, x: Tensor, out: Tensor | None = None, **extras: Tensor) -> Tensor:
        """One time step.

        Args:
            x: (B, I).
            out: (B, E), contiguous and apart from x, to be written instead of the stream's own
                tensor.
            extras: per-step inputs by name, (B, width), for every layer that asks for them.

        Returns:
            The output (B, E): ``out``, or a tensor that the next step overwrites.

        Raises:
            ShapeError: a shape that does not fit.
            ConfigError: an extra input that is missing or that no layer has.
        """
        if not extras:
            return self.stepper.step(x, out)
        given = extras_of_layers(self.layers, extras)
        if not isinstance(self.layers[0], FeedbackStack):
            given = {
                f"{index}.{name}": given[name]
                for index, cell in enumerate(self.layers)
                for name in cell.extra_sizes
                if name in given
            }
        return self.stepper.step(x, out, **given)

    @property
    def state(self) -> State:
        """Every state by name, (L, B, width), as the model takes and returns it: a copy.

        Setting it changes the states that are named and leaves the others alone.
        """
        return self._states.stack(self._by_layer(self.stepper.state))

    @state.setter
    def state(self, values: Mapping[str, Tensor]) -> None:
        layers = self._states.unstack(values, self.stepper.batch_size)
        self.stepper.state = {
            self._key(index, name): value
            for index, state in enumerate(layers)
            for name, value in state.items()
        }

    def reset(self, rows: int | Sequence[int] | Tensor | None = None) -> None:
        """Start afresh: all rows, or those named by their indices or by a bool mask (B,)."""
        self.stepper.reset(rows)

    def refresh(self) -> None:
        """Take over the model's parameters as they are now. The states stay as they are."""
        self.stepper.refresh()

    def __repr__(self) -> str:
        return f"Streaming({type(self.model).__name__}, {self.stepper.extra_repr()})"

    def _key(self, layer: int, name: str) -> str:
        return name if isinstance(self.layers[0], FeedbackStack) else f"{layer}.{name}"

    def _by_layer(self, state: State) -> list[State]:
        return [
            {name: state[self._key(index, name)] for name in cell.state_sizes}
            for index, cell in enumerate(self.layers)
        ]


def _as_one_cell(model: Recurrent | LSTM | GRU | RNN) -> tuple[list[CellLike], CellLike]:
    """The layers of a model, and a cell that is all of them."""
    if isinstance(model, Recurrent):
        layers, between, emit = model.layers, model.between, model.emit
        if isinstance(layers[0], FeedbackStack):
            return layers, layers[0]
    else:
        layers, emit = cast(list[CellLike], list(model._cells)), None
        between = Connections(None, None, model.input_size, [emitted_width(c) for c in layers])
    stack = LayerStack(layers, between, emit, model.hidden_size)
    return layers, stack.train(between.training)
