"""ARPA files: those of SRILM and KenLM are read as KenLM reads them, ours come back the same."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnemonist.decoding.ngram import KneserNey, NGramModel, read_arpa, write_arpa
from mnemonist.errors import ConfigError, DataError

# Rows of lm/test.arpa of KenLM (github.com/kpu/kenlm), a model of SRILM with lines by hand:
# backoff weights are left out where they are not needed, "higher looking" is no bigram though
# a longer n-gram ends so, and one weight is above 1.
SRILM = r"""
\data\
ngram 1=16
ngram 2=13
ngram 3=8
ngram 4=6
ngram 5=4

\1-grams:
-1.383514	,	-0.30103
-1.139057	.	-0.845098
-1.029493	</s>
-99	<s>	-0.4149733
-1.995635	<unk>	-20
-1.285941	a	-0.69897
-1.687872	also	-0.30103
-1.687872	biarritz	-0.30103
-1.687872	consider	-0.30103
-1.509559	higher	-0.30103
-1.285941	little	-0.69897
-1.285941	looking	-0.4771212
-1.206319	more	-0.544068
-1.509559	on	-0.4771212
-1.687872	the	-0.30103
-1.687872	would	-0.30103

\2-grams:
-0.6925742	, .
-0.0602359	. </s>
-0.4846522	<s> looking	-0.4771214
-1.07153	<s> the
-0.09132547	a little	-0.69897
-0.09021038	little more	-0.1998621
-0.4638903	looking on	-0.4771212
-0.5136299	more .	-0.4771212
-0.1649931	on a	-0.4771213
-0.2922095	would also
-2	also would	-6
-15	<unk> <unk>	-2
-4	<unk> on	-1

\3-grams:
-0.01916512	more . </s>
-0.0283603	on a little	-0.4771212
-0.01660496	a little more	-0.09409451
-0.3488368	<s> looking on	-0.4771212
-0.1892331	little more .
-0.04835128	looking on a	-0.4771212
-3	also would consider	-7
-6	<unk> on <unk>	-12

\4-grams:
-0.009249173	looking on a little	-0.4771212
-0.005464747	on a little more	-0.4771212
-0.1453306	a little more .
-0.01552657	<s> looking on a	-0.4771212
-4	also would consider higher	-8
-0.2	little more . </s>

\5-grams:
-0.003061223	<s> looking on a little
-0.001813953	looking on a little more
-0.0432557	on a little more .
-5	also would consider higher looking

\end\
"""


def read(text, tmp_path, **options):
    path = tmp_path / "model.arpa"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_arpa(path, **options)


def decimal(model, words, text):
    ids = [words.index(word) if word in words else words.index("<unk>") for word in text.split()]
    return model.log_probs(ids) / math.log(10)


def test_a_model_of_srilm_answers_as_kenlm_does(tmp_path):
    model, words = read(SRILM, tmp_path)
    assert model.order == 5
    assert model.sizes == [16, 13, 8, 6, 4]
    assert words[model.eos] == "</s>"
    assert "<s>" not in words
    # lm/model_test.cc of KenLM, Continuation and Starters
    np.testing.assert_allclose(
        decimal(model, words, "looking on a little the biarritz not_found more")[:-1],
        [-0.484652, -0.348837, -0.0155266, -0.00306122, -4.04005, -1.9889, -2.29666, -21.20632],
        atol=3e-5,
    )
    np.testing.assert_allclose(
        decimal(model, words, "looking on a little more")[4], -0.00181395, atol=1e-7
    )
    np.testing.assert_allclose(decimal(model, words, ",")[0], -1.383514 - 0.4149733)
    np.testing.assert_allclose(decimal(model, words, "not_found")[0], -1.995635 - 0.4149733)


def test_an_ngram_may_be_listed_without_its_own_end(tmp_path):
    """lm/model_test.cc of KenLM, Blanks and Unknowns; there without <s> before the words."""
    model, words = read(SRILM.replace("<s>", "<begin>"), tmp_path)
    assert model.eos is None
    for text, expected in {
        "also would consider higher looking": [-1.687872, -2, -3, -4, -5],
        "also would consider not_found": [-1.687872, -2, -3, -1.995635 - 7.0 - 0.30103],
        "higher looking not_found": [-1.509559, -1.285941 - 0.30103, -1.995635 - 0.4771212],
        "would consider higher": [-1.687872, -1.687872 - 0.30103, -1.509559 - 0.30103],
        "not_found not_found2 not_found3": [-1.995635, -15, -17],
        "not_found on not_found3": [-1.995635, -4, -6],
    }.items():
        np.testing.assert_allclose(decimal(model, words, text), expected, rtol=1e-6)
        unk = words.index("<unk>")
        ids = [words.index(word) if word in words else unk for word in text.split()]
        prob = model.next(ids[:-1])[ids[-1]]
        assert math.log10(prob) == pytest.approx(expected[-1], rel=1e-6)


def test_blanks_prefaces_line_ends_and_further_weights_do_not_matter(tmp_path):
    model, words = read(SRILM, tmp_path)
    expected = decimal(model, words, "looking on a little more . the")
    for text in (
        SRILM.replace("\t", " "),
        SRILM.replace(" ", "\t"),
        SRILM.replace("\n", "\r\n"),
        "This is a 5-gram model.\nngram 1=7\n" + SRILM,
        "\ufeff" + SRILM.lstrip(),
        SRILM.replace("on a little more .\n", "on a little more .\t0\n"),
        SRILM.rstrip() + "\nanything",
    ):
        again, same = read(text, tmp_path)
        assert same == words
        np.testing.assert_array_equal(
            decimal(again, words, "looking on a little more . the"), expected
        )


def test_the_words_of_other_encodings(tmp_path):
    text = "\\data\\\nngram 1=2\n\n\\1-grams:\n-0.3\t中国\n-0.3\t<unk>\n\n\\end\\\n"
    _, words = read(text.encode("gb18030"), tmp_path, encoding="gb18030")
    assert words == ["中国", "<unk>"]
    with pytest.raises(DataError, match=r"line 5: .* is not utf-8"):
        read(text.encode("gb18030"), tmp_path)
    # an ideographic space is no blank of the format
    assert read(text.replace("中国", "中\u3000国"), tmp_path)[1][0] == "中\u3000国"


sequences = st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=6)


@settings(deadline=None, max_examples=40)
@given(sequences, sequences, st.integers(1, 5), st.booleans())
def test_what_is_written_comes_back(tmp_path_factory, data, asked, order, bounded):
    data[0].append(2)
    model = KneserNey(order).fit(data, 6, eos=4 if bounded else None)
    path, words = tmp_path_factory.mktemp("arpa") / "m.arpa", ["a", "中", "▁", "d", "end", "<unk>"]
    write_arpa(model, path, words)
    again, names = read_arpa(path)
    assert names == ["a", "中", "▁", "d", "</s>" if bounded else "end", "<unk>"]
    assert (again.eos, again.sizes) == (model.eos, model.sizes)
    np.testing.assert_allclose(again.log_probs(asked), model.log_probs(asked), rtol=1e-10)
    for sequence in asked:
        np.testing.assert_allclose(again.next(sequence), model.next(sequence), rtol=1e-9)


def test_the_backoff_form_is_written_for_other_tools(tmp_path):
    """toy0.arpa of KenLM, lm/common/test_data, line for line but for the order and the digits."""
    published = """
    -0.90309 <unk> 0|-0.46943438 a -0.30103|-0.5720968 </s> 0|-0.5720968 b -0.30103
    -0.37712017 <s> a -0.30103|-0.37712017 a a -0.30103|-0.2984526 b a -0.30103
    -0.58682007 a </s> 0|-0.5220179 b </s> 0|-0.41574955 <s> b -0.30103|-0.58682007 a b -0.30103
    -0.14885087 <s> a a|-0.33741078 b a a|-0.124077894 <s> b a|-0.2997394 a b a
    -0.42082912 b a </s>|-0.397617 a b </s>|-0.20102891 a a b"""
    model = KneserNey(3).fit([[2, 2, 3, 2], [3, 2, 2, 3]], 4, eos=1)
    write_arpa(model, tmp_path / "toy.arpa", ["<unk>", "</s>", "a", "b"])
    written = (tmp_path / "toy.arpa").read_text().splitlines()
    assert written[:6] == ["\\data\\", "ngram 1=5", "ngram 2=7", "ngram 3=7", "", "\\1-grams:"]
    assert written[-1] == "\\end\\"
    rows = {row[1]: row for row in (line.split("\t") for line in written) if len(row) > 1}
    assert [float(one) for one in rows.pop("<s>")[::2]] == pytest.approx([-99, -0.30103])
    for entry in published.strip().replace("\n", "|").split("|"):
        prob, *words = entry.split()
        weight = words.pop() if words[-1][-1].isdigit() else None
        row = rows.pop(" ".join(words))
        assert float(row[0]) == pytest.approx(float(prob), abs=2e-7)
        assert [float(one) for one in row[2:]] == pytest.approx([float(weight)] if weight else [])
    assert not rows


HEAD = "\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-0.5\ta\t-0.1\n-0.5\tb\n-0.5\tc\n\n"
GOOD = HEAD + "\\2-grams:\n-0.2\ta b\n-0.3\tb a\n\n\\end\\\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\", "data", r"line 14: the file ends before \\data"),
        ("ngram 2=2", "ngram 3=2", "line 3: expected 'ngram 2='"),
        ("ngram 2=2", "ngram two", "line 3: expected 'ngram 2='"),
        ("ngram 1=3\nngram 2=2\n", "", "line 3: the head names 0 orders"),
        ("ngram 2=2", "\n".join(f"ngram {n}=1" for n in range(2, 11)), "names 10 orders"),
        ("ngram 1=3", "ngram 1=4", "line 10: 4 n-grams of order 1 were promised; there are 3"),
        ("ngram 2=2\n", "", r"line 9: expected \\end\\, found '\\\\2-grams:'"),
        ("\\2-grams", "\\3-grams", r"line 10: expected \\2-grams:"),
        ("-0.5\tb", "x\tb", "line 7: 'x.tb' has no logarithm|line 7: 'x.*' has no logarithm"),
        ("-0.5\tb", "0.5\tb", "line 7: no logarithm of a probability"),
        ("-0.5\tb", "nan\tb", "line 7: no logarithm of a probability"),
        ("a\t-0.1", "a\tinf", "line 6: no logarithm of a backoff"),
        ("a\t-0.1", "a\tb", "line 6: .* has no logarithm"),
        ("-0.5\tb", "-0.5", "line 7: 1 fields; an n-gram of order 1 has a logarithm, 1 word and"),
        ("a b\n", "a b c -0.1\n", "line 11: 5 fields"),
        ("a b\n", "a x\n", "line 11: the word 'x' is not among the 1-grams"),
        ("-0.5\tb", "-0.5\ta", "line 7: the word 'a' is listed twice"),
        ("b a\n", "a b\n", "line 12: this n-gram stands on line 11 already"),
        ("\\end\\", "", r"line 14: the file ends before \\end"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(DataError, match=message):
        read(GOOD.replace(old, new, 1), tmp_path)


def test_a_context_must_be_listed(tmp_path):
    text = GOOD.replace("\n\n\\end", "\n\n\\3-grams:\n-0.1\ta b a\n-0.1\tc b a\n\n\\end")
    text = text.replace("ngram 2=2", "ngram 2=2\nngram 3=2")
    with pytest.raises(DataError, match=r"line 17: the first 2 words .* not among the 2-grams"):
        read(text, tmp_path)


def test_size_and_place_are_checked(tmp_path):
    with pytest.raises(DataError, match=r"more than the bound of 50"):
        read(GOOD, tmp_path, max_bytes=50)
    with pytest.raises(DataError, match="no such file"):
        read_arpa(tmp_path / "nowhere.arpa")
    model, words = read(GOOD, tmp_path)
    with pytest.raises(DataError, match="overwrite"):
        write_arpa(model, tmp_path / "model.arpa", words)
    write_arpa(model, tmp_path / "model.arpa", words, overwrite=True)
    assert read_arpa(tmp_path / "model.arpa")[1] == words


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_file_is_an_error_or_a_model(tmp_path, data):
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        model, words = read(bytes(text), tmp_path)
    except DataError:
        return
    assert isinstance(model, NGramModel)
    assert len(words) == model.vocabulary_size
    assert (model.log_probs([0]) <= 0).all()


@pytest.mark.parametrize(
    ("words", "eos", "message"),
    [
        (["a", "b"], None, "2 words for a vocabulary of 3"),
        (["a", "b", " "], None, "word 2 is ' '"),
        (["a", "b\n", "c"], None, "word 1"),
        (["a", "", "c"], None, "word 1 is ''"),
        (["a", "b", "a"], None, "words 0 and 2 are both 'a'"),
        (["a", "<s>", "c"], 0, "word 1 is <s>"),
        (["a", "</s>", "c"], None, "word 1 is </s>"),
    ],
)
def test_words_that_the_format_cannot_hold(tmp_path, words, eos, message):
    model = KneserNey(2).fit([1, 2], 3, eos=eos)
    with pytest.raises(ConfigError, match=message):
        write_arpa(model, tmp_path / "m.arpa", words)
    assert not (tmp_path / "m.arpa").exists()
