"""The backward program: one step backwards in time as ordered stages, for any executor to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from mnemonist.engine.differentiate.schedule import Schedule, schedule
from mnemonist.engine.program import Node, Program, Time, ancestors

__all__ = ["Gradient", "Sink"]


@dataclass(frozen=True, eq=False)
class Sink:
    """A contribution to the gradient of a value that depends on parameters only.

    Attributes:
        kind: how it is made over all rows and steps: ``mm``, Σ gradient ⊗ operand, (O, I);
            ``bmm``, block n as Σ gradient_n ⊗ operand_(n mod m), (N, O, I); ``sum``, Σ gradient,
            summed on over the dimensions along which `node` was broadcast.
        node: the forward program's node whose gradient it is.
        gradient: what comes back to the place where `node` was used.
        operand: what a weight was multiplied with; None for ``sum``.
    """

    kind: str
    node: Node
    gradient: Node
    operand: Node | None = None

    @property
    def roots(self) -> tuple[Node, ...]:
        """What an executor needs to add it up."""
        return (self.gradient,) if self.operand is None else (self.gradient, self.operand)

    def __repr__(self) -> str:
        operand = "" if self.operand is None else f", %{self.operand.id}"
        return f"d%{self.node.id} += {self.kind}(%{self.gradient.id}{operand})"


@dataclass(frozen=True, eq=False)
class Gradient:
    """One step of a program backwards, scheduled.

    Its nodes are those of a program, with other sources: ``saved`` (attr: the id of the forward
    node whose value it is), ``carry`` (attr: a state; ∂L/∂ of its new value, from the step
    behind; behind the last step, of its final value) and ``loss`` (attr: a name; ∂L/∂ of what is
    returned over time under it). Operations beyond those of a program are ``mmT``, ``bmmT``,
    ``dtanh`` and ``dsigmoid``. Nodes of binding time K are the forward program's own, or
    computed from such; X is known before the backward loop; S hangs on a carry.

    A state that no step reads has no carry: the gradient of its final value is part of its
    loss, at every row's last step.

    Attributes:
        program: the forward program.
        keep: names of the values over time that have a gradient.
        states: ∂L/∂s_{t-1} of every carried state, by name.
        inputs: ∂L/∂ of x, of extras and of states known at all steps, by name, those asked for.
        parameters: contributions to the gradients of K nodes; several of one node add up.
        saved: the forward values that the forward pass must store, beside every state at every
            step and the values of `keep` over time: enough to recompute all that the backward
            step reads, in as few numbers as can be without repeating a product.
    """

    program: Program
    keep: tuple[str, ...]
    states: Mapping[str, Node]
    inputs: Mapping[str, Node]
    parameters: tuple[Sink, ...]
    saved: tuple[Node, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, operands first."""
        roots = [*self.states.values(), *self.inputs.values()]
        roots += [root for sink in self.parameters for root in sink.roots]
        return tuple(ancestors(roots))

    @cached_property
    def constants(self) -> tuple[Node, ...]:
        """What it reads of binding time K, numbers apart."""
        used = {a for n in self.nodes if n.time is not Time.K for a in n.args}
        ordered = (n for n in self.nodes if n.time is Time.K and n.op != "const")
        return tuple(n for n in ordered if n in used)

    @cached_property
    def reads(self) -> tuple[Node, ...]:
        """Forward nodes whose values it reads: x, extras, states, values kept, and `saved`."""
        ids = {n.attr[0] for n in self.nodes if n.op == "saved"}
        return tuple(n for n in self.program.nodes if n.id in ids)

    @cached_property
    def _schedule(self) -> Schedule:
        return schedule(self)

    @property
    def before(self) -> tuple[Node, ...]:
        """Computed for all steps at once, before the loop: products that hang on no carry."""
        return self._schedule.before

    @property
    def loop(self) -> tuple[Node, ...]:
        """Computed step by step, from the last to the first: what `states` needs, and what
        `accumulated` does."""
        return self._schedule.loop

    @property
    def after(self) -> tuple[Node, ...]:
        """Computed for all steps at once, behind the loop: what `inputs` and the other sinks need.

        What hangs on no carry may be needed here and in the loop, and then stands in both.
        """
        return self._schedule.after

    @property
    def kept(self) -> tuple[Node, ...]:
        """Values of the loop, and carries, that are needed behind it for all steps."""
        return self._schedule.kept

    @property
    def accumulated(self) -> tuple[Sink, ...]:
        """Sums over steps that the loop adds up itself, for nothing behind it needs their terms."""
        return self._schedule.accumulated

    def describe(self) -> str:
        """The backward program for people to read."""
        from mnemonist.engine.differentiate.show import describe

        return describe(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Gradient:
        return self  # immutable, and holds no tensors

    def __repr__(self) -> str:
        return (
            f"Gradient({self.program.cell}: {len(self.before)} before, {len(self.loop)} loop, "
            f"{len(self.after)} after, {len(self.parameters)} sinks, {len(self.saved)} saved)"
        )
