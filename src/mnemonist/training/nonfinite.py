"""Where a value that is infinite or not a number came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mnemonist.training.nest import map_tensors

__all__ = ["all_finite", "find_first_nonfinite"]


def all_finite(model: nn.Module) -> bool:
    """Whether every parameter and buffer is finite."""
    return all(_finite(tensor) for tensor in model.state_dict().values())


def find_first_nonfinite(model: nn.Module, batch: Any, loss: Callable[[], Tensor]) -> str | None:
    """Compute `loss` and its gradient again and say what was the first not to be finite.

    Looked at in this order: the batch, the parameters, the outputs of modules in the order in
    which they ran, the loss, and the gradients in the order in which they flowed back.
    None if everything is finite.
    """
    return _in_values(model, batch) or _in_passes(model, loss)


def _in_values(model: nn.Module, batch: Any) -> str | None:
    for name, tensor in _named_tensors(batch):
        if not _finite(tensor):
            bad = ~torch.isfinite(tensor)
            first = bad.nonzero()[0].tolist()
            return (
                f"the batch: {name} has {int(bad.sum())} of {bad.numel()} values that are not "
                f"finite, the first at {first}"
            )
    for name, tensor in model.state_dict().items():
        if not _finite(tensor):
            return f"{name} of the model, after the update before"
    return None


def _in_passes(model: nn.Module, loss: Callable[[], Tensor]) -> str | None:
    found: list[str] = []

    def watch_gradient(tensor: Tensor, what: str) -> None:
        def hook(grad: Tensor) -> None:
            if not _finite(grad):
                found.append(what)

        handles.append(tensor.register_hook(hook))

    def watch_output(name: str, module: nn.Module) -> None:
        what = f"{name or 'the model'} ({type(module).__name__})"

        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            for _, tensor in _named_tensors(output):
                if not _finite(tensor):
                    found.append(f"the output of {what}")
                if tensor.requires_grad:
                    watch_gradient(tensor, f"the gradient that reached the output of {what}")

        handles.append(module.register_forward_hook(hook))

    handles: list[Any] = []
    try:
        for name, module in model.named_modules():
            watch_output(name, module)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                watch_gradient(parameter, f"the gradient of {name}")
        value = loss()
        if not found and not _finite(value.detach()):
            found.append("the loss, computed from finite outputs of the model")
        if not found and value.requires_grad:
            value.backward()
    finally:
        for handle in handles:
            handle.remove()
        model.zero_grad(set_to_none=True)
    return found[0] if found else None


def _named_tensors(value: Any) -> list[tuple[str, Tensor]]:
    if isinstance(value, dict):
        return [(f"{k!r}", t) for k, item in value.items() for _, t in _named_tensors(item)]
    tensors: list[tuple[str, Tensor]] = []

    def collect(tensor: Tensor) -> Tensor:
        tensors.append(("an input", tensor))
        return tensor

    map_tensors(collect, value)
    return tensors


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
