"""Mixtures: the maximum of the likelihood, and what follows from averaging."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mnemonist.decoding.ngram import KneserNey, Mixture, Unigram, mixture_weights
from mnemonist.errors import ConfigError, DataError, ShapeError


def texts():
    """Training, held-out and test streams in which a token often follows its own square."""
    rng = np.random.default_rng(3)
    tokens = [1]
    for often, other in zip(rng.random(6000) < 0.7, rng.integers(0, 11, 6000)):
        tokens.append(int(tokens[-1] ** 2 + 1) % 11 if often else int(other))
    return np.array(tokens[:2000]), np.array(tokens[2000:4000]), np.array(tokens[4000:])


def test_em_finds_what_a_search_finds():
    rng = np.random.default_rng(0)
    probs = rng.random((2, 500)) ** [[1], [3]]
    searched = minimize_scalar(
        lambda w: -np.log(w * probs[0] + (1 - w) * probs[1]).sum(),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-8},
    )
    weights = mixture_weights(np.log(probs), tolerance=1e-10, max_iterations=100000)
    np.testing.assert_allclose(weights, [searched.x, 1 - searched.x], atol=1e-5)


def test_no_weights_near_by_are_better():
    probs = np.random.default_rng(1).random((3, 400)) ** [[1], [2], [2]]
    weights = mixture_weights(np.log(probs), tolerance=1e-9, max_iterations=100000)
    best = np.log(weights @ probs).mean()
    assert weights.sum() == pytest.approx(1)
    for moved in np.random.default_rng(2).normal(0, 0.02, (200, 3)):
        near = np.clip(weights + moved, 0, None)
        assert np.log(near / near.sum() @ probs).mean() <= best + 1e-9


def test_the_better_model_takes_all_where_it_always_is():
    weights = mixture_weights(np.log([np.full(50, 0.5), np.full(50, 0.1)]))
    np.testing.assert_allclose(weights, [1, 0], atol=1e-5)
    assert mixture_weights([[-np.inf, -1.0], [-2.0, -1.0]]).min() > 0


def test_a_tuned_mixture_is_at_least_as_good_as_its_models():
    train, held_out, test = texts()
    models = [Unigram().fit(train, 11), KneserNey(2).fit(train, 11), KneserNey(5).fit(train, 11)]
    mixture = Mixture.tuned(models, held_out)
    assert mixture.perplexity(held_out) <= min(m.perplexity(held_out) for m in models) + 1e-9
    assert mixture.perplexity(test) < models[0].perplexity(test)
    # the source has order 2, and noise enough to make the longest contexts err
    assert mixture.weights.argmax() == 1


def test_a_mixture_is_a_model():
    train, _, test = texts()
    data = [train[:30], train[30:50]]
    models = [KneserNey(3).fit(data, 12, eos=11), Unigram().fit(data, 12, eos=11)]
    mixture = Mixture(models, [0.25, 0.75])
    asked = test[:10]
    scores = mixture.log_probs(asked)
    assert len(scores) == 11
    for i, token in enumerate([*asked, 11]):
        prob = mixture.next(asked[:i])
        assert prob.sum() == pytest.approx(1)
        assert prob[token] == pytest.approx(np.exp(scores[i]))
    drawn = [mixture.sample(5, np.random.default_rng(0)).tolist() for _ in range(2)]
    assert drawn[0] == drawn[1]
    alone = Mixture(models, [0.0, 1.0])
    np.testing.assert_allclose(alone.log_probs(asked), models[1].log_probs(asked))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a, b: Mixture([a, b], [0.5]), ConfigError, "2 models need as many"),
        (lambda a, b: Mixture([a, b], [0.5, 0.6]), ConfigError, "together 1"),
        (lambda a, b: Mixture([a, b], [1.5, -0.5]), ConfigError, "at least 0"),
        (lambda a, b: Mixture([], []), ConfigError, "none"),
        (lambda a, b: Mixture([a, Unigram().fit([0], 3)], [1, 0]), ConfigError, "2, None"),
        (lambda a, b: Mixture([a, Unigram().fit([0], 2, eos=1)], [1, 0]), ConfigError, "2, 1"),
        (lambda a, b: mixture_weights([[-1.0], [-1.0, -2.0]]), ShapeError, r"\[1, 2\]"),
        (lambda a, b: mixture_weights([[], []]), ShapeError, "at least one"),
        (lambda a, b: mixture_weights([[-1.0, 0.5]]), DataError, "token 1"),
        (lambda a, b: mixture_weights([[-np.inf], [-np.inf]]), DataError, "token 0"),
        (lambda a, b: mixture_weights([[np.nan], [-1.0]]), DataError, "token 0"),
    ],
)
def test_what_cannot_be_mixed(call, error, message):
    models = Unigram().fit([0, 1], 2), KneserNey(2).fit([0, 1], 2)
    with pytest.raises(error, match=message):
        call(*models)
