"""Kneser-Ney: KenLM's figures, the formulas done slowly, and what holds for any data."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.decoding.ngram import KneserNey, Unigram
from mnemonist.decoding.ngram.kneser_ney import FALLBACK_DISCOUNTS
from mnemonist.errors import ConfigError, DataError, ShapeError

# KenLM (github.com/kpu/kenlm), lm/common/test_data: toy0.arpa and toy1.arpa as lmplz made them of
# these texts with --discount_fallback; decimal logarithms of the unigrams and of all trigrams.
TOY = {
    ("a a b a", "b a a b"): {
        "<unk>": -0.90309,
        "a": -0.46943438,
        "</s>": -0.5720968,
        "b": -0.5720968,
        "<s> a a": -0.14885087,
        "b a a": -0.33741078,
        "<s> b a": -0.124077894,
        "a b a": -0.2997394,
        "b a </s>": -0.42082912,
        "a b </s>": -0.397617,
        "a a b": -0.20102891,
    },
    ("a a b b b b b b b", "c"): {
        "<unk>": -1,
        "a": -0.6146491,
        "</s>": -0.6146491,
        "c": -0.7659168,
        "b": -0.6146491,
        "<s> a a": -0.1638568,
        "<s> c </s>": -0.09113217,
        "b b </s>": -0.7462621,
        "a a b": -0.1638568,
        "a b b": -0.13823806,
        "b b b": -0.13375957,
    },
}


def test_the_toy_models_of_kenlm():
    for lines, published in TOY.items():
        words = ["<unk>", "</s>", *sorted(set(" ".join(lines).split()))]
        ids = {word: number for number, word in enumerate(words)}
        data = [[ids[word] for word in line.split()] for line in lines]
        model = KneserNey(3).fit(data, len(words), eos=1)
        for ngram, expected in published.items():
            *context, word = ngram.split()
            if not context:  # p without context is what an unseen one gives: <unk> is not seen
                prob = model.next([0])[ids[word]]
            elif context[0] == "<s>":
                prob = model.next([ids[w] for w in context[1:]])[ids[word]]
            else:  # the longest context is two words, so one more before them is not looked at
                prob = model.next([0, *(ids[w] for w in context)])[ids[word]]
            assert np.log10(prob) == pytest.approx(expected, abs=2e-7)


def quadratic_corpus():
    """300 sentences by the generator of Park & Miller (1988); small ids are the frequent ones."""
    state, sentences = 1, []
    for _ in range(300):
        state = state * 16807 % 2147483647
        sentence = []
        for _ in range(1 + state % 9):
            state = state * 16807 % 2147483647
            last = sentence[-1] if sentence else 0
            sentence.append(int(last * 0.5 + 40 * (state / 2147483647) ** 4))
        sentences.append(sentence)
    return sentences


def test_what_kenlm_estimates_and_answers():
    """Made by lmplz -o 4 and query -v word of KenLM, commit 4cb443e, on the same sentences."""
    seen = sorted({token for sentence in quadratic_corpus() for token in sentence})
    ids = {token: number for number, token in enumerate(seen, 2)}  # after <unk> and </s>
    data = [[ids[token] for token in sentence] for sentence in quadratic_corpus()]
    model = KneserNey(4).fit(data, len(seen) + 2, eos=1)
    # lmplz counts <s> among the unigrams, as the tables do
    assert model.sizes == [60, 611, 1133, 1158]
    np.testing.assert_allclose(
        model.discounts,
        [
            [0.285714, 0.971429, 2.61905],
            [0.595238, 1.17467, 2.30736],
            [0.800166, 1.5199, 1.13294],
            [0.914787, 1.56951, 2.54261],
        ],
        atol=5e-6,
    )
    asked = [[0, 1, 2, 3], [5, 2, 2, 1, 0], [60, 1], []]
    answers = [
        *[-0.38721713, -1.1231143, -1.3136758, -1.3092943, -1.0605612],
        *[-1.7747267, -1.0384881, -1.8605024, -1.2097089, -0.6566023, -0.75135946],
        *[-2.9385545, -2.343171, -1.0294862],
        -1.7362547,
    ]
    scores = model.log_probs([[ids[token] for token in sentence] for sentence in asked])
    np.testing.assert_allclose(scores / np.log(10), answers, atol=1e-6)


def test_discounts_that_make_no_sense_are_replaced():
    """github.com/kpu/kenlm, issue 424: "1-gram discount out of range for adjusted count 2: -0.6"."""
    sentences = [
        line.split()
        for line in (
            "I'm Harry Potter",
            "Harry Potter is young wizard",
            "Hermione Granger is Harry friend",
            "There are seven fantasy novels of Harry Potter",
        )
    ]
    counts = slow_counts([["<s>", *words, "</s>"] for words in sentences], 3, True)[0]
    n = Counter(counts.values())
    assert 2 - 3 * n[1] / (n[1] + 2 * n[2]) * n[3] / n[2] == pytest.approx(-0.6)
    words = sorted({word for words in sentences for word in words})
    data = [[words.index(word) for word in sentence] for sentence in sentences]
    model = KneserNey(3).fit(data, len(words) + 1, eos=len(words))
    assert model.discounts[0] == FALLBACK_DISCOUNTS


def test_a_discount_of_zero_is_none():
    """With n1 = 4, n2 = n3 = 1 the estimate of D2 is 2 - 3 (4/6) = 0."""
    model = KneserNey(1).fit([0, 1, 2, 3, 4, 4, 5, 5, 5], 7)
    assert model.discounts == [FALLBACK_DISCOUNTS]


def slow_counts(sequences, order, bounded):
    """For each order, the n-grams with their counts as the definition says it."""
    result = []
    for n in range(1, order + 1):
        occurrences, before = Counter(), {}
        for sequence in sequences:
            for i in range(len(sequence) - n + 1):
                ngram = tuple(sequence[i : i + n])
                occurrences[ngram] += 1
                before.setdefault(ngram, set()).add(sequence[i - 1] if i else "start")
        if n < order:
            counts = {
                ngram: occurrences[ngram] if bounded and ngram[0] == "<s>" else len(left)
                for ngram, left in before.items()
            }
        else:
            counts = dict(occurrences)
        counts.pop(("<s>",), None)
        result.append(counts)
    return result


def slow_prob(token, context, counts, discounts, vocabulary_size):
    """p(token | context), the recursion of Chen & Goodman as it is written."""
    n = len(context) + 1
    if context:
        shorter = slow_prob(token, context[1:], counts, discounts, vocabulary_size)
    else:
        shorter = 1 / vocabulary_size
    after = {g[-1]: c for g, c in counts[n - 1].items() if g[:-1] == context}
    if not after:
        return shorter
    d = [0, *discounts[n - 1]]
    gamma = sum(d[min(c, 3)] for c in after.values()) / sum(after.values())
    c = after.get(token, 0)
    return (c - d[min(c, 3)]) / sum(after.values()) + gamma * shorter


sequences = st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=6)


@settings(deadline=None, max_examples=30)
@given(sequences, sequences, st.integers(1, 5), st.booleans())
def test_the_formulas_done_slowly_give_the_same(data, asked, order, bounded):
    if not bounded:
        data[0].append(0)
    size, eos = 6, 5 if bounded else None  # id 4 is never seen
    model = KneserNey(order).fit(data, size, eos=eos)

    def framed(some):
        return [["<s>", *one, 5] if bounded else one for one in some]

    counts = slow_counts(framed(data), order, bounded)
    expected = []
    for sequence in framed(asked):
        for i in range(bounded, len(sequence)):
            context = tuple(sequence[max(0, i - order + 1) : i])
            expected.append(slow_prob(sequence[i], context, counts, model.discounts, size))
    np.testing.assert_allclose(np.exp(model.log_probs(asked)), expected, rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(sequences, sequences, st.integers(1, 6), st.booleans())
def test_after_every_context_the_probabilities_are_positive_and_sum_to_one(
    data, contexts, order, bounded
):
    data[0].append(1)
    model = KneserNey(order).fit(data, 6, eos=5 if bounded else None)
    for sequence in data + contexts:
        for end in range(len(sequence) + 1):
            prob = model.next(sequence[:end])
            assert prob.min() > 0
            assert prob.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("eos", [None, 5])
def test_a_sequence_is_scored_as_its_tokens_are_predicted(eos):
    data = [[token % 5 for token in sentence] for sentence in quadratic_corpus()]
    model = KneserNey(4).fit(data, 6, eos=eos)
    asked = [3, 1, 4, 1, 0, 0, 2, 0, 3]
    tokens = asked if eos is None else [*asked, eos]
    one_by_one = [np.log(model.next(asked[:i])[token]) for i, token in enumerate(tokens)]
    np.testing.assert_allclose(model.log_probs(asked), one_by_one)


def test_several_sequences_are_scored_one_by_one():
    data = quadratic_corpus()
    for eos in (None, 99):
        model = KneserNey(3).fit(data, 100, eos=eos)
        alone = np.concatenate([model.log_probs(sequence) for sequence in data[:20]])
        np.testing.assert_array_equal(model.log_probs(data[:20]), alone)
        assert model.perplexity(data[:20]) == pytest.approx(np.exp(-alone.mean()))


def test_a_stream_is_a_list_of_one_sequence():
    stream = np.concatenate([np.array(s) for s in quadratic_corpus()])
    models = [KneserNey(3).fit(data, 100) for data in (stream, [stream], stream.tolist())]
    scores = [model.log_probs(stream[:50].astype(np.uint8)) for model in models]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_order_one_is_absolute_discounting_of_occurrences():
    model = KneserNey(1).fit([0, 0, 0, 0, 1, 1, 2], vocabulary_size=4)
    assert model.discounts == [FALLBACK_DISCOUNTS]
    left = (1.5 + 1 + 0.5) / 7 / 4
    np.testing.assert_allclose(
        model.next([0, 1]), [2.5 / 7 + left, 1 / 7 + left, 0.5 / 7 + left, left]
    )


def test_san_francisco():
    """A word seen often after one word only is unlikely after others (Chen & Goodman 1999)."""
    san, francisco, glasses, other = 0, 1, 2, 3
    data = [[san, francisco]] * 20 + [[word, glasses] for word in range(3, 10)]
    model = KneserNey(2).fit(data, 11, eos=10)
    counts = np.exp(Unigram().fit(data, 11, eos=10).log_probs([francisco, glasses])[:2])
    unseen = model.next([glasses])
    assert counts[0] > counts[1]
    assert unseen[francisco] < unseen[glasses]
    assert model.next([san])[francisco] > 0.8
    assert model.next([other])[glasses] > model.next([other])[francisco]


# the probabilities of a chain of second order on 8 symbols
SOURCE = np.random.default_rng(1).dirichlet(np.full(8, 0.3), size=(8, 8))


def from_source(length, seed):
    tokens, steps = [0, 0], SOURCE.cumsum(-1)
    for draw in np.random.default_rng(seed).random(length):
        tokens.append(min(7, int(steps[tokens[-2], tokens[-1]].searchsorted(draw))))
    return np.array(tokens)


def test_more_data_and_higher_orders_come_near_their_source():
    tokens = from_source(40000, seed=0)
    held_out = tokens[36000:]
    sizes, orders = (100, 1000, 10000, 36000), (1, 2, 3)
    by_size = [KneserNey(3).fit(tokens[:size], 8).perplexity(held_out) for size in sizes]
    by_order = [KneserNey(order).fit(tokens[:36000], 8).perplexity(held_out) for order in orders]
    assert by_size == sorted(by_size, reverse=True)
    assert by_order == sorted(by_order, reverse=True)
    likelihood = np.log(SOURCE[held_out[:-2], held_out[1:-1], held_out[2:]])
    assert by_order[-1] == pytest.approx(np.exp(-likelihood.mean()), rel=0.02)


def test_samples_come_from_the_source_and_from_the_seed():
    source = from_source(20000, seed=0)
    model = KneserNey(3).fit(source, 8)
    drawn = model.sample(2000, np.random.default_rng(7))
    np.testing.assert_array_equal(drawn, model.sample(2000, np.random.default_rng(7)))
    assert model.perplexity(drawn) == pytest.approx(model.perplexity(source), rel=0.05)


def test_samples_of_sequences_end_as_theirs_do():
    data = [[0, 1, 2]] * 30
    model = KneserNey(3).fit(data, 5, eos=4)
    ends = [model.sample(50, np.random.default_rng(seed)).tolist() for seed in range(40)]
    assert ends.count([0, 1, 2]) > 20
    assert all(4 not in tokens for tokens in ends)
    assert model.sample(1, np.random.default_rng(0), context=[0]).tolist() == [1]


def test_unigram_adds_to_every_count():
    model = Unigram(add=0.5).fit([[0, 0, 1], [1]], vocabulary_size=4, eos=3)
    np.testing.assert_allclose(model.next([2, 0]), np.array([2.5, 2.5, 0.5, 2.5]) / 8)
    assert model.log_probs([2]).tolist() == np.log([0.5 / 8, 2.5 / 8]).tolist()


def test_a_large_vocabulary_and_the_highest_order():
    tokens = np.arange(500) ** 2 % 1_999_993
    model = KneserNey(9).fit(tokens, 2_000_000)
    assert np.exp(model.log_probs(tokens)[20:]).min() > 0.1
    assert model.next(tokens[:30])[tokens[30]] == pytest.approx(np.exp(model.log_probs(tokens)[30]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: KneserNey(0), ConfigError, "from 1 to 9"),
        (lambda: KneserNey(10), ConfigError, "from 1 to 9"),
        (lambda: Unigram(0), ConfigError, "above 0"),
        (lambda: KneserNey(2).fit([0, 3], 3), DataError, "sequence 1, position 1: id 3.*0 to 2"),
        (lambda: KneserNey(2).fit([[0], [0, -1]], 3), DataError, "sequence 2, position 1: id -1"),
        (lambda: KneserNey(2).fit([[0, 2, 1]], 3, eos=2), DataError, "sequence 1 .* position 1"),
        (lambda: KneserNey(2).fit([0], 3, eos=3), ConfigError, "eos=3"),
        (lambda: KneserNey(2).fit([], 3), DataError, "no tokens"),
        (lambda: Unigram().fit([], 3), DataError, "no tokens"),
        (lambda: KneserNey(2).fit(np.zeros((2, 2), int), 3), ShapeError, r"shape \(2, 2\)"),
        (lambda: KneserNey(2).fit(np.zeros(3), 3), DataError, "float64"),
        (lambda: KneserNey(2).fit([0], 3).perplexity([]), DataError, "no tokens"),
        (lambda: KneserNey(2).log_probs([0]), ConfigError, "call fit"),
        (lambda: KneserNey(2).fit([0, 1], 2).next([2]), DataError, "the context, position 0: id 2"),
        (lambda: KneserNey(2).fit([0, 1], 2).next([[0]]), ShapeError, "the context"),
    ],
)
def test_what_cannot_be_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()
