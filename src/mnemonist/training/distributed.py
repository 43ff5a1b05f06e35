"""Several processes that train one model on shares of every batch (torchrun)."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import nn

__all__ = ["World"]


class World:
    """The processes of a training; one process without torchrun.

    Gradients are summed here by a flat all-reduce instead of DistributedDataParallel: every
    process weights its gradient by the terms it counted, so that uneven shares, and shares of
    no rows at all, give the gradient of the whole batch.

    Attributes:
        rank: this process, from 0; only 0 writes files.
        size: how many there are.
        local_rank: this process among those of its machine.
    """

    def __init__(self) -> None:
        joined = dist.is_available() and dist.is_initialized()
        torchrun = os.environ.keys() >= {"WORLD_SIZE", "RANK", "MASTER_ADDR"}
        self._to_join = torchrun and not joined and int(os.environ["WORLD_SIZE"]) > 1
        if joined:
            self.rank, self.size = dist.get_rank(), dist.get_world_size()
        elif self._to_join:
            self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        else:
            self.rank, self.size = 0, 1
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0")) if self.size > 1 else 0
        self.device = torch.device("cpu")

    def join(self, device: torch.device) -> None:
        """Meet the others, by gloo on CPUs and NCCL on GPUs, and stay until the program ends.

        A group that is left and entered again can meet its own past in torchrun's store, and
        then some processes wait for ever; so one group serves every training of a program.
        """
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if self._to_join:
            gpus = torch.cuda.is_available() and dist.is_nccl_available()
            dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
            atexit.register(_leave)

    def copy_from_first(self, model: nn.Module) -> None:
        """Give every process the parameters and buffers of process 0."""
        if self.size > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sum over the processes of each value."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return [float(value) for value in total]

    def copy_buffers_from_first(self, model: nn.Module) -> None:
        """Give every process the buffers (running means, ...) of process 0."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def any(self, *flags: bool) -> list[bool]:
        """For each flag, whether it is set on any process."""
        return [value > 0 for value in self.sum([float(flag) for flag in flags])]

    def sum_gradients(self, parameters: Sequence[nn.Parameter], factor: float) -> None:
        """Replace each gradient by the sum over processes of factor · gradient.

        The factor may differ between processes.
        """
        if self.size == 1:
            if factor != 1.0:
                for parameter in parameters:
                    if parameter.grad is not None:
                        parameter.grad.mul_(factor)
            return
        used = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        dist.all_reduce(used)
        shared = [p for p, times in zip(parameters, used.tolist(), strict=True) if times]
        for dtype in dict.fromkeys(p.dtype for p in shared):
            group = [p for p in shared if p.dtype == dtype]
            flat = torch.cat(
                [
                    torch.zeros_like(p).reshape(-1) if p.grad is None else p.grad.reshape(-1)
                    for p in group
                ]
            )
            flat.mul_(factor)
            dist.all_reduce(flat)
            for parameter, piece in zip(group, flat.split([p.numel() for p in group]), strict=True):
                parameter.grad = torch.empty_like(parameter).copy_(piece.view(parameter.shape))

    def gather(self, payload: bytes) -> list[bytes]:
        """The payload of every process, in order of rank."""
        if self.size == 1:
            return [payload]
        # A byte is added because torch makes no tensor of an empty buffer.
        mine = torch.frombuffer(bytearray(payload + b"\0"), dtype=torch.uint8).to(self.device)
        size = torch.tensor([len(mine)], device=self.device)
        sizes = [torch.zeros_like(size) for _ in range(self.size)]
        dist.all_gather(sizes, size)
        longest = max(int(s) for s in sizes)
        padded = torch.zeros(longest, dtype=torch.uint8, device=self.device)
        padded[: len(mine)] = mine
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return [bytes(p[: int(s) - 1].cpu().numpy()) for p, s in zip(parts, sizes, strict=True)]

    def broadcast(self, payload: bytes) -> bytes:
        """The payload of process 0."""
        return self.gather(payload if self.rank == 0 else b"")[0]


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
