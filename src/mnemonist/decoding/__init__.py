"""From what a model gives at each step to a sequence: sampling, beam search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.decoding.beam import BeamSearch, Hypothesis
    from mnemonist.decoding.crf import LinearChainCRF, TagPath
    from mnemonist.decoding.rows import Shared, select_rows
    from mnemonist.decoding.sampling import Sampler, keep_top_k, keep_top_p, sample

__all__ = [
    "BeamSearch",
    "Hypothesis",
    "LinearChainCRF",
    "Sampler",
    "Shared",
    "TagPath",
    "keep_top_k",
    "keep_top_p",
    "sample",
    "select_rows",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "BeamSearch": ".beam",
        "Hypothesis": ".beam",
        "LinearChainCRF": ".crf",
        "Sampler": ".sampling",
        "Shared": ".rows",
        "TagPath": ".crf",
        "keep_top_k": ".sampling",
        "keep_top_p": ".sampling",
        "sample": ".sampling",
        "select_rows": ".rows",
    },
)
