"""How a layer in torch.nn's layout is run: by torch's own kernel in one call, or by the engine.

The choice is made in `_reasons`, and nowhere else. torch's kernel (`torch._VF.lstm` and its
sisters: oneDNN or ATen on a CPU, cuDNN or MIOpen on a GPU) runs all layers and both directions
in one call; the engine runs one cell at a time, and takes what the kernel does not and what it
was measured to do faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from mnemonist.engine import Explanation, explain, unroll, vendor_choice
from mnemonist.engine.executors import under_transform
from mnemonist.engine.native import executor as native
from mnemonist.engine.native import inside
from mnemonist.engine.outside import Outside, breaks_graphs
from mnemonist.engine.time import check_lengths, repack, unpack
from mnemonist.engine.unroll import prepare
from mnemonist.errors import ConfigError

if TYPE_CHECKING:
    from mnemonist.nn._dropin_base import TorchLayer

__all__ = ["VENDOR", "explain_layer", "obstacle", "run_layer"]

VENDOR = "vendor"
"""The name of torch's own kernel among the executors."""

_KERNELS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch._VF.lstm,
    "GRU": torch._VF.gru,
    "RNN_TANH": torch._VF.rnn_tanh,
    "RNN_RELU": torch._VF.rnn_relu,
}

States = tuple[Tensor, ...]
"""h, or h and c, each (L · directions, B, width)."""


def obstacle(
    executor: str,
    x: Tensor | PackedSequence | None = None,
    lengths: Tensor | list[int] | None = None,
) -> str | None:
    """Why torch's own kernel does not run a call; None if it does.

    Args:
        executor: the one asked for.
        x: (T, B, I), or packed, or None where it is not known yet.
        lengths: what `forward` was given.
    """
    if executor not in ("auto", VENDOR):
        return f"executor={executor!r} was asked for"
    if isinstance(x, Tensor) and x.shape[0] == 0:
        return "it takes no sequence without steps (T = 0)"
    if torch.compiler.is_compiling():
        known = lengths is None
        return None if known else "it needs the values of the lengths, unknown in an export"
    if lengths is not None and 0 in torch.as_tensor(lengths).tolist():
        return "it takes no row of length 0"
    if under_transform():
        return "it has neither forward-mode derivatives nor a batching rule"
    return None


def run_layer(
    layer: TorchLayer,
    x: Tensor | PackedSequence,
    states: States,
    lengths: Tensor | list[int] | None,
    executor: str,
) -> tuple[Tensor | PackedSequence, States]:
    """Run all layers and directions.

    Args:
        layer: whose weights.
        x: (T, B, I), or packed.
        states: before the first step, rows in the caller's order.
        lengths: (B,), for x that is not packed.
        executor: "auto", "vendor" or a name that the engine knows.

    Raises:
        ConfigError: torch's kernel was asked for and cannot run this.
    """
    if breaks_graphs() and executor not in ("native", "eager"):
        if executor == "auto" and isinstance(x, Tensor) and _fits_graphs(layer, x):
            return _engine(layer, x, states, lengths, executor)
        return _outside_graphs(layer, x, states, lengths, executor)
    return _run_layer(layer, x, states, lengths, executor)


def _fits_graphs(layer: TorchLayer, x: Tensor) -> bool:
    """Whether the layer becomes operators of the compiled engine inside torch.compile."""
    return not inside.why_outside(prepare(layer._cells[0], x))


def _run_layer(
    layer: TorchLayer,
    x: Tensor | PackedSequence,
    states: States,
    lengths: Tensor | list[int] | None,
    executor: str,
) -> tuple[Tensor | PackedSequence, States]:
    reason, _ = _reasons(layer, x, lengths, executor)
    if reason is None:
        if isinstance(x, Tensor):
            return _vendor(layer, x, states, lengths)
        return _vendor_packed(layer, x, states)
    if executor == VENDOR:
        raise ConfigError(f"executor 'vendor' cannot run this {layer.mode}: {reason}. Take 'auto'")
    if executor == "auto" and (under_transform() or torch._C._are_functorch_transforms_active()):
        executor = "eager"  # a program cannot be recorded inside a transform
    if isinstance(x, Tensor):
        return _engine(layer, x, states, lengths, executor)
    padded, lengths = unpack(x)
    output, states = _engine(layer, padded, states, lengths, executor)
    return repack(output, x, lengths), states


def explain_layer(
    layer: TorchLayer,
    x: Tensor | PackedSequence | None,
    lengths: Tensor | list[int] | None,
    executor: str,
) -> Explanation:
    """How `run_layer` would run, without running it; the program is the first cell's."""
    if x is None:
        x = layer._flat_weights[0].new_zeros(1, 1, layer.input_size)
    reason, engines = _reasons(layer, x, lengths, executor)
    if isinstance(x, PackedSequence):
        x, lengths = unpack(x)
    name = "auto" if reason is None else executor
    with parametrize.cached():
        found = explain(layer._cells[0], x, lengths=lengths, executor=name)
    found = replace(found, cell=type(layer).__name__, in_graphs=_in_graphs(found, executor))
    if reason is None:
        passed_over = {} if engines is None else {"native": engines}
        return replace(found, executor=VENDOR, passed_over=passed_over)
    others = {name: why for name, why in found.passed_over.items() if name != VENDOR}
    passed_over = {f"{VENDOR}, all layers in one call": reason, **others}
    return replace(found, passed_over=passed_over)


def _in_graphs(found: Explanation, executor: str) -> str:
    """`Explanation.in_graphs` of a layer whose first cell has been explained."""
    if executor not in ("auto", VENDOR):
        return found.in_graphs
    compiled = "torch's kernel, around the graph"
    if executor == "auto" and found.in_graphs.startswith("one operator"):
        compiled = "one operator a layer and direction, mnemonist::run"
    return f"{compiled}; exported, torch's kernel as its operator"


def _reasons(
    layer: TorchLayer,
    x: Tensor | PackedSequence,
    lengths: Tensor | list[int] | None,
    executor: str,
) -> tuple[str | None, str | None]:
    """Why torch's kernel does not run a call (None if it does), and then why the engine does not."""
    reason = obstacle(executor, x, lengths)
    if reason is not None or executor == VENDOR or torch.compiler.is_compiling():
        return reason, None
    slower, why = _compared(layer, x, ragged=lengths is not None or isinstance(x, PackedSequence))
    return (why, None) if slower == VENDOR else (None, why)


def _compared(layer: TorchLayer, x: Tensor | PackedSequence, *, ragged: bool) -> tuple[str, str]:
    """Which of vendor and native is not taken where torch's kernel can run a call, and why."""
    values = x if isinstance(x, Tensor) else x.data
    lacking = native.input_obstacle(values)
    if lacking is not None:
        return "native", lacking
    if layer.proj_size:
        return "native", "not measured with a projection"
    if ragged and layer.dropout and layer.training and layer.num_layers > 1:
        return "native", "it would drop other elements of ragged rows than torch does"
    steps, rows = x.shape[:2] if isinstance(x, Tensor) else (len(x[1]), int(x[1][0]))
    if rows == 0:
        return "native", "not measured without rows"
    wanted = (values.requires_grad, *(weight.requires_grad for weight in layer.parameters()))
    return vendor_choice.slower(
        layer.mode.partition("_")[0].lower(),
        vendor_choice.kind_of(values.dtype, ragged=ragged),
        torch.is_grad_enabled() and any(wanted),
        (steps, rows, layer.hidden_size),
    )


# torch.compile would unroll the kernel into T steps, which takes minutes at T = 500 (and fails
# for an LSTM on a CPU with gradients, torch 2.13), so it is called from outside the graph, as
# Dynamo does with torch.nn's layers.
_outside_graphs = Outside(
    _run_layer,
    "torch's recurrent kernel, and the executors program and scan, are called outside the graph; with "
    "executor='native' the layer is one operator of it, with 'eager' one step after the other",
)


def _vendor(
    layer: TorchLayer, x: Tensor, states: States, lengths: Tensor | list[int] | None
) -> tuple[Tensor, States]:
    if lengths is not None:
        steps, rows = x.shape[:2]
        lengths = check_lengths(lengths, steps, rows, torch.device("cpu"))
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        result, states = _vendor_packed(layer, packed, states)
        return pad_packed_sequence(result, total_length=steps)[0], states
    output, *after = _KERNELS[layer.mode](
        x, _one_or_both(states), layer._flat_weights, *_options(layer), False
    )
    return output, tuple(after)


def _vendor_packed(
    layer: TorchLayer, x: PackedSequence, states: States
) -> tuple[PackedSequence, States]:
    data, batch_sizes, into, back = x
    if into is not None:
        states = tuple(s.index_select(1, into) for s in states)
    output, *after = _KERNELS[layer.mode](
        data, batch_sizes, _one_or_both(states), layer._flat_weights, *_options(layer)
    )
    if back is not None:
        after = [s.index_select(1, back) for s in after]
    return PackedSequence(output, batch_sizes, into, back), tuple(after)


def _options(layer: TorchLayer) -> tuple[bool, int, float, bool, bool]:
    return layer.bias, layer.num_layers, layer.dropout, layer.training, layer.bidirectional


def _one_or_both(states: States) -> Tensor | States:
    return states[0] if len(states) == 1 else states


def _engine(
    layer: TorchLayer,
    x: Tensor,
    states: States,
    lengths: Tensor | list[int] | None,
    executor: str,
) -> tuple[Tensor, States]:
    """Layer by layer and direction by direction, each a cell that the engine unrolls."""
    directions = 2 if layer.bidirectional else 1
    after: dict[str, list[Tensor]] = {name: [] for name in layer._states}
    with parametrize.cached():  # a parametrised weight is computed once a call
        for first in range(0, len(layer._cells), directions):
            if first and layer.dropout and layer.training:
                x = F.dropout(x, layer.dropout)
            outputs = []
            for index in range(first, first + directions):
                done = unroll(
                    layer._cells[index],
                    x,
                    dict(zip(layer._states, (s[index] for s in states), strict=True)),
                    lengths=lengths,
                    reverse=index != first,
                    executor=executor,
                    strict=layer.strict,
                )
                outputs.append(done.output)
                for name, kept in after.items():
                    kept.append(done.state[name])
            x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
    return x, tuple(torch.stack(kept) for kept in after.values())
