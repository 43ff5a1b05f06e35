"""Files of tokens, a tune a line: what `write_token_lines` writes and a language model draws."""

from __future__ import annotations

from pathlib import Path

from mnemonist.data.encodings import decoded, detect_encoding
from mnemonist.data.findings import Finding
from mnemonist.data.music.files import MAX_TEXT_BYTES, refuse_unreadable
from mnemonist.data.music.score import Score
from mnemonist.data.music.tokens import score_of
from mnemonist.errors import DataError

__all__ = ["inspect_token_lines"]


def inspect_token_lines(
    path: str | Path, *, encoding: str | None = None
) -> tuple[list[Score], list[Finding]]:
    """The scores of the lines that can be read, and a fatal finding for each of the others.

    Lines without text are passed over.

    Raises:
        DataError: no such file, empty, too large, or not text.
    """
    path = Path(path)
    refuse_unreadable(path, MAX_TEXT_BYTES)
    encoding = encoding or detect_encoding(path)
    scores: list[Score] = []
    findings: list[Finding] = []
    with decoded(path, encoding), path.open(encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            if not (tokens := line.split()):
                continue
            try:
                scores.append(score_of(tokens))
            except DataError as error:
                remedy = "correct the line, or leave it out"
                message = str(error).rstrip(".")
                findings.append(Finding("fatal", "tokens", message, str(path), number, (), remedy))
    return scores, findings
