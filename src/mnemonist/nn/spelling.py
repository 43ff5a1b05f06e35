"""Vectors of words from how they are spelt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.errors import ShapeError
from mnemonist.nn._build import CellSpec
from mnemonist.nn.embedding import TokenEmbedding
from mnemonist.nn.recurrent import Recurrent

__all__ = ["Spelling"]


class Spelling(nn.Module):
    """The vector of a word: a bidirectional layer over its characters, both last states.

        s(w) = [h→(c_1 ... c_n), h←(c_n ... c_1)]

    Ling et al. 2015; Lample et al. 2016, section 4.1. Words that occur often in a batch are
    read once.

    Args:
        count: how many characters there are, number 0 among them, which stands for none.
        size: width of a character's vector.
        hidden_size: units of each direction.
        cell: of the layer, as `Recurrent` takes it.
        cell_options: further arguments of the cell.
        unknown: the number of the unknown character.
        dropout: of the elements of the characters' vectors.
        executor: which executor runs the cell.

    >>> spelling = Spelling(30, 4, 8)
    >>> words = torch.tensor([[[1, 2, 0], [3, 0, 0]], [[3, 0, 0], [0, 0, 0]]])
    >>> found = spelling(words)
    >>> found.shape, found[0, 1].equal(found[1, 0])
    (torch.Size([2, 2, 16]), True)
    """

    def __init__(
        self,
        count: int,
        size: int,
        hidden_size: int,
        *,
        cell: CellSpec = "lstm",
        cell_options: Mapping[str, Any] | None = None,
        unknown: int = 1,
        dropout: float = 0.0,
        executor: str = "auto",
    ) -> None:
        super().__init__()
        self.read = TokenEmbedding(count, size, unknown=unknown, dropout=dropout)
        self.recurrent = Recurrent(
            cell,
            size,
            hidden_size,
            bidirectional=True,
            cell_options=cell_options,
            executor=executor,
        )
        self.output_size = self.recurrent.output_size

    def forward(self, characters: Tensor) -> Tensor:
        """The vectors of words.

        Args:
            characters: (T, B, L) numbers of at most L characters a word, 0 behind its end.

        Returns:
            (T, B, 2 · hidden_size).

        Raises:
            ShapeError: not (T, B, L).
        """
        if characters.dim() != 3:
            raise ShapeError(f"characters must be (T, B, L); got {tuple(characters.shape)}")
        words, places = torch.unique(characters.flatten(0, 1), dim=0, return_inverse=True)
        lengths = (words > 0).sum(1)
        longest = int(lengths.max()) if len(words) else 0
        steps = words[:, :longest].T
        output, _ = self.recurrent(self.read(steps), lengths=lengths)
        vectors = self.recurrent.last(output, lengths)
        return vectors[places].unflatten(0, characters.shape[:2])
