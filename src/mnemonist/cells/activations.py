"""The nonlinearities that a cell may be given by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.errors import CellError

__all__ = ["ACTIVATIONS", "Activation", "activation_function", "identity"]

Activation = str | Callable[[Tensor], Tensor]
"""A name of `ACTIVATIONS`, or any function of a tensor to a tensor of the same shape."""


def identity(x: Tensor) -> Tensor:
    """x itself: a linear unit."""
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "identity": identity,
}


def activation_function(activation: Activation) -> Callable[[Tensor], Tensor]:
    """The function of that name; a function is returned as it is.

    Raises:
        CellError: an unknown name.

    >>> activation_function("relu")(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    >>> activation_function("tahn")
    Traceback (most recent call last):
    mnemonist.errors.CellError: unknown activation 'tahn': did you mean 'tanh'? There are tanh, relu, leaky_relu, elu, sigmoid, hard_sigmoid, hard_tanh, identity; a function of a tensor will do too
    """
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        near = get_close_matches(str(activation), ACTIVATIONS, n=1)
        hint = f"did you mean {near[0]!r}? There are " if near else "there are "
        raise CellError(
            f"unknown activation {activation!r}: {hint}{', '.join(ACTIVATIONS)}; "
            "a function of a tensor will do too"
        )
    return ACTIVATIONS[activation]
