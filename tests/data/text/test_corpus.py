"""Corpora on disk: the same numbers as a plain loop, in bounded memory, whole or absent."""

import gc
import json
import os
import shutil
import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.data.text import (
    EOS,
    UNK,
    BoundedCounter,
    Characters,
    LineEncoder,
    Spaces,
    Text,
    TokenCorpus,
    Vocabulary,
    Words,
    check_corpus,
    count_vocabulary,
)
from mnemonist.errors import ConfigError, DataError

lines_of_text = st.lists(st.text("ab的𠀀 é", max_size=6), min_size=1, max_size=25)


@settings(max_examples=25, deadline=None)
@given(
    lines_of_text,
    st.sampled_from([Characters(), Characters(lowercase=True, normal_form="NFKC"), Spaces()]),
    st.booleans(),
    st.integers(1, 9),
)
def test_a_corpus_is_what_a_plain_loop_makes(lines, tokenizer, with_eos, block):
    specials = (UNK, EOS) if with_eos else (UNK,)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnemonist.data.text.lines._LINES", block)
        patch.setattr("mnemonist.data.text.lines._BLOCK", block)
        corpus = TokenCorpus.build(lines, tokenizer, test=len(lines) // 3, specials=specials)
    train = lines[: len(lines) - len(lines) // 3]
    ends = [EOS] if with_eos else []
    tokens = [token for line in train for token in tokenizer.tokenize(line) + ends]
    vocabulary = Vocabulary.build(tokens, specials=specials)
    assert corpus.vocabulary == vocabulary
    assert corpus.vocabulary.counts.tolist() == vocabulary.counts.tolist()
    assert len(corpus) == len(lines)
    for line, ids in zip(lines, corpus.sentences(), strict=True):
        assert ids.tolist() == vocabulary.encode(tokenizer.tokenize(line) + ends).tolist()
    assert corpus.ids.dtype == np.int32
    assert np.diff(corpus.offsets).tolist() == [len(ids) for ids in corpus.sentences()]
    assert corpus.characters.tolist() == [len(line) for line in lines]
    assert corpus.lines.tolist() == list(range(1, len(lines) + 1))


def test_the_parts_are_contiguous_and_the_vocabulary_knows_training_only(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{chr(97 + k)} x\n" for k in range(20)))
    corpus = TokenCorpus.build(path, Spaces(), valid=0.1, test=0.1)
    train, valid, test = corpus.parts()
    assert [len(part) for part in (train, valid, test)] == [16, 2, 2]
    assert np.concatenate([train.ids, valid.ids, test.ids]).tolist() == corpus.ids.tolist()
    assert [test.text(k) for k in range(2)] == [f"{UNK} x", f"{UNK} x"]
    assert test.lines.tolist() == [19, 20]
    assert test.offsets.tolist() == [0, 3, 6]
    counted = test.statistics()
    assert (counted.tokens, counted.types, counted.unknown, counted.sentences) == (6, 3, 2, 2)
    assert counted.unknown_rate == 0.5
    assert train.statistics().unknown_rate == 0
    assert corpus.statistics().characters == 60
    with pytest.raises(ConfigError, match="leave none for training"):
        TokenCorpus.build(path, Spaces(), valid=10, test=10)
    with pytest.raises(IndexError):
        test.sentence(2)
    with pytest.raises(IndexError):
        test.part(1, 3)


def test_documents_are_files_or_what_blank_lines_part(tmp_path):
    (tmp_path / "a.txt").write_text("a1\na2\n\na3\n")
    (tmp_path / "b.txt").write_text("b1\nb2\n")
    files = TokenCorpus.build(tmp_path, Spaces())
    assert files.documents.tolist() == [0, 4, 6]
    poems = TokenCorpus.build(Text(tmp_path, blank="split"), Spaces())
    assert poems.documents.tolist() == [0, 2, 3, 5]
    assert poems.part(1, 4).documents.tolist() == [0, 1, 2, 3]
    assert poems.part(2, 2).documents.tolist() == [0]
    assert poems.lines.tolist() == [1, 2, 4, 1, 2]


def test_a_rare_chinese_character_is_unknown_in_a_corpus():
    corpus = TokenCorpus.build(["历史总是不断重演"] * 3 + ["彪"], Characters(), min_count=2)
    assert corpus.text(0) == "历史总是不断重演"
    assert corpus.text(3) == UNK


def test_a_given_vocabulary_without_unknown_names_what_it_lacks():
    vocabulary = Vocabulary.build("abc", specials=())
    for tokenizer in (Characters(), Spaces()):
        with pytest.raises(DataError, match="'彪' is not among the 3"):
            TokenCorpus.build(["a", "b", "彪"], tokenizer, vocabulary)
    assert TokenCorpus.build(["ab"], Characters(), vocabulary).ids.tolist() == [0, 1]


def made(cache):
    return sorted(one.name for one in cache.iterdir())


def test_the_cache_is_read_again_and_told_apart_by_everything_that_matters(tmp_path, monkeypatch):
    path, cache = tmp_path / "text.txt", tmp_path / "cache"
    path.write_text("a b\n\nb c\n")
    first = TokenCorpus.build(path, Spaces(), cache=cache)
    copy = shutil.copy(path, tmp_path / "copy.txt")
    with monkeypatch.context() as patch:
        patch.setattr("mnemonist.data.text.corpus._write", None)  # nothing is written again
        again = TokenCorpus.build(copy, Spaces(), cache=cache)
        assert again.ids.tolist() == first.ids.tolist()
        assert again.vocabulary == first.vocabulary
    TokenCorpus.build(path, Spaces(lowercase=True), cache=cache)
    TokenCorpus.build(path, Spaces(), first.vocabulary, cache=cache)
    TokenCorpus.build(path, Spaces(), cache=cache, min_count=2)
    TokenCorpus.build(path, Spaces(), cache=cache, test=1)
    TokenCorpus.build(Text(path, blank="skip"), Spaces(), cache=cache)
    stamp = path.stat()
    path.write_text("a b\n\nb d\n")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # size and time are as before
    assert "d" in TokenCorpus.build(path, Spaces(), cache=cache).vocabulary
    assert len(made(cache)) == 7


def test_a_killed_build_leaves_nothing_that_is_read(tmp_path, monkeypatch):
    path, cache = tmp_path / "text.txt", tmp_path / "cache"
    path.write_text("a b\n" * 5)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mnemonist.data.text.store.os.fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            TokenCorpus.build(path, Spaces(), cache=cache)
    assert made(cache) == []
    corpus = TokenCorpus.build(path, Spaces(), cache=cache)
    (name,) = made(cache)
    left = cache / f"{name}.partial-x"
    left.mkdir()
    (left / "ids").write_bytes(b"1")
    (cache / name / "info.json").unlink()
    assert TokenCorpus.build(path, Spaces(), cache=cache).ids.tolist() == corpus.ids.tolist()
    assert made(cache) == [name, left.name]  # perhaps of a process that still writes
    old = time.time() - 7200
    for one in (left / "ids", left):
        os.utime(one, (old, old))
    shutil.rmtree(cache / name)
    TokenCorpus.build(path, Spaces(), cache=cache)
    assert made(cache) == [name]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"sizes": {}}', b'{"sizes": 3}'])
def test_a_damaged_cache_is_made_again(tmp_path, damage):
    corpus = TokenCorpus.build(["a b"], Spaces(), cache=tmp_path)
    ids = corpus.ids.tolist()
    (name,) = made(tmp_path)
    (tmp_path / name / "info.json").write_bytes(damage)
    assert TokenCorpus.build(["a b"], Spaces(), cache=tmp_path).ids.tolist() == ids
    with (tmp_path / name / "ids").open("ab") as file:
        file.write(b"more")
    assert TokenCorpus.build(["a b"], Spaces(), cache=tmp_path).ids.tolist() == ids


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("a b\n")

    class Changing(Spaces):
        def cut(self, text):
            path.write_text("a b c\n")
            return super().cut(text)

    with pytest.raises(DataError, match="was changed while it was read"):
        TokenCorpus.build(path, Changing(), cache=tmp_path / "cache")
    assert made(tmp_path / "cache") == []


def test_an_unwritable_cache_and_a_text_without_lines_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        TokenCorpus.build(["a"], Spaces(), cache=tmp_path / "file")
    with pytest.raises(DataError, match="no line with text"):
        TokenCorpus.build([], Spaces())
    with pytest.raises(DataError, match="no line with text"):
        TokenCorpus.build(Text(["", " "], blank="skip"), Spaces(), Vocabulary([UNK]))


def test_a_temporary_corpus_goes_with_its_last_part():
    corpus = TokenCorpus.build(["a b", "c"], Spaces())
    folder = corpus._temporary.path
    part = corpus.part(1, 2)
    del corpus
    gc.collect()
    assert part.text(0) == "c"
    assert folder.exists()
    del part
    gc.collect()
    assert not folder.exists()


def test_a_large_file_takes_the_memory_of_a_small_one(tmp_path, monkeypatch):
    monkeypatch.setattr("mnemonist.data.text.lines._BLOCK", 10_000)
    generator = np.random.default_rng(0)
    words = np.array([f"w{k}" for k in range(200)])

    def peak(lines):
        path = tmp_path / f"{lines}.txt"
        path.write_text(
            "".join(" ".join(row) + "\n" for row in generator.choice(words, (lines, 12)))
        )
        tracemalloc.start()
        try:
            TokenCorpus.build(path, Spaces(), test=0.1, cache=tmp_path / "cache")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)  # what is imported and kept the first time
    small, large = peak(1_000), peak(8_000)
    assert large < 2 * small  # of a text eight times as long


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=300), st.integers(1, 20), st.integers(1, 40))
def test_bounded_counts_are_too_low_by_at_most_what_is_told(numbers, bound, size):
    tokens = [str(number) for number in numbers]
    counter, exact = BoundedCounter(bound), Counter(tokens)
    for start in range(0, len(tokens), size):
        counter.update(tokens[start : start + size])
        assert len(counter.counts) <= bound
    for token, count in exact.items():
        assert count - counter.undercount <= counter.counts.get(token, 0) <= count
    if len(exact) <= bound:
        assert counter.counts == exact
        assert counter.undercount == 0


def test_a_vocabulary_is_counted_in_bounded_memory_and_keeps_what_is_frequent():
    lines = [f"the cat r{k}" for k in range(3000)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnemonist.data.text.lines._LINES", 100)
        patch.setattr("mnemonist.data.text.lines._BLOCK", 100)
        vocabulary, undercount = count_vocabulary(Text(lines), Spaces(), max_types=400, max_size=4)
    assert vocabulary.tokens == (UNK, EOS, "cat", "the")
    assert vocabulary.counts[1] == 3000
    assert 0 < undercount < 30
    assert 3000 - undercount <= vocabulary.counts[2] <= 3000


def test_encoding_keeps_no_state_between_lines():
    encoder = LineEncoder(Words(han="characters"), Vocabulary.build(["我", "go"]))
    ids, lengths = encoder.encode(["我 go", "", "我"])
    assert (ids.tolist(), lengths.tolist()) == ([2, 1, 2], [2, 0, 1])
    assert json.loads(json.dumps(encoder.tokenizer.to_dict())) == encoder.tokenizer.to_dict()


def test_sentences_of_the_test_that_stand_in_training_are_found(monkeypatch):
    monkeypatch.setattr("mnemonist.data.text.parts._AT_ONCE", 7)
    lines = [f"line {k}" for k in range(80)] + ["", "line 3", "line 79", ""] + ["line 0 new"] * 16
    corpus = TokenCorpus.build(lines, Spaces(), test=20)
    (finding,) = [one for one in check_corpus(corpus) if one.code == "in-training"]
    assert finding.severity == "warning"
    assert (finding.line, finding.lines) == (82, (83,))
    assert finding.message.startswith("11.1% of the test's sentences")  # 2 of 18 that have text


def test_parts_without_common_sentences_and_unknown_tokens_have_no_findings():
    lines = [f"{a} {b}" for a in "abcd" for b in "abcd"]
    assert check_corpus(TokenCorpus.build(lines, Spaces(), valid=2, test=2)) == []
    assert check_corpus(TokenCorpus.build(lines, Spaces())) == []
