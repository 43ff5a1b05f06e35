"""The recurrent layers of a configuration, and what is said of them before training."""

from __future__ import annotations

from typing import Any

from torch import nn

from mnemonist.engine.explain import Explanation, explain
from mnemonist.nn import Recurrent
from mnemonist.tasks.common.config import NetworkConfig
from mnemonist.tasks.common.programs import Maker

__all__ = ["explained", "layers", "size_of"]


def layers(config: NetworkConfig, input_size: int, cell: Maker, **options: Any) -> Recurrent:
    """The recurrent layers that a configuration describes.

    Args:
        config: the network's options.
        input_size: width of the input.
        cell: what makes the cell.
        options: further arguments of `Recurrent`, such as ``output="last"``.
    """
    several = config.num_layers > 1
    return Recurrent(
        cell,
        input_size,
        config.hidden_size,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional,
        dropout=config.dropout if several else 0.0,
        connection=config.connection if several else None,
        zoneout=config.zoneout,
        variational_dropout=config.variational_dropout,
        weight_dropout=config.weight_dropout,
        cell_options=config.cell_options,
        executor=config.executor,
        **options,
    )


def explained(recurrent: Recurrent, steps: int, rows: int) -> Explanation:
    """How the first layer runs at the sizes of a training step, and why."""
    first = recurrent.layers[0]
    like = next(recurrent.parameters())
    return explain(
        first, like.new_zeros(steps, rows, first.input_size), executor=recurrent.executor
    )


def size_of(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
