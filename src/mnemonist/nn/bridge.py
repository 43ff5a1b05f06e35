"""From where an encoder ends to where a decoder starts."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from mnemonist.errors import ConfigError
from mnemonist.nn._build import carried_states
from mnemonist.nn._check import check_choice
from mnemonist.nn.recurrent import Recurrent

__all__ = ["BRIDGES", "Bridge", "BridgeKind"]

BridgeKind = Literal["project", "copy", "none"]
BRIDGES: tuple[BridgeKind, ...] = ("project", "copy", "none")


class Bridge(nn.Module):
    """The decoder's first state from the encoder's last one, layer by layer.

    - "project": what the decoder's cell emits (h) starts as tanh(W [→, ←] + b) of the
      encoder's state of that name, else of its first state (after Bahdanau et al. 2015); its
      other states as under "copy"
    - "copy": states that both have under one name and width are handed over (Sutskever et
      al. 2014), averaged over the encoder's directions; the others start as the cell says
    - "none": all start as the cell says

    Args:
        kind: one of these names.
        encoder, decoder: stacks with the same number of layers.

    Raises:
        ConfigError: an unknown kind, unequal numbers of layers, or nothing to copy.
    """

    def __init__(self, kind: BridgeKind, encoder: Recurrent, decoder: Recurrent) -> None:
        super().__init__()
        check_choice("bridge", kind, BRIDGES)
        if encoder.num_layers != decoder.num_layers:
            raise ConfigError(
                f"the state goes from layer to layer, but the encoder has {encoder.num_layers} "
                f"layers and the decoder {decoder.num_layers}"
            )
        self.kind, self.layers = kind, encoder.num_layers
        theirs, ours = encoder.state_sizes, decoder.state_sizes
        self.projected = {
            name: name if name in theirs else next(iter(theirs))
            for name in (carried_states(decoder.layers[0]) if kind == "project" else [])
        }
        self.copied = [
            name
            for name, width in ours.items()
            if kind != "none" and name not in self.projected and theirs.get(name) == width
        ]
        if kind == "copy" and not self.copied:
            raise ConfigError(
                f"nothing to copy: the encoder's states are {theirs}, the decoder's {ours}. "
                "Choose bridge='project'"
            )
        self.project = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    nn.Linear(encoder.num_directions * theirs[source], ours[name])
                    for _ in range(self.layers)
                )
                for name, source in self.projected.items()
            }
        )

    def forward(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The encoder's last state, (L · directions, B, width) by name, to the decoder's first."""
        split = {n: v.unflatten(0, (self.layers, -1)) for n, v in state.items()}
        started = {name: split[name].mean(1) for name in self.copied}
        for name, source in self.projected.items():
            both = split[source].transpose(1, 2).flatten(2)
            linears = cast(nn.ModuleList, self.project[name])
            projected = [linear(layer) for linear, layer in zip(linears, both, strict=True)]
            started[name] = torch.tanh(torch.stack(projected))
        return started

    def extra_repr(self) -> str:
        return self.kind
