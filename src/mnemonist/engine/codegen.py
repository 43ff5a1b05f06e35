"""Python source for a program: straight-line code over torch, made once and compiled.

Looking nodes up in dictionaries would cost more than the operations on small layers; a
generated function has only local variables. The source holds no text from outside: variables
are numbered, numbers are printed, and functions are looked up by `prologue.lookup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mnemonist.engine.program import Node, Program, Time
from mnemonist.engine.writer import Writer

__all__ = ["Variant", "compile_loop", "compile_prologue", "compile_step"]


@dataclass(frozen=True)
class Variant:
    """Which code a call needs: what is kept and what masks there are.

    Attributes:
        keep: names whose values over time are returned.
        masked: whether rows end early (``valid``).
        resets: whether rows start afresh in between.
        forced: states that are replaced where a mask says so.
        fused: whether several operations may be one (not under autocast, where types differ).
    """

    keep: tuple[str, ...]
    masked: bool = False
    resets: bool = False
    forced: tuple[str, ...] = ()
    fused: bool = True


def compile_loop(program: Program, variant: Variant) -> Callable[..., Any]:
    """The function that runs a program over (T, B, I).

    It takes ``(x, leaves, extras, known, state, initial, valid, resets, forced, mask)``, tuples
    in the program's order, and returns the values kept and the final states, as tuples.
    """
    carried = [program.values[name] for name in program.carried]
    loose = [name for name in program.states if name not in program.carried]
    kept = {name: program.values[name] for name in (*variant.keep, *loose)}
    w = Writer(program, [*carried, *kept.values()], variant.fused)
    w.sources(states="p")
    inside = {n for n in program.loop if n in set(w.nodes)}
    hoisted = [n for n in w.nodes if n.time is Time.X and n.op not in ("input", "known")]
    sunk = [n for n in w.nodes if n.time is Time.S and n.op != "state" and n not in inside]
    _unpack(w, program, variant)
    w.line("steps = x.shape[0]")
    w.prologue()
    w.prepare(n for n in w.nodes if n.op == "bmm" and n not in inside)
    w.stage(hoisted, 2)
    w.prepare(inside)

    collected = _behind_the_loop(w, sunk, kept.values())
    over_time = dict(w.names)
    if inside or program.carried:
        _loop(w, program, variant, [n for n in w.nodes if n in inside], collected)
    for node in collected:
        w.line(f"n{node.id} = _stacked(a{node.id}, x, {node.shape})")
        over_time[node] = f"n{node.id}"
    w.names = over_time
    w.stage(sunk, 2)

    results = {}
    for name, node in kept.items():
        results[name] = f"_whole({w.name(node)}, x)"
    finals = []
    for i, name in enumerate(program.states):
        if name in program.carried:
            finals.append(f"s{i}")
        else:
            w.line(f"v{i} = {results[name]}")
            results[name] = f"v{i}"
            finals.append(f"_last(v{i}, valid, s{i})")
    outputs = [results[name] for name in variant.keep]
    if variant.masked:
        outputs = [f"where(valid, {v}, 0.0)" for v in outputs]
    w.line(f"return {_tuple(outputs)}, {_tuple(finals)}")
    return w.finish("x, leaves, extras, known, state, initial, valid, resets, forced, mask")


def _unpack(w: Writer, program: Program, variant: Variant) -> None:
    for letter, group, names in (
        ("k", "leaves", program.leaves),
        ("e", "extras", program.extras),
        ("f", "known", program.bound),
        ("s", "state", program.states),
    ):
        if names:
            w.line(f"{_tuple([f'{letter}{i}' for i in range(len(names))])} = {group}")
    if variant.resets:
        w.line(f"{_tuple([f'i{i}' for i in range(len(program.states))])} = initial")


def _behind_the_loop(w: Writer, sunk: Sequence[Node], kept: Iterable[Node]) -> list[Node]:
    """The loop's values that are needed for all steps afterwards."""
    behind = set(sunk)
    needed = [a for n in sunk for a in n.args] + list(kept)
    return sorted({n for n in needed if n.time is Time.S and n not in behind}, key=lambda n: n.id)


def _loop(
    w: Writer,
    program: Program,
    variant: Variant,
    inside: Sequence[Node],
    collected: Sequence[Node],
) -> None:
    """The loop over steps: states before (p), operations, states after (s)."""
    index = {name: i for i, name in enumerate(program.states)}
    carried = program.carried
    for node in collected:
        w.line(f"a{node.id} = []")
    read = {a for n in inside for a in n.args} | {program.values[name] for name in carried}
    outside = sorted((n for n in read if n.time is Time.X), key=lambda n: n.id)
    moving = {f"{w.names[n]}": f"t{n.id}" for n in outside}
    if variant.masked:
        moving["valid"] = "v"
    if variant.resets:
        moving["resets[..., None]"] = "r"
    if variant.forced:
        moving["mask[..., None]"] = "m"
        moving |= {f"forced[{j}]": f"g{j}" for j in range(len(variant.forced))}
    if moving:
        rows = ", ".join(f"_over_time({v}, steps)" for v in moving)
        w.line(f"for {', '.join(moving.values())}, in zip({rows}):")
    else:
        w.line("for _ in range(steps):")
    w.indent *= 2
    w.names.update({n: f"t{n.id}" for n in outside})
    for name in carried:
        i = index[name]
        before = f"where(r, i{i}, s{i})" if variant.resets else f"s{i}"
        if name in variant.forced:
            before = f"where(m, g{variant.forced.index(name)}, {before})"
        w.line(f"p{i} = {before}")
    w.stage(inside, 1)
    for node in collected:
        w.line(f"a{node.id}.append({w.name(node)})")
    after = [(f"s{index[n]}", w.name(program.values[n])) for n in carried]
    if variant.masked:
        after = [(s, f"where(v, {value}, {s})") for s, value in after]
    if after:
        w.line(f"{_tuple([s for s, _ in after])} = {_tuple([v for _, v in after])}")
    w.indent = w.indent[: len(w.indent) // 2]


def compile_step(program: Program) -> Callable[..., Any]:
    """The function of one step: ``(x, leaves, extras, state)`` to new states, then outputs."""
    w = Writer(program, program.values.values(), fused=True)
    w.sources()
    _unpack(w, program, Variant(()))
    w.prologue()
    rows = [n for n in w.nodes if n.time is not Time.K and n.op not in ("input", "state", "known")]
    w.prepare(n for n in rows if n.op == "bmm")
    w.stage(rows, 1)
    values = [w.name(n) for n in program.values.values()]
    w.line(f"return {_tuple(values)}")
    return w.finish("x, leaves, extras, state")


def compile_prologue(program: Program, wanted: Sequence[Node]) -> Callable[..., Any]:
    """The function of ``(x, leaves)`` that computes what depends on parameters only."""
    w = Writer(program, wanted, fused=False)
    w.sources()
    if program.leaves:
        w.line(f"{_tuple([f'k{i}' for i in range(len(program.leaves))])} = leaves")
    w.prologue()
    w.line(f"return {_tuple([w.name(n) for n in wanted])}")
    return w.finish("x, leaves")


def _tuple(names: Sequence[str]) -> str:
    return f"({''.join(n + ', ' for n in names)})"
