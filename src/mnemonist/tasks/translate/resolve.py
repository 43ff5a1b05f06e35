"""What the data decide where the configuration leaves a question open, each with its reason."""

from __future__ import annotations

import re
from importlib.util import find_spec
from statistics import median

from mnemonist.data.parallel import ParallelSet
from mnemonist.errors import MissingExtraError
from mnemonist.evaluation.translation import detect_script
from mnemonist.tasks.translate.config import TranslateConfig

__all__ = ["resolve"]

_WORDS = 4
_GRAM = 4
_SAMPLE = 2000


def resolve(
    config: TranslateConfig, train: ParallelSet, *, valid: int
) -> tuple[TranslateConfig, list[str]]:
    """The configuration without open questions, and a note on each choice.

    Args:
        config: with open questions.
        train: the training part.
        valid: how many pairs there are for validation.

    Raises:
        MissingExtraError: BLEU or chrF shall decide, and sacrebleu is not installed.
    """
    chosen: dict[str, object] = {}
    notes = []
    for name, texts in (("source", train.sources), ("target", train.targets)):
        field = f"{name}_tokens"
        if getattr(config, field) is None:
            chosen[field], why = _tokens(texts)
            notes.append(f"{name}: {chosen[field]}, as {why}")
    kinds = {f: chosen.get(f, getattr(config, f)) for f in ("source_tokens", "target_tokens")}
    if config.lowercase is None:
        chosen["lowercase"] = "source" if kinds["source_tokens"] == "words" else "none"
    language = config.language
    if language is None:
        chosen["language"] = language = detect_script(train.targets)
    chosen["input_feeding"] = config.feeds_input
    chosen["measure"], why = _measure(
        config, str(kinds["target_tokens"]), language, train.targets[:_SAMPLE]
    )
    if why:
        notes.append(f"measure: {chosen['measure']}, as {why}")
    if not valid:
        chosen["training"] = config.training.model_copy(update={"patience": None})
        notes.append("validation: the part is empty, so training goes on to its last epoch")
    return config.model_copy(update=chosen), notes


def _tokens(texts: list[str]) -> tuple[str, str]:
    sample = texts[:_SAMPLE]
    if script := detect_script(sample):
        return "characters", f"their script ({script}) has no spaces between words"
    words = int(median(len(re.findall(r"\S*\w\S*", text)) for text in sample))
    plural = "s" if words != 1 else ""
    why = f"a text usually has {words} word{plural} between spaces"
    return ("words" if words >= _WORDS else "characters"), why


def _measure(
    config: TranslateConfig, tokens: str, language: str, targets: list[str]
) -> tuple[str, str]:
    installed = find_spec("sacrebleu") is not None
    if config.measure is not None:
        if config.measure != "exact" and not installed:
            raise MissingExtraError(config.measure, package="sacrebleu", extra="text")
        return config.measure, ""
    if not installed:
        return "exact", (
            "sacrebleu is not installed, which BLEU and chrF need (pip install 'mnemonist[text]')"
        )
    if tokens == "characters" and not language:
        return "exact", "targets are characters of a script with spaces, such as dates and codes"
    usual = median(len(text if language else text.split()) for text in targets)
    if usual < _GRAM:
        return "exact", f"targets are shorter than the {_GRAM} tokens in a row that BLEU counts"
    return "BLEU", ""
