"""A layer's weights under the names of the loops by hand, so that all peers compute the same numbers.

``W`` (gates·H, I) and ``U`` (gates·H, H) as in W x + U h, gates side by side in the order of the
cell's equations, ``b`` (and ``c`` beside U h where the cell keeps two biases apart), ``peep``
(peepholes, a row a gate), ``F`` and ``M`` (factors of x and h), ``gain_*`` and ``shift_*`` (layer
normalisation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["disagreement", "results", "weights"]

TOLERANCE = 1e-3
"""Of the largest number of a result in float32."""

CHECKED_STEPS = 50
"""A layer-norm LSTM as it is initialised doubles a difference every 20 steps or so: after 400, two
right ways to compute it in float32 have nothing in common."""

GATES = ("reset", "update", "candidate", "input", "forget", "block", "output")


def weights(layer: nn.Module) -> dict[str, Tensor]:
    """Copies of the weights of a layer that `_cases.Case.layer` or torch.nn made."""
    found = _named(layer, lambda weight: weight)
    if "b2" in found:
        found["b"] = found["b"] + found.pop("b2")
    return {name: value.detach().clone() for name, value in found.items()}


def results(layer: nn.Module, x: Tensor, dy: Tensor) -> dict[str, Tensor]:
    """``y``, ``dx`` and ``d_NAME`` of every weight, from both passes over the first steps."""
    for leaf in (x, *layer.parameters()):
        leaf.grad = None
    y = layer(x[:CHECKED_STEPS])[0]
    y.backward(dy[:CHECKED_STEPS])
    assert x.grad is not None
    found = _named(layer, lambda weight: weight.grad)
    found.pop("b2", None)  # the same as that of b
    gradients = {f"d_{name}": gradient.clone() for name, gradient in found.items()}
    return {"y": y.detach(), "dx": x.grad[:CHECKED_STEPS].clone()} | gradients


def disagreement(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> str:
    """What differs by more than `TOLERANCE` of its largest number; "" if nothing does."""
    off = {
        name: float((ours[name] - value).abs().max() / ours[name].abs().max())
        for name, value in theirs.items()
    }
    return ", ".join(f"{name} by {most:.1e}" for name, most in off.items() if not most < TOLERANCE)


def _named(layer: Any, take: Callable[[Tensor], Any]) -> dict[str, Tensor]:
    """What `take` makes of every weight; ``b2`` is a second bias that is only added to the first."""
    if hasattr(layer, "weight_ih_l0"):
        gru = len(layer.weight_ih_l0) == 3 * layer.hidden_size  # r ⊙ (U h + c)
        names = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0"}
        names["c" if gru else "b2"] = "bias_hh_l0"
        return {name: take(getattr(layer, theirs)) for name, theirs in names.items()}
    if not hasattr(layer, "cells"):  # a loop
        return {name: take(weight) for name, weight in layer.named_parameters()}
    cell = layer.cells[0]
    if hasattr(cell, "over_x"):  # the user's own
        own = {"W": cell.over_x.weight, "U": cell.over_h.weight, "b": cell.over_x.bias}
        return {name: take(weight) for name, weight in (own | {"peep": cell.peep}).items()}
    return _of_gates(cell, take)


def _of_gates(cell: Any, take: Callable[[Tensor], Any]) -> dict[str, Tensor]:
    modules = dict(cell.named_children())
    gates = [modules[name] for name in GATES if name in modules]
    found = {key: torch.cat([take(getattr(gate, key)) for gate in gates]) for key in "WU"}
    if gates[0].b is not None:
        found["b"] = torch.cat([take(gate.b) for gate in gates])
    if peeps := [gate.p for gate in gates if gate.p is not None]:
        found["peep"] = torch.stack([take(p) for p in peeps])
    if "factor_x" in modules:
        found |= {"F": take(cell.factor_x.W), "M": take(cell.factor_h.U)}
    if "norm_x" in modules:
        found["gain_h"] = take(cell.norm_h.weight)
        for key, norm in (("x", cell.norm_x), ("c", cell.norm_c)):
            found |= {f"gain_{key}": take(norm.weight), f"shift_{key}": take(norm.bias)}
    return found
