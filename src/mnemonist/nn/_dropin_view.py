"""Cells that own no weights: what they compute with belongs to a module in torch.nn's layout."""

from __future__ import annotations

from collections.abc import ItemsView, Mapping, ValuesView
from typing import Any, Self

import torch
from torch import Tensor, nn

from mnemonist.cells.torch_layout import TorchGRU, TorchLSTM, TorchRNN

__all__ = ["Borrowed", "BorrowedGRU", "BorrowedLSTM", "BorrowedRNN", "Lender"]


class _Lent(dict[str, Any]):
    """A module's table of parameters whose values stand in another module's attributes.

    They are looked up whenever one is asked for, so a cell computes with what its owner has at
    that moment: a parameter, a parametrised or pruned weight, a tensor put there by
    `torch.func.functional_call`. None is kept, so that copies cannot disturb each other.
    """

    def __init__(self, owner: nn.Module, names: Mapping[str, str]) -> None:
        super().__init__(dict.fromkeys(names))
        self._owner, self._names = owner, dict(names)

    def __getitem__(self, name: str) -> Tensor:
        substitute = super().__getitem__(name)
        return self.lend(name) if substitute is None else substitute

    def __setitem__(self, name: str, value: Tensor) -> None:
        """Put a substitute in, until the owner's own weight is put back.

        `torch.func.functional_call` on the cell does both; where the owner computes the weight,
        inside `parametrize.cached`, which keeps it the same tensor.
        """
        super().__setitem__(name, None if value is self.lend(name) else value)

    def lend(self, name: str) -> Tensor:
        """The owner's weight as it is now."""
        return getattr(self._owner, self._names[name])

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._names else default

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        return {name: self[name] for name in self._names}.items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        return {name: self[name] for name in self._names}.values()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._owner, self._names)


class Borrowed(nn.Module):
    """Stands before a cell class, whose ``weight_ih`` becomes ``owner.weight_ih_l0_reverse``.

    Args:
        owner: the module with the weights.
        suffix: what it adds to their names.
        arguments, options: of the cell.
    """

    def __init__(self, owner: nn.Module, suffix: str, *arguments: Any, **options: Any) -> None:
        # made without storage and without a draw from the generator, then disowned
        super().__init__(*arguments, **options, device="meta")
        self._parameters = _Lent(owner, {name: name + suffix for name in self._parameters})

    def __getattr__(self, name: str) -> Any:
        # torch.compile does not know that the table is no ordinary one; it follows this instead
        table = self.__dict__.get("_parameters")
        if isinstance(table, _Lent) and name in table._names:
            return table.lend(name) if torch.compiler.is_compiling() else table[name]
        return super().__getattr__(name)


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
