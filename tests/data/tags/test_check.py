"""What the check finds in tagged sentences, and the parts."""

import pytest

from mnemonist.data.tags import TaggedSet, TagsConfig, check_tags, load_tagged, split_tagged
from mnemonist.errors import ConfigError, DataError


def columns(*sentences):
    """Sentences as lines of a file: "token tag" a line."""
    return [line for sentence in sentences for line in (*sentence.split(", "), "")]


def found(code, train, **parts):
    findings = [one for one in check_tags(train, **parts) if one.code == code]
    assert len(findings) == 1, [str(one) for one in check_tags(train, **parts)]
    return findings[0]


def test_nothing_is_said_about_sound_data():
    data = load_tagged(columns(*["Ann B-PER, Lee I-PER, ran O", "she O, met O, Bob B-PER"] * 5))
    assert check_tags(data) == []


def test_an_invalid_tag_is_named_with_its_line_and_repair():
    data = load_tagged(columns("Ann B-PER, ran O", "in O, York I-LOC, Bob B-PER"))
    finding = found("invalid-tags", data)
    assert (finding.severity, finding.line) == ("warning", 5)
    assert "I-LOC of 'York' after O" in finding.message
    assert "read as B-LOC" in finding.remedy


def test_one_tag_only_is_fatal():
    finding = found("one-tag", load_tagged(["a/N b/N"]))
    assert finding.severity == "fatal"


def test_a_bare_type_among_marked_tags_is_found():
    lines = columns(*["Ann B-PER, ran O"] * 5, "Bob PER, ran O")
    finding = found("mixed-schemes", load_tagged(lines))
    assert (finding.severity, finding.line) == ("fatal", 16)
    assert "PER" in finding.message


def test_iob1_and_bio_mixed():
    lines = columns(*["Ann B-PER, ran O"] * 10, *["Ann I-PER, ran O"] * 5)
    finding = found("mixed-schemes", load_tagged(lines))
    assert "5 spans begin with I- and 10 with B-" in finding.message
    assert finding.line == 31


def test_letters_of_two_schemes():
    finding = found("mixed-schemes", load_tagged(columns("a B-X, b I-X, c L-X, d S-X")))
    assert "B, I, L, S" in finding.message


def test_tags_that_only_the_test_has():
    train = load_tagged(["a/N b/V c/N"] * 3)
    test = load_tagged(["a/N b/Q", "x/N c/Q"])
    finding = found("unseen-tags", train, test=test)
    assert finding.lines == (1, 2)
    assert "(2 tokens): Q" in finding.message


def test_sentences_of_the_test_that_training_has():
    train = load_tagged(["a/N b/V", "c/N d/V"] * 3)
    test = load_tagged(["e/N f/V", "c/N d/V"])
    finding = found("duplicates-across-parts", train, test=test)
    assert (finding.severity, finding.line) == ("warning", 2)
    assert "1 of 2 sentences" in finding.message
    assert "line 2 of training" in finding.message


def test_a_file_whose_blank_lines_are_missing():
    lines = columns(*["a N, b V"] * 5) + ["a N", "b V"] * 300
    finding = found("long-sentences", load_tagged(lines))
    assert (finding.line, finding.severity) == (16, "warning")


def test_tags_that_may_be_slips():
    data = load_tagged(["a/N b/V"] * 5 + ["a/N b/VV"])
    finding = found("rare-tags", data)
    assert (finding.severity, finding.line) == ("note", 6)


def test_findings_of_reading_come_along():
    data = load_tagged(["a/N b/V"] * 9 + ["c d/V"], TagsConfig(faulty="skip"))
    assert found("missing-tag", data).line == 10


def test_parts_follow_the_file_or_the_seed():
    data = TaggedSet.from_sequences([[str(k)] for k in range(100)], [["N"]] * 100)

    def tokens(part):
        return [int(one.tokens[0]) for one in part]

    parts = split_tagged(data, TagsConfig(valid=0.05, test=20))
    assert tokens(parts.train) == list(range(75))
    assert tokens(parts.valid) == list(range(75, 80))
    assert tokens(parts.test) == list(range(80, 100))
    drawn = split_tagged(data, TagsConfig(order="shuffled", split_seed=3))
    again = split_tagged(data, TagsConfig(order="shuffled", split_seed=3))
    assert tokens(drawn.test) == tokens(again.test) != list(range(90, 100))
    assert sorted(tokens(drawn.train) + tokens(drawn.valid) + tokens(drawn.test)) == list(
        range(100)
    )
    assert tokens(drawn.train) == sorted(tokens(drawn.train))
    own = split_tagged(data, test=parts.test)
    assert (len(own.train), len(own.valid), len(own.test)) == (90, 10, 20)
    with pytest.raises(ConfigError, match="leave none for training"):
        split_tagged(data, TagsConfig(valid=50, test=50))


def test_tokens_and_tags_must_agree_in_number():
    with pytest.raises(DataError, match="2 tokens and 1 tags"):
        TaggedSet.from_sequences([["a", "b"]], [["N"]])
