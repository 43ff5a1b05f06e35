"""The Python face that all jobs have, with scikit-learn's conventions where they fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from sklearn.base import BaseEstimator

from mnemonist.errors import ConfigError
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.config import NetworkConfig, configured, nested
from mnemonist.tasks.common.flow import Evaluation, Plan, Predictor, Trained, carry_out
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import run_of
from mnemonist.training.history import History
from mnemonist.training.progress import Progress

__all__ = ["Estimator"]

C = TypeVar("C", bound=NetworkConfig)
P = TypeVar("P", bound=Predictor)
E = TypeVar("E", bound=Evaluation)


class Estimator(BaseEstimator, ABC, Generic[C, P, E]):
    """A job as an object: options in, `fit`, then use; a job's subclass adds its verbs.

    Args:
        cell: a cell by name, "module:Class", or a cell's class.
        config: a whole configuration; the options go over it.
        options: any field of the configuration or of its parts, by its own name.

    Raises:
        ConfigError: an unknown option, or a value that does not fit.

    Attributes:
        evaluation_: results on the test part, after `fit`.
        history_: the training, epoch by epoch.
        report_path: the report, where `fit` was given a run folder.
    """

    job: ClassVar[str]
    configuration: ClassVar[type[NetworkConfig]]

    def __init__(
        self, cell: str | type = "lstm", *, config: C | None = None, **options: Any
    ) -> None:
        self.cell, self.config, self.options = cell, config, options
        self._configured()
        self._trained: Trained[P, E] | None = None
        self._predictor: P | None = None

    @abstractmethod
    def _plan(self, source: Any, config: C, cell: Maker | None) -> Plan[P, E]:
        """What a training on `source` would do."""

    @classmethod
    @abstractmethod
    def _load(cls, folder: RunFolder, cell: Maker | None) -> P:
        """What a run folder holds."""

    def fit(
        self,
        source: Any,
        run: str | Path | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on a file, or on what else the job takes.

        Args:
            source: the data.
            run: a run folder. A training that was killed goes on there; a finished one is
                loaded. Without it nothing is written.
            overwrite: throw away what `run` holds.
            progress: whom to tell; nobody by default.

        Raises:
            DataError: data that cannot be used; the message names lines and remedies.
            RunFolderError: `run` holds another training.
        """
        made = self.plan(source)
        self._trained = carry_out(
            made, run=run, overwrite=overwrite, progress=progress, keep=run is not None
        )
        self._predictor = self._trained.predictor
        return self

    def plan(self, source: Any) -> Any:
        """What `fit` would do: every choice and finding, the executor, the network's size."""
        cell = None if isinstance(self.cell, str) else self.cell
        return self._plan(source, self._configured(), cell)

    @property
    def evaluation_(self) -> E:
        return self._done().evaluation

    @property
    def history_(self) -> History:
        return self._done().history

    @property
    def report_path(self) -> Path | None:
        """Where the report is."""
        return self._done().report_path

    @classmethod
    def load(cls, run: str | Path, *, cell: type | None = None) -> Self:
        """A trained network from its run folder; no class of yours is imported.

        Args:
            run: the folder.
            cell: the class of a cell of your own that has no program.

        Raises:
            RunFolderError: no run folder, or a damaged one.
        """
        predictor = cls._load(run_of(run, cls.job), cell)
        loaded = cls(cell or predictor.config.cell, config=predictor.config)
        loaded._predictor = predictor
        return loaded

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options, as scikit-learn asks for them."""
        return {"cell": self.cell, "config": self.config, **self.options}

    def set_params(self, **params: Any) -> Self:
        """Change options; an unknown one is an error."""
        for name, value in params.items():
            if name in ("cell", "config"):
                setattr(self, name, value)
            else:
                self.options[name] = value
        self._configured()
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self._predictor is not None

    def _configured(self) -> Any:
        cell = self.cell
        if not isinstance(cell, str):
            cell = f"{cell.__module__}:{cell.__qualname__}"
        base = self.config.model_dump(exclude_unset=True) if self.config is not None else {}
        options = nested(self.configuration, {**self.options, "cell": cell})
        return configured(self.configuration, options, base)

    def _fitted(self) -> P:
        if self._predictor is None:
            raise ConfigError(
                f"this {type(self).__name__} is not trained: call fit first, or load a run"
            )
        return self._predictor

    def _done(self) -> Trained[P, E]:
        if self._trained is None:
            raise ConfigError(f"this {type(self).__name__} was not trained here: call fit first")
        return self._trained
