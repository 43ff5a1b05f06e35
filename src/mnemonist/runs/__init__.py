"""The run folder: what training leaves, what it goes on from, and its report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnemonist.runs.checkpoints import CheckpointFolder
    from mnemonist.runs.folder import RunFolder
    from mnemonist.runs.manifest import RUN_FORMAT, Manifest, write_schema
    from mnemonist.runs.naming import default_run_name

__all__ = [
    "RUN_FORMAT",
    "CheckpointFolder",
    "Manifest",
    "RunFolder",
    "default_run_name",
    "write_schema",
]

# Imported when first asked for: the command line names its folders without torch.
_HOME = {
    "CheckpointFolder": "checkpoints",
    "Manifest": "manifest",
    "RUN_FORMAT": "manifest",
    "RunFolder": "folder",
    "default_run_name": "naming",
    "write_schema": "manifest",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
