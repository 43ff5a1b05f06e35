"""Several language models as one: their probabilities, averaged with tuned weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemonist.decoding.ngram._sequences import TokenData
from mnemonist.decoding.ngram.model import TokenModel
from mnemonist.errors import ConfigError, DataError, ShapeError

__all__ = ["Mixture", "mixture_weights"]


class Mixture(TokenModel):
    """p(w | h) = Σ_m λ_m p_m(w | h), linear interpolation (Jelinek & Mercer 1980).

    Args:
        models: over the same vocabulary and boundaries.
        weights: λ, one for each, at least 0, together 1.

    Raises:
        ConfigError: models that do not fit one another, or weights that do not.

    >>> from mnemonist.decoding.ngram import KneserNey, Unigram
    >>> often, seldom = Unigram(0.5).fit([1, 1, 1], 2), Unigram(0.5).fit([0, 0, 0], 2)
    >>> often.next([]), Mixture([often, seldom], [0.8, 0.2]).next([])
    (array([0.125, 0.875]), array([0.275, 0.725]))
    """

    def __init__(self, models: Sequence[TokenModel], weights: Sequence[float] | np.ndarray) -> None:
        self.models, self.weights = list(models), np.array(weights, np.float64)
        kinds = {(model.vocabulary_size, model.eos) for model in self.models}
        if len(kinds) != 1:
            raise ConfigError(
                "a mixture needs models of one vocabulary size and EOS; got "
                f"{sorted(kinds, key=str) or 'none'}"
            )
        if self.weights.shape != (len(self.models),):
            raise ConfigError(
                f"{len(self.models)} models need as many weights, not {self.weights.size}"
            )
        if not (self.weights >= 0).all() or not np.isclose(self.weights.sum(), 1):
            raise ConfigError(f"weights {self.weights.tolist()}: at least 0, and together 1")

    @classmethod
    def tuned(cls, models: Sequence[TokenModel], held_out: TokenData) -> Mixture:
        """The mixture whose perplexity on held-out data is least (`mixture_weights`)."""
        return cls(models, mixture_weights([model.log_probs(held_out) for model in models]))

    @property
    def vocabulary_size(self) -> int:
        """V of the models."""
        return self.models[0].vocabulary_size

    @property
    def eos(self) -> int | None:
        """The EOS of the models."""
        return self.models[0].eos

    def log_probs(self, data: TokenData) -> np.ndarray:
        """ln Σ_m λ_m p_m for every token, as `NGramModel.log_probs`."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights)
        scores = [model.log_probs(data) + log for model, log in zip(self.models, logs)]
        return np.logaddexp.reduce(scores, axis=0)

    def next(self, context: Sequence[int] | np.ndarray) -> np.ndarray:
        """The probabilities (V,) of the token after `context`."""
        return sum(
            (weight * model.next(context) for weight, model in zip(self.weights, self.models)),
            np.zeros(self.vocabulary_size),
        )


def mixture_weights(
    log_probs: Sequence[np.ndarray] | np.ndarray,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> np.ndarray:
    """The weights that make the mixture of models likeliest on held-out tokens, by EM.

    λ_m becomes the mean over tokens of λ_m p_m / Σ_k λ_k p_k, from equal weights on, until no
    weight changes by more than `tolerance` (Jelinek & Mercer 1980). The likelihood is concave
    in λ, so this is its maximum. The models may be of any kind, networks among them.

    Args:
        log_probs: (M, N), ln p of N tokens by each of M models. Held-out tokens: on those that
            a model was fitted on, it would get all the weight.

    Returns:
        (M,), at least 0, together 1.

    Raises:
        ShapeError: models with different numbers of tokens, or none.
        DataError: logarithms of no probabilities; a token with probability 0 in all models.

    >>> heads = np.arange(100) < 41  # 0.3 * 0.9 + 0.7 * 0.2
    >>> mixture_weights(np.log([np.where(heads, 0.9, 0.1), np.where(heads, 0.2, 0.8)])).round(3)
    array([0.3, 0.7])
    """
    lengths = [len(one) for one in log_probs]
    if not lengths or min(lengths) != max(lengths) or not lengths[0]:
        raise ShapeError(f"every model must score the same tokens, at least one; got {lengths}")
    logs = np.array(log_probs, np.float64)
    best = logs.max(0)
    if not (np.isfinite(best) & (best <= 1e-9)).all():
        at = int(np.argmin(np.isfinite(best) & (best <= 1e-9)))
        raise DataError(
            f"token {at} has the log-probabilities {logs[:, at].tolist()}; they must be at most 0 "
            "and not all -inf"
        )
    shares = np.exp(logs - best)
    weights = np.full(len(shares), 1 / len(shares))
    for _ in range(max_iterations):
        before = weights
        weights = weights * (shares / (weights @ shares)).mean(1)
        if np.abs(weights - before).max() <= tolerance:
            break
    return weights / weights.sum()
