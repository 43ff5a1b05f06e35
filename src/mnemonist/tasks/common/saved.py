"""Finished runs: what every job asks of one before it uses it."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import Any

from mnemonist import cells
from mnemonist.errors import ConfigError, DataError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.config import NetworkConfig
from mnemonist.tasks.common.flow import Plan
from mnemonist.tasks.common.programs import PROGRAMS, Maker, cell_maker, is_own, saved_cells

__all__ = ["check_unchanged", "maker_of", "run_of", "sources_of"]


def run_of(run: str | Path, job: str) -> RunFolder:
    """A finished run of a job.

    Raises:
        ConfigError: a run of another job.
        RunFolderError: no finished run, or a damaged one.
    """
    folder = RunFolder.load(run)
    if folder.manifest.job != job:
        there = folder.manifest.job
        raise ConfigError(
            f"{folder.path} holds a {there} run, and a {job} run is needed: "
            f"mnemonist predict {there} {folder.path}"
        )
    return folder


def maker_of(folder: RunFolder, config: NetworkConfig, cell: str | Maker | None = None) -> Maker:
    """What makes the cells of a run: by name, or from their programs; nothing is imported.

    Args:
        folder: of the run.
        config: its configuration.
        cell: the class of a user's own cell, which goes before its program; "module:Class" is
            imported, which runs its module.

    Raises:
        CellError: there is no such cell.
        RunFolderError: the cell has no program, and no class is given.
    """
    if cell is not None:
        return cells.resolve(cell, allow_import=True)
    if is_own(config):
        return saved_cells(folder.path, folder.load_json(PROGRAMS))
    return cell_maker(config)


def sources_of(folder: RunFolder, why: str = "; the baselines need it") -> list[str]:
    """The files, folders or patterns that a run was trained on.

    Args:
        folder: of the run.
        why: the end of the message where they are gone.

    Raises:
        DataError: they are not there any more.
    """
    recorded = folder.load_json("data.json")
    sources = [str(one) for one in recorded.get("sources", [recorded.get("source")])]
    missing = [one for one in sources if not Path(one).exists() and not glob(one)]
    if missing:
        raise DataError(
            f"{folder.path} was trained on {', '.join(missing)}, which is not there{why}"
        )
    return sources


def check_unchanged(made: Plan[Any, Any], folder: RunFolder) -> None:
    """Refuse data that are others than those that a run was trained on.

    Raises:
        DataError: they are.
    """
    if made.fingerprint() != folder.load_json("data.json")["fingerprint"]:
        raise DataError(
            f"{made.source_name} has changed since {folder.path} was trained on it: restore it, or "
            "train anew"
        )
