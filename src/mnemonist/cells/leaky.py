"""Leaky integrator units, trained or as a fixed reservoir."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mnemonist.cells._cell import Cell
from mnemonist.cells.activations import Activation, activation_function
from mnemonist.errors import CellError

__all__ = ["EchoState", "Leaky"]


class Leaky(Cell):
    """Leaky integrator units: each step moves the state part of the way (Jaeger et al. 2007).

    h_t = (1 - α) h_{t-1} + α φ(W x_t + U h_{t-1} + b)

    Args:
        input_size: width I of x.
        hidden_size: width H of h.
        leak: α in (0, 1]; the time constant is about 1 / α steps.
        activation: φ.

    Raises:
        CellError: `leak` outside (0, 1].

    >>> import torch
    >>> output, state = Leaky(3, 5, leak=0.2)(torch.zeros(2, 3))
    >>> output.shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        leak: float = 0.5,
        activation: Activation = "tanh",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if not 0 < leak <= 1:
            raise CellError(f"leak must lie in (0, 1], the part of the way a step goes; got {leak}")
        self.leak = leak
        self.activation = activation_function(activation)
        (self.hidden,) = self.gates("hidden")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return (1 - self.leak) * h + self.leak * self.activation(self.hidden(x, h))


class EchoState(Leaky):
    """Echo state network: a random reservoir that is not trained; only what reads it is (Jaeger 2001).

    h_t = (1 - α) h_{t-1} + α φ(W x_t + U h_{t-1} + b)    with W, U, b fixed and ρ(U) as given

    A fraction ``density`` of U is drawn from U(-1, 1), the rest is 0; then U is scaled to the
    spectral radius ρ. W is drawn from U(-s, s), b from U(-s_b, s_b).

    Args:
        input_size: width I of x.
        hidden_size: width H of h, the units of the reservoir.
        spectral_radius: ρ, the largest absolute eigenvalue of U; below 1 the past fades.
        density: fraction of the connections that exist, in (0, 1].
        input_scale: s.
        bias_scale: s_b.
        leak: α in (0, 1].
        activation: φ.

    Raises:
        CellError: an option outside its range.

    >>> import torch
    >>> reservoir = EchoState(1, 50, spectral_radius=0.8)
    >>> round(float(torch.linalg.eigvals(reservoir.hidden.U).abs().max()), 4)
    0.8
    >>> any(p.requires_grad for p in reservoir.parameters())
    False
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        spectral_radius: float = 0.9,
        density: float = 0.1,
        input_scale: float = 1.0,
        bias_scale: float = 0.0,
        leak: float = 1.0,
        activation: Activation = "tanh",
    ) -> None:
        super().__init__(input_size, hidden_size, leak=leak, activation=activation)
        if not 0 < density <= 1:
            raise CellError(f"density must lie in (0, 1]; got {density}")
        for name, value in (
            ("spectral_radius", spectral_radius),
            ("input_scale", input_scale),
            ("bias_scale", bias_scale),
        ):
            if value < 0:
                raise CellError(f"{name} must not be negative; got {value}")
        nn.init.uniform_(self.hidden.weight("W"), -input_scale, input_scale)
        nn.init.uniform_(self.hidden.weight("b"), -bias_scale, bias_scale)
        with torch.no_grad():
            self.hidden.weight("U").copy_(_reservoir(hidden_size, density, spectral_radius))
        self.requires_grad_(False)


def _reservoir(size: int, density: float, spectral_radius: float) -> Tensor:
    weights = torch.empty(size, size, dtype=torch.float64).uniform_(-1, 1)
    sparse = weights * (torch.rand(size, size) < density)
    radius = torch.linalg.eigvals(sparse).abs().max()
    if radius < 1e-6:  # few units, few connections: no cycle among them, nothing to scale
        sparse, radius = weights, torch.linalg.eigvals(weights).abs().max()
    return sparse * (spectral_radius / radius)
