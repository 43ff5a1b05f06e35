"""Programs that have been held against the cell that they came from."""

from __future__ import annotations

from mnemonist.engine.check import check_program
from mnemonist.engine.contract import CellLike
from mnemonist.engine.program import Program
from mnemonist.engine.trace import program_of
from mnemonist.errors import UnrepresentableError

__all__ = ["trusted_program"]


def trusted_program(cell: CellLike) -> Program:
    """The cell's program, compared with its step on random inputs the first time.

    Raises:
        UnrepresentableError: the step has no program, or its program does something else.
    """
    program = program_of(cell)
    if check_program not in program.memo:
        program.memo.setdefault(check_program, check_program(program, cell))
    mismatch = program.memo[check_program]
    if mismatch is not None:
        raise UnrepresentableError(
            f"{type(cell).__name__}.step", f"its program does not do the same: {mismatch}"
        )
    return program
