"""From what a model gives at each step to a sequence: sampling, beam search, CRF, n-grams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.decoding.beam import BeamSearch, Hypothesis
    from mnemonist.decoding.crf import LinearChainCRF, TagPath
    from mnemonist.decoding.ngram import (
        CopiedSpan,
        KneserNey,
        Mixture,
        NGramModel,
        TokenModel,
        Unigram,
        copied_shares,
        longest_copied_span,
        mixture_weights,
        read_arpa,
        write_arpa,
    )
    from mnemonist.decoding.rows import Shared, select_rows
    from mnemonist.decoding.sampling import Sampler, keep_top_k, keep_top_p, sample

__all__ = [
    "BeamSearch",
    "CopiedSpan",
    "Hypothesis",
    "KneserNey",
    "LinearChainCRF",
    "Mixture",
    "NGramModel",
    "Sampler",
    "Shared",
    "TagPath",
    "TokenModel",
    "Unigram",
    "copied_shares",
    "keep_top_k",
    "keep_top_p",
    "longest_copied_span",
    "mixture_weights",
    "read_arpa",
    "sample",
    "select_rows",
    "write_arpa",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "BeamSearch": ".beam",
        "CopiedSpan": ".ngram",
        "Hypothesis": ".beam",
        "KneserNey": ".ngram",
        "LinearChainCRF": ".crf",
        "Mixture": ".ngram",
        "NGramModel": ".ngram",
        "Sampler": ".sampling",
        "Shared": ".rows",
        "TagPath": ".crf",
        "TokenModel": ".ngram",
        "Unigram": ".ngram",
        "copied_shares": ".ngram",
        "keep_top_k": ".sampling",
        "keep_top_p": ".sampling",
        "longest_copied_span": ".ngram",
        "mixture_weights": ".ngram",
        "read_arpa": ".ngram",
        "sample": ".sampling",
        "select_rows": ".rows",
        "write_arpa": ".ngram",
    },
)
