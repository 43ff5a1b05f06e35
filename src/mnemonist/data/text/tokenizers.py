"""Tokenizers by the name of their kind, and back from what was saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from mnemonist.data.text.normal import NormalForm
from mnemonist.data.text.subwords import Subwords
from mnemonist.data.text.tokenizer import Characters, Spaces, Tokenizer
from mnemonist.data.text.words import Words
from mnemonist.errors import ConfigError, DataError

__all__ = ["Kind", "make_tokenizer", "tokenizer_from_dict"]

Kind = Literal["characters", "words", "spaces", "subwords"]


def make_tokenizer(
    kind: Kind,
    *,
    lowercase: bool = False,
    normal_form: NormalForm | None = None,
    lines: Iterable[str] | None = None,
    vocabulary_size: int = 8000,
    seed: int = 0,
) -> Tokenizer:
    """A tokenizer of a kind.

    Args:
        kind: "characters", "words", "spaces" (the text is tokenised already) or "subwords".
        lowercase, normal_form: see `Tokenizer`.
        lines: the training part, from which subwords are learnt; other kinds read none of it.
        vocabulary_size, seed: of the subwords, see `Subwords.train`.

    Raises:
        ConfigError: an unknown kind, or subwords without lines.
        MissingExtraError: subwords without sentencepiece.

    >>> make_tokenizer("words", lowercase=True).tokenize("Where? Here.")
    ['where', '?', 'here', '.']
    """
    match kind:
        case "characters":
            return Characters(lowercase=lowercase, normal_form=normal_form)
        case "words":
            return Words(lowercase=lowercase, normal_form=normal_form)
        case "spaces":
            return Spaces(lowercase=lowercase, normal_form=normal_form)
        case "subwords":
            if lines is None:
                raise ConfigError("subwords are learnt from text: give the lines of training.")
            return Subwords.train(
                lines,
                vocabulary_size=vocabulary_size,
                lowercase=lowercase,
                normal_form=normal_form,
                seed=seed,
            )
    raise ConfigError(f"tokens={kind!r}: 'characters', 'words', 'spaces' or 'subwords'.")


def tokenizer_from_dict(saved: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer whose `to_dict` this is.

    Raises:
        DataError: it is none, or of a kind that this version does not know.
        MissingExtraError: it needs rjieba or sentencepiece, which is not installed.

    >>> tokenizer_from_dict(Words(lowercase=True).to_dict()) == Words(lowercase=True)
    True
    """
    saved = saved if isinstance(saved, Mapping) else {}
    kind = saved.get("kind")
    options: dict[str, Any] = {name: saved.get(name) for name in ("lowercase", "normal_form")}
    if not isinstance(options["lowercase"], bool):
        raise DataError(f"no saved tokenizer: lowercase is {options['lowercase']!r}.")
    try:
        match kind:
            case "characters":
                return Characters(**options)
            case "spaces":
                return Spaces(**options)
            case "words":
                return Words(**options, han=saved["han"])
            case "subwords":
                return Subwords(Subwords.model_from_text(saved.get("model")), **options)
    except (ConfigError, KeyError) as error:
        raise DataError(f"the saved tokenizer is damaged: {error}.") from error
    raise DataError(
        f"the saved tokenizer is of the kind {kind!r}, which this version does not know."
    )
