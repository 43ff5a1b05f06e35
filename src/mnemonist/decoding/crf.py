"""Conditional random fields on a chain: scores of whole tag sequences, learned and decoded."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mnemonist.engine.time import check_lengths, valid_mask
from mnemonist.errors import ConfigError, DataError, ShapeError

__all__ = ["LinearChainCRF", "TagPath"]

Lengths = Tensor | list[int] | None

_PARTS = ("start", "transitions", "end")
_FORBIDDEN = -1e4
"""The score of a forbidden step: finite, so that no path is left without a best one."""


class TagPath(NamedTuple):
    """One tag sequence and its score."""

    tags: list[int]
    score: float


class LinearChainCRF(nn.Module):
    """A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001).

    score(y | x) = start[y_1] + Σ_t emissions[t, y_t] + Σ_t transitions[y_{t-1}, y_t] + end[y_T]
    log p(y | x) = score(y | x) - log Z(x),   Z(x) = Σ_y' exp score(y' | x)

    Z by the forward algorithm, the marginals p(y_t | x) by forward-backward (the gradient of
    log Z by the emissions is exactly that; Eisner 2016), the best sequence by Viterbi's
    algorithm. A batch is computed at once; only time is a loop. All parameters start at zero:
    a softmax for each step alone. Emissions in half precision are taken as float32.

    Args:
        tags: how many there are, K.
        allowed: which steps may occur, as three arrays of bool: at the start (K,), from one tag
            to the next (K, K), at the end (K,); by default all. `data.tags.allowed_steps` makes
            them of a tag scheme. A forbidden step scores -10,000 in `decode`, `best` and
            `marginals`, whatever was learned.
        constrained: forbid them in `log_likelihood` and `log_partition` too, so that training
            spends no probability on what cannot be.

    >>> crf = LinearChainCRF(2)
    >>> emissions = torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]])     # T=2, B=1, K=2
    >>> crf.decode(emissions)[:, 0].tolist()
    [0, 1]
    >>> crf.log_likelihood(emissions, torch.tensor([[0], [1]])).exp().item()  # 0.881 · 0.731
    0.643914...
    """

    def __init__(self, tags: int, *, allowed: Any = None, constrained: bool = False) -> None:
        super().__init__()
        if tags < 1:
            raise ConfigError(f"a CRF of {tags} tags: at least 1 is needed.")
        if constrained and allowed is None:
            raise ConfigError("constrained=True needs allowed=: which steps are allowed.")
        self.tags, self.constrained = tags, constrained
        self.start = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.end = nn.Parameter(torch.zeros(tags))
        forbidden = [None] * 3 if allowed is None else _forbidden(allowed, tags)
        for name, mask in zip(_PARTS, forbidden, strict=True):
            self.register_buffer(f"forbidden_{name}", mask, persistent=False)

    def extra_repr(self) -> str:
        masked = self.forbidden_transitions is not None
        return f"tags={self.tags}" + (f", constrained={self.constrained}" if masked else "")

    def log_likelihood(self, emissions: Tensor, tags: Tensor, lengths: Lengths = None) -> Tensor:
        """log p(tags | x) of each sequence, (B,); its negative mean is the training loss.

        Args:
            emissions: (T, B, K), unnormalised scores.
            tags: (T, B) from 0 to K - 1; what lies past a length is not looked at.
            lengths: (B,); all T by default. A length of 0 has log-likelihood 0.

        Raises:
            ShapeError: shapes or tags that do not fit.
            DataError: a step that the constraints forbid, where training is constrained.
        """
        emissions, lengths = self._checked(emissions, lengths)
        if tags.shape != emissions.shape[:2]:
            raise ShapeError(
                f"tags {tuple(tags.shape)} for emissions {tuple(emissions.shape)}: "
                "(T, B) and (T, B, K) are expected."
            )
        tags = torch.where(_inside(lengths, len(tags)), tags, 0)
        if tags.numel() and not 0 <= int(tags.min()) <= int(tags.max()) < self.tags:
            raise ShapeError(
                f"tags from {int(tags.min())} to {int(tags.max())}; 0 to {self.tags - 1} are known."
            )
        if self.constrained:
            self._refuse_forbidden(tags, lengths)
        gold = _path_score(emissions, tags, lengths, self.start, self.transitions, self.end)
        return gold - _log_partition(emissions, lengths, *self._scores(self.constrained))

    def log_partition(self, emissions: Tensor, lengths: Lengths = None) -> Tensor:
        """log Z(x) of each sequence, (B,); 0 for a length of 0."""
        emissions, lengths = self._checked(emissions, lengths)
        return _log_partition(emissions, lengths, *self._scores(self.constrained))

    def marginals(self, emissions: Tensor, lengths: Lengths = None) -> Tensor:
        """p(y_t = k | x), (T, B, K), without gradient; zeros past each length."""
        emissions, lengths = self._checked(emissions, lengths)
        with torch.inference_mode(False), torch.enable_grad():
            leaf = emissions.detach().clone().requires_grad_()
            scores = [score.detach().clone() for score in self._scores(True)]
            total = _log_partition(leaf, lengths.clone(), *scores).sum()
            if not total.requires_grad:
                return torch.zeros_like(emissions)
            return torch.autograd.grad(total, leaf)[0]

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Lengths = None) -> Tensor:
        """The best tag sequences (Viterbi 1967), (T, B) int64; -1 past each length.

        Among sequences that score exactly the same, the one whose last tag is the smallest
        wins, then the one whose last but one is, and so on.
        """
        emissions, lengths = self._checked(emissions, lengths)
        start, transitions, end = self._scores(True)
        steps, batch, _ = emissions.shape
        tags = torch.full((steps, batch), -1, device=emissions.device)
        if steps == 0 or batch == 0:
            return tags
        into = transitions.T.contiguous()
        best = [start + emissions[0]]
        for step in range(1, steps):
            best.append((best[-1][:, None] + into).amax(-1) + emissions[step])
        tag = torch.zeros_like(lengths)
        for step in range(steps - 1, -1, -1):
            last = (best[step] + end).argmax(-1)
            before = (best[step] + into[tag]).argmax(-1)
            tag = torch.where(lengths == step + 1, last, torch.where(lengths > step, before, tag))
            tags[step] = torch.where(lengths > step, tag, -1)
        return tags

    @torch.no_grad()
    def best(
        self, emissions: Tensor, lengths: Lengths = None, *, count: int = 5
    ) -> list[list[TagPath]]:
        """The `count` best tag sequences of each row with their scores, best first.

        Fewer where fewer exist. The first is `decode`'s up to equal scores.
        """
        if count < 1:
            raise ConfigError(f"count={count}: at least 1 sequence.")
        emissions, lengths = self._checked(emissions, lengths)
        scores = self._scores(True)
        return [
            _best_paths(emissions[: int(length), row], *scores, count)
            for row, length in enumerate(lengths)
        ]

    def _checked(self, emissions: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
        if emissions.dim() != 3 or emissions.shape[2] != self.tags:
            raise ShapeError(
                f"emissions must be (T, B, {self.tags}); got {tuple(emissions.shape)}."
            )
        steps, rows, _ = emissions.shape
        if lengths is None:
            lengths = torch.full((rows,), steps)
        if emissions.dtype in (torch.float16, torch.bfloat16):
            emissions = emissions.float()
        return emissions, check_lengths(lengths, steps, rows, emissions.device)

    def _scores(self, constrained: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of start, transitions and end, those of forbidden steps replaced."""
        scores = []
        for name in _PARTS:
            score, mask = getattr(self, name), getattr(self, f"forbidden_{name}")
            masked = constrained and mask is not None
            scores.append(score.masked_fill(mask, _FORBIDDEN) if masked else score)
        start, transitions, end = scores
        return start, transitions, end

    def _refuse_forbidden(self, tags: Tensor, lengths: Tensor) -> None:
        inside = _inside(lengths, len(tags))
        start, transitions, end = (getattr(self, f"forbidden_{part}") for part in _PARTS)
        wrong = _last(inside) & end[tags]
        wrong[:1] |= inside[:1] & start[tags[:1]]
        wrong[1:] |= inside[1:] & transitions[tags[:-1], tags[1:]]
        if bool(wrong.any()):
            step, row = wrong.nonzero()[0].tolist()
            before = f"after tag {int(tags[step - 1, row])}" if step else "as the first"
            raise DataError(
                f"tag {int(tags[step, row])} {before} at step {step} of sequence {row} (of length "
                f"{int(lengths[row])}) is forbidden by the constraints. Repair the tags, or train "
                "without constraints (constrained=False)."
            )


def _forbidden(allowed: Any, tags: int) -> list[Tensor]:
    masks = [~torch.as_tensor(part, dtype=torch.bool) for part in allowed]
    shapes = [tuple(mask.shape) for mask in masks]
    if shapes != [(tags,), (tags, tags), (tags,)]:
        raise ShapeError(
            f"allowed must be three arrays of shapes ({tags},), ({tags}, {tags}), ({tags},): start, "
            f"transitions, end; got {shapes}."
        )
    return masks


def _inside(lengths: Tensor, steps: int) -> Tensor:
    """(T, B): whether the step is inside the length."""
    return valid_mask(lengths, steps)[..., 0]


def _last(inside: Tensor) -> Tensor:
    """(T, B): whether this is the last step inside the length."""
    after = torch.zeros_like(inside)
    after[:-1] = inside[1:]
    return inside & ~after


def _path_score(
    emissions: Tensor,
    tags: Tensor,
    lengths: Tensor,
    start: Tensor,
    transitions: Tensor,
    end: Tensor,
) -> Tensor:
    """score(tags | x), (B,)."""
    inside = _inside(lengths, len(tags))
    terms = emissions.gather(2, tags[..., None])[..., 0].masked_fill(~inside, 0)
    terms = terms + torch.where(_last(inside), end[tags], 0)
    moves = torch.where(inside[1:], transitions[tags[:-1], tags[1:]], 0)
    starts = torch.where(inside[:1], start[tags[:1]], 0)
    return terms.sum(0) + moves.sum(0) + starts.sum(0)


def _log_partition(
    emissions: Tensor, lengths: Tensor, start: Tensor, transitions: Tensor, end: Tensor
) -> Tensor:
    """The forward algorithm: log of the summed exp of the scores of all paths, (B,)."""
    steps, rows, _ = emissions.shape
    if steps == 0 or rows == 0:
        return emissions.sum((0, 2))
    ends = transitions.detach().amax(0)
    weights = (transitions - ends).to(_wide(transitions)).exp()
    # What lies past a length may be anything, infinite too, and must not meet a gradient.
    first, *others = emissions.masked_fill(~valid_mask(lengths, steps), 0).unbind()
    forward = start + first
    for step, emission in enumerate(others, start=1):
        moved = _log_product(forward, transitions, weights, ends) + emission
        forward = torch.where((lengths > step)[:, None], moved, forward)
    return torch.where(lengths > 0, torch.logsumexp(forward + end, -1), 0)


def _wide(like: Tensor) -> torch.dtype:
    """The type in which exponentials are summed."""
    return like.dtype if like.device.type == "mps" else torch.float64


def _log_product(forward: Tensor, transitions: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """log Σ_i exp(forward[b, i] + transitions[i, j]), (B, K).

    As a matrix product of exponentials, (B, K) by (K, K), each scaled to a largest value of 1:
    for B = 64 and K = 176 50 times faster than logsumexp over (B, K, K). What underflows in it
    is beyond rounding wherever the sum is not tiny itself; rows with a tiny sum (all weight on
    tags that cannot go on to j) are summed again without scaling. Float32 underflows where scores
    are 69 nats apart, which a trained network's are, and summing again is 20 times slower; float64
    does at 690.
    """
    largest = forward.detach().amax(-1, keepdim=True)
    with torch.autocast(forward.device.type, enabled=False):
        sums = (forward - largest).to(weights.dtype).exp() @ weights
    tiny = torch.finfo(sums.dtype).tiny * 1e8
    result = (sums.clamp_min(tiny).log() + largest + ends).to(forward.dtype)
    small = (sums.detach() < tiny).any(-1)
    if not bool(small.any()):
        return result
    (rows,) = small.nonzero(as_tuple=True)
    exact = torch.logsumexp(forward[rows][:, :, None] + transitions, 1)
    return result.index_put((rows,), exact)


def _best_paths(
    emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, count: int
) -> list[TagPath]:
    """Viterbi that keeps the `count` best ways to each tag."""
    if len(emissions) == 0:
        return [TagPath([], 0.0)]
    ways = (start + emissions[0])[:, None]
    pointers = []
    for emission in emissions[1:]:
        # A way is numbered by its tag and its rank among the ways to that tag.
        moves = (ways[:, :, None] + transitions[:, None, :]).flatten(0, 1)
        scores, order = moves.sort(stable=True, dim=0, descending=True)
        ways = scores[:count].T + emission[:, None]
        pointers.append(order[:count].T)
    scores, order = (ways + end[:, None]).flatten().sort(stable=True, descending=True)
    paths = []
    for score, way in zip(scores[:count].tolist(), order[:count].tolist(), strict=True):
        path = []
        for pointer in reversed(pointers):
            tag, rank = divmod(way, pointer.shape[1])
            path.append(tag)
            way = int(pointer[tag, rank])
        paths.append(TagPath([way, *reversed(path)], score))
    return paths
