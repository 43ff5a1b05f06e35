"""The training loop: schedules, clipping, early stopping, truncated BPTT, exact resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy

if TYPE_CHECKING:
    from mnemonist.training.batches import Batches, ShuffledBatches, StreamBatches
    from mnemonist.training.buckets import BucketBatches
    from mnemonist.training.config import TeacherForcing, TrainingConfig
    from mnemonist.training.contract import Checkpoints, LossResult, Objective
    from mnemonist.training.finder import RateSearch, find_learning_rate
    from mnemonist.training.history import EpochRecord, History
    from mnemonist.training.loop import fit
    from mnemonist.training.progress import Progress, RichProgress, Silent, Status
    from mnemonist.training.rng import seed_everything
    from mnemonist.training.schedules import RateSchedule, forcing_probability

__all__ = [
    "Batches",
    "BucketBatches",
    "Checkpoints",
    "EpochRecord",
    "History",
    "LossResult",
    "Objective",
    "Progress",
    "RateSchedule",
    "RateSearch",
    "RichProgress",
    "ShuffledBatches",
    "Silent",
    "Status",
    "StreamBatches",
    "TeacherForcing",
    "TrainingConfig",
    "find_learning_rate",
    "fit",
    "forcing_probability",
    "seed_everything",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Batches": ".batches",
        "BucketBatches": ".buckets",
        "Checkpoints": ".contract",
        "EpochRecord": ".history",
        "History": ".history",
        "LossResult": ".contract",
        "Objective": ".contract",
        "Progress": ".progress",
        "RateSchedule": ".schedules",
        "RateSearch": ".finder",
        "RichProgress": ".progress",
        "ShuffledBatches": ".batches",
        "Silent": ".progress",
        "Status": ".progress",
        "StreamBatches": ".batches",
        "TeacherForcing": ".config",
        "TrainingConfig": ".config",
        "find_learning_rate": ".finder",
        "fit": ".loop",
        "forcing_probability": ".schedules",
        "seed_everything": ".rng",
    },
)
