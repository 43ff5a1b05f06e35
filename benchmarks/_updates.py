"""One update of a network, the same for ours and for the peer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

__all__ = ["updates"]


def updates(parameters: Iterable[nn.Parameter], loss: Callable[[], Tensor]) -> Callable[[], None]:
    """A function that makes an update: the loss, backward, clipping at norm 1, Adam.

    Args:
        parameters: of the network.
        loss: of the next batch, a mean.
    """
    parameters = list(parameters)
    optimizer = torch.optim.Adam(parameters, fused=True)

    def update() -> None:
        optimizer.zero_grad()
        loss().backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return update
