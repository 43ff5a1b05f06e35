"""Sequences drawn from a model, one token after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mnemonist.decoding._top import largest
from mnemonist.errors import ConfigError, ShapeError

__all__ = ["Sampler", "Step", "ban", "keep_top_k", "keep_top_p", "sample"]

# One step of a model: tokens (B,) and a state to logits (B, V) and the state after them.
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """The k largest logits of every row, the others -inf; of equal ones the first.

    >>> keep_top_k(torch.tensor([[1.0, 2.0, 0.0, 2.0]]), 2)
    tensor([[-inf, 2., -inf, 2.]])
    """
    _, index = largest(logits, min(k, logits.shape[-1]))
    return torch.full_like(logits, -torch.inf).scatter(-1, index, logits.gather(-1, index))


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The nucleus: the likeliest tokens that together have at least the probability p.

    The smallest such set (Holtzman et al. 2020, section 3.1), never empty; other logits
    are -inf. Of equally likely tokens the first.

    >>> keep_top_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), 0.7).exp()
    tensor([[0.5000, 0.3000, 0.0000]])
    """
    if p >= 1:  # where the sum is rounded to 1 before its end, nothing must be cut off
        return logits
    ordered, index = logits.sort(dim=-1, descending=True, stable=True)
    probability = ordered.softmax(-1, dtype=torch.float64)
    beyond = probability.cumsum(-1) - probability >= p
    beyond[..., 0] = False
    return torch.full_like(logits, -torch.inf).scatter(
        -1, index, ordered.masked_fill(beyond, -torch.inf)
    )


def ban(logits: Tensor, tokens: tuple[int, ...]) -> Tensor:
    """The logits (B, V) with those tokens' at -inf.

    Raises:
        ShapeError: a token that is not among the V.
        ConfigError: none is left.
    """
    if not tokens:
        return logits
    size = logits.shape[-1]
    wrong = [token for token in tokens if not 0 <= token < size]
    if wrong:
        raise ShapeError(
            f"token {wrong[0]} is banned, but the logits are of tokens 0 to {size - 1}"
        )
    if len(set(tokens)) == size:
        raise ConfigError(f"all {size} tokens are banned: leave at least one")
    banned = torch.tensor(tokens, device=logits.device)
    return logits.index_fill(-1, banned, -torch.inf)


@dataclass(frozen=True)
class Sampler:
    """How a token is drawn from logits: banned tokens go, then temperature, top-k, top-p.

    p_i ∝ exp(y_i / τ) over the tokens that are left (τ the temperature); with τ = 0 the
    likeliest token, of equally likely ones the first.

    Args:
        temperature: τ ≥ 0. Below 1 the likely gets likelier.
        top_k: how many of the likeliest tokens are left (Fan et al. 2018); all when None.
        top_p: the probability of the nucleus that is left (Holtzman et al. 2020); all when None.
        banned: tokens that are never drawn, <unk> for instance.

    Raises:
        ConfigError: an argument out of its range.

    >>> logits = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log()
    >>> Sampler(top_k=2, banned=(3,)).probabilities(logits)
    tensor([[0.0000, 0.4000, 0.6000, 0.0000]])
    >>> Sampler(temperature=0).draw(logits)
    tensor([3])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ConfigError(
                f"temperature={self.temperature}: 0 (the likeliest token) or a positive number, "
                "1 for the model's own distribution"
            )
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k={self.top_k}: 1 or more, or None for all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p={self.top_p}: above 0 and at most 1, or None for all tokens")

    def probabilities(self, logits: Tensor) -> Tensor:
        """The distribution (B, V) that is drawn from.

        Raises:
            ShapeError: logits that are not (B, V), or a banned token that they lack.
            ConfigError: all tokens are banned.
        """
        logits = self._allowed(logits)
        if self.temperature == 0:
            likeliest = logits.argmax(-1, keepdim=True)
            return torch.zeros_like(logits).scatter(-1, likeliest, 1.0)
        # shifted first: a small temperature makes large logits infinite
        logits = (logits - logits.amax(-1, keepdim=True)) / self.temperature
        if self.top_k is not None:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = keep_top_p(logits, self.top_p)
        return logits.softmax(-1)

    def draw(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Tokens (B,) drawn from logits (B, V); raises what `probabilities` raises."""
        if self.temperature == 0:
            return self._allowed(logits).argmax(-1)
        return torch.multinomial(self.probabilities(logits), 1, generator=generator)[:, 0]

    def _allowed(self, logits: Tensor) -> Tensor:
        """The logits with the banned tokens' at -inf."""
        if logits.dim() != 2:
            raise ShapeError(f"logits must be (B, V); got {tuple(logits.shape)}")
        return ban(logits, self.banned)


def sample(
    step: Step,
    state: Any,
    prompt: Tensor,
    *,
    max_length: int,
    eos: int | None = None,
    sampler: Sampler | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Tensor]:
    """Let a model go on from a prompt; the tokens come one step at a time.

    A step's tokens are there before the next step is computed, so that text can be shown as
    it is made.

    >>> def step(tokens, state):  # after the token i comes i + 1
    ...     return torch.nn.functional.one_hot((tokens + 1) % 5, 5) * 50.0, state
    >>> [int(token) for token in sample(step, None, torch.tensor([[1]]), max_length=9, eos=4)]
    [2, 3, 4]

    Args:
        step: one step of the model, (tokens (B,), state) to (logits (B, V), state).
        state: the state before the prompt.
        prompt: tokens (P, B), P ≥ 1: what is read before the first draw.
        max_length: the most tokens that are drawn, the end's included.
        eos: the token that ends a sequence.
        sampler: how tokens are drawn; from the model's own distribution when None.
        generator: for the draws; same generator, same tokens.

    Returns:
        An iterator over the tokens (B,) of each step. A sequence that has ended goes on as `eos`; after the step at
        which the last one ends, or after `max_length` steps, there is nothing more.

    Raises:
        ShapeError: a prompt that is not (P, B) with P ≥ 1.
        ConfigError: max_length is negative.
    """
    if prompt.dim() != 2 or not prompt.shape[0]:
        raise ShapeError(
            f"the prompt must be (P, B) with at least one token, to start from; got "
            f"{tuple(prompt.shape)}"
        )
    if max_length < 0:
        raise ConfigError(f"max_length={max_length}: 0 or more")
    return _drawn(step, state, prompt, max_length, eos, sampler or Sampler(), generator)


@torch.no_grad()
def _drawn(
    step: Step,
    state: Any,
    prompt: Tensor,
    max_length: int,
    eos: int | None,
    sampler: Sampler,
    generator: torch.Generator | None,
) -> Iterator[Tensor]:
    for tokens in prompt[:-1]:
        _, state = step(tokens, state)
    tokens = prompt[-1]
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = sampler.draw(logits, generator)
        if eos is not None:
            tokens = tokens.masked_fill(ended, eos)
            ended = tokens == eos
        yield tokens
        if ended.all():
            return
