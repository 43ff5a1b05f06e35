"""N-gram language models: Kneser-Ney, ARPA files, mixtures, and what a text has copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.decoding.ngram.arpa import read_arpa, write_arpa
    from mnemonist.decoding.ngram.copied import CopiedSpan, copied_shares, longest_copied_span
    from mnemonist.decoding.ngram.kneser_ney import KneserNey
    from mnemonist.decoding.ngram.mixture import Mixture, mixture_weights
    from mnemonist.decoding.ngram.model import NGramModel, TokenModel
    from mnemonist.decoding.ngram.unigram import Unigram

__all__ = [
    "CopiedSpan",
    "KneserNey",
    "Mixture",
    "NGramModel",
    "TokenModel",
    "Unigram",
    "copied_shares",
    "longest_copied_span",
    "mixture_weights",
    "read_arpa",
    "write_arpa",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "CopiedSpan": ".copied",
        "KneserNey": ".kneser_ney",
        "Mixture": ".mixture",
        "NGramModel": ".model",
        "TokenModel": ".model",
        "Unigram": ".unigram",
        "copied_shares": ".copied",
        "longest_copied_span": ".copied",
        "mixture_weights": ".mixture",
        "read_arpa": ".arpa",
        "write_arpa": ".arpa",
    },
)
