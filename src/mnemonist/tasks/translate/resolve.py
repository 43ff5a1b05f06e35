"""What the data decide where the configuration leaves a question open, each with its reason."""

from __future__ import annotations

import re
from importlib.util import find_spec
from statistics import median

from mnemonist.data.parallel import ParallelSet
from mnemonist.errors import MissingExtraError
from mnemonist.evaluation.translation import detect_script
from mnemonist.tasks.translate.config import Measure, TranslateConfig

__all__ = ["resolve"]

_WORDS = 4
_GRAM = 4
_SAMPLE = 2000
_FEW = 5_000
# For few sentences: 3,481 pairs from Chinese to English reached BLEU 3.3 with the usual options, 5.3
# with attend="before", and 6.6 with all of these.
_CAREFUL: dict[str, object] = {"attend": "before", "dropout": 0.4, "label_smoothing": 0.1}


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
    codes = _codes(str(kinds["target_tokens"]), language, train.targets[:_SAMPLE])
    if not codes and len(train) < _FEW and (careful := _careful(config)):
        chosen |= careful
        shown = ", ".join(f"{name} {value}" for name, value in careful.items())
        notes.append(f"network: {shown}, as {len(train):,} pairs of sentences are few")
    chosen["input_feeding"] = config.model_copy(update=chosen).feeds_input
    chosen["measure"], why = _measure(config, codes)
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


def _codes(tokens: str, language: str, targets: list[str]) -> str:
    """Why targets are no sentences; nothing where they are."""
    if tokens == "characters" and not language:
        return "targets are characters of a script with spaces, such as dates and codes"
    usual = median(len(text if language else text.split()) for text in targets)
    if usual < _GRAM:
        return f"targets are shorter than the {_GRAM} tokens in a row that BLEU counts"
    return ""


def _careful(config: TranslateConfig) -> dict[str, object]:
    """What suits few pairs, where nobody has chosen."""
    chosen = {n: value for n, value in _CAREFUL.items() if n not in config.model_fields_set}
    if config.attention == "none" or config.input_feeding:
        chosen.pop("attend", None)
    return chosen


def _measure(config: TranslateConfig, codes: str) -> tuple[Measure, str]:
    installed = find_spec("sacrebleu") is not None
    if config.measure is not None:
        if config.measure != "exact" and not installed:
            raise MissingExtraError(config.measure, package="sacrebleu", extra="text")
        return config.measure, ""
    if not installed:
        return "exact", (
            "sacrebleu is not installed, which BLEU and chrF need (pip install 'mnemonist[text]')"
        )
    return ("exact", codes) if codes else ("BLEU", "")
