"""Programs for people to read."""

from __future__ import annotations

from mnemonist.engine.program import Program

__all__ = ["describe"]


def describe(program: Program) -> str:
    """The stages of a program, one operation a line."""
    lines = [program.cell]
    for title in ("prologue", "hoisted", "loop", "sunk"):
        lines += [f"  {title:9} {node!r}" for node in getattr(program, title)]
    return "\n".join(lines)
