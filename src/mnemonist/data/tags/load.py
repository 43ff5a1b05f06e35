"""From files to tagged sentences: the layout found and said, faults told with their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob
from itertools import islice
from pathlib import Path

from mnemonist.data.files import check_file
from mnemonist.data.findings import Finding, raise_fatal
from mnemonist.data.tags.columns import read_columns
from mnemonist.data.tags.config import TagsConfig
from mnemonist.data.tags.faults import Faults
from mnemonist.data.tags.jsonl import Tokenize, read_jsonl
from mnemonist.data.tags.layout import Layout, find_layout
from mnemonist.data.tags.model import Sentence, TaggedSet
from mnemonist.data.tags.schemes import detect_scheme
from mnemonist.data.tags.slashed import read_slashed
from mnemonist.data.text.lines import Document
from mnemonist.errors import DataError

__all__ = ["Source", "inspect_tagged", "iter_tagged", "load_tagged"]

Source = str | Path | Sequence[str]
"""A file, a folder, a pattern such as "corpus/c???", or lines; a single str is a path."""

_MAX_FILES = 100_000
_SAMPLE, _SAMPLE_CHARACTERS = 1000, 200_000


def load_tagged(
    source: Source, config: TagsConfig | None = None, *, tokenize: Tokenize | None = None
) -> TaggedSet:
    """Read all sentences of a file, of a folder's files, of the files of a pattern, or of lines.

    Args:
        source: what to read.
        config: the layout and what to do about faults; the rest of it is for `prepare_tagged`.
        tokenize: cuts texts that come with spans (JSON lines); by default words, and each Han
            character on its own.

    Raises:
        DataError: no file, no known layout, or fatal findings.

    >>> data = load_tagged(["王/nr 刚/nr 走/v 了/u", "我/r 吃/v 苹果/n"])
    >>> data.describe(), data.scheme
    ('2 sentences, 7 tokens, 5 tags', 'raw')
    >>> data.notes
    ['format: word/TAG, a sentence a line', 'tags: raw, one for each token']
    """
    data, findings = inspect_tagged(source, config, tokenize=tokenize)
    raise_fatal(findings)
    return data


def inspect_tagged(
    source: Source, config: TagsConfig | None = None, *, tokenize: Tokenize | None = None
) -> tuple[TaggedSet, list[Finding]]:
    """The sentences without faults, and everything found on the way, fatal findings included.

    Raises:
        DataError: what cannot be read at all.
    """
    config = config or TagsConfig()
    documents = _documents(source, config, config.max_bytes)
    layout = _layout(documents, config)
    faults = Faults()
    sentences = list(_sentences(documents, layout, config, tokenize, faults))
    name = str(source) if isinstance(source, str | Path) else "lines"
    findings = faults.findings(config.faulty)
    if not sentences and not any(finding.severity == "fatal" for finding in findings):
        findings.append(
            Finding("fatal", "no-sentences", "there are no sentences", name, remedy="add some")
        )
    scheme = config.scheme or detect_scheme(one.tags for one in sentences)
    notes = [layout.note]
    encodings = sorted({one.encoding for one in documents if one.encoding} - {"utf-8"})
    if encodings:
        notes.append(f"encoding: {', '.join(encodings)}")
    if any(sentence.document for sentence in sentences):
        count = len({(one.file, one.document) for one in sentences})
        notes.append(f"documents: {count:,}, by the ids in the file")
    groups = sum(len(sentence.groups) for sentence in sentences)
    if groups:
        notes.append(f"brackets: {groups:,} groups of words kept beside the tags")
    how = "one for each token" if scheme == "raw" else "which mark spans"
    notes.append(f"tags: {scheme}, {how}")
    return TaggedSet(sentences, name, scheme, notes, findings), findings


def iter_tagged(
    source: Source, config: TagsConfig | None = None, *, tokenize: Tokenize | None = None
) -> Iterator[Sentence]:
    """The sentences one by one, in bounded memory, from files of any size.

    Raises:
        DataError: as `load_tagged`; for faults at the end of each file.

    >>> [len(sentence) for sentence in iter_tagged(["我/r 吃/v 苹果/n", "好/a"])]
    [3, 1]
    """
    config = config or TagsConfig()
    documents = _documents(source, config, None)
    layout = _layout(documents, config)
    for document in documents:
        faults = Faults()
        yield from _sentences([document], layout, config, tokenize, faults)
        raise_fatal(faults.findings(config.faulty))


def _documents(source: Source, config: TagsConfig, max_bytes: int | None) -> list[Document]:
    if not isinstance(source, str | Path):
        return [Document("lines", texts=source)]
    paths = _paths(Path(source))
    for path in paths:
        check_file(path, wanted="a file", content="tagged sentences were")
    total = sum(path.stat().st_size for path in paths)
    if max_bytes is not None and total > max_bytes:
        raise DataError(
            f"{source} has {total:,} bytes, more than the bound of {max_bytes:,}; in memory it "
            "takes several times that. Take a part, or raise the bound (max_bytes, --max-bytes)."
        )
    return [Document(str(path), path=path, encoding=config.encoding) for path in paths]


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        found = [one for one in path.iterdir() if one.is_file() and one.name[0] != "."]
    elif not path.exists() and any(sign in path.name for sign in "*?["):
        found = [Path(one) for one in islice(glob(str(path)), _MAX_FILES) if Path(one).is_file()]
    else:
        return [path]
    if not found:
        raise DataError(f"{path}: no file is there or fits the pattern. Check the path.")
    return sorted(found)


def _layout(documents: Sequence[Document], config: TagsConfig) -> Layout:
    first = documents[0]
    lines: list[str] = []
    size = 0
    for _, line in first.lines(config.max_line):
        lines.append(line)
        size += len(line)
        if len(lines) == _SAMPLE or size > _SAMPLE_CHARACTERS:
            break
    return find_layout(lines, config, first.name)


def _sentences(
    documents: Sequence[Document],
    layout: Layout,
    config: TagsConfig,
    tokenize: Tokenize | None,
    faults: Faults,
) -> Iterator[Sentence]:
    for document in documents:
        lines = document.lines(config.max_line)
        if layout.format == "columns":
            yield from read_columns(lines, layout, document.name, faults)
        elif layout.format == "slashed":
            yield from read_slashed(lines, layout, document.name, faults)
        else:
            yield from read_jsonl(lines, tokenize or _words(), document.name, faults)


def _words() -> Tokenize:
    from mnemonist.data.text.words import Words

    return Words(han="characters").tokenize
