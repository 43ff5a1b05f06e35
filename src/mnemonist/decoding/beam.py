"""Beam search: the likeliest sequences, as far as a few hypotheses at a time can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from mnemonist.decoding._top import largest
from mnemonist.decoding.rows import select_rows
from mnemonist.decoding.sampling import Step, ban
from mnemonist.errors import ConfigError, MnemonistError, ShapeError

__all__ = ["BeamSearch", "Hypothesis"]

Normalise = Literal["mean", "gnmt", "none"]


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was found.

    Attributes:
        tokens: without the end.
        log_probs: of each token under the model, and of the end where it was reached.
        score: their sum, normalised for the length.
        ended: whether it ends by itself; False where it was cut off at the greatest length.
    """

    tokens: list[int]
    log_probs: list[float]
    score: float
    ended: bool


@dataclass(frozen=True)
class BeamSearch:
    """The likeliest sequences of every sentence, n of the best, by a search with K beams.

    A hypothesis Y of |Y| tokens (its end included) is worth

        score(Y) = log P(Y) / lp(|Y|)

        lp(L) = L                   "mean": the mean log-probability of a token
        lp(L) = ((5 + L) / 6)^α     "gnmt" (Wu et al. 2016, equation 14)
        lp(L) = 1                   "none"

    At every step, of all continuations of the K live hypotheses, those K are looked at whose
    log P is the largest; of equal ones the first: that of the better hypothesis, then the
    smaller token. The ones that end are set aside, and the best K of those that do not end
    live on. A sentence is done when n have ended and nothing that lives can become better than
    these: log P only falls, and lp is the largest at the greatest length, which bounds what can
    come. When K have ended it is done, too, unless what lives is better now than these: a sure
    sequence is not lost to short ones that the other beams came upon. With K = 1 this is greedy
    search; with as many beams as there are sequences it finds the best of all.

    >>> def step(tokens, state):  # ends (token 0) after two tokens, of which 2 is likelier than 1
    ...     logits = torch.tensor([[-9.0, 0.0, 0.5], [9.0, 0.0, 0.0]])
    ...     return logits[(state[0, :, 0] >= 2).long()], state + 1
    >>> search = BeamSearch(beams=3, n_best=2, max_length=9, eos=0)
    >>> best = search(step, torch.zeros(1, 1, 1), start=torch.tensor([1]))
    >>> [hypothesis.tokens for hypothesis in best[0]]
    [[2, 2], [2, 1]]

    Args:
        beams: K. n_best: n ≤ K, how many are returned for each sentence.
        max_length: the most tokens, the end included. What has not ended there is cut off, and
            ranks behind all that has.
        min_length: how many tokens come before the end at least.
        eos: the token that ends a sequence.
        normalise: lp. alpha: α ≥ 0, of "gnmt".
        banned: tokens that are never taken, <unk> for instance; the probabilities of the
            others stay as the model gives them.

    Raises:
        ConfigError: an argument out of its range.
    """

    beams: int
    max_length: int
    eos: int
    n_best: int = 1
    min_length: int = 0
    normalise: Normalise = "mean"
    alpha: float = 0.6
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.n_best <= self.beams:
            raise ConfigError(
                f"beams={self.beams}, n_best={self.n_best}: at least one beam, and no more "
                "results than beams"
            )
        if not 0 <= self.min_length < self.max_length:
            raise ConfigError(
                f"min_length={self.min_length}, max_length={self.max_length}: the end counts, so "
                "that max_length must be larger than min_length, which is 0 or more"
            )
        if self.normalise not in ("mean", "gnmt", "none"):
            raise ConfigError(f"normalise={self.normalise!r}: 'mean', 'gnmt' or 'none'")
        if not 0 <= self.alpha < float("inf"):
            raise ConfigError(f"alpha={self.alpha}: 0 (no normalisation) or more")
        if self.eos in self.banned:
            raise ConfigError(f"the end, token {self.eos}, is banned: nothing could end")

    def penalty(self, length: int) -> float:
        """lp(L), which log P is divided by."""
        if self.normalise == "gnmt":
            return ((5 + length) / 6) ** self.alpha
        return float(length) if self.normalise == "mean" else 1.0

    @torch.no_grad()
    def __call__(
        self, step: Step, state: Any, start: Tensor, *, dim: int = 1
    ) -> list[list[Hypothesis]]:
        """Search.

        Args:
            step: one step of the model, (tokens (N,), state) to (logits (N, V), state).
            state: of the B sentences before the first step: tensors with the sentences on
                `dim`, in any nest that `select_rows` takes.
            start: (B,), the token that stands before the first.
            dim: the dimension of the state's tensors on which the sentences are.

        Returns:
            For every sentence its n best, the best first; fewer where there are not so many.

        Raises:
            ShapeError: logits of another shape, or with fewer tokens than `eos` and `banned` say.
            MnemonistError: logits that are not a number.
        """
        if start.dim() != 1:
            raise ShapeError(f"start must be one token for each sentence; got {tuple(start.shape)}")
        search = _Search(self, start)
        repeated = search.sentences.repeat_interleave(self.beams)
        state = select_rows(state, repeated, dim)
        while len(search.sentences):
            logits, state = step(search.last, state)
            order = search.advance(logits)
            state = select_rows(state, order, dim, shared=False)
            if (live := search.leave()) is not None:
                state = select_rows(state, live, dim)
        return search.found()


class _Search:
    """Where a search of B sentences stands after t steps.

    `sentences` (B',) are those that are not done; the rest has a row for each of these, and K
    beams in it: `tokens` and `log_probs` (B', K, t), `scores` (B', K), log P, -inf where there
    is no hypothesis, and `last` (B' K,), what the next step reads.
    """

    def __init__(self, options: BeamSearch, start: Tensor) -> None:
        self.options = options
        rows, beams = len(start), options.beams
        self.sentences = torch.arange(rows, device=start.device)
        self.last = start.repeat_interleave(beams)
        self.tokens = start.new_empty(rows, beams, 0)
        self.log_probs: Tensor | None = None
        self.scores: Tensor | None = None
        self.ended: list[list[Hypothesis]] = [[] for _ in range(rows)]

    def advance(self, logits: Tensor) -> Tensor:
        """One step: the continuations of all beams, the best of them kept.

        Args:
            logits: (B' K, V).

        Returns:
            (B' K,), the row that each beam goes on from.
        """
        rows, beams, length = self.tokens.shape
        if logits.dim() != 2 or len(logits) != rows * beams:
            raise ShapeError(
                f"a step must give logits ({rows * beams}, V); got {tuple(logits.shape)}"
            )
        size = logits.shape[1]
        if not 0 <= self.options.eos < size or size < 2:
            raise ShapeError(f"the end is token {self.options.eos}, but there are logits of {size}")
        if self.scores is None or self.log_probs is None:
            self.scores = logits.new_full((rows, beams), -torch.inf)
            self.scores[:, 0] = 0.0  # all beams of a sentence are the same at first
            self.log_probs = logits.new_empty(rows, beams, 0)
        # of a beam's continuations the best 2 K are enough, and the rest is never copied
        total = logits.logsumexp(-1, keepdim=True)
        width = min(2 * beams, size)
        best, tokens = largest(ban(logits, self._banned(length)), width)
        steps = (best - total).unflatten(0, (rows, beams))
        scores, index = largest((self.scores[..., None] + steps).flatten(1), 2 * beams)
        if scores.isnan().any():
            raise MnemonistError(
                "the model's logits are not a number (NaN): its weights are damaged, or its "
                "training diverged"
            )
        beam, token = index // width, tokens.unflatten(0, (rows, beams)).flatten(1).gather(1, index)
        added = steps.flatten(1).gather(1, index)
        history = (
            torch.cat([_pick(self.tokens, beam), token[..., None]], -1),
            torch.cat([_pick(self.log_probs, beam), added[..., None]], -1),
        )
        ends = token == self.options.eos
        self._set_aside(ends[:, :beams], scores, *history)
        # of 2 K continuations at most K end, one of each beam: K are left
        _, live = largest(scores.masked_fill(ends, -torch.inf), beams)
        self.scores = scores.masked_fill(ends, -torch.inf).gather(1, live)
        self.tokens, self.log_probs = (_pick(values, live) for values in history)
        self.last = self.tokens[..., -1].flatten()
        first = torch.arange(rows, device=live.device)[:, None] * beams
        return (first + beam.gather(1, live)).flatten()

    def leave(self) -> Tensor | None:
        """Leave out the sentences that are done: the rows (N,) that stay, None if all do."""
        assert self.scores is not None
        assert self.log_probs is not None
        rows, beams, length = self.tokens.shape
        if length == self.options.max_length:
            alive = self.scores.isfinite()
            self._set_aside(alive, self.scores, self.tokens, self.log_probs, cut=True)
            done = [True] * rows
        else:
            best = self.scores[:, 0].tolist()
            done = [self._done(int(i), b) for i, b in zip(self.sentences, best, strict=True)]
        if not any(done):
            return None
        left = torch.tensor([row for row, over in enumerate(done) if not over], dtype=torch.long)
        left = left.to(self.tokens.device)
        self.sentences = self.sentences[left]
        self.scores, self.tokens = self.scores[left], self.tokens[left]
        self.log_probs = self.log_probs[left]
        self.last = self.last.unflatten(0, (rows, beams))[left].flatten()
        return (left[:, None] * beams + torch.arange(beams, device=left.device)).flatten()

    def found(self) -> list[list[Hypothesis]]:
        """The best of every sentence; of equal ones what was found first."""
        return [
            sorted(ended, key=lambda one: (not one.ended, -one.score))[: self.options.n_best]
            for ended in self.ended
        ]

    def _banned(self, length: int) -> tuple[int, ...]:
        early = length < self.options.min_length
        return (*self.options.banned, self.options.eos) if early else self.options.banned

    def _set_aside(
        self, which: Tensor, scores: Tensor, tokens: Tensor, log_probs: Tensor, *, cut: bool = False
    ) -> None:
        """Keep those hypotheses (B', K) that have ended, or are cut off."""
        penalty = self.options.penalty(tokens.shape[-1])
        which = which & scores[:, : which.shape[1]].isfinite()
        for row, beam in which.nonzero().tolist():
            hypothesis = Hypothesis(
                tokens[row, beam].tolist()[: None if cut else -1],
                log_probs[row, beam].tolist(),
                float(scores[row, beam]) / penalty,
                not cut,
            )
            self.ended[int(self.sentences[row])].append(hypothesis)

    def _done(self, sentence: int, best: float) -> bool:
        """Whether nothing better is to come; `best` is the best log P that lives.

        Fewer than K have ended: nothing better can come. K have: what lives is not better now.
        """
        ended, options = self.ended[sentence], self.options
        if best == -torch.inf:
            return True
        if len(ended) < options.n_best:
            return False
        length = options.max_length if len(ended) < options.beams else self.tokens.shape[-1]
        nth = sorted((one.score for one in ended), reverse=True)[options.n_best - 1]
        return nth >= best / options.penalty(length)


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """values (B, K, t) in the order of index (B, N): (B, N, t)."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))
