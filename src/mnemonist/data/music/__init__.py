"""Music for language models: scores from ABC, MIDI and MusicXML, as tokens and back.

A folder of tunes becomes a text file with one tune of tokens on a line, which a language model
of words reads; what it draws becomes music again:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from mnemonist.data.music import abc_of, score_of, write_token_lines
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "tunes.abc").write_text("X:1\\nM:2/4\\nL:1/4\\nK:D\\nD E|F2|\\n")
    >>> write_token_lines(folder, folder / "tunes.txt", common_key=True).tunes
    1
    >>> line = (folder / "tunes.txt").read_text().strip()
    >>> line
    'M:2/4 K:C N60:1 N62:1 | N64:2 |'
    >>> print(abc_of(score_of(line.split())))
    X:1
    M:2/4
    L:1/8
    K:C
    C2 D2 | E4 |
    <BLANKLINE>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.data.music.abc.read import inspect_abc, parse_abc, read_abc
    from mnemonist.data.music.abc.write import abc_of, write_abc
    from mnemonist.data.music.check import audit, check_music
    from mnemonist.data.music.convert import write_scores
    from mnemonist.data.music.folder import TokenLines, read_scores, write_token_lines
    from mnemonist.data.music.key import Key
    from mnemonist.data.music.measures import Soundness, soundness
    from mnemonist.data.music.midi import inspect_midi, read_midi, write_midi
    from mnemonist.data.music.musicxml import read_musicxml
    from mnemonist.data.music.roll import piano_roll
    from mnemonist.data.music.score import Note, Score, Voice
    from mnemonist.data.music.segments import chained
    from mnemonist.data.music.tokens import quantised, score_of, tokens_of
    from mnemonist.data.music.transpose import in_common_key, transposed

_HOMES = {
    ".abc.read": ("inspect_abc", "parse_abc", "read_abc"),
    ".abc.write": ("abc_of", "write_abc"),
    ".check": ("audit", "check_music"),
    ".convert": ("write_scores",),
    ".folder": ("TokenLines", "read_scores", "write_token_lines"),
    ".key": ("Key",),
    ".measures": ("Soundness", "soundness"),
    ".midi": ("inspect_midi", "read_midi", "write_midi"),
    ".musicxml": ("read_musicxml",),
    ".roll": ("piano_roll",),
    ".score": ("Note", "Score", "Voice"),
    ".segments": ("chained",),
    ".tokens": ("quantised", "score_of", "tokens_of"),
    ".transpose": ("in_common_key", "transposed"),
}

__all__ = [
    "Key",
    "Note",
    "Score",
    "Soundness",
    "TokenLines",
    "Voice",
    "abc_of",
    "audit",
    "chained",
    "check_music",
    "in_common_key",
    "inspect_abc",
    "inspect_midi",
    "parse_abc",
    "piano_roll",
    "quantised",
    "read_abc",
    "read_midi",
    "read_musicxml",
    "read_scores",
    "score_of",
    "soundness",
    "tokens_of",
    "transposed",
    "write_abc",
    "write_midi",
    "write_scores",
    "write_token_lines",
]

__getattr__, __dir__ = lazy(
    __name__, {name: home for home, names in _HOMES.items() for name in names}
)
