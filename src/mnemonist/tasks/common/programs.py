"""A user's own cell in the run folder: its equations as programs, so that loading runs no code."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from mnemonist import cells
from mnemonist.engine.program import Program
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.engine.serialise import digest
from mnemonist.engine.trace import program_of
from mnemonist.errors import RunFolderError, UnrepresentableError
from mnemonist.nn import Recurrent
from mnemonist.tasks.common.config import NetworkConfig

__all__ = [
    "PROGRAMS",
    "Maker",
    "SavedCells",
    "as_saved",
    "cell_maker",
    "check_equations",
    "is_own",
    "programs_of",
    "saved_cells",
]

Maker = Callable[..., Any]
"""Makes a cell of an input and a hidden size."""

PROGRAMS = "program.json"
_FORMAT = "mnemonist.programs/1"


N = TypeVar("N", bound=NetworkConfig)


def is_own(config: NetworkConfig) -> bool:
    """Whether the cell is the user's (module:Class) and not one by name."""
    return ":" in config.cell


def cell_maker(config: NetworkConfig) -> Maker:
    """The cell's class; that of module:Class is imported, which runs its module."""
    return cells.resolve(config.cell, allow_import=True)


def programs_of(model: nn.Module) -> dict[str, Any]:
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


class SavedCells:
    """Makes the saved cells one after another in the order of the layers, again and again.

    They hold the equations with everything that was built around the cell, so the network is
    built without regularisers.
    """

    def __init__(self, programs: list[str]) -> None:
        self._waiting = cycle(programs)

    def __call__(self, input_size: int, hidden_size: int) -> ProgramCell:
        return ProgramCell(Program.from_json(next(self._waiting)))


def as_saved(config: N, cell: Maker) -> N:
    """The configuration with which a network is built of `cell`.

    What stands around a saved cell, its regularisers and options, is in its program.
    """
    if not isinstance(cell, SavedCells):
        return config
    around = ("zoneout", "variational_dropout", "weight_dropout")
    return config.model_copy(update={**dict.fromkeys(around, 0.0), "cell_options": {}})


def saved_cells(folder: Path, saved: dict[str, Any]) -> SavedCells:
    """The cells of a run folder.

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
    return SavedCells([layer["program"] for layer in saved["layers"]])


def _layers(model: nn.Module) -> list[Any]:
    return [
        cell
        for module in model.modules()
        if isinstance(module, Recurrent)
        for cell in module.layers
    ]
