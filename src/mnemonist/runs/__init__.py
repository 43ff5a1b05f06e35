"""The run folder: what training leaves, what it goes on from, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

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

__getattr__, __dir__ = lazy(
    __name__,
    {
        "CheckpointFolder": ".checkpoints",
        "Manifest": ".manifest",
        "RUN_FORMAT": ".manifest",
        "RunFolder": ".folder",
        "default_run_name": ".naming",
        "write_schema": ".manifest",
    },
)
