"""From a plan to a run folder with weights, results and a report: the way that every job goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import nn

from mnemonist.data.findings import Finding
from mnemonist.engine.explain import Explanation
from mnemonist.evaluation.results import ResultTable
from mnemonist.evaluation.verdicts import Tone
from mnemonist.runs.folder import RunFolder
from mnemonist.runs.naming import default_run_name
from mnemonist.runs.report import Report
from mnemonist.tasks.common.programs import PROGRAMS, Maker, check_equations, programs_of
from mnemonist.training.contract import Checkpoints
from mnemonist.training.history import History
from mnemonist.training.progress import Progress, Silent

__all__ = ["PARTS", "Evaluation", "Plan", "Predictor", "Trained", "carry_out"]

P = TypeVar("P", bound="Predictor")
E = TypeVar("E", bound="Evaluation")

PARTS = ("train", "valid", "test")


class Predictor(Protocol):
    """What a training makes: the network with everything it needs to be used.

    Attributes:
        config: without open questions.
        model: the network.
    """

    @property
    def config(self) -> Any: ...
    @property
    def model(self) -> nn.Module: ...

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network and its configuration, as plain JSON values."""
        ...


class Evaluation(Protocol):
    """What every job says of a trained network on its test part.

    Attributes:
        table: the network beside the baselines.
        verdict: one sentence.
        tone: better than the best baseline, no matter, or worse.
    """

    @property
    def table(self) -> ResultTable: ...
    @property
    def verdict(self) -> str: ...
    @property
    def tone(self) -> Tone: ...

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        ...


@dataclass(frozen=True)
class Plan(ABC, Generic[P, E]):
    """What a training will do, decided before it does it; a job's subclass says how.

    P is the job's predictor, E its evaluation of one. `job` is the job's name, as in
    ``mnemonist train JOB``.

    Args:
        config: without open questions.
        source_name: what the data are called.
        findings: what the check found, the notes included.
        explanation: which executor runs the first layer, and why.
        parameters: how many numbers are trained.
        cell: what makes the cell.
    """

    job: ClassVar[str]
    config: Any
    source_name: str
    findings: Sequence[Finding]
    explanation: Explanation
    parameters: int
    cell: Maker

    @property
    @abstractmethod
    def metric(self) -> str:
        """The column of the results that decides."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What identifies the data, as JSON values by name."""

    @abstractmethod
    def network(self) -> nn.Module:
        """The network, untrained."""

    @abstractmethod
    def learn(self, checkpoints: Checkpoints | None, progress: Progress) -> tuple[P, History]:
        """Train it; what `checkpoints` keeps is gone on from."""

    @abstractmethod
    def restore(self, folder: RunFolder) -> P:
        """The predictor of a finished run."""

    @abstractmethod
    def baselines(self, progress: Progress) -> Any:
        """The job's baselines, trained on the training part."""

    @abstractmethod
    def measure(self, predictor: P, baselines: Any) -> E:
        """A trained network beside the baselines, on the test part."""

    @abstractmethod
    def predictions(self, trained: Trained[P, E]) -> tuple[str, str]:
        """The name and the text of the file with the predictions of the test part."""

    @abstractmethod
    def report(self, trained: Trained[P, E]) -> Report:
        """The report, section by section."""

    @abstractmethod
    def header(self) -> list[tuple[str, str]]:
        """What the user is told before training begins: name and value of each line."""

    @abstractmethod
    def next_commands(self, run: Path | None) -> list[str]:
        """What one might do after the training."""

    def facts(self) -> dict[str, Any]:
        """What data.json says of the data, beside the fingerprint and the findings."""
        return {"source": self.source_name}

    def evaluation_of(self, predictor: P, progress: Progress | None = None) -> E:
        """`measure` with baselines that are trained for it."""
        progress = progress or Silent()
        progress.say("Measuring the baselines on the same data")
        return self.measure(predictor, self.baselines(progress))

    def source_words(self) -> Sequence[str]:
        """The data as they are named on a command line, a word for each file."""
        return [self.source_name]

    def run_path(self, root: str = "runs") -> Path:
        """Where the run goes if nobody says otherwise."""
        values = self.config.model_dump(mode="json")
        return default_run_name(self.job, self.source_name, values, root=root)


@dataclass
class Trained(Generic[P, E]):
    """A finished training.

    Args:
        plan: what was to be done, the job's own `Plan`.
        predictor: the network, ready to use.
        history: of the training.
        evaluation: on the test part.
        run: the folder, if there is one.
        report_path: its report.
    """

    plan: Any
    predictor: P
    history: History
    evaluation: E
    run: RunFolder | None = None
    report_path: Path | None = None


def carry_out(
    made: Plan[P, E],
    *,
    run: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    keep: bool = True,
) -> Trained[P, E]:
    """Carry out a plan in a run folder; go on with it if it was begun, load it if it is done.

    Args:
        made: the plan.
        run: the folder; `Plan.run_path` if not given.
        overwrite: throw away what is there.
        progress: whom to tell.
        keep: false trains without a folder and writes nothing.

    Raises:
        RunFolderError: the folder holds another run.
        TrainingInterrupted: a signal came; the state is saved.
    """
    progress = progress or Silent()
    if not keep:
        predictor, history = made.learn(None, progress)
        return Trained(made, predictor, history, made.evaluation_of(predictor, progress))
    fingerprint = made.fingerprint()
    folder = RunFolder.open(
        run or made.run_path(),
        job=made.job,
        config=made.config,
        data_fingerprint=fingerprint,
        overwrite=overwrite,
    )
    with folder:
        for note in folder.notes:
            progress.say(note)
        report_path = folder.path / "report.html"
        if folder.finished:
            predictor = made.restore(folder)
            history = History.from_dict(folder.load_json("results.json")["history"])
            evaluation = made.evaluation_of(predictor, progress)
            return Trained(made, predictor, history, evaluation, folder, report_path)
        programs = programs_of(made.network())
        if (folder.path / PROGRAMS).exists():
            check_equations(folder.path, folder.load_json(PROGRAMS), programs)
        folder.save_json(PROGRAMS, programs)
        predictor, history = made.learn(folder.checkpoints, progress)
        evaluation = made.evaluation_of(predictor, progress)
        trained = Trained(made, predictor, history, evaluation, folder, report_path)
        findings = [finding.to_dict() for finding in made.findings]
        folder.save_model(predictor.model.state_dict(), {"parameters": made.parameters})
        folder.save_json("preprocessing.json", predictor.to_dict())
        folder.save_json(
            "data.json", {**made.facts(), "fingerprint": fingerprint, "findings": findings}
        )
        folder.save_text(*made.predictions(trained))
        folder.save_json("results.json", {"history": history.to_dict(), **evaluation.to_dict()})
        folder.save_text("report.html", made.report(trained).html())
        folder.finish()
    return trained
