"""Noise made for recurrences. Each is a cell around a cell, so they nest, around any cell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from mnemonist.cells._cell import Cell, Gate, RecurrentOperand
from mnemonist.engine.contract import Emit
from mnemonist.errors import CellError

__all__ = ["Regulariser", "VariationalDropout", "WeightDropout", "Zoneout"]


class Regulariser(Cell):
    """A cell that is another cell, ``cell``, and something random in training.

    States, outputs and what is emitted are the inner cell's. In evaluation mode nothing is
    drawn and no extra input is declared.

    Args:
        cell: any cell, another regulariser too.

    Raises:
        CellError: this kind of regulariser is already around the cell.
    """

    cell: Cell

    def __init__(self, cell: Cell) -> None:
        first = next(iter(cell.state_sizes.values()))
        super().__init__(cell.input_size, getattr(cell, "hidden_size", first))
        self.states, self.outputs = tuple(cell.state_sizes), tuple(cell.output_sizes)
        self.recurrent_weights = getattr(cell, "recurrent_weights", Cell.recurrent_weights)
        inside: object = cell
        while isinstance(inside, Regulariser):
            if type(inside) is type(self):
                raise CellError(f"{type(self).__name__} is already around this cell: give it once")
            inside = inside.cell
        self.cell = cell

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return self.cell.state_sizes

    @property
    def output_sizes(self) -> Mapping[str, int]:
        return self.cell.output_sizes

    @property
    def mask_sizes(self) -> Mapping[str, int]:
        """Width of the masks that this regulariser adds to the inner cell's extra inputs."""
        return {}

    @property
    def extra_sizes(self) -> Mapping[str, int]:
        return {**self.cell.extra_sizes, **self.mask_sizes}

    @property
    def emits(self) -> Emit:
        return self.cell.emits

    @property
    def independent_states(self) -> tuple[str, ...]:
        return getattr(self.cell, "independent_states", self.states)

    def initial_state(
        self,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        return self.cell.initial_state(batch_size, device=device, dtype=dtype)

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        return self.cell.draw_extras(steps, batch_size, device=device, dtype=dtype)

    def inner_step(
        self, x: Tensor, states: tuple[Tensor, ...], extras: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """The inner cell's step, with those of the extras that are its own."""
        own = {name: extras[name] for name in self.cell.extra_sizes}
        values = self.cell.step(x, *states, **own)
        return values if isinstance(values, tuple) else (values,)

    def step(self, x: Tensor, *states: Tensor, **extras: Tensor) -> tuple[Tensor, ...]:
        return self.inner_step(x, states, extras)

    def extra_repr(self) -> str:
        return ""


class Zoneout(Regulariser):
    """Units that now and then keep their last state (Krueger et al. 2017).

    s_t = d_t ⊙ s_{t-1} + (1 - d_t) ⊙ ŝ_t,   d_t ~ Bernoulli(p)      in training
    s_t = p s_{t-1} + (1 - p) ŝ_t                                    in evaluation

    where ŝ_t is the inner cell's new state.

    Args:
        cell: the cell inside.
        rates: p by state name, or one p for every state that can be held back alone.

    Raises:
        CellError: an unknown state, one that must not be held back alone (it only counts or
            scales others), or a rate outside [0, 1].

    >>> from mnemonist.cells import LSTM
    >>> cell = Zoneout(LSTM(3, 5), {"c": 0.5, "h": 0.05})
    >>> dict(cell.extra_sizes), dict(cell.eval().extra_sizes)
    ({'zoneout_c': 5, 'zoneout_h': 5}, {})
    """

    def __init__(self, cell: Cell, rates: Mapping[str, float] | float) -> None:
        super().__init__(cell)
        if not isinstance(rates, Mapping):
            rates = dict.fromkeys(self.independent_states, rates)
        for name, rate in rates.items():
            if name not in self.independent_states:
                near = get_close_matches(name, self.independent_states, n=1)
                raise CellError(
                    f"zoneout of {name!r}: {_name(cell)} has the states {', '.join(self.states)}, "
                    f"of which {', '.join(self.independent_states)} can be held back alone"
                    + (f"; did you mean {near[0]!r}?" if near else "")
                )
            if not 0 <= rate <= 1:
                raise CellError(f"zoneout rate of {name} must lie in [0, 1]; got {rate}")
        self.rates = {name: float(rate) for name, rate in rates.items() if rate}

    @property
    def mask_sizes(self) -> Mapping[str, int]:
        rates = self.rates if self.training else ()
        return {f"zoneout_{name}": self.state_sizes[name] for name in rates}

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """1 where a unit keeps its state, drawn anew for every step: (T, B, width)."""
        drawn = super().draw_extras(steps, batch_size, device=device, dtype=dtype)
        for name in self.rates if self.training else ():
            shape = (steps, batch_size, self.state_sizes[name])
            keep = torch.empty(shape, device=device, dtype=dtype).bernoulli_(self.rates[name])
            drawn[f"zoneout_{name}"] = keep
        return drawn

    def step(self, x: Tensor, *states: Tensor, **extras: Tensor) -> tuple[Tensor, ...]:
        values = list(self.inner_step(x, states, extras))
        for index, (name, before) in enumerate(zip(self.states, states)):
            rate = self.rates.get(name, 0.0)
            if rate and self.training:
                values[index] = torch.where(extras[f"zoneout_{name}"] > 0, before, values[index])
            elif rate:
                values[index] = rate * before + (1 - rate) * values[index]
        return tuple(values)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={rate}" for name, rate in self.rates.items())


class VariationalDropout(Regulariser):
    """Dropout with one mask for all steps of a sequence (Gal & Ghahramani 2016).

    s_t = step(d_x ⊙ x_t, s_{t-1})   with U (d_h ⊙ s_{t-1}) in place of every U s_{t-1}
    d ~ Bernoulli(1 - p) / (1 - p)   drawn once a sequence for each row

    The mask lies on what the recurrent weights multiply and not on the state itself, which
    a GRU or a leaky integrator carries on by addition: there it would act again at every
    step. All recurrent weights of one width share a mask. In a cell of your own that is
    not made of gates and does not use `Cell.masked`, it lies on the emitted state as it
    enters the step.

    Args:
        cell: the cell inside.
        input: p for x.
        state: p for the states.

    Raises:
        CellError: a rate outside [0, 1).

    >>> from mnemonist.cells import GRU
    >>> cell = VariationalDropout(GRU(3, 5), input=0.2, state=0.3)
    >>> {name: tuple(mask.shape) for name, mask in cell.draw_extras(100, 4).items()}
    {'dropout_x': (1, 4, 3), 'dropout_5': (1, 4, 5)}
    """

    def __init__(self, cell: Cell, *, input: float = 0.0, state: float = 0.0) -> None:
        super().__init__(cell)
        for name, rate in (("input", input), ("state", state)):
            if not 0 <= rate < 1:
                raise CellError(f"dropout rate {name} must lie in [0, 1); got {rate}")
        self.input_rate, self.state_rate = float(input), float(state)
        operands = [m for m in cell.modules() if isinstance(m, RecurrentOperand)]
        widths = {m.operand_size for m in operands if m.operand_size}
        self.entering: dict[str, int] = {}
        if not widths and not any(isinstance(m, Gate) for m in operands):
            emitted = (cell.emits,) if isinstance(cell.emits, str) else cell.emits
            seen = [n for n in emitted if n in cell.state_sizes] or list(cell.state_sizes)[:1]
            self.entering = {name: cell.state_sizes[name] for name in seen}
        self.widths = tuple(sorted(widths | set(self.entering.values())))
        if state and not self.widths:
            warnings.warn(
                f"{_name(cell)} has no weight matrix on its state, so dropout of the state does nothing",
                stacklevel=2,
            )

    @property
    def mask_sizes(self) -> Mapping[str, int]:
        if not self.training:
            return {}
        sizes = {"dropout_x": self.input_size} if self.input_rate else {}
        if self.state_rate:
            sizes |= {f"dropout_{width}": width for width in self.widths}
        return sizes

    def draw_extras(
        self,
        steps: int,
        batch_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> dict[str, Tensor]:
        """0 or 1 / (1 - p), one mask for all steps: (1, B, width)."""
        drawn = super().draw_extras(steps, batch_size, device=device, dtype=dtype)
        for name, width in self.mask_sizes.items():
            keep = 1 - (self.input_rate if name == "dropout_x" else self.state_rate)
            mask = torch.empty((1, batch_size, width), device=device, dtype=dtype)
            drawn[name] = mask.bernoulli_(keep) / keep
        return drawn

    def step(self, x: Tensor, *states: Tensor, **extras: Tensor) -> tuple[Tensor, ...]:
        if "dropout_x" in extras:
            x = x * extras["dropout_x"]
        masks = {w: extras[f"dropout_{w}"] for w in self.widths if f"dropout_{w}" in extras}
        if masks and self.entering:
            entered = dict(zip(self.states, states))
            entered |= {n: entered[n] * masks[width] for n, width in self.entering.items()}
            states = tuple(entered.values())
        with _masks_on(self.cell, masks):
            return self.inner_step(x, states, extras)

    def extra_repr(self) -> str:
        return f"input={self.input_rate}, state={self.state_rate}"


class WeightDropout(Regulariser):
    """Recurrent weights with entries left out for a whole sequence (Wan et al. 2013; Merity et al. 2018).

    U' = D ⊙ U / (1 - p),   D ~ Bernoulli(1 - p), drawn once a sequence for all rows

    The weights are those that the cell names in ``recurrent_weights``. A sequence that is run
    in several calls (truncated backpropagation) has a D for each; a single call of the cell
    outside a sequence draws for that step.

    Args:
        cell: the cell inside; its recurrent weights become parametrised.
        p: the fraction left out.

    Raises:
        CellError: a rate outside [0, 1).

    >>> from mnemonist.cells import LSTM
    >>> cell = WeightDropout(LSTM(3, 50), 0.5)
    >>> share = (cell.cell.forget.U == 0).double().mean()
    >>> bool(0.4 < share < 0.6), bool((cell.eval().cell.forget.U == 0).any())
    (True, False)
    """

    def __init__(self, cell: Cell, p: float) -> None:
        super().__init__(cell)
        if not 0 <= p < 1:
            raise CellError(f"weight dropout rate must lie in [0, 1); got {p}")
        self.p = float(p)
        found = [
            (module, name)
            for module in cell.modules()
            for name in self.recurrent_weights
            if getattr(module, name, None) is not None and name in module._parameters
        ]
        if not found:
            warnings.warn(
                f"{_name(cell)} has no weights named {' or '.join(self.recurrent_weights)}, so "
                "weight dropout does nothing; name its own in recurrent_weights",
                stacklevel=2,
            )
        for module, name in found:
            parametrize.register_parametrization(module, name, _DropConnect(self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class _DropConnect(nn.Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, self.p, self.training)


@contextmanager
def _masks_on(cell: nn.Module, masks: Mapping[int, Tensor]) -> Iterator[None]:
    """Lay the mask of its width on every recurrent operand of the cell."""
    masked = [
        module
        for module in (cell.modules() if masks else ())
        if isinstance(module, RecurrentOperand) and module.operand_size
    ]
    for module in masked:
        module.operand_mask = masks[module.operand_size]
    try:
        yield
    finally:
        for module in masked:
            del module.operand_mask  # back to the class's None, as if never set


def _name(cell: nn.Module) -> str:
    while isinstance(cell, Regulariser):
        cell = cell.cell
    return type(cell).__name__
