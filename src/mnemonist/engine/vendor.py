"""The vendor executor: torch's own fused LSTM, GRU and RNN, for any cell that is one of them.

What the kernels compute is written here once as reference cells, with a weight of its own for
every gate. A cell whose program has the same fingerprint as a reference is the same function,
whatever its class, its names and the way it stores its weights, and its weights are handed to
the kernel: oneDNN or ATen on a CPU, cuDNN or MIOpen on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnemonist.engine.contract import CellLike
from mnemonist.engine.fingerprint import fingerprint, operand_values
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.program import Program
from mnemonist.engine.trace import trace

__all__ = ["Kernel", "kernel_of", "obstacle", "run_vendor"]


class _Reference(nn.Module):
    """A kernel's step with named weights: W on x, U on h, b added; c added to U_n h in a GRU."""

    output_sizes: Mapping[str, int] = {}
    extra_sizes: Mapping[str, int] = {}
    gates: tuple[str, ...]
    states: tuple[str, ...] = ("h",)
    emits = "h"

    def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        for gate in self.gates:
            self.register_parameter(f"W_{gate}", _empty(hidden_size, input_size))
            self.register_parameter(f"U_{gate}", _empty(hidden_size, hidden_size))
            self.register_parameter(f"b_{gate}", _empty(hidden_size) if bias else None)

    @property
    def state_sizes(self) -> dict[str, int]:
        return dict.fromkeys(self.states, self.hidden_size)

    def initial_state(self, batch_size: int, **options: object) -> dict[str, Tensor]:
        return {name: torch.zeros(batch_size, self.hidden_size) for name in self.states}

    def draw_extras(self, steps: int, batch_size: int, **options: object) -> dict[str, Tensor]:
        return {}

    step: Callable[..., Tensor | tuple[Tensor, ...]]

    def weight(self, name: str) -> Tensor:
        return self._parameters[name]  # type: ignore[return-value]

    def input(self, gate: str, x: Tensor) -> Tensor:
        return F.linear(x, self.weight(f"W_{gate}"), self._parameters[f"b_{gate}"])

    def recurrent(self, gate: str, h: Tensor) -> Tensor:
        return F.linear(h, self.weight(f"U_{gate}"), self._parameters.get(f"c_{gate}"))


class _LSTM(_Reference):
    gates, states = ("i", "f", "g", "o"), ("h", "c")

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = (self.input(gate, x) + self.recurrent(gate, h) for gate in self.gates)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class _GRU(_Reference):
    gates = ("r", "z", "n")

    def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.register_parameter("c_n", _empty(hidden_size) if bias else None)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r = torch.sigmoid(self.input("r", x) + self.recurrent("r", h))
        z = torch.sigmoid(self.input("z", x) + self.recurrent("z", h))
        n = torch.tanh(self.input("n", x) + r * self.recurrent("n", h))
        return (1 - z) * n + z * h


class _Tanh(_Reference):
    gates = ("h",)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.input("h", x) + self.recurrent("h", h))


class _Relu(_Reference):
    gates = ("h",)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.relu(self.input("h", x) + self.recurrent("h", h))


_REFERENCES: dict[type[_Reference], tuple[str, Callable[..., tuple[Tensor, ...]]]] = {
    _LSTM: ("lstm", torch._VF.lstm),
    _GRU: ("gru", torch._VF.gru),
    _Tanh: ("rnn", torch._VF.rnn_tanh),
    _Relu: ("rnn", torch._VF.rnn_relu),
}


@dataclass(frozen=True)
class Kernel:
    """A kernel that computes a program.

    Attributes:
        name: "lstm", "gru" or "rnn".
        run: torch's function.
        gates: the gates in the order in which it stacks them.
        roles: for each operand of the program's fingerprint, the reference's weight it is.
        bias: whether there are biases.
    """

    name: str
    run: Callable[..., tuple[Tensor, ...]]
    gates: tuple[str, ...]
    roles: tuple[str, ...]
    bias: bool

    def weights(self, program: Program, leaves: Mapping[str, Tensor]) -> list[Tensor]:
        """The program's weights as the kernel takes them."""
        by_role = dict(zip(self.roles, operand_values(program, leaves), strict=True))
        stacked = [torch.cat([by_role[f"{kind}_{g}"] for g in self.gates]) for kind in "WU"]
        if not self.bias:
            return stacked
        bias = torch.cat([by_role[f"b_{g}"] for g in self.gates])
        memory = torch.zeros_like(bias)
        if "c_n" in by_role:
            memory = torch.cat([memory[: -len(by_role["c_n"])], by_role["c_n"]])
        return [*stacked, bias, memory]


def kernel_of(program: Program) -> Kernel | None:
    """The kernel that computes the program, if there is one."""
    known = _catalogue(program.input_size, program.hidden_size)
    return known.get(fingerprint(program).digest)


def obstacle(program: Program, job: Job) -> str | None:
    """Why torch has no kernel for a job, or None if it has one."""
    if kernel_of(program) is None:
        return "torch has no kernel for these equations"
    if job.resets is not None and bool(job.resets.any()):
        return "torch's kernels have no resets"
    if job.forced:
        return "torch's kernels have no forced states"
    if any(name != "h" for name in job.keep):
        return f"torch's kernels give h over time only, and {', '.join(job.keep)} is wanted"
    if 0 in job.x.shape[:2]:
        return "torch's kernels take no empty batch and no sequence without steps"
    if job.lengths is not None:
        # its kernel for packed rows steps through them one time step after the other: LSTM, T 50,
        # B 32, H 128, forward and backward: 109 ms, and 62 ms the cell's own step in Python
        return "torch's kernel for rows of different lengths is slower"
    return None


def run_vendor(program: Program, job: Job) -> tuple[Trace, dict[str, Tensor]]:
    """Run a program that `kernel_of` knows."""
    kernel = kernel_of(program)
    assert kernel is not None
    weights = kernel.weights(program, job.leaves_of(program))
    options = (kernel.bias, 1, 0.0, job.cell.training, False)
    before = tuple(job.state[name][None] for name in program.states)
    hx = before if len(before) > 1 else before[0]
    output, *after = kernel.run(job.x, hx, weights, *options, False)
    final = {name: value[0] for name, value in zip(program.states, after, strict=True)}
    return dict.fromkeys(job.keep, output), final


@lru_cache(maxsize=256)
def _catalogue(input_size: int, hidden_size: int) -> dict[str, Kernel]:
    """The kernels for these sizes, by the fingerprint of what they compute."""
    known = {}
    for reference, (name, run) in _REFERENCES.items():
        for bias in (True, False):
            cell: CellLike = reference(input_size, hidden_size, bias)
            found = fingerprint(trace(cell))
            roles = tuple(o.node.attr[0] for o in found.operands)
            known[found.digest] = Kernel(name, run, reference.gates, roles, bias)
    return known


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape))
