"""Any cell as a layer, or as a stack of layers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from mnemonist.cells.activations import Activation
from mnemonist.engine import CellLike, Explanation, explain, unroll
from mnemonist.engine.contract import Emit
from mnemonist.engine.time import check_lengths, repack, unpack, valid_mask
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._build import CellSpec, Maker, emitted_width
from mnemonist.nn._check import check_choice, check_positive, check_probability
from mnemonist.nn._states import StackedStates, State, extras_of_layers
from mnemonist.nn.connections import (
    CONNECTIONS,
    NORMS,
    Connection,
    Connections,
    Norm,
    reading_width,
)
from mnemonist.nn.feedback import Feedback, FeedbackStack
from mnemonist.nn.pooling import last_valid
from mnemonist.nn.unfold import layout, unfolded

__all__ = ["Recurrent"]


class Recurrent(nn.Module):
    """A stack of layers of any recurrent cell, in one direction or in both.

    >>> from mnemonist.nn import Recurrent
    >>> model = Recurrent("lstm", 3, 8, num_layers=2, bidirectional=True)
    >>> output, state = model(torch.randn(7, 4, 3), lengths=[7, 5, 0, 2])
    >>> output.shape, {name: tuple(value.shape) for name, value in state.items()}
    (torch.Size([7, 4, 16]), {'h': (4, 4, 8), 'c': (4, 4, 8)})

    Args:
        cell: a name (``mnemonist.cells.names()``), a cell's class, or a callable
            (input_size, hidden_size) -> cell.
        input_size: I, width of x.
        hidden_size: H, given to every cell.
        num_layers: L.
        bidirectional: run every layer forward and backward in time and concatenate both.
        batch_first: x and the output are (B, T, ·) rather than (T, B, ·), and so is
            everything else that runs over time (resets, forced, extras).
        dropout: probability with which what a layer above the first reads is dropped.
        connection: "residual", "highway" or "dense" paths between the layers (`Connections`).
        norm: "layer" or "batch" (sequence-wise) normalisation of what a layer above the
            first reads.
        feedback: paths from the previous step back into a layer (`Feedback`).
        output_size: width of a readout within the recurrence, for feedback from the output.
        output_activation: the readout's activation.
        emit: the state, or the states, that the top layer emits; what the cell emits if
            not given. Layers below always emit what the cell emits.
        unfold: how x meets time. "sequence": x is a sequence. "first": x is one vector, seen
            at the first step, and zeros after it (one to many). "hold": x is one vector,
            seen at every step.
        output: "all" steps, or the "last" valid one: (B, E) (many to one). The backward
            direction's last step is the one at which it has read the whole row, t = 0.
        zoneout: probability of keeping a state's previous value, for all states or by name
            (Krueger et al. 2017).
        variational_dropout: dropout with one mask for the whole sequence on a cell's input
            and state: one probability, or {"input": p, "state": q} (Gal & Ghahramani 2016).
        weight_dropout: dropout of recurrent weights (Merity et al. 2018).
        cell_options: further arguments of the cell's constructor.
        checkpoint: steps of a segment that is recomputed in the backward pass (0: √T).
        executor: "auto", or the executor that must run.
        strict: raise where a cell has no program, instead of running it eagerly.

    Raises:
        ConfigError: an unknown name, or options that exclude each other.
    """

    def __init__(
        self,
        cell: CellSpec,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        batch_first: bool = False,
        dropout: float = 0.0,
        connection: Connection | None = None,
        norm: Norm | None = None,
        feedback: Sequence[Feedback] = (),
        output_size: int | None = None,
        output_activation: Activation = "identity",
        emit: Emit | None = None,
        unfold: Literal["sequence", "first", "hold"] = "sequence",
        output: Literal["all", "last"] = "all",
        zoneout: float | Mapping[str, float] = 0.0,
        variational_dropout: float | Mapping[str, float] = 0.0,
        weight_dropout: float = 0.0,
        cell_options: Mapping[str, Any] | None = None,
        checkpoint: int | None = None,
        executor: str = "auto",
        strict: bool = False,
    ) -> None:
        super().__init__()
        for what, size in (
            ("input_size", input_size),
            ("hidden_size", hidden_size),
            ("num_layers", num_layers),
        ):
            check_positive(what, size)
        check_choice("connection", connection, CONNECTIONS)
        check_choice("norm", norm, NORMS)
        check_choice("unfold", unfold, ("sequence", "first", "hold"))
        check_choice("output", output, ("all", "last"))
        check_probability("dropout", dropout)
        if num_layers == 1 and (dropout or connection or norm):
            warnings.warn(
                "dropout, connection and norm stand between layers and do nothing with "
                "num_layers=1; variational_dropout and zoneout work inside a layer",
                stacklevel=2,
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.batch_first, self.dropout = bidirectional, batch_first, dropout
        self.unfold, self.output = unfold, output
        self.checkpoint, self.executor, self.strict = checkpoint, executor, strict
        self.connection, self.emit = connection, emit
        maker = Maker(cell, cell_options or {}, zoneout, variational_dropout, weight_dropout)
        if feedback or output_size is not None:
            if bidirectional:
                raise ConfigError(
                    "feedback needs one direction of time: set bidirectional=False, or put two "
                    "stacks side by side"
                )
            stack = FeedbackStack(
                maker,
                input_size,
                hidden_size,
                num_layers,
                feedback,
                connection=connection,
                norm=norm,
                dropout=dropout,
                emit=emit,
                output_size=output_size,
                output_activation=output_activation,
            )
            self.cells = nn.ModuleList([stack])
            self.between = Connections(None, None, input_size, [stack.output_size])
        else:
            self._build(maker, norm)
        self._states = StackedStates(self.layers)

    @property
    def num_directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def layers(self) -> list[CellLike]:
        """The cells, layer by layer, forward before backward."""
        return cast(list[CellLike], list(self.cells))

    @property
    def output_size(self) -> int:
        """E, width of the output."""
        return self.between.output_size

    @property
    def state_sizes(self) -> dict[str, int]:
        """Width of every state by name."""
        return self._states.sizes

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> State:
        """The state before the first step: by name, (L · directions, B, width)."""
        like = next(self.parameters(), None)
        if like is not None:
            device, dtype = device or like.device, dtype or like.dtype
        return self._states.stack(
            [cell.initial_state(batch_size, device=device, dtype=dtype) for cell in self.layers]
        )

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Mapping[str, Tensor] | None = None,
        *,
        lengths: Tensor | list[int] | None = None,
        resets: Tensor | None = None,
        steps: int | None = None,
        forced: Mapping[str, Tensor] | None = None,
        forced_mask: Tensor | None = None,
        extras: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the stack over a sequence.

        Args:
            x: (T, B, I), (B, T, I) with batch_first, (T, I) without a batch, or a
                PackedSequence. With unfold="first" or "hold": (B, I) or (I,).
            state: the state before the first step by name, each (L · directions, B, width),
                layer by layer, forward before backward; without B where x has none. Names
                left out start as the cell says.
            lengths: (B,), the steps of each row; all T if not given.
            resets: bool (T, B), true where a row starts afresh.
            steps: T, for unfold="first" and "hold".
            forced: by state name, (T, B, width): what the top layer's step sees in place of
                its previous state (teacher forcing: the targets, one step late).
            forced_mask: bool (T, B), where `forced` holds; everywhere if not given.
            extras: per-step inputs that the cells ask for by name, (T or 1, B, width).

        Returns:
            The output (T, B, E), zero behind the end of a row, in the form x came in, or
            (B, E) with output="last"; and the state after each row's last step.

        Raises:
            ShapeError: a shape that does not fit.
            ConfigError: an unknown name, or arguments that exclude each other.
        """
        single = isinstance(x, Tensor) and x.dim() == (2 if self.unfold == "sequence" else 1)
        enter, leave = layout(single, self.batch_first)
        if isinstance(x, PackedSequence):
            if lengths is not None or steps is not None or self.unfold != "sequence":
                raise ConfigError(
                    "a PackedSequence is a sequence that knows its lengths: give neither lengths "
                    "nor steps, and set unfold='sequence'"
                )
            packed, (values, lengths) = x, unpack(x)
        else:
            packed, values = None, unfolded(x, self, steps, single, enter)
        output, final = self._run(
            values,
            {n: v.unsqueeze(1) for n, v in state.items()} if single and state else state or {},
            lengths=lengths,
            resets=None if resets is None else enter(resets),
            forced={n: enter(v) for n, v in (forced or {}).items()},
            forced_mask=None if forced_mask is None else enter(forced_mask),
            extras={n: enter(v) for n, v in (extras or {}).items()},
        )
        if single:
            final = {n: v.squeeze(1) for n, v in final.items()}
        if self.output == "last":
            return output.squeeze(0) if single else output, final
        if packed is not None:
            return repack(output, packed, cast(Tensor, lengths)), final
        return leave(output), final

    def step(
        self,
        x: Tensor,
        state: Mapping[str, Tensor] | None = None,
        *,
        extras: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, State]:
        """One time step of a stack in one direction: x (B, I) to ((B, E), new state).

        In evaluation, step after step gives what `forward` gives for the whole sequence; with
        unfold="first" give zeros after the first step. In training, masks that hold for a
        sequence are drawn anew at every call.

        Args:
            extras: per-step inputs that the cells ask for by name, (B, width).

        Raises:
            ConfigError: the stack is bidirectional.
        """
        if self.bidirectional:
            raise ConfigError(
                "a bidirectional stack cannot run step by step: its backward direction starts "
                "at the end. Call it on whole sequences, or set bidirectional=False"
            )
        if x.dim() != 2:
            raise ShapeError(f"x must be (B, {self.input_size}); got {tuple(x.shape)}")
        extras = {n: v[None] for n, v in (extras or {}).items()}
        output, final = self._run(x[None], state or {}, extras=extras)
        return output if self.output == "last" else output[0], final

    def explain(self, x: Tensor | None = None) -> tuple[Explanation, ...]:
        """Which executor runs each cell of the stack, and why not another.

        Args:
            x: (T, B, I), of the size that will be run; one step of one row if not given.

        >>> for explanation in Recurrent("lstm", 3, 8, num_layers=2).explain(torch.zeros(9, 4, 3)):
        ...     print(explanation.cell, explanation.program.emits)
        LSTM ('h',)
        LSTM ('h',)
        """
        layers = self.layers
        if x is None:
            return tuple(explain(cell, executor=self.executor) for cell in layers)
        reads = [x.new_zeros(*x.shape[:2], cell.input_size) for cell in layers]
        return tuple(
            explain(
                cell, read, executor=self.executor, reverse=self.bidirectional and index % 2 == 1
            )
            for index, (cell, read) in enumerate(zip(layers, reads, strict=True))
        )

    def last(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(T, B, E) to (B, E), where each direction has read the whole row."""
        if not self.bidirectional:
            return last_valid(output, lengths)
        if self.connection == "dense":
            layers = output.split(self.between.widths, -1)
            return torch.cat([self._both_ends(layer, lengths) for layer in layers], -1)
        return self._both_ends(output, lengths)

    def _both_ends(self, output: Tensor, lengths: Tensor | None) -> Tensor:
        forward, backward = output.chunk(2, -1)
        first = backward[0] if len(backward) else last_valid(backward)
        return torch.cat([last_valid(forward, lengths), first], -1)

    def _build(self, maker: Maker, norm: Norm | None) -> None:
        """The cells of every layer and direction, and what stands between the layers."""
        self.cells = nn.ModuleList()
        widths: list[int] = []
        for layer in range(self.num_layers):
            reads = reading_width(self.connection, self.input_size, widths)
            made = [maker(reads, self.hidden_size) for _ in range(self.num_directions)]
            self.cells.extend(cast(list[nn.Module], made))
            emit = self.emit if layer == self.num_layers - 1 else None
            widths.append(self.num_directions * emitted_width(made[0], emit))
        self.between = Connections(self.connection, norm, self.input_size, widths)

    def _run(
        self,
        x: Tensor,
        state: Mapping[str, Tensor],
        *,
        lengths: Tensor | list[int] | None = None,
        resets: Tensor | None = None,
        forced: Mapping[str, Tensor] | None = None,
        forced_mask: Tensor | None = None,
        extras: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, State]:
        """The stack over x (T, B, I)."""
        valid = None
        if lengths is not None:
            lengths = check_lengths(lengths, x.shape[0], x.shape[1], x.device)
            valid = valid_mask(lengths, x.shape[0])
            x = x.masked_fill(~valid, 0.0)
        layers, between, directions = self.layers, self.between, self.num_directions
        states = self._states.unstack(state, x.shape[1])
        emit = None if isinstance(layers[0], FeedbackStack) else self.emit  # its own affair
        extras = extras_of_layers(layers, extras) if extras else {}
        forced = self._states.of_top(forced) if forced else None
        outputs: list[Tensor] = []
        finals: list[State] = []
        while len(finals) < len(layers):
            read = between.read(len(outputs), x, outputs, valid)
            if outputs:
                read = F.dropout(read, self.dropout, self.training)
            top = len(finals) + directions == len(layers)
            emitted = []
            for direction in range(directions):
                cell = layers[len(finals)]
                run = unroll(
                    cell,
                    read,
                    states[len(finals)],
                    lengths=lengths,
                    resets=resets,
                    reverse=direction == 1,
                    extras={n: v for n, v in extras.items() if n in cell.extra_sizes},
                    forced=forced if top else None,
                    forced_mask=forced_mask if top and forced else None,
                    emit=emit if top else None,
                    checkpoint=self.checkpoint,
                    executor=self.executor,
                    strict=self.strict,
                )
                emitted.append(run.output)
                finals.append(run.state)
            # torch.cat of one tensor is a copy
            output = emitted[0] if len(emitted) == 1 else torch.cat(emitted, -1)
            outputs.append(between.join(len(outputs), output, outputs))
        output = between.top(outputs)
        if self.output == "last":
            output = self.last(output, lengths)
        return output, self._states.stack(finals)

    def extra_repr(self) -> str:
        told = {
            "num_layers": (self.num_layers, 1),
            "bidirectional": (self.bidirectional, False),
            "batch_first": (self.batch_first, False),
            "dropout": (self.dropout, 0.0),
            "connection": (self.connection, None),
            "emit": (self.emit, None),
            "unfold": (self.unfold, "sequence"),
            "output": (self.output, "all"),
        }
        options = [f"{n}={value!r}" for n, (value, usual) in told.items() if value != usual]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *options])
