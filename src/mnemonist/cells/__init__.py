"""Recurrent cells as their equations, one file a family."""

from mnemonist.cells._cell import Cell, Gate

__all__ = ["Cell", "Gate"]
