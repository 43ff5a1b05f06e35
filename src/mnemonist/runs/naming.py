"""The name of a run when the user gives none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from mnemonist.runs.files import plain

__all__ = ["default_run_name"]


def default_run_name(
    job: str, source: str | PurePath | object, config: Mapping[str, Any], *, root: str = "runs"
) -> Path:
    """runs/JOB-SOURCE-CELL-HASH: the same command always means the same folder.

    Args:
        job: e.g. "forecast".
        source: the data file; anything but a path is called "table".
        config: the resolved configuration. Its "cell" (at the top or under "model") is part
            of the name, and all of it of the hash.
        root: the folder of run folders.

    >>> default_run_name("forecast", "data/Well 12.csv", {"cell": "lstm", "horizon": 12}).as_posix()
    'runs/forecast-well-12-lstm-e3a95ab6'
    """
    values = plain(dict(config))
    model = values.get("model")
    cell = values.get("cell") or (model.get("cell") if isinstance(model, dict) else None)
    stem = PurePath(source).stem if isinstance(source, str | PurePath) else "table"
    text = json.dumps([job, str(source) if stem != "table" else stem, values], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    parts = [_slug(job), _slug(stem), _slug(str(cell)) if cell else "", digest]
    return Path(root) / "-".join(part for part in parts if part)


def _slug(text: str) -> str:
    """Letters and digits of any script, at most 40, with hyphens between."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:40].strip("-")
