"""The networks: from a window to what they say about each future step."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mnemonist.nn import EncoderDecoder, Recurrent
from mnemonist.tasks.common.network import layers
from mnemonist.tasks.common.programs import Maker, as_saved
from mnemonist.tasks.forecast.batches import Layout
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.distributions import Distribution, distribution
from mnemonist.training.contract import LossResult

__all__ = [
    "DirectModel",
    "ForecastModel",
    "ForecastObjective",
    "RecursiveModel",
    "Seq2SeqModel",
    "build",
]

Batch = dict[str, Tensor]


class ForecastModel(nn.Module):
    """What all strategies share: what they read of a batch, and the anchor that they correct.

    Args:
        layout: the sizes.
        size: numbers for each future step.
    """

    def __init__(self, layout: Layout, size: int) -> None:
        super().__init__()
        self.layout, self.size = layout, size

    def forward(
        self, batch: Batch, *, forcing: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """(B, horizon, size) raw numbers, of which the first is the centre.

        Args:
            batch: as `WindowBatches` makes it.
            forcing: probability that a step sees the true value before it (in training).
            generator: of these choices.
        """
        inputs, lags = batch["inputs"], batch["lags"]
        if self.layout.centred:
            last = inputs[:, -1:, :1]
            own = 1 + self.layout.unknown + self.layout.known
            parts = [inputs[..., :1] - last, inputs[..., 1:own], inputs[..., own:] - last]
            inputs, lags = torch.cat(parts, -1), lags - last
        raw = self.raw(inputs, torch.cat([batch["known"], lags], -1), batch, forcing, generator)
        return torch.cat([raw[..., :1] + batch["anchor"][..., None], raw[..., 1:]], -1)

    def raw(
        self,
        inputs: Tensor,
        ahead: Tensor,
        batch: Batch,
        forcing: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        """(B, horizon, size), the centre relative to the anchor.

        Args:
            inputs: (B, window, F).
            ahead: (B, horizon, A), known covariates and lagged values of each future step.
            batch, forcing, generator: as in `forward`.
        """
        raise NotImplementedError

    @property
    def recurrent(self) -> Recurrent:
        """The layers that read the window."""
        return cast(Recurrent, self.encoder)


class DirectModel(ForecastModel):
    """All future steps at once from the state after the window.

    Beside it, if asked for, a linear path from the window: centre_h += P_h · y + p_h
    (the autoregressive part of LSTNet, Lai et al. 2018).

    head "linear":  raw_h = W_h s + b_h
    head "local":   raw_h = MLP([C_h s, A s, ahead_h, h/H]), one MLP for all h
                    (the decoder of MQ-RNN, Wen et al. 2017)
    """

    def __init__(
        self,
        layout: Layout,
        size: int,
        encoder: Recurrent,
        *,
        head: str,
        width: int,
        dropout: float,
        path: bool = False,
    ) -> None:
        super().__init__(layout, size)
        self.encoder = encoder
        state = encoder.output_size
        self.drop = nn.Dropout(dropout)
        self.path = nn.Linear(layout.window, layout.horizon) if path else None
        self.linear = nn.Linear(state, layout.horizon * size) if head == "linear" else None
        if self.linear is None:
            per_step, shared = 8, max(4, state // 2)
            self.contexts = nn.Linear(state, layout.horizon * per_step)
            self.summary = nn.Linear(state, shared)
            self.local = nn.Sequential(
                nn.Linear(per_step + shared + layout.ahead + 1, width),
                nn.SiLU(),
                nn.Linear(width, size),
            )
            where = torch.linspace(0, 1, layout.horizon)[None, :, None]
            self.register_buffer("where", where, persistent=False)

    def raw(
        self,
        inputs: Tensor,
        ahead: Tensor,
        batch: Batch,
        forcing: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        raw = self._head(self.drop(self.encoder(inputs)[0]), ahead)
        if self.path is None:
            return raw
        straight = self.path(inputs[..., 0])[..., None]
        return torch.cat([raw[..., :1] + straight, raw[..., 1:]], -1)

    def start_at(self, weights: Tensor) -> None:
        """Let the linear path begin at `weights` (window + 1, horizon), the network at nothing."""
        assert self.path is not None
        with torch.no_grad():
            self.path.weight.copy_(weights[:-1].T)
            self.path.bias.copy_(weights[-1])
            if self.linear is not None:
                self.linear.weight.view(self.layout.horizon, self.size, -1)[:, 0].zero_()
                self.linear.bias.view(self.layout.horizon, self.size)[:, 0].zero_()
            else:
                last = cast(nn.Linear, self.local[-1])
                last.weight[0].zero_()
                last.bias[0].zero_()

    def _head(self, state: Tensor, ahead: Tensor) -> Tensor:
        rows, horizon = len(state), self.layout.horizon
        if self.linear is not None:
            return self.linear(state).view(rows, horizon, self.size)
        parts = [
            self.contexts(state).view(rows, horizon, -1),
            self.summary(state)[:, None].expand(-1, horizon, -1),
            ahead,
            cast(Tensor, self.where).to(state.dtype).expand(rows, -1, -1),
        ]
        return self.local(torch.cat(parts, -1))


class RecursiveModel(ForecastModel):
    """One step ahead, fed back: s_t = cell([y_{t-1}, known_t], s_{t-1}), raw_t = W s_t + b.

    With the anchor "last" each step corrects the value before it, not the one at the origin.
    In training y_{t-1} is the true value with probability `forcing` (Bengio et al. 2015).
    """

    def __init__(self, layout: Layout, size: int, encoder: Recurrent, *, dropout: float) -> None:
        super().__init__(layout, size)
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.output_size, size)

    def raw(
        self,
        inputs: Tensor,
        ahead: Tensor,
        batch: Batch,
        forcing: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        layout, last = self.layout, inputs[:, -1, :1]
        shift = batch["inputs"][:, -1, :1] - last
        anchor = batch["anchor"] - shift
        truth = batch["targets"] - shift
        known, first = ahead[..., : layout.known], 1 + layout.unknown
        # the step that forecasts t reads y of t - 1 and the known covariates of t
        beside = torch.cat([inputs[:, 1:, first : first + layout.known], known[:, :1]], 1)
        window = torch.cat([inputs[..., :1], beside], -1)
        if forcing >= 1 or layout.horizon == 1:
            following = torch.cat([truth[:, :-1, None], known[:, 1:]], -1)
            emitted, _ = self.encoder(torch.cat([window, following], 1))
            raw = self.head(self.drop(emitted[:, -layout.horizon :]))
            before = torch.cat([last, truth[:, :-1]], 1)
            return self._to_anchor(raw, before, anchor)
        emitted, state = self.encoder(window)
        output, before, steps = emitted[:, -1], last, []
        for step in range(layout.horizon):
            raw = self.head(self.drop(output))[:, None]
            steps.append(self._to_anchor(raw, before, anchor[:, step : step + 1]))
            if step + 1 < layout.horizon:
                before = steps[-1][..., 0] + anchor[:, step : step + 1]
                if forcing > 0:
                    chosen = torch.rand(len(before), 1, generator=generator) < forcing
                    before = torch.where(
                        chosen.to(before.device), truth[:, step : step + 1], before
                    )
                read = torch.cat([before, known[:, step + 1]], -1)
                output, state = self.encoder.step(read, state)
        return torch.cat(steps, 1)

    def _to_anchor(self, raw: Tensor, before: Tensor, anchor: Tensor) -> Tensor:
        """Centres relative to the value before, made relative to the anchor."""
        if self.layout.anchor != "last":
            return raw
        return torch.cat([raw[..., :1] + (before - anchor)[..., None], raw[..., 1:]], -1)


class Seq2SeqModel(ForecastModel):
    """An encoder and a decoder that reads what it forecast before (`mnemonist.nn.EncoderDecoder`).

    The decoder works on what is to be corrected, y_t minus the anchor, and reads known
    covariates and lagged values of each step.
    """

    def __init__(self, layout: Layout, size: int, pair: EncoderDecoder) -> None:
        super().__init__(layout, size)
        self.pair = pair

    @property
    def recurrent(self) -> Recurrent:
        return self.pair.encoder

    def raw(
        self,
        inputs: Tensor,
        ahead: Tensor,
        batch: Batch,
        forcing: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        last = batch["inputs"][:, -1, :1]
        target = (batch["targets"] - batch["anchor"])[..., None]
        decoded = self.pair(
            inputs,
            target if forcing > 0 else None,
            steps=None if forcing > 0 else self.layout.horizon,
            start=last - batch["anchor"][:, :1],
            covariates=ahead if ahead.shape[-1] else None,
            teacher_forcing=forcing,
            generator=generator,
        )
        return decoded.output


class ForecastObjective:
    """The loss of the distribution that the network states, summed over windows and steps."""

    def __init__(self, stated: Distribution) -> None:
        self.stated = stated

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        *,
        carried: None,
        forcing: float,
        generator: torch.Generator,
    ) -> LossResult:
        raw = model(batch, forcing=forcing, generator=generator)
        return LossResult(self.stated.loss(raw, batch["targets"]), batch["targets"].numel())


def build(config: ForecastConfig, layout: Layout, cell: Maker) -> ForecastModel:
    """The network of a resolved configuration.

    Args:
        config: resolved: its head is decided.
        layout: the sizes.
        cell: what `config.cell` stands for.
    """
    config = as_saved(config, cell)
    size = distribution(config).size
    if config.strategy == "seq2seq":
        pair = EncoderDecoder(
            layout.features,
            config.hidden_size,
            size,
            cell=cell,
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            attention=config.attention,
            summary=True,
            covariate_size=layout.ahead,
            feed=_centre,
            feed_size=1,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
            batch_first=True,
            cell_options=config.cell_options,
            executor=config.executor,
        )
        return Seq2SeqModel(layout, size, pair)
    recursive = config.strategy == "recursive"
    encoder = layers(
        config,
        1 + layout.known if recursive else layout.features,
        cell,
        batch_first=True,
        output="all" if recursive else "last",
    )
    if recursive:
        return RecursiveModel(layout, size, encoder, dropout=config.dropout)
    head, width = config.head or "linear", config.head_size
    return DirectModel(
        layout,
        size,
        encoder,
        head=head,
        width=width,
        dropout=config.dropout,
        path=bool(config.linear),
    )


def _centre(output: Tensor) -> Tensor:
    """What the decoder reads of its own output."""
    return output[..., :1]
