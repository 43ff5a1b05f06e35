"""A trained network with everything that turns texts into translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mnemonist.decoding.beam import BeamSearch, Hypothesis
from mnemonist.decoding.rows import Shared
from mnemonist.nn import EncoderDecoder
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import maker_of
from mnemonist.tasks.translate.config import TranslateConfig
from mnemonist.tasks.translate.model import build, pair_batches, valid_steps
from mnemonist.tasks.translate.sides import Sides

__all__ = ["Predictor", "Translation", "load_predictor"]

_ROWS = 128
_LENGTHS = 16


@dataclass(frozen=True)
class Translation:
    """A translation that was found.

    Attributes:
        text: the translation.
        tokens: what it was joined from.
        score: its log-probability, divided by the length penalty; the larger, the better.
        ended: whether it ends by itself; False where it was cut off at the greatest length.
    """

    text: str
    tokens: list[str]
    score: float
    ended: bool


class Predictor:
    """The sides and the network between them.

    Args:
        config: resolved.
        sides: learnt on the training part.
        model: the network.
    """

    def __init__(self, config: TranslateConfig, sides: Sides, model: EncoderDecoder) -> None:
        self.config, self.sides, self.model = config, sides, model

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def read(self, source: str) -> list[str]:
        """The tokens of a source that the network reads, not too many."""
        return self.sides.source.tokens(source)[: self.config.max_tokens]

    def translate(
        self, sources: Sequence[str], *, beam: int | None = None, n_best: int = 1
    ) -> list[list[Translation]]:
        """The best translations of each source, the best first; fewer where there are not so many.

        A translation depends on its source alone and not on what else is translated.

        Args:
            sources: n texts; one without any token has the empty translation.
            beam: hypotheses that the search keeps; that of the configuration when None, and
                never fewer than `n_best`.
            n_best: how many are returned of each.

        Raises:
            ConfigError: no beams, or no results.
        """
        beams = max(self.config.beam if beam is None else beam, n_best)
        read = [self.read(source) for source in sources]
        found = [[Translation("", [], 0.0, True)] for _ in sources]
        self.model.eval()
        for rows, limit in self._alike(read):
            search = self._search(beams, n_best, limit)
            numbers = [self.sides.source.encode(read[row]) for row in rows]
            for row, hypotheses in zip(rows, self._searched(search, numbers), strict=True):
                found[row] = [self._translation(one) for one in hypotheses]
        return found

    def attention(
        self, source: str, translation: Sequence[str]
    ) -> tuple[list[str], list[str], np.ndarray]:
        """What the network looks at as it writes a translation.

        Args:
            source: a text.
            translation: tokens of the target.

        Returns:
            S tokens of the source and T of the translation, the ends among them, and the
            weights (T, S); zeros for a network without attention.
        """
        tokens = self.read(source)
        read, written = self.sides.source.encode(tokens), self.sides.target.encode(translation)
        self.model.eval()
        with torch.no_grad():
            decoded = self.model(read[:, None].to(self.device), written[:, None].to(self.device))
        shape = len(written), len(read)
        weights = (
            np.zeros(shape)
            if decoded.attention is None
            else decoded.attention[:, 0].double().cpu().numpy()
        )
        return [*tokens, "<eos>"], [*translation, "<eos>"], weights

    def losses(
        self, sources: Sequence[str], targets: Sequence[str], *, forcing: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """-ln p of the targets' tokens, summed at each place, and how many tokens stand there.

        Args:
            sources, targets: the pairs.
            forcing: 1 feeds the targets in; 0 has the network read what it wrote itself.

        Returns:
            (T,) sums and (T,) numbers of tokens, ends included, T those of the longest target.
        """
        read = [self.sides.source.encode(self.read(text)) for text in sources]
        written = [self.sides.target.encode(self.sides.target.tokens(text)) for text in targets]
        sums = np.zeros(max(map(len, written)))
        counts = np.zeros(len(sums))
        self.model.eval()
        batches = pair_batches(read, written, _ROWS, seed=0, learn=False)
        with torch.no_grad():
            for index in range(len(batches)):
                batch = {n: v.to(self.device) for n, v in batches.batch(0, index).items()}
                lengths, valid = valid_steps(batch)
                target = batch["target"]
                decoded = self.model(
                    batch["source"], target, lengths=lengths, teacher_forcing=forcing
                )
                each = F.cross_entropy(decoded.output.mT, target, reduction="none")
                each = each.double().masked_fill(~valid, 0.0)
                sums[: len(each)] += each.sum(1).cpu().numpy()
                counts[: len(each)] += valid.sum(1).cpu().numpy()
        return sums, counts

    def to_dict(self) -> dict[str, Any]:
        """The sides, as plain JSON values."""
        return self.sides.to_dict()

    def _alike(self, read: list[list[str]]) -> Iterator[tuple[list[int], int]]:
        """Rows whose translations have the same greatest length, some at a time, and that length."""
        groups: dict[int, list[int]] = {}
        for row in sorted(range(len(read)), key=lambda row: len(read[row])):
            if read[row]:
                longest = self.sides.longest(len(read[row]), self.config.max_tokens)
                groups.setdefault(ceil(longest / _LENGTHS) * _LENGTHS, []).append(row)
        for limit, rows in groups.items():
            for start in range(0, len(rows), _ROWS):
                yield rows[start : start + _ROWS], limit

    def _search(self, beams: int, n_best: int, limit: int) -> BeamSearch:
        vocabulary = self.sides.target.vocabulary
        assert vocabulary.eos is not None
        assert vocabulary.unk is not None
        return BeamSearch(
            beams=beams,
            n_best=n_best,
            max_length=limit,
            min_length=1,
            eos=vocabulary.eos,
            normalise=self.config.length_penalty,
            banned=(vocabulary.unk,),
        )

    def _searched(self, search: BeamSearch, numbers: list[Tensor]) -> list[list[Hypothesis]]:
        lengths = torch.tensor([len(one) for one in numbers], device=self.device)
        padded = torch.nn.utils.rnn.pad_sequence(numbers).to(self.device)
        with torch.no_grad():
            encoded = self.model.encode(padded, lengths)
        state = {"decoder": encoded.state, "encoded": Shared(replace(encoded, state={}))}

        def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, after, _ = self.model.step(tokens, state["decoder"], state["encoded"].value)
            return logits, {**state, "decoder": after}

        start = torch.full((len(numbers),), search.eos, device=self.device)
        return search(step, state, start)

    def _translation(self, found: Hypothesis) -> Translation:
        target = self.sides.target
        tokens = target.vocabulary.decode(found.tokens)
        return Translation(target.tokenizer.join(tokens), tokens, found.score, found.ended)


def load_predictor(folder: RunFolder, *, cell: str | Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: of a translator, finished.
        cell: the class of a cell that has no program there, or "module:Class".

    Raises:
        RunFolderError: a damaged file, or a cell without a program.
    """
    config = TranslateConfig.model_validate(folder.config)
    sides = Sides.from_dict(folder.load_json("preprocessing.json"))
    model = build(config, sides, maker_of(folder, config, cell))
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    return Predictor(config, sides, model)
