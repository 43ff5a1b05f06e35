"""A thousand reels and jigs and the chorales of Bach, as the corpus of music21 holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fetched import from_pip

from mnemonist.data.music import (
    chained,
    parse_abc,
    read_midi,
    read_scores,
    score_of,
    tokens_of,
    write_midi,
)
from mnemonist.data.music.abc.write import abc_of


@pytest.fixture(scope="module")
def corpus() -> Path:
    """The folder of the corpus."""
    return from_pip("music21==10.5.1") / "music21/corpus"


@pytest.mark.acceptance
@pytest.mark.parametrize(("folder", "least"), [("ryansMammoth", 1030), ("bach", 400)])
def test_nearly_all_of_a_collection_is_read_and_written_without_loss(
    corpus: Path, tmp_path: Path, folder: str, least: int
) -> None:
    pytest.importorskip("mido")
    count = 0
    for path, scores, _ in read_scores(corpus / folder):
        for score in map(chained, scores):
            count += 1
            said = score_of(tokens_of(score))
            assert [voice.notes for voice in said.voices] == [v.notes for v in score.voices], path
            assert (said.bars, said.metre, said.key) == (score.bars, score.metre, score.key), path
            if count % 20 == 0:
                (written,) = parse_abc(abc_of(score))
                assert written.bars == score.bars, path
                assert [voice.notes for voice in written.voices] == [v.notes for v in score.voices]
                write_midi(score, tmp_path / "a.mid")
                played = read_midi(tmp_path / "a.mid")
                assert [voice.notes for voice in played.voices] == [v.notes for v in score.voices]
    assert count >= least
