"""The errors mnemonist raises on purpose.

Every message says what was given, what was expected and what to do about it; the
command line prints it as one paragraph and exits with status 2.
"""

from __future__ import annotations

__all__ = [
    "CellError",
    "ConfigError",
    "DataError",
    "MissingExtraError",
    "MnemonistError",
    "NonFiniteLossError",
    "RunFolderError",
    "ShapeError",
    "TrainingInterrupted",
    "UnrepresentableError",
]


class MnemonistError(Exception):
    """Base of every error that mnemonist raises on purpose."""


class ConfigError(MnemonistError, ValueError):
    """An option or a combination of options that cannot work."""


class DataError(MnemonistError, ValueError):
    """A file or table that cannot be used as it is."""


class ShapeError(MnemonistError, ValueError):
    """A tensor whose shape does not fit."""


class CellError(MnemonistError, ValueError):
    """A cell whose declaration and equations do not agree."""


class RunFolderError(MnemonistError):
    """A run folder that is damaged, foreign, unwritable or of another run."""


class NonFiniteLossError(MnemonistError, ArithmeticError):
    """Training met a loss or gradient that is infinite or not a number."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training was asked to stop by a signal and saved its state; the text says how to go on.

    ``signal`` is its number: a command exits with 128 + signal.
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


class MissingExtraError(MnemonistError, ImportError):
    """A feature needs a package that is not installed.

    >>> print(MissingExtraError("Parquet files", package="pyarrow", extra="parquet"))
    Parquet files need the package pyarrow, which is not installed: pip install 'mnemonist[parquet]'
    """

    def __init__(self, feature: str, *, package: str, extra: str) -> None:
        super().__init__(
            f"{feature} need the package {package}, which is not installed: "
            f"pip install 'mnemonist[{extra}]'"
        )


class UnrepresentableError(MnemonistError):
    """A cell's step does something that the program form cannot hold.

    ``operation`` names it, ``reason`` says why, ``location`` is the user's line.
    The cell still runs, by its own Python step; with ``strict=True`` this is raised.
    """

    def __init__(self, operation: str, reason: str, location: str = "") -> None:
        self.operation, self.reason, self.location = operation, reason, location
        where = f" at {location}" if location else ""
        super().__init__(f"{operation}: {reason}{where}")
