"""What every cell shares: names, sizes, gates, and a single step with named state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.engine.contract import Emit
from mnemonist.engine.eager import named_step
from mnemonist.engine.native.inside import InGraphs
from mnemonist.errors import CellError

__all__ = ["Cell", "Gate", "RecurrentOperand"]


class RecurrentOperand:
    """What a recurrent weight multiplies; variational dropout lays its mask here.

    The mask must not lie on the state itself: a state that is carried on by addition
    (GRU, leaky integrator) would be scaled anew at every step.

    Attributes:
        operand_size: width of what is multiplied, or 0 if nothing is.
        operand_mask: (B, operand_size), set while a masked step runs.
    """

    operand_size: int = 0
    operand_mask: Tensor | None = None

    def masked(self, state: Tensor) -> Tensor:
        """The state as the recurrent weights see it."""
        return state if self.operand_mask is None else state * self.operand_mask


class Gate(RecurrentOperand, nn.Module):
    """The affine part of one gate: W x + U h + p ⊙ s + b.

    Every operand is optional; a gate has the parameters of the operands it was built for.

    Args:
        input_size: width of x, or 0 for a gate that does not see the input (no ``W``).
        recurrent_size: width of h, or 0 for a gate that does not see the state (no ``U``).
        size: width of the gate, H.
        bias: whether there is a ``b`` (H,).
        peephole: whether there is a diagonal weight ``p`` (H,) on a state (Gers et al. 2002).
        initial_bias: where ``b`` starts.

    >>> gate = Gate(3, 5, 5)
    >>> gate(torch.zeros(2, 3), torch.zeros(2, 5)).shape
    torch.Size([2, 5])
    """

    W: nn.Parameter | None
    U: nn.Parameter | None
    b: nn.Parameter | None
    p: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        recurrent_size: int,
        size: int,
        *,
        bias: bool = True,
        peephole: bool = False,
        initial_bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.recurrent_size, self.size = input_size, recurrent_size, size
        self.operand_size, self.initial_bias = recurrent_size, initial_bias
        self.W = nn.Parameter(torch.empty(size, input_size)) if input_size else None
        self.U = nn.Parameter(torch.empty(size, recurrent_size)) if recurrent_size else None
        self.b = nn.Parameter(torch.empty(size)) if bias else None
        self.p = nn.Parameter(torch.empty(size)) if peephole else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot-uniform W (Glorot & Bengio 2010), orthogonal U (Saxe et al. 2014), constant b, zero p."""
        if self.W is not None:
            nn.init.xavier_uniform_(self.W)
        if self.U is not None:
            nn.init.orthogonal_(self.U)
            if self.U.numel() == 1:
                # of the two orthogonal numbers the one that remembers: -1 turns the state's sign
                # at every step, and one unit seldom learns its way out of that
                nn.init.ones_(self.U)
        if self.b is not None:
            nn.init.constant_(self.b, self.initial_bias)
        if self.p is not None:
            nn.init.zeros_(self.p)

    def forward(
        self, x: Tensor | None = None, h: Tensor | None = None, *, peep: Tensor | None = None
    ) -> Tensor:
        """x (B, I), h (B, recurrent_size) and peep (B, H) to (B, H); what is left out is not added.

        Raises:
            CellError: neither x nor h is given, or the gate has no weights for one of them.
        """
        bias = self.b
        total: Tensor | None = None
        if x is not None:
            total, bias = F.linear(x, self.weight("W"), bias), None
        if h is not None:
            recurrent = F.linear(self.masked(h), self.weight("U"), bias)
            total = recurrent if total is None else total + recurrent
        if total is None:
            raise CellError(
                "a gate was called with neither an input nor a state: pass x, h or both"
            )
        if peep is not None:
            total = total + self.weight("p") * peep
        return total

    def weight(self, name: str) -> Tensor:
        """W, U, p or b.

        Raises:
            CellError: the gate was built without it.
        """
        weight = getattr(self, name)
        if weight is None:
            what = {
                "W": "weights for the input x",
                "U": "weights for the state h",
                "p": "a peephole",
                "b": "a bias",
            }[name]
            raise CellError(f"this gate was built without {what} (it has no {name})")
        return weight

    def extra_repr(self) -> str:
        parts = [n for n in ("W", "U", "b", "p") if getattr(self, n) is not None]
        return f"{self.input_size}, {self.recurrent_size} -> {self.size} [{' '.join(parts)}]"


def _no_step(self: Cell, *operands: Tensor, **extras: Tensor) -> tuple[Tensor, ...]:
    raise CellError(
        f"{type(self).__name__} does not define step(x, {', '.join(self.state_sizes)}): "
        "write the equations of one time step there"
    )


class Cell(RecurrentOperand, InGraphs, nn.Module):
    """A recurrent cell: states with names, parameters by gate, and the equations of one step.

    A subclass names its ``states``, makes its gates in ``__init__`` and writes ``step``.
    Nothing else is needed to train it, stream it or save it:

    >>> class Minimal(Cell):
    ...     states = ("h",)
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__(input_size, hidden_size)
    ...         self.forget, self.candidate = self.gates("forget", "candidate")
    ...     def step(self, x, h):
    ...         f = torch.sigmoid(self.forget(x, h))
    ...         return (1 - f) * h + f * torch.tanh(self.candidate(x, f * h))
    >>> output, state = Minimal(3, 5)(torch.zeros(2, 3))
    >>> output.shape, list(state)
    (torch.Size([2, 5]), ['h'])

    Attributes:
        states: names of the states, in the order in which ``step`` takes and returns them.
        outputs: names of what ``step`` returns after the states; usually nothing.
        initial_bias: where the bias of a gate of that name starts; 0 for all others.
        recurrent_weights: names of the parameters that multiply a state, in the cell or in
            its gates; weight dropout falls on these.

    Raises:
        CellError: a size that is not a positive integer.
    """

    states: tuple[str, ...] = ("h",)
    outputs: tuple[str, ...] = ()
    initial_bias: Mapping[str, float] = MappingProxyType({"forget": 1.0})
    recurrent_weights: tuple[str, ...] = ("U", "weight_hh")

    step: Callable[..., Tensor | tuple[Tensor, ...]] = _no_step
    """One time step: x (B, I) and each state (B, width) to the new states, then the outputs."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(value, int) or value < 1:
                raise CellError(
                    f"{type(self).__name__}: {name} must be a positive integer, got {value!r}"
                )
        self.input_size, self.hidden_size = input_size, hidden_size

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """Width of every state; all H unless a cell says otherwise."""
        return dict.fromkeys(self.states, self.hidden_size)

    @property
    def output_sizes(self) -> Mapping[str, int]:
        """Width of every further output; all H unless a cell says otherwise."""
        return dict.fromkeys(self.outputs, self.hidden_size)

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        """Width of every per-step input beside x."""
        return {}

    @property
    def emits(self) -> Emit:
        """The first further output if there is one, else the first state."""
        return (self.outputs or self.states)[0]

    @property
    def independent_states(self) -> tuple[str, ...]:
        """The states that zoneout may hold back unit by unit; not those that only count or scale."""
        return tuple(self.state_sizes)

    def gates(
        self,
        *names: str,
        peephole: str = "",
        input_size: int | None = None,
        recurrent_size: int | None = None,
        size: int | None = None,
        bias: bool = True,
    ) -> tuple[Gate, ...]:
        """Make one `Gate` a name; one called ``forget`` starts with bias 1 (Gers et al. 2000).

        Args:
            peephole: the names, separated by spaces, of those that get a peephole weight.
            input_size: width of x if not the cell's; 0 for gates without input weights.
            recurrent_size: width of the state they see if not H; 0 for none.
            size: width of the gates if not H.
            bias: whether they have a bias.
        """
        return tuple(
            Gate(
                self.input_size if input_size is None else input_size,
                self.hidden_size if recurrent_size is None else recurrent_size,
                self.hidden_size if size is None else size,
                bias=bias,
                peephole=name in peephole.split(),
                initial_bias=self.initial_bias.get(name, 0.0),
            )
            for name in names
        )

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """Zeros, (B, width) for every state."""
        return {
            name: torch.zeros(batch_size, width, device=device, dtype=dtype)
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
        """Nothing; cells with random masks draw them here, once a sequence."""
        return {}

    def forward(
        self, x: Tensor, state: Mapping[str, Tensor] | None = None, **extras: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step with named state: (B, I) to ((B, E), new state).

        A state that is not given starts as `initial_state` says; extras that are not given
        are drawn.

        Raises:
            CellError: an unknown state, or a step that returns something else than declared.
        """
        start = self.initial_state(x.shape[0], device=x.device, dtype=x.dtype) | dict(state or {})
        if start.keys() != self.state_sizes.keys():
            unknown = sorted(start.keys() - self.state_sizes.keys())
            raise CellError(
                f"unknown state {', '.join(unknown)}: {type(self).__name__} has "
                f"{', '.join(self.state_sizes)}"
            )
        if extras.keys() != self.extra_sizes.keys():
            drawn = self.draw_extras(1, x.shape[0], device=x.device, dtype=x.dtype)
            extras = {name: value[0] for name, value in drawn.items()} | extras
        named = named_step(self, x, start, extras)
        emits = (self.emits,) if isinstance(self.emits, str) else self.emits
        output = named[emits[0]] if len(emits) == 1 else torch.cat([named[e] for e in emits], -1)
        return output, {name: named[name] for name in self.state_sizes}

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"
