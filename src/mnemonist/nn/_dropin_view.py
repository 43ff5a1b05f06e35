"""Cells that own no weights: what they compute with belongs to a module in torch.nn's layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from torch import nn

from mnemonist.cells.torch_layout import TorchGRU, TorchLSTM, TorchRNN

__all__ = ["Borrowed", "BorrowedGRU", "BorrowedLSTM", "BorrowedRNN", "Lender"]

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Borrowed(nn.Module):
    """Stands before a cell class; reads ``weight_ih`` as ``owner.weight_ih_l0_reverse``.

    The attribute is looked up whenever it is used, so what the owner has at that moment is
    what the cell computes with: a parameter, a parametrised or pruned weight, a tensor put
    there by `torch.func.functional_call`, the parameters of a copy.
    """

    _owner: nn.Module
    _suffix: str
    _borrowed: tuple[str, ...] = ()

    def __init__(self, owner: nn.Module, suffix: str, *args: Any, **options: Any) -> None:
        # made without storage (and without a draw from the generator), then disowned
        super().__init__(*args, **options, device="meta")
        names = tuple(self._parameters)
        self._parameters.clear()
        # not by setattr: the owner would become a submodule of its own part
        self.__dict__.update(_owner=owner, _suffix=suffix, _borrowed=names)

    def __getattr__(self, name: str) -> Any:
        if name in _WEIGHTS and name in self._borrowed:
            return getattr(self._owner, name + self._suffix)
        return super().__getattr__(name)

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:
        """The owner's present weights under the cell's names; some may be plain tensors."""
        return ((name, getattr(self, name)) for name in self._borrowed)


class BorrowedRNN(Borrowed, TorchRNN):
    """`TorchRNN` with another module's weights."""


class BorrowedLSTM(Borrowed, TorchLSTM):
    """`TorchLSTM` with another module's weights."""


class BorrowedGRU(Borrowed, TorchGRU):
    """`TorchGRU` with another module's weights."""


class Lender(nn.Module):
    """A module whose weights its cells borrow; every copy of it has cells that read its own."""

    # in a tuple, so that they are no submodules
    _cells: tuple[Borrowed, ...]

    def _make_cells(self) -> tuple[Borrowed, ...]:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_cells"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._cells = self._make_cells()

    def _replicate_for_data_parallel(self) -> Self:
        replica = super()._replicate_for_data_parallel()
        replica._cells = replica._make_cells()
        return replica
