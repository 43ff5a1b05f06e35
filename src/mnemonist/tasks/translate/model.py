"""The network: an encoder-decoder over tokens, and what it minimises."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.nn import EncoderDecoder
from mnemonist.tasks.common.programs import Maker, as_saved
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.sides import Sides
from mnemonist.training.buckets import BucketBatches
from mnemonist.training.contract import LossResult

__all__ = ["TranslateObjective", "build", "pair_batches", "valid_steps"]

Batch = dict[str, Tensor]


class TranslateObjective:
    """Σ_t -ln p(y_t | v_1 ... v_{t-1}, x) over the tokens of all targets, their ends included.

    v are the targets, or what the network wrote itself (`TeacherForcing`). In training the
    target y_t may be smoothed: 1 - ε on it, ε spread over all tokens.

    Args:
        smoothing: ε.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        *,
        carried: None,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        target = batch["target"]
        lengths, valid = valid_steps(batch)
        decoded = model(
            batch["source"],
            target,
            lengths=lengths,
            teacher_forcing=forcing,
            generator=generator,
        )
        total = F.cross_entropy(
            decoded.output[valid],
            target[valid],
            reduction="sum",
            label_smoothing=self.smoothing if model.training else 0.0,
        )
        return LossResult(total, int(valid.sum()))


def valid_steps(batch: Batch) -> tuple[Tensor, Tensor]:
    """(B,) lengths of the sources, and (T, B) which steps of the targets are no padding."""
    # where sources are as long as their targets, batches have one name for both lengths
    source, target = (
        batch[name if name in batch else "lengths"] for name in ("source_lengths", "target_lengths")
    )
    steps = torch.arange(len(batch["target"]), device=target.device)
    return source, steps[:, None] < target


def build(config: TranslateConfig, sides: Sides, cell: Maker) -> EncoderDecoder:
    """The network of a resolved configuration.

    Args:
        config: resolved.
        sides: their vocabularies.
        cell: what `config.cell` stands for.
    """
    config = as_saved(config, cell)
    several = config.num_layers > 1
    eos = sides.target.vocabulary.eos
    assert eos is not None
    return EncoderDecoder(
        len(sides.source),
        config.hidden_size,
        len(sides.target),
        cell=cell,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional,
        attention=None if config.attention == "none" else config.attention,
        attend=config.attend,
        input_feeding=config.feeds_input,
        source_embedding=config.embedding_size,
        target_embedding=config.embedding_size,
        start_token=eos,
        dropout=config.dropout if several else 0.0,
        embedding_dropout=config.dropout,
        output_dropout=config.dropout,
        cell_options=config.cell_options,
        layer_options={
            "connection": config.connection if several else None,
            "zoneout": config.zoneout,
            "variational_dropout": config.variational_dropout,
            "weight_dropout": config.weight_dropout,
        },
        executor=config.executor,
    )


def pair_batches(
    sources: Sequence[Tensor], targets: Sequence[Tensor], rows: int, *, seed: int, learn: bool
) -> BucketBatches:
    """Pairs of numbers of tokens as batches, for training or for validation."""
    return BucketBatches({"source": sources, "target": targets}, rows, seed=seed, shuffle=learn)
