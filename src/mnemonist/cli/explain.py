"""``mnemonist explain CELL``: the program of a cell, and what runs it."""

from __future__ import annotations

from json import dumps, loads
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnemonist.engine import Explanation

__all__ = ["explain"]


def explain(
    cell: str | None = None,
    /,
    *,
    input_size: int = 16,
    hidden_size: int = 32,
    json: bool = False,
) -> None:
    """Print the program of a cell: what runs before, in and after the loop over time.

    Without a cell, list the cells there are.

    Args:
        cell: a cell by name (lstm, gru, ...), or your own as module:Class.
        input_size: width of its input.
        hidden_size: width of its state.
        json: print one JSON object, with the program in the form that a run folder stores.
    """
    from mnemonist import cells, engine
    from mnemonist.engine.differentiate import differentiate

    if cell is None:
        listed = {name: str(cells.describe(name)) for name in cells.names()}
        width = max(map(len, listed)) + 2
        rows = "\n".join(f"{name:{width}}{line}" for name, line in listed.items())
        print(dumps(listed, indent=2, ensure_ascii=False) if json else rows)
        return
    made = cells.resolve(cell, allow_import=True)(input_size, hidden_size)
    explanation = engine.explain(made)
    if json:
        print(dumps(_plain(explanation), indent=2, ensure_ascii=False))
        return
    described = cells.describe(type(made))
    program = explanation.program
    backward = "" if program is None else differentiate(program).describe()
    parts = (str(described), described.formula, str(explanation), backward)
    print("\n\n".join(filter(None, parts)))


def _plain(explanation: Explanation) -> dict[str, Any]:
    program, refusal = explanation.program, explanation.refusal
    return {
        "cell": explanation.cell,
        "executor": explanation.executor,
        "passed_over": explanation.passed_over,
        "refusal": None if refusal is None else str(refusal),
        "program": None if program is None else loads(program.to_json()),
    }
