"""Feedback between layers: a stack that is one cell, because its layers wait for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mnemonist.cells.activations import Activation, activation_function
from mnemonist.engine import CellLike
from mnemonist.engine.contract import Emit
from mnemonist.errors import ConfigError
from mnemonist.nn._build import Maker, emitted_names, emitted_width
from mnemonist.nn._check import check_choice
from mnemonist.nn.connections import Connection, Connections, Norm, reading_width
from mnemonist.nn.stack import LayerStack, together

__all__ = ["Feedback", "FeedbackStack"]


@dataclass(frozen=True)
class Feedback:
    """One path from the previous step back into a layer.

    With v_{t-1} what the source emitted one step before:

    - into="input": the target reads [u_t, v_{t-1}] in place of what it would read, u_t
      (Jordan 1986: with source="output" the fed-back output meets the gates' own weights)
    - into="hidden": the target's emitted state is h_{t-1} + P v_{t-1} when its step begins,
      with a matrix P of the feedback's own, without bias

    Args:
        source: the index of a layer, or "output" for the readout (`output_size`).
        target: the index of a layer: above, below or at the source.
        into: "input" or "hidden".

    >>> from mnemonist.nn import Feedback, Recurrent
    >>> jordan = Recurrent("elman", 3, 8, feedback=[Feedback("output")], output_size=2)
    >>> output, state = jordan(torch.randn(7, 4, 3))
    >>> output.shape, list(state)
    (torch.Size([7, 4, 2]), ['h', 'output'])
    """

    source: int | Literal["output"]
    target: int = 0
    into: Literal["input", "hidden"] = "input"


class FeedbackStack(LayerStack):
    """A stack with feedback between its layers.

    Beside those of its layers it has the states "l.emitted" for a layer that is fed back but
    emits something other than a state, and "output" for the readout

        y_t = activation(W o_t + b),    o_t the output of the stack,

    which can be forced as any other state (``forced={"output": targets}``).

    Args:
        maker: makes the cells.
        input_size: I. hidden_size: H. num_layers: L.
        feedback: the paths back.
        connection, norm, dropout, emit: as `Recurrent` has them.
        output_size: width of the readout, if there is one.
        output_activation: its activation.

    Raises:
        ConfigError: a feedback from or to something that the stack does not have.
    """

    def __init__(
        self,
        maker: Maker,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        feedback: Sequence[Feedback],
        *,
        connection: Connection | None = None,
        norm: Norm | None = None,
        dropout: float = 0.0,
        emit: Emit | None = None,
        output_size: int | None = None,
        output_activation: Activation = "identity",
    ) -> None:
        _check(feedback, num_layers, norm, output_size)
        with torch.random.fork_rng(devices=[]):  # a cell to measure, which must not cost draws
            fed = emitted_width(maker(1, hidden_size))
        layers: list[CellLike] = []
        reads: list[int] = []
        widths: list[int] = []
        for layer in range(num_layers):
            reads.append(reading_width(connection, input_size, widths))
            incoming = [f for f in feedback if f.target == layer and f.into == "input"]
            more = sum(output_size or 0 if f.source == "output" else fed for f in incoming)
            cell = maker(reads[-1] + more, hidden_size)
            layers.append(cell)
            widths.append(emitted_width(cell, emit if layer == num_layers - 1 else None))
        between = Connections(connection, norm, input_size, widths)
        super().__init__(layers, between, emit, hidden_size)
        self.input_size, self.read_widths = input_size, reads
        self.feedback, self.dropout = tuple(feedback), dropout
        self.output_size = output_size or self.between.output_size
        self.readout: nn.Linear | None = None
        if output_size is not None:
            self.readout = nn.Linear(self.between.output_size, output_size)
        self.output_activation = activation_function(output_activation)
        self.into_hidden = nn.ModuleDict(
            {
                str(index): nn.Linear(
                    output_size or 0 if path.source == "output" else fed,
                    self.layers[path.target].state_sizes[self._hidden(path.target)],
                    bias=False,
                )
                for index, path in enumerate(feedback)
                if path.into == "hidden"
            }
        )

    @property
    def state_names(self) -> dict[str, str]:
        """For every state of the stack, the name that it has within its layer."""
        names = {
            f"{layer}.{name}": name
            for layer, cell in enumerate(self.layers)
            for name in (*cell.state_sizes, *(["emitted"] if self._emitted_kept(layer) else []))
        }
        return names if self.readout is None else {**names, "output": "output"}

    @property
    def state_sizes(self) -> Mapping[str, int]:
        sizes: dict[str, int] = {}
        for layer, cell in enumerate(self.layers):
            sizes |= {f"{layer}.{name}": width for name, width in cell.state_sizes.items()}
            if self._emitted_kept(layer):
                sizes[f"{layer}.emitted"] = emitted_width(cell)
        return sizes if self.readout is None else {**sizes, "output": self.output_size}

    @property
    def output_sizes(self) -> Mapping[str, int]:
        return {} if self.readout is not None else super().output_sizes

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        return {**super().extra_sizes, **self._dropped}

    @property
    def _dropped(self) -> dict[str, int]:
        """The masks of the dropout between the layers."""
        if not (self.training and self.dropout):
            return {}
        return {f"{layer}.dropout": width for layer, width in enumerate(self.read_widths) if layer}

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """The layers' own initial states; zeros for what is fed back."""
        own = super().initial_state(batch_size, device=device, dtype=dtype)
        return {
            name: own[name]
            if name in own
            else torch.zeros(batch_size, width, device=device, dtype=dtype)
            for name, width in self.state_sizes.items()
        }

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """The layers' own masks, and those of the dropout between them, new at every step."""
        drawn = super().draw_extras(steps, batch_size, device=device, dtype=dtype)
        for name, width in self._dropped.items():
            ones = torch.ones(steps, batch_size, width, device=device, dtype=dtype)
            drawn[name] = nn.functional.dropout(ones, self.dropout)
        return drawn

    def step_of(
        self,
        layer: int,
        read: Tensor,
        before: Mapping[str, Tensor],
        extras: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """The new states and the outputs of a layer that is handed what is fed back to it."""
        if f"{layer}.dropout" in extras:
            read = read * extras[f"{layer}.dropout"]
        read, before = self._feed(layer, read, before)
        now = super().step_of(layer, read, before, extras)
        if self._emitted_kept(layer):
            now["emitted"] = together(now, emitted_names(self.layers[layer]))
        return now

    def output_of(self, top: Tensor) -> Tensor:
        """The readout, if there is one."""
        return top if self.readout is None else self.output_activation(self.readout(top))

    def _feed(
        self, layer: int, read: Tensor, before: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """What a layer reads and the states as it sees them, with what is fed back to it."""
        reads, hidden, seen = [read], f"{layer}.{self._hidden(layer)}", before
        for index, path in enumerate(self.feedback):
            if path.target != layer:
                continue
            value = self._fed_back(path.source, before)
            if path.into == "input":
                reads.append(value)
            else:
                seen = {**seen, hidden: seen[hidden] + self.into_hidden[str(index)](value)}
        return (torch.cat(reads, -1) if len(reads) > 1 else read), seen

    def _fed_back(self, source: int | str, before: Mapping[str, Tensor]) -> Tensor:
        if source == "output":
            return before["output"]
        if self._emitted_kept(int(source)):
            return before[f"{source}.emitted"]
        names = emitted_names(self.layers[int(source)])
        return together(before, tuple(f"{source}.{name}" for name in names))

    def _emitted_kept(self, layer: int) -> bool:
        """Whether what the layer emits is fed back and is not among its states."""
        cell = self.layers[layer]
        names = emitted_names(cell)
        fed = any(path.source == layer for path in self.feedback)
        return fed and any(name not in cell.state_sizes for name in names)

    def _hidden(self, layer: int) -> str:
        """The state that feedback into "hidden" is added to: the emitted one, else the first."""
        cell = self.layers[layer]
        emitted = [name for name in emitted_names(cell) if name in cell.state_sizes]
        return (emitted or list(cell.state_sizes))[0]

    def extra_repr(self) -> str:
        paths = [f"{f.source} -> {f.into} of {f.target}" for f in self.feedback]
        return ", ".join([super().extra_repr(), *paths])


def _check(
    feedback: Sequence[Feedback], num_layers: int, norm: Norm | None, output_size: int | None
) -> None:
    for path in feedback:
        if not isinstance(path, Feedback):
            raise ConfigError(f"feedback is a list of Feedback(source, target, into); got {path!r}")
        check_choice("into of a feedback", path.into, ("input", "hidden"))
        check_choice("source of a feedback", path.source, (*range(num_layers), "output"))
        check_choice("target of a feedback", path.target, range(num_layers))
    from_output = any(path.source == "output" for path in feedback)
    if from_output and output_size is None:
        raise ConfigError(
            "feedback from the output needs output_size, the width of the readout that is fed back"
        )
    if output_size is not None and not from_output:
        raise ConfigError(
            "output_size makes a readout inside the recurrence, which only serves "
            "Feedback('output', ...); without it put torch.nn.Linear behind the stack"
        )
    if norm == "batch":
        raise ConfigError(
            "batch normalisation needs whole sequences of the layer below, which feedback makes "
            "step by step: choose norm='layer'"
        )
