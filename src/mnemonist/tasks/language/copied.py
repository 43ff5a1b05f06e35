"""Whether a generated text is new: the longest piece of it that stands in the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnemonist.data.text import TokenCorpus
from mnemonist.decoding.ngram import longest_copied_span
from mnemonist.tasks.language.predictor import Predictor

__all__ = ["Copied", "longest_copy"]

_AT_ONCE = 4_000_000  # training tokens in memory


@dataclass(frozen=True)
class Copied:
    """The longest run of generated tokens that training has.

    Args:
        length: tokens.
        of: tokens generated.
        text: the run.
        line: of the text that the network was trained on; 0 where nothing is copied.
    """

    length: int
    of: int
    text: str
    line: int

    def sentence(self) -> str:
        """What was found, in words."""
        if not self.length:
            return "No token of it stands in the training part."
        shown = self.text.replace("\n", " / ")
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return (
            f"Longest span copied from training: {self.length} of {self.of} tokens, from line "
            f"{self.line}: {shown!r}."
        )


def longest_copy(generated: Sequence[int], train: TokenCorpus, predictor: Predictor) -> Copied:
    """The longest span that `generated` has in common with the training part.

    Args:
        generated: ids, as `Predictor.sample` gives them.
        train: the training part, searched a few million tokens at a time.
        predictor: makes text of ids.
    """
    ids, length, position, source = train.ids, 0, 0, 0
    for start in range(0, len(ids), _AT_ONCE):
        # a span may lie across the border of two pieces
        piece = ids[start : start + _AT_ONCE + len(generated)]
        found = longest_copied_span(generated, piece)
        if found.length > length:
            length, position, source = found.length, found.position, start + found.source
    line = int(np.searchsorted(train.offsets, source, side="right")) - 1
    return Copied(
        length,
        len(generated),
        predictor.text(generated[position : position + length]),
        int(train.lines[line]) if length else 0,
    )
