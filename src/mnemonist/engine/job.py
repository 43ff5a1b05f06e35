"""One run of a cell over time, as every executor receives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from mnemonist.engine.contract import CellLike
from mnemonist.engine.program import Program
from mnemonist.engine.time import valid_mask

__all__ = ["Job", "Trace"]

Trace = dict[str, Tensor]
"""Values over time by name, each (T, B, width)."""


@dataclass(eq=False)  # frozen, it would take three times as long to make
class Job:
    """What is to be run, in the order in which the steps are taken; not changed once made.

    Attributes:
        cell: whose equations.
        x: (T, B, I).
        state: the state before the first step, (B, width) by name.
        extras: per-step inputs, (T or 1, B, width) by name.
        keep: the states and outputs whose values over time are wanted.
        initial: what a reset puts in place of the state, (B, width) by name.
        lengths: int64 (B,), the steps of each row, or None: all T. A row that has ended keeps
            its state, and its values over time are zero.
        resets: bool (T, B), true where a row starts afresh before the step.
        forced: by state name, (T, B, width): what takes the place of the previous state.
        forced_mask: bool (T, B), where `forced` does so; everywhere if None.
        leaves: the parameters and buffers of the program that runs, by name in its order, where
            they are not the cell's own.
    """

    cell: CellLike
    x: Tensor
    state: Mapping[str, Tensor]
    extras: Mapping[str, Tensor]
    keep: tuple[str, ...]
    initial: Mapping[str, Tensor]
    lengths: Tensor | None = None
    resets: Tensor | None = None
    forced: Mapping[str, Tensor] | None = None
    forced_mask: Tensor | None = None
    leaves: Mapping[str, Tensor] | None = None
    _fetched: dict[Program, Mapping[str, Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def leaves_of(self, program: Program) -> Mapping[str, Tensor]:
        """The tensors of `Program.leaves` by name."""
        if self.leaves is not None:
            return self.leaves
        found = self._fetched.get(program)  # asked for again by whoever runs the job
        if found is None:
            found = self._fetched[program] = program.leaves_of(self.cell)
        return found

    @property
    def valid(self) -> Tensor | None:
        """(T, B, 1), true where a row has not ended yet; None if every row runs to T."""
        if self.lengths is None:
            return None
        return valid_mask(self.lengths, len(self.x))

    def piece(self, start: int, stop: int, state: Mapping[str, Tensor]) -> Job:
        """The steps from `start` up to `stop`, entered with `state`."""

        def cut(value: Tensor | None) -> Tensor | None:
            return None if value is None else value[start:stop]

        return replace(
            self,
            x=self.x[start:stop],
            state=state,
            extras={n: e if e.shape[0] == 1 else e[start:stop] for n, e in self.extras.items()},
            lengths=None if self.lengths is None else (self.lengths - start).clamp(0, stop - start),
            resets=cut(self.resets),
            forced={n: f[start:stop] for n, f in (self.forced or {}).items()},
            forced_mask=cut(self.forced_mask),
        )
