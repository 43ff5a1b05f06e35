"""Time, handled once for every cell and every executor: lengths, reversal, resets, packing.

Notation: T steps, B rows. A row b of length ``lengths[b]`` ends there; what stands
behind it is padding, which no value and no gradient depends on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from mnemonist.errors import ShapeError

__all__ = [
    "check_lengths",
    "repack",
    "reverse_resets",
    "reverse_rows",
    "unpack",
    "valid_mask",
]


def check_lengths(
    lengths: Tensor | list[int], steps: int, rows: int, device: torch.device
) -> Tensor:
    """The lengths as int64 (B,) on `device`, checked against (T, B).

    Raises:
        ShapeError: not one length a row, or a length outside 0..T.
    """
    lengths = torch.as_tensor(lengths)
    if lengths.dim() != 1 or lengths.shape[0] != rows or lengths.is_floating_point():
        raise ShapeError(
            f"lengths must be {rows} integers, one a row of the batch; "
            f"got shape {tuple(lengths.shape)}, {lengths.dtype}"
        )
    # A check by value would wait for the GPU, so it is made only where it is free.
    if lengths.device.type == "cpu" and not torch.compiler.is_compiling() and rows:
        low, high = int(lengths.min()), int(lengths.max())
        if low < 0 or high > steps:
            raise ShapeError(f"lengths must lie between 0 and T = {steps}; got {low} to {high}")
    return lengths.to(device=device, dtype=torch.int64)


def valid_mask(lengths: Tensor, steps: int) -> Tensor:
    """(T, B, 1), true where a row has not ended yet."""
    return (torch.arange(steps, device=lengths.device)[:, None] < lengths)[..., None]


def reverse_rows(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse (T, B, ...) in time, each row within its own length; padding stays where it is."""
    if lengths is None:
        return values.flip(0)
    steps = torch.arange(values.shape[0], device=values.device)[:, None]
    index = torch.where(steps < lengths, lengths - 1 - steps, steps)
    index = index.reshape(*index.shape, *(1,) * (values.dim() - 2)).expand_as(values)
    return values.gather(0, index)


def reverse_resets(resets: Tensor, lengths: Tensor | None) -> Tensor:
    """The resets (T, B) that cut the reversed sequence at the same places.

    A reset at t separates t - 1 from t. Read backward, t - 1 is the step that starts afresh.
    """
    after = torch.cat([resets[1:], torch.zeros_like(resets[:1])])
    return reverse_rows(after, lengths)


def unpack(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """A PackedSequence as (T, B, I) in the caller's row order, and its lengths (B,)."""
    padded, lengths = pad_packed_sequence(packed)
    return padded, lengths


def repack(values: Tensor, like: PackedSequence, lengths: Tensor) -> PackedSequence:
    """(T, B, E) in the packed form, with the row order, of `like`."""
    if like.sorted_indices is not None:
        values = values.index_select(1, like.sorted_indices)
        lengths = lengths.to(like.sorted_indices.device).index_select(0, like.sorted_indices)
    packed = pack_padded_sequence(values, lengths.cpu(), enforce_sorted=True)
    return PackedSequence(packed.data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)
