"""What an encoder hands to a decoder, and what a decoder makes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from mnemonist.nn._states import State
from mnemonist.nn.attention import Memory

__all__ = ["Decoded", "Encoded"]


@dataclass(frozen=True)
class Encoded:
    """A batch of sources, as the decoder sees it.

    Attributes:
        state: the decoder's first state by name, (layers, B, width).
        memory: what attention looks at; None without attention.
        summary: (B, ·), what the decoder reads at every step; None without summary.
    """

    state: State
    memory: Memory | None
    summary: Tensor | None

    def rows(self, index: Tensor) -> Encoded:
        """The rows of that index (N,), in that order: beams of one source, or what goes on."""
        memory = self.memory
        if memory is not None:
            valid = None if memory.valid is None else memory.valid[index]
            memory = Memory(memory.values[:, index], memory.keys[:, index], valid)
        state = {name: value[:, index] for name, value in self.state.items()}
        return Encoded(state, memory, None if self.summary is None else self.summary[index])


@dataclass(frozen=True)
class Decoded:
    """What a decoder made.

    Attributes:
        output: (T, B, O), values or logits.
        attention: (T, B, S), the weights on the source positions; None without attention.
        tokens: (T, B), the tokens chosen at each step; None for continuous targets, and
            where the targets were fed in everywhere, so that none was chosen.
        state: the decoder's state after the last step.
    """

    output: Tensor
    attention: Tensor | None
    tokens: Tensor | None
    state: State

    def batch_first(self) -> Decoded:
        """The same with rows before steps: (B, T, ·)."""

        def swap(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.transpose(0, 1)

        return replace(
            self,
            output=self.output.transpose(0, 1),
            attention=swap(self.attention),
            tokens=swap(self.tokens),
        )
