"""What an encoder-decoder is given, checked with messages that name the remedy."""

from __future__ import annotations

from torch import Tensor

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._check import check_choice, check_positive, check_probability

__all__ = ["check_covariates", "check_options", "check_target", "check_tokens"]


def check_options(
    *,
    output_size: int,
    attention: str | None,
    attend: str,
    input_feeding: bool,
    source_tokens: bool,
    target_tokens: bool,
    feeds: bool,
    feed_size: int | None,
    embedding_dropout: float,
    output_dropout: float,
) -> None:
    """Raise ConfigError where options exclude each other."""
    check_positive("output_size", output_size)
    check_choice("attend", attend, ("after", "before"))
    check_probability("embedding_dropout", embedding_dropout)
    check_probability("output_dropout", output_dropout)
    if attention is None and (input_feeding or attend == "before"):
        raise ConfigError(
            "input_feeding and attend='before' show the decoder what attention found: choose "
            "an attention"
        )
    if input_feeding and attend == "before":
        raise ConfigError(
            "attend='before' shows the decoder the context itself: leave input_feeding out"
        )
    if target_tokens and (feeds or feed_size):
        raise ConfigError("feed and feed_size are for continuous targets, not for tokens")
    if feed_size is not None and not feeds and feed_size != output_size:
        raise ConfigError(
            f"feed_size={feed_size} differs from output_size={output_size}: give feed, the "
            "function that makes of an output what is fed back"
        )
    if embedding_dropout and not (source_tokens or target_tokens):
        raise ConfigError(
            "embedding_dropout drops parts of embeddings, and there are none: give "
            "source_embedding or target_embedding, or leave it out"
        )


def check_tokens(values: Tensor, what: str) -> Tensor:
    """The values, if they are tokens (T, B)."""
    if values.is_floating_point() or values.dim() != 2:
        raise ShapeError(
            f"a {what} of tokens must be integers, one a step and row; "
            f"got {tuple(values.shape)}, {values.dtype}"
        )
    return values


def check_target(target: Tensor, start: Tensor, *, batch_first: bool) -> None:
    """Raise ShapeError unless each step of the target has the shape of what stands before it."""
    if target.shape[1:] != start.shape:
        layout = ("B", "T") if batch_first else ("T", "B")
        width = "" if start.dim() == 1 else f", {start.shape[-1]}"
        raise ShapeError(
            f"target must be ({', '.join(layout)}{width}) with B = {start.shape[0]}; got "
            f"{tuple(target.shape)} as (T, B, ·)"
        )


def check_covariates(covariates: Tensor | None, size: int, steps: int, rows: int) -> None:
    """Raise ShapeError unless there are `size` covariates for every step and row."""
    if size and covariates is None:
        raise ShapeError(f"this model needs covariates, {size} for each of {steps} steps")
    expected = (steps, rows, size)
    if covariates is not None and covariates.shape != expected:
        raise ShapeError(
            f"covariates must be (T, B, K) = {expected}; got {tuple(covariates.shape)}"
        )
