"""float32 against float64: the compiled engine rounds no more than torch's own layers do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import mnemonist.nn as ours
from mnemonist.engine.native import library

pytestmark = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")

SIZES = [(100, 32, 128), (1000, 4, 64)]  # T, B, H
MATRICES, BIASES = 1.75, 4.0
"""How much larger than torch.nn's an error may be. Largest seen: 1.55 for outputs, inputs and
weights, most below 1.2; 3.5 for biases, whose gradients are added up step by step where torch
sums in blocks (5e-7 of the gradient after 1,000 steps; the LSTM's are 2 to 4 times below torch's).
"""


def results(layer: nn.Module, x: Tensor, **options: str) -> dict[str, Tensor]:
    """The output and the gradients of a fixed loss on it."""
    layer.zero_grad()
    x = x.detach().requires_grad_()
    output = layer(x, **options)[0]
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(output.shape, generator=generator, dtype=torch.float32)
    (output * weights.to(output.dtype)).sum().backward()
    gradients = {name: p.grad for name, p in layer.named_parameters()}
    return {"output": output.detach(), "x": x.grad, **gradients}  # type: ignore[dict-item]


def error(found: Tensor, exact: Tensor) -> float:
    """Root mean square of the difference, relative to that of what is right."""
    return float((found.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(("steps", "rows", "hidden"), SIZES)
def test_errors_are_those_of_torch(kind: str, steps: int, rows: int, hidden: int) -> None:
    theirs = getattr(nn, kind)(hidden, hidden)
    mine = getattr(ours, kind)(hidden, hidden)
    exact = getattr(nn, kind)(hidden, hidden)
    for layer in (mine, exact):
        layer.load_state_dict(theirs.state_dict())
    x = torch.randn(steps, rows, hidden)
    right = results(exact.double(), x.double())
    by_torch = results(theirs, x)
    native = results(mine, x, executor="native")
    for name, value in right.items():
        factor = BIASES if name.startswith("bias") else MATRICES
        assert error(native[name], value) <= factor * error(by_torch[name], value), name
