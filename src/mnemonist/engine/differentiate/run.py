"""A program and its backward program in plain torch: the oracle of compiled executors.

Forwards, every operation of every step by itself; backwards, the stages as `Gradient` gives
them, reading only what it says is stored. Nothing here is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mnemonist.engine.differentiate.evaluate import constants, fill
from mnemonist.engine.differentiate.gradient import Gradient, Sink
from mnemonist.engine.differentiate.saving import known_anyway
from mnemonist.engine.program import Node, Time
from mnemonist.errors import ConfigError

__all__ = ["GradientRun", "run_gradient"]

Named = Mapping[str, Tensor]


@dataclass(frozen=True)
class GradientRun:
    """What a program and its backward program compute.

    Attributes:
        values: of the names that have a gradient, (T, B, width); zero behind the end of a row.
        finals: the final carried states.
        inputs: gradients of x, extras and known states, shaped as they were given.
        states: gradients of the carried states before the first step.
        initial: gradients of what a reset puts in place of them.
        forced: gradients of what took the place of previous states, (T, B, width).
        leaves: gradients of the parameters and buffers that have one.
    """

    values: dict[str, Tensor]
    finals: dict[str, Tensor]
    inputs: dict[str, Tensor] = field(default_factory=dict)
    states: dict[str, Tensor] = field(default_factory=dict)
    initial: dict[str, Tensor] = field(default_factory=dict)
    forced: dict[str, Tensor] = field(default_factory=dict)
    leaves: dict[str, Tensor] = field(default_factory=dict)


def run_gradient(
    gradient: Gradient,
    leaves: Named,
    x: Tensor,
    state: Named,
    extras: Named | None = None,
    *,
    loss: Named,
    final: Named | None = None,
    known: Named | None = None,
    initial: Named | None = None,
    valid: Tensor | None = None,
    resets: Tensor | None = None,
    forced: Named | None = None,
    forced_mask: Tensor | None = None,
) -> GradientRun:
    """Run a program over a sequence and back, in any floating-point type.

    Args:
        gradient: the backward program.
        leaves: parameters and buffers by name.
        x: (T, B, I).
        state: the states before the first step, (B, width).
        extras: per-step inputs, (T or 1, B, width).
        loss: ∂L/∂ of the values kept, by name, (T, B, width).
        final: ∂L/∂ of final carried states, (B, width); zero for those left out.
        known: previous values of bound states, (T, B, width).
        initial: what a reset puts in place of the states, (B, width).
        valid: (T, B, 1), false where a row has ended.
        resets: (T, B), true where a row starts afresh before the step.
        forced: what takes the place of previous states, (T, B, width).
        forced_mask: (T, B), where it does; everywhere if not given.

    Raises:
        ConfigError: a loss for a value that the gradient does not keep, or a final state's
            gradient for a state that is not carried.
    """
    for name in loss:
        if name not in gradient.keep:
            raise ConfigError(f"no gradient for {name!r}: it keeps {', '.join(gradient.keep)}")
    for name in final or ():
        if name not in gradient.program.carried:
            raise ConfigError(f"state {name!r} is not carried: its gradient is a loss")
    if forced and forced_mask is None:
        forced_mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    run = _Run(gradient, leaves, x, extras or {}, known or {})
    time = _Time(valid, resets, initial or {}, forced or {}, forced_mask)
    values, finals = run.forward(state, time)
    with torch.no_grad():
        run.backward(dict(loss), dict(final or {}), time)
    return GradientRun(
        values, finals, run.inputs, run.states, time.d_initial, time.d_forced, run.of_leaves()
    )


@dataclass
class _Time:
    """What a call says about time, and the gradients that leave by it."""

    valid: Tensor | None
    resets: Tensor | None
    initial: Named
    forced: Named
    forced_mask: Tensor | None
    d_initial: dict[str, Tensor] = field(default_factory=dict)
    d_forced: dict[str, Tensor] = field(default_factory=dict)

    def before(self, t: int, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The states that step t sees."""
        if self.resets is not None:
            here = self.resets[t][:, None]
            state = {n: torch.where(here, self.initial[n], s) for n, s in state.items()}
        for name in state.keys() & self.forced.keys():
            value = torch.where(self._mask(t), self.forced[name][t], state[name])
            state = {**state, name: value}
        return state

    def back(self, t: int, name: str, d: Tensor) -> Tensor:
        """From the gradient of a state that step t sees to that of the step before."""
        if name in self.forced:
            here = self._mask(t)
            self.d_forced.setdefault(name, torch.zeros_like(self.forced[name]))
            self.d_forced[name][t] = torch.where(here, d, 0.0)
            d = torch.where(here, 0.0, d)
        if self.resets is not None:
            here = self.resets[t][:, None]
            so_far = self.d_initial.get(name, torch.zeros_like(d))
            self.d_initial[name] = so_far + torch.where(here, d, 0.0)
            d = torch.where(here, 0.0, d)
        return d

    def _mask(self, t: int) -> Tensor:
        assert self.forced_mask is not None
        return self.forced_mask[t][:, None]

    def only(self, value: Tensor, t: int | None = None) -> Tensor:
        """Zero where rows have ended; by choice, not by a product, for padding may be NaN."""
        if self.valid is None:
            return value
        valid = self.valid if t is None else self.valid[t]
        valid = valid.reshape(*valid.shape[:-1], *(1,) * (value.dim() - valid.dim() + 1))
        return torch.where(valid, value, 0.0)


class _Run:
    """One sequence forwards and backwards."""

    def __init__(
        self, gradient: Gradient, leaves: Named, x: Tensor, extras: Named, known: Named
    ) -> None:
        self.gradient, self.program, self.x = gradient, gradient.program, x
        self.given: dict[Node, Tensor] = {}
        sources = {"x": x, **extras}
        for node in self.program.nodes:
            if node.op in ("input", "known"):
                value = (sources if node.op == "input" else known)[node.attr[0]]
                self.given[node] = value.detach()
        self.once = {"x": x, **extras, **known}
        with torch.enable_grad():
            own = {n: t.detach() for n, t in leaves.items()}
            for tensor in own.values():
                tensor.requires_grad_(tensor.is_floating_point())
            nodes = (*self.program.nodes, *gradient.nodes)
            self.with_history = constants(self.program, nodes, own, x.detach())
        self.own = own
        self.fixed = {n: t.detach() for n, t in self.with_history.items()}
        self.sums: dict[Node, Tensor] = {}
        self.inputs: dict[str, Tensor] = {}
        self.states: dict[str, Tensor] = {}

    def forward(self, state: Named, time: _Time) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The values kept and the final states; what the backward pass reads is stored."""
        program, steps = self.program, self.x.shape[0]
        now = {name: state[name].detach() for name in program.carried}
        stored: dict[Node, list[Tensor]] = {n: [] for n in self.gradient.reads}
        keep = {program.values[name] for name in self.gradient.keep}
        stored |= {n: [] for n in keep}
        for t in range(steps):
            seen = time.before(t, now)
            values = {
                **self.fixed,
                **{n: v[t] if len(v) > 1 else v[0] for n, v in self.given.items()},
            }
            values |= {n: seen[n.attr[0]] for n in program.nodes if n.op == "state"}
            with torch.no_grad():
                fill(program.nodes, values, self.x)
            for node, over_time in stored.items():
                over_time.append(values[node].expand(self.x.shape[1], *node.shape))
            new = {name: values[program.values[name]] for name in now}
            if time.valid is not None:
                new = {n: torch.where(time.valid[t], v, now[n]) for n, v in new.items()}
            now = new
        shape = (steps, self.x.shape[1])
        stacked = {
            n: torch.stack(v) if v else self.x.new_zeros(*shape, *n.shape)
            for n, v in stored.items()
        }
        allowed = known_anyway(program, self.gradient.keep) | set(self.gradient.saved)
        self.stored = {n: v for n, v in stacked.items() if n in allowed}
        returned = {n: time.only(stacked[program.values[n]]) for n in self.gradient.keep}
        return returned, now

    def backward(self, loss: dict[str, Tensor], carry: dict[str, Tensor], time: _Time) -> None:
        """The stages before, in and behind the loop."""
        gradient, x = self.gradient, self.x
        by_id = {n.id: v for n, v in self.stored.items()}
        over_time = dict(self.fixed)
        for node in gradient.nodes:
            if node.op == "saved":
                over_time[node] = by_id[node.attr[0]]
            elif node.op == "loss":
                blank = x.new_zeros(*x.shape[:2], *node.shape)
                over_time[node] = time.only(loss.get(node.attr[0], blank))
        fill(gradient.before, over_time, x)
        kept = self._loop(over_time, carry, time)
        values = {**over_time, **kept}
        fill(gradient.after, values, x)
        inside = set(gradient.accumulated)
        for sink in gradient.parameters:
            if sink not in inside:
                self._add(sink, values, time)
        for name, node in gradient.inputs.items():
            d = time.only(values[node].expand(*x.shape[:2], *node.shape))
            self.inputs[name] = d.sum_to_size(self.once[name].shape)

    def _loop(
        self, over_time: dict[Node, Tensor], final: dict[str, Tensor], time: _Time
    ) -> dict[Node, Tensor]:
        """From the last step to the first; what is kept of each."""
        gradient, x = self.gradient, self.x
        kept: dict[Node, list[Tensor]] = {n: [] for n in gradient.kept}
        carry = {
            name: final.get(name, x.new_zeros(x.shape[1], self.program.states[name]))
            for name in self.program.carried
        }
        sources = [n for n in gradient.nodes if n.op == "carry"]
        timed = {n: v for n, v in over_time.items() if n.time is not Time.K}
        for t in reversed(range(x.shape[0])):
            values = {
                **self.fixed,
                **{n: v[t] if v.dim() > len(n.shape) else v for n, v in timed.items()},
            }
            for node in sources:
                values[node] = time.only(carry[node.attr[0]], t)
            fill(gradient.loop, values, x)
            for node, steps in kept.items():
                steps.append(values[node].expand(x.shape[1], *node.shape))
            for sink in gradient.accumulated:
                self._add(sink, values, time, t)
            for name, node in gradient.states.items():
                d = time.only(values[node].expand(x.shape[1], *node.shape), t)
                d = time.back(t, name, d)
                if time.valid is not None:  # neither a step nor a reset touches an ended row
                    d = torch.where(time.valid[t], d, carry[name])
                carry[name] = d
        self.states = carry
        shape = x.shape[:2]
        return {
            n: torch.stack(v[::-1]) if v else x.new_zeros(*shape, *n.shape) for n, v in kept.items()
        }

    def _add(
        self, sink: Sink, values: Mapping[Node, Tensor], time: _Time, t: int | None = None
    ) -> None:
        """Add a sink's share, of all steps or of one."""
        lead = self.x.shape[:2] if t is None else self.x.shape[1:2]
        d, *operand = (
            time.only(values[n].expand(*lead, *n.shape), t).flatten(0, len(lead) - 1)
            for n in sink.roots
        )
        weight = self.fixed[sink.node]
        if sink.kind == "sum":
            share = d.sum(0).sum_to_size(weight.shape)
        elif sink.kind == "mm":
            share = d.mT @ operand[0]
        else:
            number, outputs, inputs = weight.shape
            blocks = operand[0].unflatten(-1, (-1, inputs))
            blocks = blocks.repeat(1, number // blocks.shape[1], 1)
            share = torch.einsum("rno,rni->noi", d.unflatten(-1, (number, outputs)), blocks)
        self.sums[sink.node] = self.sums.get(sink.node, 0.0) + share

    def of_leaves(self) -> dict[str, Tensor]:
        """From the gradients of K nodes to those of leaves, by torch's autograd."""
        ends = [(self.with_history[n], d) for n, d in self.sums.items()]
        ends = [(value, d) for value, d in ends if value.requires_grad]
        names = [n for n in self.program.leaves if self.own[n].requires_grad]
        if not ends:
            return {}
        found = torch.autograd.grad(
            [v for v, _ in ends],
            [self.own[n] for n in names],
            [d for _, d in ends],
            allow_unused=True,
        )
        return {n: d for n, d in zip(names, found) if d is not None}
