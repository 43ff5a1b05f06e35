"""LSTM with batch normalisation inside the step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mnemonist.cells._gated import GatedCell
from mnemonist.cells.activations import Activation
from mnemonist.errors import CellError

__all__ = ["BatchNormLSTM"]


class BatchNormLSTM(GatedCell):
    """LSTM with recurrent batch normalisation, statistics by time step (Cooijmans et al. 2017).

    [i f z o]_t = BN_t(U h_{t-1}; γ_h) + BN_t(W x_t; γ_x) + b    U = [U_i; U_f; U_z; U_o], W likewise
    c_t = σ(f_t) ⊙ c_{t-1} + σ(i_t) ⊙ φ(z_t)
    h_t = σ(o_t) ⊙ φ(BN_t(c_t; γ_c, β_c))

    BN_t(a; γ, β) = γ ⊙ (a - mean) / sqrt(var + ε) + β, in training with mean and variance over
    the rows of the batch, in evaluation with their running averages for step t. From step
    `max_steps` on, all steps share the last averages. γ starts at 0.1, as the paper asks.

    The rows of a batch influence each other in training: padding behind a short row counts,
    and no two batches give the same values. For this reason the cell has no program and
    always runs eagerly; prefer rows of one length.

    Args:
        input_size: width I of x.
        hidden_size: width H of h and c. The third state, t, counts the steps.
        max_steps: T_max, how many steps have statistics of their own.
        momentum: weight of the newest batch in the running averages.
        eps: ε.
        activation: φ.
        gate_activation: σ.

    Raises:
        CellError: `max_steps` below 1.

    >>> import torch
    >>> cell = BatchNormLSTM(3, 5, max_steps=10)
    >>> output, state = cell(torch.randn(4, 3))
    >>> output.shape, state["t"].flatten()
    (torch.Size([4, 5]), tensor([1., 1., 1., 1.]))
    """

    states = ("h", "c", "t")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        max_steps: int = 100,
        momentum: float = 0.1,
        eps: float = 1e-5,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
    ) -> None:
        super().__init__(
            input_size, hidden_size, activation=activation, gate_activation=gate_activation
        )
        if max_steps < 1:
            raise CellError(f"max_steps must be at least 1; got {max_steps}")
        self.max_steps = max_steps
        self.input, self.forget, self.block, self.output = self.gates(
            "input", "forget", "block", "output", bias=False
        )
        self.norm_h, self.norm_x, self.norm_c = (
            StepwiseBatchNorm(width, max_steps, momentum=momentum, eps=eps)
            for width in (4 * hidden_size, 4 * hidden_size, hidden_size)
        )
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        nn.init.constant_(self.b[hidden_size : 2 * hidden_size], self.initial_bias["forget"])
        self.beta_c = nn.Parameter(torch.zeros(hidden_size))

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"h": self.hidden_size, "c": self.hidden_size, "t": 1}

    @property
    def independent_states(self) -> tuple[str, ...]:
        return ("h", "c")

    def step(self, x: Tensor, h: Tensor, c: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sigma, phi = self.gate_activation, self.activation
        gates = (self.input, self.forget, self.block, self.output)
        recurrent = torch.cat([gate(h=h) for gate in gates], -1)
        driven = torch.cat([gate(x) for gate in gates], -1)
        total = self.norm_h(recurrent, t) + self.norm_x(driven, t) + self.b
        i, f, z, o = total.chunk(4, -1)
        c = sigma(f) * c + sigma(i) * phi(z)
        h = sigma(o) * phi(self.norm_c(c, t) + self.beta_c)
        # capped, so that the count stays exact in half precision however long the sequence
        return h, c, torch.clamp(t + 1, max=self.max_steps)


class StepwiseBatchNorm(nn.Module):
    """Batch normalisation with running averages for each of the first `max_steps` steps.

    Args:
        width: values a row.
        max_steps: steps with averages of their own.
        momentum: weight of the newest batch.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, max_steps: int, *, momentum: float, eps: float) -> None:
        super().__init__()
        self.max_steps, self.momentum, self.eps = max_steps, momentum, eps
        self.gamma = nn.Parameter(torch.full((width,), 0.1))
        self.register_buffer("running_mean", torch.zeros(max_steps, width))
        self.register_buffer("running_var", torch.ones(max_steps, width))

    def forward(self, values: Tensor, t: Tensor) -> Tensor:
        """Values (B, width) at the steps t (B, 1), the first step being 0."""
        if self.training:
            mean, var = values.mean(0), values.var(0, correction=0)
            if not _recomputing():
                self._average(mean.detach(), var.detach(), self._row(t))
        else:
            mean, var = self.running_mean[self._row(t)], self.running_var[self._row(t)]
        return self.gamma * (values - mean) * torch.rsqrt(var + self.eps)

    def _row(self, t: Tensor) -> Tensor:
        """Which row of the running averages belongs to each row of the batch."""
        return t.detach().long().squeeze(-1).clamp(max=self.max_steps - 1)

    @torch.no_grad()
    def _average(self, mean: Tensor, var: Tensor, row: Tensor) -> None:
        for running, batch in ((self.running_mean, mean), (self.running_var, var)):
            running[row] = running[row].lerp(batch.to(running.dtype), self.momentum)


def _recomputing() -> bool:
    """Whether this runs inside a backward pass: checkpointing takes the step a second time there."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
