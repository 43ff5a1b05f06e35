"""The rows of a decoder's state: repeated for beams, put in another order, left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mnemonist.errors import ConfigError

__all__ = ["Shared", "select_rows"]


@dataclass(frozen=True)
class Shared:
    """What all hypotheses of a sentence have in common, such as what its encoder made.

    A beam search that only reorders the hypotheses of each sentence leaves it where it is: an
    encoder's memory is large, and need not be copied at every step.
    """

    value: Any


def select_rows(state: Any, index: Tensor, dim: int = 1, *, shared: bool = True) -> Any:
    """The rows of that index, in that order.

    >>> import torch
    >>> state = {"h": torch.tensor([[[1.0], [2.0]]]), "memory": Shared(torch.tensor([[3, 4]]))}
    >>> selected = select_rows(state, torch.tensor([1, 1, 0]))
    >>> selected["h"][0, :, 0], selected["memory"].value
    (tensor([2., 2., 1.]), tensor([[4, 4, 3]]))

    Args:
        state: tensors, in dicts, lists and tuples; None; objects with a method ``rows(index)``
            (`mnemonist.nn.Encoded`).
        index: (N,) rows.
        dim: the dimension of every tensor on which the rows are.
        shared: whether what is `Shared` is selected too.

    Raises:
        ConfigError: the state holds anything else.
    """
    if isinstance(state, Shared):
        return Shared(select_rows(state.value, index, dim)) if shared else state
    if isinstance(state, Tensor):
        return state.index_select(dim, index)
    if isinstance(state, dict):
        return {name: select_rows(v, index, dim, shared=shared) for name, v in state.items()}
    if isinstance(state, list | tuple):
        values = [select_rows(value, index, dim, shared=shared) for value in state]
        return type(state)(*values) if hasattr(state, "_fields") else type(state)(values)
    if state is None:
        return None
    if hasattr(state, "rows"):
        return state.rows(index)
    raise ConfigError(
        f"a state holds a {type(state).__name__}, whose rows cannot be selected: use tensors in "
        "dicts, lists and tuples, or an object with a method rows(index)"
    )
