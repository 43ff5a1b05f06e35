"""What stands between the layers of a stack: what a layer reads, and what it hands up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mnemonist.errors import ConfigError
from mnemonist.nn.norm import SequenceBatchNorm

__all__ = ["CONNECTIONS", "NORMS", "Connection", "Connections", "Norm"]

Connection = Literal["residual", "highway", "dense"]
Norm = Literal["layer", "batch"]
CONNECTIONS: tuple[Connection | None, ...] = (None, "residual", "highway", "dense")
NORMS: tuple[Norm | None, ...] = (None, "layer", "batch")


class Connections(nn.Module):
    """The paths between the layers of a stack, the same for whole sequences and for one step.

    With x the input of the stack, y_l what the cells of layer l emit and o_l what layer l
    hands up, the layers l ≥ 1 read and hand up (o_0 = y_0; the output of the stack is the
    topmost o, but for dense connections):

    - none: reads o_{l-1}; o_l = y_l
    - residual (He et al. 2016; Wu et al. 2016): reads o_{l-1}; o_l = y_l + o_{l-1}
    - highway (Srivastava et al. 2015): reads o_{l-1}; o_l = g ⊙ y_l + (1 - g) ⊙ o_{l-1},
      g = σ(W o_{l-1} + b), b = -1 at first, so that a new stack mostly carries
    - dense (Graves 2013; Huang et al. 2017): reads [x, o_0, ..., o_{l-1}]; o_l = y_l; the
      output of the stack is [o_0, ..., o_{L-1}]

    What is read is then normalised, if asked for: over the features of each step (layer
    normalisation, Ba et al. 2016) or over the whole batch of sequences
    (`SequenceBatchNorm`). The residual and highway paths go past the normalisation.

    Args:
        kind: the connection.
        norm: the normalisation.
        input_size: width of x.
        widths: width of every y_l.
    """

    def __init__(
        self,
        kind: Connection | None,
        norm: Norm | None,
        input_size: int,
        widths: Sequence[int],
    ) -> None:
        super().__init__()
        self.kind, self.widths = kind, tuple(widths)
        if kind in ("residual", "highway") and len(set(widths)) > 1:
            raise ConfigError(
                f"{kind} connections add a layer's output to the one below, so that all must be "
                f"equally wide; they are {', '.join(map(str, widths))}. Emit states of one width, "
                "or choose connection='dense'"
            )
        upper = range(1, len(widths))
        reads = [reading_width(kind, input_size, widths[:layer]) for layer in upper]
        make = {None: None, "layer": nn.LayerNorm, "batch": SequenceBatchNorm}[norm]
        self.norms = nn.ModuleList([make(width) for width in reads] if make else [])
        self.gates = nn.ModuleList(
            [_carrying_gate(widths[layer]) for layer in upper] if kind == "highway" else []
        )

    @property
    def output_size(self) -> int:
        """Width of the output of the stack."""
        return sum(self.widths) if self.kind == "dense" else self.widths[-1]

    def read(
        self, layer: int, x: Tensor, below: Sequence[Tensor], valid: Tensor | None = None
    ) -> Tensor:
        """What a layer reads, given x and the outputs of the layers below it."""
        if layer == 0:
            return x
        value = torch.cat([x, *below], -1) if self.kind == "dense" else below[-1]
        if not len(self.norms):
            return value
        norm = self.norms[layer - 1]
        if isinstance(norm, SequenceBatchNorm):
            return norm(value, valid=valid) if value.dim() == 3 else norm.step(value)
        return norm(value)

    def join(self, layer: int, value: Tensor, below: Sequence[Tensor]) -> Tensor:
        """What a layer hands up, given what its cells emit and the outputs below it."""
        if layer == 0 or self.kind in (None, "dense"):
            return value
        if self.kind == "residual":
            return value + below[-1]
        gate = torch.sigmoid(self.gates[layer - 1](below[-1]))
        return gate * value + (1 - gate) * below[-1]

    def top(self, outputs: Sequence[Tensor]) -> Tensor:
        """The output of the stack, given the outputs of all its layers."""
        return torch.cat(list(outputs), -1) if self.kind == "dense" else outputs[-1]


def reading_width(kind: Connection | None, input_size: int, below: Sequence[int]) -> int:
    """Width of what a layer reads, given the widths of the layers below it."""
    if not below:
        return input_size
    return input_size + sum(below) if kind == "dense" else below[-1]


def _carrying_gate(width: int) -> nn.Linear:
    gate = nn.Linear(width, width)
    nn.init.constant_(gate.bias, -1.0)
    return gate
