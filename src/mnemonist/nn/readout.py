"""From what a decoder emits to what its output is made of, with a look at the source or without."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mnemonist.nn._states import State
from mnemonist.nn.attention import Attention, Memory

__all__ = ["Look", "LookAfter", "LookBefore", "Readout", "Written"]


class Look(NamedTuple):
    """What was found before a step.

    Attributes:
        fed: (1, B, ·), what the decoder reads of it; None if nothing.
        weights: (1, B, S), of attention, if it has been asked.
    """

    fed: Tensor | None = None
    weights: Tensor | None = None


class Written(NamedTuple):
    """What was made of T steps.

    Attributes:
        features: (T, B, F), what `Readout.head` makes the output of.
        weights: (T, B, S), of attention; None without.
        kept: what the next step needs of this one, by name, (1, B, ·).
    """

    features: Tensor
    weights: Tensor | None
    kept: State


class Readout(nn.Module):
    """The output of what the decoder emits alone: y_t = W_y s_t + b_y.

    Args:
        emitted: E, width of s.
        output_size: O.

    Attributes:
        head: W_y and b_y. It is left to the caller, for many steps may be written at once.
        attention: None, or what looks at the source.
        sequential: whether a step needs what the readout found at the step before.
    """

    attention: Attention | None
    sequential: bool = False

    def __init__(self, emitted: int, output_size: int) -> None:
        super().__init__()
        self.attention = None
        self.head = nn.Linear(emitted, output_size)

    def start(self, rows: int, like: Tensor) -> State:
        """What it keeps before the first step."""
        return {}

    def look(self, state: State, memory: Memory | None) -> Look:
        """What it finds before a step, in the state that the step before left."""
        return Look()

    def forward(
        self, emitted: Tensor, previous: Tensor, look: Look, memory: Memory | None
    ) -> Written:
        """The features of T steps.

        Args:
            emitted: s (T, B, E).
            previous: v, what the decoder read at these steps, (T, B, ·).
            look: what `look` found before the step.
            memory: of the source.
        """
        return Written(emitted, None, {})


class LookAfter(Readout):
    """Attention after the step, with the state that it made (Luong, Pham & Manning 2015).

    c_t = context(s_t)
    a_t = tanh(W_a [c_t, s_t] + b_a)
    y_t = W_y a_t + b_y

    Args:
        attention: of s on the source.
        hidden_size: width of a.
        output_size: O.
        input_feeding: whether the decoder reads a_{t-1} (section 3.3).
    """

    attention: Attention

    def __init__(
        self, attention: Attention, hidden_size: int, output_size: int, *, input_feeding: bool
    ) -> None:
        super().__init__(hidden_size, output_size)
        self.attention = attention
        self.combine = nn.Linear(attention.memory_size + attention.query_size, hidden_size)
        self.sequential = input_feeding

    def start(self, rows: int, like: Tensor) -> State:
        return self._kept(like.new_zeros(1, rows, self.combine.out_features))

    def look(self, state: State, memory: Memory | None) -> Look:
        return Look(state.get("attentional"))

    def forward(
        self, emitted: Tensor, previous: Tensor, look: Look, memory: Memory | None
    ) -> Written:
        assert memory is not None
        context, weights = self.attention(emitted, memory)
        a = torch.tanh(self.combine(torch.cat([context, emitted], -1)))
        return Written(a, weights, self._kept(a[-1:]))

    def _kept(self, a: Tensor) -> State:
        return {"attentional": a} if self.sequential else {}


class LookBefore(Readout):
    """Attention before the step, with the state that the step finds (Bahdanau, Cho & Bengio 2015).

    c_t = context(s_{t-1})                         which the decoder reads beside v_{t-1}
    t_t = U s_t + V v_{t-1} + C c_t + b
    y_t = W_y [max(t_{t,2j-1}, t_{t,2j})]_j + b_y  a maxout layer of H units

    In the paper, equation 4 has the readout see s_t, as here, and appendix A.2.2 s_{t-1}.

    Args:
        attention: of the decoder's state on the source.
        states: names of the states that make up s.
        emitted: width of what the decoder emits.
        read: width of v.
        hidden_size: H.
        output_size: O.
    """

    attention: Attention
    sequential = True

    def __init__(
        self,
        attention: Attention,
        states: list[str],
        emitted: int,
        read: int,
        hidden_size: int,
        output_size: int,
    ) -> None:
        super().__init__(hidden_size, output_size)
        self.attention = attention
        self.states = states
        self.combine = nn.Linear(emitted + read + attention.memory_size, 2 * hidden_size)

    def look(self, state: State, memory: Memory | None) -> Look:
        assert memory is not None
        query = torch.cat([state[name][-1:] for name in self.states], -1)
        return Look(*self.attention(query, memory))

    def forward(
        self, emitted: Tensor, previous: Tensor, look: Look, memory: Memory | None
    ) -> Written:
        assert look.fed is not None
        both = self.combine(torch.cat([emitted, previous, look.fed], -1))
        return Written(both.unflatten(-1, (-1, 2)).amax(-1), look.weights, {})
