"""A user's own cell in the run folder: its equations as programs, so that loading runs no code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnemonist import cells
from mnemonist.engine.program import Program
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.engine.serialise import digest
from mnemonist.engine.trace import program_of
from mnemonist.errors import CellError, RunFolderError, UnrepresentableError
from mnemonist.nn import Recurrent
from mnemonist.tasks.forecast.config import ForecastConfig
from mnemonist.tasks.forecast.model import ForecastModel

__all__ = ["PROGRAMS", "cell_maker", "check_equations", "is_own", "programs_of", "saved_cells"]

PROGRAMS = "program.json"
_FORMAT = "mnemonist.programs/1"


def is_own(config: ForecastConfig) -> bool:
    """Whether the cell is the user's (module:Class) and not one by name."""
    return ":" in config.cell


def cell_maker(config: ForecastConfig) -> Callable[..., Any]:
    """The cell's class; that of module:Class is imported, which runs its module."""
    return cells.resolve(config.cell, allow_import=True)


def programs_of(model: ForecastModel) -> dict[str, Any]:
    """The programs of every layer of the network, or why one has none.

    They are those of a trained network: in evaluation mode, without dropout.
    """
    was_training = model.training
    model.eval()
    try:
        layers = [
            {"program": program.to_json(), "sha256": digest(program)}
            for program in map(program_of, _layers(model))
        ]
    except UnrepresentableError as refusal:
        return {"format": _FORMAT, "layers": [], "refusal": str(refusal)}
    finally:
        model.train(was_training)
    return {"format": _FORMAT, "layers": layers, "refusal": None}


def check_equations(folder: Path, saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with a training whose cell has other equations by now.

    Raises:
        RunFolderError: they differ.
    """
    before = [layer["sha256"] for layer in saved["layers"]]
    if before != [layer["sha256"] for layer in now["layers"]]:
        raise RunFolderError(
            f"the training in {folder} began with other equations than the cell has now: restore "
            "the cell, choose another folder with --run, or begin anew with --overwrite"
        )


def saved_cells(folder: Path, saved: dict[str, Any]) -> Callable[[int, int], ProgramCell]:
    """A maker of the saved cells, one after another in the order of the layers.

    Raises:
        RunFolderError: the cell had no program, or the file is of another format.
    """
    if saved.get("format") != _FORMAT:
        raise RunFolderError(
            f"{folder / PROGRAMS} has the format {saved.get('format')!r}; {_FORMAT!r} is expected"
        )
    if saved["refusal"]:
        raise RunFolderError(
            f"the cell of {folder} has no program ({saved['refusal']}), so it needs its class: "
            "give --cell module:Class"
        )
    waiting = iter(saved["layers"])

    def make(input_size: int, hidden_size: int) -> ProgramCell:
        layer = next(waiting, None)
        if layer is None:
            raise CellError(f"{folder / PROGRAMS} has fewer layers than the configuration")
        return ProgramCell(Program.from_json(layer["program"]))

    return make


def _layers(model: ForecastModel) -> list[Any]:
    return [
        cell
        for module in model.modules()
        if isinstance(module, Recurrent)
        for cell in module.layers
    ]
