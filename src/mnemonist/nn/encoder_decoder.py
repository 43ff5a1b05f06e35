"""Sequences to sequences of another length: an encoder, a decoder, attention between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from mnemonist.engine.time import check_lengths, unpack
from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn._build import CellSpec, carried_states
from mnemonist.nn._check import check_probability
from mnemonist.nn._encoder_decoder_checks import (
    check_covariates,
    check_options,
    check_target,
    check_tokens,
)
from mnemonist.nn._states import State
from mnemonist.nn.attention import make_attention
from mnemonist.nn.bridge import Bridge, BridgeKind
from mnemonist.nn.decoded import Decoded, Encoded
from mnemonist.nn.readout import Look, LookAfter, LookBefore, Readout
from mnemonist.nn.recurrent import Recurrent

__all__ = ["EncoderDecoder"]


class EncoderDecoder(nn.Module):
    """Encoder-decoder network for sequences (Sutskever et al. 2014; Cho et al. 2014).

    The encoder reads the source into a state and, for attention, into a memory. The decoder
    starts from that state; at every step it reads its previous output v_{t-1} and emits s_t:

        s_t = decoder([v_{t-1}, z_t, summary])
        y_t = W_y s_t + b_y

    z_t are covariates, `summary` is what the encoder emitted last (``summary=True``, Cho et al.
    2014). With attention the decoder looks back at the memory, after its step (Luong et al. 2015)

        a_t = tanh(W_a [c_t, s_t] + b_a)  with  c_t = context(s_t)
        y_t = W_y a_t + b_y

    reading a_{t-1} too with ``input_feeding=True`` (section 3.3), or before it
    (``attend="before"``, Bahdanau et al. 2015):

        s_t = decoder([v_{t-1}, z_t, summary, c_t])  with  c_t = context(s_{t-1})
        y_t = W_y maxout(W_m [s_t, v_{t-1}, c_t] + b_m) + b_y

    Continuous targets (forecasting): v is the output itself, or what ``feed`` makes of it.
    Tokens (translation): with ``target_embedding`` the output is logits over O tokens, and v the
    embedding of a token.

    >>> model = EncoderDecoder(3, 8, 1, attention="additive", bidirectional=True)
    >>> source, target = torch.randn(9, 4, 3), torch.randn(5, 4, 1)
    >>> decoded = model(source, target, lengths=[9, 7, 7, 2])
    >>> decoded.output.shape, decoded.attention.shape
    (torch.Size([5, 4, 1]), torch.Size([5, 4, 9]))
    >>> model(source, steps=12).output.shape
    torch.Size([12, 4, 1])

    Args:
        input_size: width of the source, or the size of its vocabulary (`source_embedding`).
        hidden_size: H of the encoder (a direction) and of the decoder.
        output_size: O, width of the target, or the size of its vocabulary.
        cell: the encoder's cell, as in `Recurrent`; decoder_cell: the decoder's, if another.
        num_layers: of the encoder and of the decoder.
        bidirectional: whether the encoder reads in both directions.
        attention: None, "additive", "dot", "general" or "scaled" (`mnemonist.nn.attention`).
        attend: "after" the decoder's step, or "before" it.
        input_feeding: whether the decoder reads the previous attentional vector.
        summary: whether the decoder reads the encoder's last output at every step.
        source_embedding: width of the embedding if the source is tokens.
        target_embedding: width of the embedding if the target is tokens.
        start_token: the token that stands before the first, for token targets.
        covariate_size: K, width of what is known of every target step beforehand.
        feed: what of an output (B, O) is fed back, for continuous targets (say the median
            of quantiles); the output itself if not given.
        feed_size: width of what is fed back, and of the targets fed in; O if not given.
        bridge: how the decoder's state starts (`Bridge`): "project", "copy" or "none".
        dropout: between the layers of the encoder, and of the decoder.
        embedding_dropout: of the embeddings that encoder and decoder read; output_dropout: of
            what W_y reads (with `dropout`, all that Zaremba et al. 2014 drop).
        batch_first: source, target, covariates and output are (B, T, ·).
        cell_options, decoder_cell_options: further arguments of the cells' constructors.
        layer_options: further arguments of encoder and decoder, as in `Recurrent`: connection,
            zoneout, ... Where the decoder goes step by step, its masks are drawn at each step.
        checkpoint, executor, strict: as in `Recurrent`.

    Raises:
        ConfigError: an unknown name, or options that exclude each other.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        cell: CellSpec = "lstm",
        decoder_cell: CellSpec | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        attention: Literal["additive", "dot", "general", "scaled"] | None = None,
        attend: Literal["after", "before"] = "after",
        input_feeding: bool = False,
        summary: bool = False,
        source_embedding: int | None = None,
        target_embedding: int | None = None,
        start_token: int = 0,
        covariate_size: int = 0,
        feed: Callable[[Tensor], Tensor] | None = None,
        feed_size: int | None = None,
        bridge: BridgeKind = "project",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        batch_first: bool = False,
        cell_options: Mapping[str, Any] | None = None,
        decoder_cell_options: Mapping[str, Any] | None = None,
        layer_options: Mapping[str, Any] | None = None,
        checkpoint: int | None = None,
        executor: str = "auto",
        strict: bool = False,
    ) -> None:
        super().__init__()
        check_options(
            output_size=output_size,
            attention=attention,
            attend=attend,
            input_feeding=input_feeding,
            source_tokens=source_embedding is not None,
            target_tokens=target_embedding is not None,
            feeds=feed is not None,
            feed_size=feed_size,
            embedding_dropout=embedding_dropout,
            output_dropout=output_dropout,
        )
        if decoder_cell is None:
            decoder_cell, decoder_cell_options = cell, decoder_cell_options or cell_options
        self.input_size, self.output_size = input_size, output_size
        self.covariate_size, self.batch_first = covariate_size, batch_first
        self.summary = summary
        self.embedding_dropout, self.output_dropout = embedding_dropout, output_dropout
        self.start_token, self.feed = start_token, feed
        self.feed_size = target_embedding or feed_size or output_size
        shared: dict[str, Any] = {
            "num_layers": num_layers,
            "dropout": dropout,
            "checkpoint": checkpoint,
            "executor": executor,
            "strict": strict,
            **(layer_options or {}),
        }
        self.source_embedding = _embedding(input_size, source_embedding)
        self.target_embedding = _embedding(output_size, target_embedding)
        self.encoder = Recurrent(
            cell,
            source_embedding or input_size,
            hidden_size,
            bidirectional=bidirectional,
            cell_options=cell_options,
            **shared,
        )
        reads = self.feed_size + covariate_size + hidden_size * input_feeding
        self.decoder = Recurrent(
            decoder_cell,
            reads + self.encoder.output_size * (summary + (attend == "before")),
            hidden_size,
            cell_options=decoder_cell_options,
            **shared,
        )
        self.bridge = Bridge(bridge, self.encoder, self.decoder)
        emitted = self.decoder.output_size
        self.readout = Readout(emitted, output_size)
        if attention is not None and attend == "after":
            look = make_attention(attention, emitted, self.encoder.output_size)
            self.readout = LookAfter(look, hidden_size, output_size, input_feeding=input_feeding)
        elif attention is not None:
            states = carried_states(self.decoder.layers[-1])
            asks = sum(self.decoder.state_sizes[name] for name in states)
            look = make_attention(attention, asks, self.encoder.output_size)
            self.readout = LookBefore(
                look, states, emitted, self.feed_size, hidden_size, output_size
            )

    def encode(
        self, x: Tensor | PackedSequence, lengths: Tensor | list[int] | None = None
    ) -> Encoded:
        """Read the sources.

        Args:
            x: (S, B, I), tokens (S, B), a PackedSequence, or batch first.
            lengths: (B,), the steps of each source; all S if not given.

        Raises:
            ShapeError: x has another shape, or the lengths do not fit it.
        """
        if isinstance(x, PackedSequence):
            source, lengths = unpack(x)
        else:
            source = x.transpose(0, 1) if self.batch_first else x
        if self.source_embedding is not None:
            source = self._embed(self.source_embedding, check_tokens(source, "source"))
        if lengths is not None and source.dim() == 3:
            lengths = check_lengths(lengths, source.shape[0], source.shape[1], source.device)
        output, state = self.encoder(source, lengths=lengths)
        rows = source.shape[1]
        started = self.decoder.initial_state(rows, device=output.device, dtype=output.dtype)
        started |= self.bridge(state) | self.readout.start(rows, output)
        attention = self.readout.attention
        return Encoded(
            started,
            None if attention is None else attention.remember(output, lengths),
            self.encoder.last(output, cast(Tensor | None, lengths)) if self.summary else None,
        )

    def step(
        self,
        previous: Tensor,
        state: Mapping[str, Tensor],
        encoded: Encoded,
        covariates: Tensor | None = None,
    ) -> tuple[Tensor, State, Tensor | None]:
        """One step of the decoder, for decoding of one's own (beam search).

        Args:
            previous: what stands before this step: (B, feed_size), or tokens (B,).
            state: the decoder's state; at first ``encoded.state``.
            encoded: what `encode` made of the sources.
            covariates: (B, K) of this step, if the model has covariates.

        Returns:
            The output (B, O), the new state, and the weights (B, S) of attention.
        """
        read = self._read(previous[None])
        features, after, weights = self._advance(read, state, encoded, covariates)
        return self._write(features)[0], after, None if weights is None else weights[0]

    def forward(
        self,
        x: Tensor | PackedSequence,
        target: Tensor | None = None,
        *,
        steps: int | None = None,
        lengths: Tensor | list[int] | None = None,
        start: Tensor | None = None,
        covariates: Tensor | None = None,
        teacher_forcing: float = 1.0,
        sample: bool = False,
        generator: torch.Generator | None = None,
    ) -> Decoded:
        """Read the sources and write the targets.

        With `target` the decoder reads the target of the step before with the probability
        `teacher_forcing`, drawn for every step and row (scheduled sampling, Bengio et al.
        2015), else its own output; without `target` it always reads its own. Where it reads
        targets everywhere and does not wait for what attention found at the step before
        (input feeding, attend="before"), all steps run at once.

        Args:
            x: the sources (S, B, I), tokens (S, B), or a PackedSequence.
            target: (T, B, feed_size), or tokens (T, B): what the output should be.
            steps: T, where there is no target.
            lengths: (B,), the steps of each source; all S if not given.
            start: what stands before the first target: (B, feed_size), or tokens (B,); zeros,
                or `start_token`, if not given.
            covariates: (T, B, K), known for all target steps.
            teacher_forcing: a probability; a schedule passes another one at every call.
            sample: draw tokens from the model's distribution instead of the likeliest.
            generator: for the draws.

        Raises:
            ShapeError: a shape that does not fit.
            ConfigError: neither target nor steps, or both.
        """
        if (target is None) == (steps is None):
            raise ConfigError("give either target (what to write) or steps (how far to run)")
        check_probability("teacher_forcing", teacher_forcing)
        encoded = self.encode(x, lengths)
        if self.batch_first:
            target = None if target is None else target.transpose(0, 1)
            covariates = None if covariates is None else covariates.transpose(0, 1)
        steps = len(target) if target is not None else steps or 0
        start = self._start(encoded, start)
        if target is not None:
            check_target(target, start, batch_first=self.batch_first)
        check_covariates(covariates, self.covariate_size, steps, start.shape[0])
        if steps == 0:
            decoded = self._nothing(start, encoded)
        elif target is not None and teacher_forcing == 1.0:
            run = self._one_by_one if self.readout.sequential else self._at_once
            decoded = run(torch.cat([start[None], target])[:steps], encoded, covariates)
        else:
            forced = None
            if target is not None:
                draws = torch.rand(steps, start.shape[0], generator=generator, device=target.device)
                forced = draws < teacher_forcing
            decoded = self._step_by_step(
                start, steps, encoded, covariates, target, forced, sample, generator
            )
        return decoded.batch_first() if self.batch_first else decoded

    def _at_once(self, previous: Tensor, encoded: Encoded, covariates: Tensor | None) -> Decoded:
        """All steps in one run of the decoder, for what is known before it starts."""
        read = self._read(previous)
        emitted, state = self.decoder(self._beside(read, encoded, covariates), encoded.state)
        features, weights, _ = self.readout(emitted, read, Look(), encoded.memory)
        return Decoded(self._write(features), weights, None, state)

    def _one_by_one(self, previous: Tensor, encoded: Encoded, covariates: Tensor | None) -> Decoded:
        """All steps, of which each reads what attention found at the one before.

        The inputs are known and the outputs are not read, so that both are made at once, which
        saves 12 % of an update's time (B 64, T 10, H 256, 4,000 tokens, one core).
        """
        read, state = self._read(previous), encoded.state
        found, weights = [], []
        for t in range(len(read)):
            now = None if covariates is None else covariates[t]
            features, state, weight = self._advance(read[t : t + 1], state, encoded, now)
            found.append(features)
            weights.append(cast(Tensor, weight))
        return Decoded(self._write(torch.cat(found)), torch.cat(weights), None, state)

    def _step_by_step(
        self,
        previous: Tensor,
        steps: int,
        encoded: Encoded,
        covariates: Tensor | None,
        target: Tensor | None,
        forced: Tensor | None,
        sample: bool,
        generator: torch.Generator | None,
    ) -> Decoded:
        """One step after the other, each reading a target or the output of the one before."""
        state: State = encoded.state
        outputs, weights, chosen = [], [], []
        for t in range(steps):
            now = None if covariates is None else covariates[t]
            output, state, weight = self.step(previous, state, encoded, now)
            outputs.append(output)
            weights.append(weight)
            previous = self._choose(output, sample, generator)
            chosen.append(previous)
            if target is not None and forced is not None and t + 1 < steps:
                mask = forced[t + 1].reshape(-1, *(1,) * (previous.dim() - 1))
                previous = torch.where(mask, target[t], previous)
        return Decoded(
            torch.stack(outputs),
            torch.stack([w for w in weights if w is not None]) if encoded.memory else None,
            torch.stack(chosen) if self.target_embedding is not None else None,
            state,
        )

    def _nothing(self, previous: Tensor, encoded: Encoded) -> Decoded:
        """No steps at all."""
        rows, like = previous.shape[0], self.readout.head.weight
        positions = None if encoded.memory is None else len(encoded.memory.values)
        return Decoded(
            like.new_zeros(0, rows, self.output_size),
            None if positions is None else like.new_zeros(0, rows, positions),
            None if self.target_embedding is None else previous.new_zeros(0, rows),
            encoded.state,
        )

    def _read(self, previous: Tensor) -> Tensor:
        """v of T steps, (T, B, feed_size): what stands before them, or its embedding."""
        if self.target_embedding is None:
            return previous
        return self._embed(self.target_embedding, check_tokens(previous, "target"))

    def _embed(self, embedding: nn.Embedding, tokens: Tensor) -> Tensor:
        return F.dropout(embedding(tokens), self.embedding_dropout, self.training)

    def _write(self, features: Tensor) -> Tensor:
        """The output of features: W_y and b_y."""
        return self.readout.head(F.dropout(features, self.output_dropout, self.training))

    def _advance(
        self,
        read: Tensor,
        state: Mapping[str, Tensor],
        encoded: Encoded,
        covariates: Tensor | None,
    ) -> tuple[Tensor, State, Tensor | None]:
        """One step that reads v (1, B, feed_size): features, state and weights of attention."""
        look = self.readout.look(dict(state), encoded.memory)
        emitted, after = self.decoder(
            self._beside(read, encoded, covariates, look.fed),
            {name: state[name] for name in self.decoder.state_sizes},
        )
        features, weights, kept = self.readout(emitted, read, look, encoded.memory)
        return features, after | kept, weights

    def _beside(
        self,
        read: Tensor,
        encoded: Encoded,
        covariates: Tensor | None,
        looked: Tensor | None = None,
    ) -> Tensor:
        """v and all that the decoder reads beside it at T steps, (T, B, ·)."""
        parts = [read]
        if covariates is not None:
            parts.append(covariates if covariates.dim() == 3 else covariates[None])
        if encoded.summary is not None:
            parts.append(encoded.summary.expand(len(read), -1, -1))
        if looked is not None:
            parts.append(looked)
        return torch.cat(parts, -1) if len(parts) > 1 else read

    def _choose(self, output: Tensor, sample: bool, generator: torch.Generator | None) -> Tensor:
        """What is fed back of an output (B, O)."""
        if self.target_embedding is None:
            return output if self.feed is None else self.feed(output)
        if not sample:
            return output.argmax(-1)
        return torch.multinomial(output.softmax(-1), 1, generator=generator)[:, 0]

    def _start(self, encoded: Encoded, start: Tensor | None) -> Tensor:
        like = next(iter(encoded.state.values()))
        rows = like.shape[1]
        expected = (rows,) if self.target_embedding is not None else (rows, self.feed_size)
        if start is not None:
            if start.shape != expected:
                raise ShapeError(f"start must be {expected}; got {tuple(start.shape)}")
            return start
        if self.target_embedding is not None:
            return torch.full(expected, self.start_token, device=like.device)
        return like.new_zeros(expected)

    def extra_repr(self) -> str:
        told = {
            "summary": (self.summary, False),
            "covariate_size": (self.covariate_size, 0),
            "embedding_dropout": (self.embedding_dropout, 0.0),
            "output_dropout": (self.output_dropout, 0.0),
            "batch_first": (self.batch_first, False),
        }
        options = [f"{n}={value!r}" for n, (value, usual) in told.items() if value != usual]
        return ", ".join([f"{self.input_size}, {self.output_size}", *options])


def _embedding(vocabulary: int, width: int | None) -> nn.Embedding | None:
    return None if width is None else nn.Embedding(vocabulary, width)
