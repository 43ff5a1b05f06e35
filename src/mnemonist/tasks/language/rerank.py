"""N-best lists of another system, put in a new order with a language model's help."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnemonist.data.text import read_lines
from mnemonist.errors import ConfigError, DataError
from mnemonist.evaluation.edits import edit_distance
from mnemonist.tasks.language.predictor import Predictor

__all__ = ["Hypothesis", "Reranked", "error_rate", "read_lists", "rerank", "tune_weight"]

WEIGHTS = (0.0, *(float(10 ** (power / 10)) for power in range(-30, 21)))
"""What is tried: 0, and 0.001 to 100 in steps of a tenth of a power of ten."""


@dataclass(frozen=True)
class Hypothesis:
    """One line of an n-best list.

    Args:
        key: which list it belongs to.
        text: what the system proposes.
        score: how good the system finds it, larger is better: a natural logarithm, say.
        reference: what would be right, where it is known.
    """

    key: str
    text: str
    score: float
    reference: str | None = None


@dataclass(frozen=True)
class Reranked:
    """One list in its new order.

    Args:
        key: of the list.
        ranked: the hypotheses, best first.
        totals: score + weight · ln p of each.
        log_probs: ln p of each, its end included.
    """

    key: str
    ranked: list[Hypothesis]
    totals: list[float]
    log_probs: list[float]


def read_lists(path: str | Path) -> list[list[Hypothesis]]:
    """N-best lists from a file: TSV with a header, or JSONL.

    Columns or keys are id, text and score, and reference where it is known. Lines of one id need
    not follow each other; lists come in the order of their first lines.

    Raises:
        DataError: a line that does not fit; the message names it.
    """
    lists: dict[str, list[Hypothesis]] = {}
    jsonl = Path(path).suffix.lower() in (".jsonl", ".ndjson")
    rows = _json_rows(path) if jsonl else _tsv_rows(path)
    for number, row in rows:
        one = _hypothesis(f"{path}, line {number}", row)
        lists.setdefault(one.key, []).append(one)
    if not lists:
        raise DataError(f"{path} holds no hypothesis; lines with id, score and text are needed.")
    return list(lists.values())


def rerank(
    predictor: Predictor, lists: Sequence[Sequence[Hypothesis]], weight: float
) -> list[Reranked]:
    """Order each list by score + weight · ln p(text), best first; of equal ones the earlier.

    Args:
        predictor: gives ln p of a text from the zero state to <eos>.
        lists: of hypotheses.
        weight: of the language model, at least 0.

    Raises:
        ConfigError: a weight below 0 or not finite.
    """
    if not 0 <= weight < math.inf:
        raise ConfigError(f"weight={weight}: a number of at least 0")
    found = []
    for one, log_probs in zip(lists, _log_probs(predictor, lists), strict=True):
        totals = _scores(one) + weight * log_probs
        order = np.argsort(-totals, kind="stable").tolist()
        found.append(
            Reranked(
                one[0].key,
                [one[k] for k in order],
                totals[order].tolist(),
                log_probs[order].tolist(),
            )
        )
    return found


def tune_weight(
    predictor: Predictor, lists: Sequence[Sequence[Hypothesis]]
) -> tuple[float, dict[float, float]]:
    """The weight whose first choices need the fewest edits, and the error rate of every weight.

    The error rate is the edit distance in characters of the first choices to their references
    over the characters of these. Of weights that are equally good the smallest is taken.

    Args:
        predictor: the language model.
        lists: of hypotheses with references.

    Raises:
        DataError: a list without a reference, or references without characters.
    """
    missing = [one[0].key for one in lists if any(h.reference is None for h in one)]
    if missing:
        raise DataError(
            f"the list {missing[0]!r} has no reference, which a weight is tuned by: give the "
            "column reference in every line"
        )
    characters = sum(len(one[0].reference or "") for one in lists)
    if not characters:
        raise DataError("the references hold no character")
    scores = [_scores(one) for one in lists]
    edits = [np.array([edit_distance(h.text, h.reference or "") for h in one]) for one in lists]
    log_probs = _log_probs(predictor, lists)
    rates = {
        weight: sum(
            int(cost[np.argmax(score + weight * log)])
            for cost, score, log in zip(edits, scores, log_probs, strict=True)
        )
        / characters
        for weight in WEIGHTS
    }
    return min(rates, key=lambda weight: (rates[weight], weight)), rates


def error_rate(choices: Sequence[Hypothesis]) -> float | None:
    """Edits from what was chosen to the references, in characters, over the characters of these.

    None where a reference is missing, or all are empty.
    """
    references = [one.reference for one in choices if one.reference is not None]
    characters = sum(map(len, references))
    if len(references) < len(choices) or not characters:
        return None
    edits = (edit_distance(h.text, r) for h, r in zip(choices, references, strict=True))
    return sum(edits) / characters


def _scores(one: Sequence[Hypothesis]) -> np.ndarray:
    return np.array([hypothesis.score for hypothesis in one])


def _log_probs(predictor: Predictor, lists: Sequence[Sequence[Hypothesis]]) -> list[np.ndarray]:
    texts = [hypothesis.text for one in lists for hypothesis in one]
    nats = -np.log(2) * np.array([found.bits for found in predictor.score(texts)])
    return np.split(nats, np.cumsum([len(one) for one in lists])[:-1])


def _tsv_rows(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = read_lines(path)
    _, header = next(lines, (1, ""))
    names = header.split("\t")
    if not {"id", "score", "text"} <= set(names):
        raise DataError(
            f"{path}, line 1: the header {header[:80]!r} must name id, score and text, parted by "
            "tabs, and may name reference"
        )
    for number, line in lines:
        values = line.split("\t")
        if len(values) != len(names):
            raise DataError(
                f"{path}, line {number}: {len(values)} columns, but the header has {len(names)}"
            )
        yield number, dict(zip(names, values, strict=True))


def _json_rows(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: no JSON: {error}") from error
        if not isinstance(row, dict) or not {"id", "score", "text"} <= set(row):
            raise DataError(f"{path}, line {number}: an object with id, score and text is expected")
        yield number, row


def _hypothesis(where: str, row: dict[str, Any]) -> Hypothesis:
    try:
        score = float(row["score"])
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{where}: the score {row['score']!r} is no finite number")
    reference = row.get("reference")
    if not isinstance(row["text"], str) or not isinstance(reference, str | None):
        raise DataError(f"{where}: text and reference must be texts")
    if "\n" in row["text"]:
        raise DataError(f"{where}: the text holds a line break; give one line")
    return Hypothesis(str(row["id"]), row["text"], score, reference)
