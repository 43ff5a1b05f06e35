"""Small series that come with the package, for its demos; their sources stand in NOTICE."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mnemonist.errors import ConfigError

__all__ = ["bundled_names", "bundled_path"]


def bundled_names() -> list[str]:
    """The names that `bundled_path` takes.

    >>> "oil" in bundled_names()
    True
    """
    folder = Path(str(resources.files(__name__)))
    return sorted(path.stem for path in folder.glob("*.csv"))


def bundled_path(name: str) -> Path:
    """The path of a bundled CSV file.

    >>> bundled_path("oil").name
    'oil.csv'
    """
    if name not in bundled_names():
        raise ConfigError(
            f"there is no bundled series {name!r}; there are {', '.join(bundled_names())}."
        )
    return Path(str(resources.files(__name__))) / f"{name}.csv"
