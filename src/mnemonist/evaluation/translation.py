"""How good translations are: BLEU, chrF and the share that is exactly right.

BLEU and chrF are sacrebleu's (Post 2018), each with the signature that says how it was made. What
is kept of every sentence are the counts that they are made of, so that a bootstrap over
sentences is one over true corpus scores (Koehn 2004):

    BLEU = 100 BP (Π_{n=1..4} p_n)^{1/4},  BP = min(1, exp(1 - r/c))   (Papineni et al. 2002)
    chrF = 100 (1 + β²) P R / (β² P + R),  β = 2                       (Popović 2015)

with the precisions p_n of word n-grams clipped by the references, c and r the lengths of
translations and references, and P and R the means of precision and recall over characters' 1-
to 6-grams.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnemonist.errors import MissingExtraError, ShapeError
from mnemonist.evaluation.bootstrap import Interval
from mnemonist.evaluation.resampling import Measure, interval_of_sums, mean_of_sums

__all__ = [
    "TranslationScore",
    "bleu_tokenizer",
    "detect_script",
    "exact_match",
    "translation_scores",
]

References = Sequence[str] | Sequence[Sequence[str]]

_WITHOUT_SPACES = ("th", "lo", "km", "my")


@dataclass(frozen=True)
class TranslationScore:
    """A measure of n translations.

    Attributes:
        name: "BLEU", "chrF2" or "exact".
        signature: how it was made, to be printed with it.
        statistics: (n, S), what of every sentence the measure is made of the sums of.
        measure: takes sums (R, S) to R values; for `paired_bootstrap`.
    """

    name: str
    signature: str
    statistics: np.ndarray
    measure: Measure

    @property
    def value(self) -> float:
        """Of all sentences together."""
        return float(self.measure(self.statistics.sum(0, keepdims=True))[0])

    def interval(self, *, resamples: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
        """Bootstrap interval over sentences."""
        return interval_of_sums(
            self.statistics, self.measure, resamples=resamples, level=level, seed=seed
        )


def translation_scores(
    translations: Sequence[str], references: References, *, language: str | None = None
) -> dict[str, TranslationScore]:
    """BLEU and chrF (0 to 100) and the share of exact matches (0 to 1), by name.

    Args:
        translations: n texts.
        references: for each a right translation, or several of them.
        language: of the translations, as in "zh" or "en-GB"; it decides how BLEU cuts words
            (`bleu_tokenizer`). Told by the script of the references when None.

    Raises:
        ShapeError: no translations, or another number of references.
        MissingExtraError: sacrebleu is not installed.

    >>> scores = translation_scores(["我吃苹果。"], [["我吃苹果。", "我在吃苹果。"]])
    >>> {name: round(score.value, 3) for name, score in scores.items()}
    {'BLEU': 100.0, 'chrF2': 100.0, 'exact': 1.0}
    >>> scores["BLEU"].signature.split("|")[:4]
    ['nrefs:2', 'case:mixed', 'eff:no', 'tok:zh']
    """
    right = _references(translations, references)
    if language is None:
        language = detect_script(text for texts in right for text in texts)
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError as error:
        raise MissingExtraError("BLEU and chrF", package="sacrebleu", extra="text") from error
    found = [
        _by_sacrebleu(BLEU(tokenize=bleu_tokenizer(language)), translations, right),
        _by_sacrebleu(CHRF(), translations, right),
        exact_match(translations, right),
    ]
    return {score.name: score for score in found}


def exact_match(translations: Sequence[str], references: References) -> TranslationScore:
    """The share of translations that are a reference; needs no sacrebleu.

    Args:
        translations, references: as in `translation_scores`.

    Raises:
        ShapeError: no translations, or another number of references.

    >>> exact_match(["2021-04-03", "1999-01-01"], ["2021-04-03", "1999-01-02"]).value
    0.5
    """
    right = _references(translations, references)
    hits = [text.strip() in map(str.strip, texts) for text, texts in zip(translations, right)]
    return TranslationScore(
        "exact",
        "white space around a text is left out",
        np.stack([hits, np.ones(len(hits))], 1),
        mean_of_sums,
    )


def bleu_tokenizer(language: str) -> str:
    """The name of sacrebleu's tokenizer for a language.

    "zh" for Chinese: each character is a word. For Japanese "ja-mecab" where MeCab and its
    dictionary ipadic are installed, else "char", as for Thai, Lao, Khmer and Burmese, which
    write no spaces; "13a" for all others. Scores with different tokenizers do not compare.

    >>> bleu_tokenizer("zh-CN"), bleu_tokenizer("th"), bleu_tokenizer("en")
    ('zh', 'char', '13a')
    """
    primary = language.replace("_", "-").lower().partition("-")[0]
    if primary == "ja":
        return "ja-mecab" if all(map(importlib.util.find_spec, ("MeCab", "ipadic"))) else "char"
    if primary in _WITHOUT_SPACES:
        return "char"
    return "zh" if primary in ("zh", "yue", "cmn") else "13a"


def detect_script(texts: Iterable[str], *, limit: int = 10_000) -> str:
    """The language as far as its script tells: "zh", "ja", "th", "lo", "km", "my", else "".

    >>> detect_script(["我吃苹果。"]), detect_script(["リンゴを食べる"]), detect_script(["I eat."])
    ('zh', 'ja', '')
    """
    counts: dict[str, int] = {}
    for _, text in zip(range(limit), texts, strict=False):
        for character in text:
            if character.isalpha():
                script = unicodedata.name(character, "").partition(" ")[0]
                counts[script] = counts.get(script, 0) + 1
    letters = sum(counts.values())
    if counts.get("HIRAGANA", 0) + counts.get("KATAKANA", 0) > 0.1 * letters:
        return "ja"
    # less than half is enough: a Latin name among Chinese characters has many letters
    names = {"CJK": "zh", "THAI": "th", "LAO": "lo", "KHMER": "km", "MYANMAR": "my"}
    return next((names[one] for one in names if counts.get(one, 0) > 0.3 * letters), "")


def _references(translations: Sequence[str], references: References) -> list[list[str]]:
    """The references as a list for each translation."""
    right = [[one] if isinstance(one, str) else list(one) for one in references]
    if not len(translations) or len(translations) != len(right) or not all(right):
        raise ShapeError(
            f"{len(translations)} translations and {len(right)} references: at least one "
            "translation is needed, and at least one reference for each"
        )
    return right


def _by_sacrebleu(
    metric: Any, translations: Sequence[str], references: list[list[str]]
) -> TranslationScore:
    """A metric of sacrebleu, by the methods that its own significance tests are made of."""
    most = max(map(len, references))
    streams = [[texts[k] if k < len(texts) else None for texts in references] for k in range(most)]
    statistics = np.array(metric._extract_corpus_statistics(translations, streams), dtype=float)

    def measure(sums: np.ndarray) -> np.ndarray:
        scores = [metric._compute_score_from_stats(row) for row in sums.tolist()]
        return np.array([score.score for score in scores])

    name = metric._compute_score_from_stats(statistics.sum(0).tolist()).name
    return TranslationScore(name, str(metric.get_signature()), statistics, measure)
