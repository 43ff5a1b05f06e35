"""The training loop: schedules, clipping, early stopping, truncated BPTT, exact resume."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

# Imported when first asked for: the command line reads the configuration without torch.
_HOMES = {
    "batches": ("Batches", "ShuffledBatches", "StreamBatches"),
    "buckets": ("BucketBatches",),
    "config": ("TeacherForcing", "TrainingConfig"),
    "contract": ("Checkpoints", "LossResult", "Objective"),
    "finder": ("RateSearch", "find_learning_rate"),
    "history": ("EpochRecord", "History"),
    "loop": ("fit",),
    "progress": ("Progress", "RichProgress", "Silent", "Status"),
    "rng": ("seed_everything",),
    "schedules": ("RateSchedule", "forcing_probability"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
