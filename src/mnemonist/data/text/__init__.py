"""Text to numbers: lines, tokenizers, vocabularies, checks, and corpora larger than memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.text.check import check_lines
    from mnemonist.data.text.corpus import CorpusStatistics, Parts, TokenCorpus
    from mnemonist.data.text.counting import BoundedCounter, count_vocabulary
    from mnemonist.data.text.encoder import LineEncoder
    from mnemonist.data.text.lines import Text, TextSource, read_lines
    from mnemonist.data.text.parts import check_corpus
    from mnemonist.data.text.spelling import Spelling
    from mnemonist.data.text.subwords import Subwords
    from mnemonist.data.text.tokenizer import Characters, Spaces, Tokenizer
    from mnemonist.data.text.tokenizers import make_tokenizer, tokenizer_from_dict
    from mnemonist.data.text.vocabulary import BOS, EOS, PAD, UNK, Vocabulary
    from mnemonist.data.text.words import Words

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "UNK",
    "BoundedCounter",
    "Characters",
    "CorpusStatistics",
    "LineEncoder",
    "Parts",
    "Spaces",
    "Spelling",
    "Subwords",
    "Text",
    "TextSource",
    "TokenCorpus",
    "Tokenizer",
    "Vocabulary",
    "Words",
    "check_corpus",
    "check_lines",
    "count_vocabulary",
    "make_tokenizer",
    "read_lines",
    "tokenizer_from_dict",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "BOS": ".vocabulary",
        "EOS": ".vocabulary",
        "PAD": ".vocabulary",
        "UNK": ".vocabulary",
        "BoundedCounter": ".counting",
        "Characters": ".tokenizer",
        "CorpusStatistics": ".corpus",
        "LineEncoder": ".encoder",
        "Parts": ".corpus",
        "Spaces": ".tokenizer",
        "Spelling": ".spelling",
        "Subwords": ".subwords",
        "Text": ".lines",
        "TextSource": ".lines",
        "TokenCorpus": ".corpus",
        "Tokenizer": ".tokenizer",
        "Vocabulary": ".vocabulary",
        "Words": ".words",
        "check_corpus": ".parts",
        "check_lines": ".check",
        "count_vocabulary": ".counting",
        "make_tokenizer": ".tokenizers",
        "read_lines": ".lines",
        "tokenizer_from_dict": ".tokenizers",
    },
)
