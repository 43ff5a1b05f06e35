"""A trained network with everything that turns items into probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mnemonist.data.labelled import LabelledSet
from mnemonist.evaluation.reliability import TemperatureScaling
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.classify.config import ClassifyConfig
from mnemonist.tasks.classify.encoding import (
    SeriesEncoder,
    TokenEncoder,
    encoder_from_dict,
    within,
)
from mnemonist.tasks.classify.model import ClassifierModel, build
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import maker_of
from mnemonist.training.buckets import BucketBatches

__all__ = ["Predictor", "batches", "load_predictor"]

_ROWS = 256


class Predictor:
    """Encoder, network and calibration, applied in this order.

    Args:
        config: resolved.
        classes: the K names.
        encoder: learnt on the training part.
        model: the network.
        calibration: found on the validation part.
    """

    def __init__(
        self,
        config: ClassifyConfig,
        classes: Sequence[str],
        encoder: TokenEncoder | SeriesEncoder,
        model: ClassifierModel,
        calibration: TemperatureScaling | None = None,
    ) -> None:
        self.config, self.classes, self.encoder, self.model = config, list(classes), encoder, model
        self.calibration = calibration or TemperatureScaling()

    def steps(self, item: Any) -> list[Any]:
        """The steps of an item that the network reads: its tokens or rows, not too many."""
        return within(self.encoder.steps(item), self.config.max_steps)

    def probabilities(self, items: Sequence[Any]) -> np.ndarray:
        """(n, K) of n strings or series."""
        return self.of_steps([self.steps(item) for item in items])

    def prefixes(self, item: Any, most: int = 100) -> tuple[list[int], np.ndarray]:
        """The probabilities after each step, as if the item ended there.

        Args:
            item: a string or a series.
            most: of a longer item so many places are looked at, evenly spaced.

        Returns:
            P numbers of steps read, and (P, K) probabilities.
        """
        steps = self.steps(item)
        ends = np.unique(np.linspace(1, len(steps), min(most, len(steps))).round().astype(int))
        return ends.tolist(), self.of_steps([steps[:end] for end in ends])

    def of_steps(self, steps: Sequence[list[Any]]) -> np.ndarray:
        """(n, K) of n lists of steps."""
        return self.calibration.probabilities(self.logits(steps))

    def logits(self, steps: Sequence[list[Any]]) -> np.ndarray:
        """(n, K) before calibration."""
        if not len(steps):
            return np.zeros((0, len(self.classes)))
        device = next(self.model.parameters()).device
        rows = BucketBatches(
            {"steps": [self.encoder.encode(one) for one in steps]},
            _ROWS,
            labels={"row": torch.arange(len(steps))},
            shuffle=False,
        )
        found = np.zeros((len(steps), len(self.classes)))
        self.model.eval()
        with torch.no_grad():
            for index in range(len(rows)):
                batch = {name: value.to(device) for name, value in rows.batch(0, index).items()}
                found[batch["row"].cpu().numpy()] = self.model(batch).double().cpu().numpy()
        return found

    def calibrate(self, valid: LabelledSet) -> Predictor:
        """Find the temperature that makes the validation part most likely; 1 where it is empty."""
        if len(valid):
            logits = self.logits([self.steps(item) for item in valid.items])
            self.calibration.fit(logits, valid.labels, cautious=True)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network, as plain JSON values."""
        return {
            "classes": self.classes,
            "encoder": self.encoder.to_dict(),
            "calibration": self.calibration.to_dict(),
        }


def batches(
    data: LabelledSet, encoder: TokenEncoder | SeriesEncoder, config: ClassifyConfig, *, learn: bool
) -> BucketBatches:
    """A part of the data as batches, for training or for validation."""
    steps = [within(encoder.steps(item), config.max_steps) for item in data.items]
    return BucketBatches(
        {"steps": [encoder.encode(one) for one in steps]},
        config.training.batch_size if learn else _ROWS,
        labels={"labels": data.labels},
        seed=config.training.seed,
        shuffle=learn,
    )


def load_predictor(folder: RunFolder, *, cell: str | Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: of a classifier, finished.
        cell: the class of a cell that has no program there, or "module:Class".

    Raises:
        RunFolderError: a damaged file, or a cell without a program.
    """
    config = ClassifyConfig.model_validate(folder.config)
    state = folder.load_json("preprocessing.json")
    encoder = encoder_from_dict(state["encoder"])
    maker = maker_of(folder, config, cell)
    model = build(config, encoder, len(state["classes"]), maker)
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    calibration = TemperatureScaling.from_dict(state["calibration"])
    return Predictor(config, state["classes"], encoder, model, calibration)
