"""A trained network with everything that turns texts into tagged sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.tags import Scheme, Sentence, TaggedSet, repair, to_words
from mnemonist.data.text import Tokenizer, tokenizer_from_dict
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import maker_of
from mnemonist.tasks.tag.config import TagConfig
from mnemonist.tasks.tag.encoding import Encoder, Tagset, pieces
from mnemonist.tasks.tag.model import TaggerModel, build
from mnemonist.training.buckets import BucketBatches

__all__ = ["Predictor", "batches", "load_predictor"]

_ROWS = 128


class Predictor:
    """Tokenizer, encoder, network and tags, applied in this order.

    Args:
        config: resolved.
        tokenizer: cuts texts.
        encoder: learnt on the training part.
        tagset: the tags.
        model: the network.
    """

    def __init__(
        self,
        config: TagConfig,
        tokenizer: Tokenizer,
        encoder: Encoder,
        tagset: Tagset,
        model: TaggerModel,
    ) -> None:
        self.config, self.tokenizer, self.encoder = config, tokenizer, encoder
        self.tagset, self.model = tagset, model

    @property
    def scheme(self) -> Scheme:
        """Of the tags of what `sentence` makes."""
        return "raw" if self.tagset.kind == "words" else self.tagset.scheme

    def sentence(self, text: str) -> Sentence:
        """A text cut into tokens, without white space, with empty tags."""
        cut = [
            (text[start:end], (start, end))
            for start, end in self.tokenizer.spans(text)
            if not text[start:end].isspace()
        ]
        tokens = tuple(token for token, _ in cut)
        offsets = tuple(span for _, span in cut)
        return Sentence(tokens, ("",) * len(tokens), text=text, offsets=offsets)

    def tag(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """The sentences with the network's tags; characters joined to words where it cuts."""
        found, _ = self.tags([one.tokens for one in sentences])
        return [self._tagged(one, tags) for one, tags in zip(sentences, found, strict=True)]

    def tags(self, sentences: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[np.ndarray]]:
        """The tags of n lists of tokens, and the probability of each tag."""
        cut = _cut(sentences, self.config.max_steps)
        names, scheme = self.tagset.tags, self.tagset.scheme
        tags: list[list[str]] = [[] for _ in sentences]
        sure: list[list[np.ndarray]] = [[np.zeros(0)] for _ in sentences]
        parts: list[Any] = [None] * len(cut)
        for batch, scores in self._scored([self.encoder.encode(tokens) for _, tokens in cut]):
            best, probability = (one.T.cpu().numpy() for one in self.model.best(batch, scores))
            rows, lengths = batch["row"].tolist(), batch["lengths"].tolist()
            for k, (row, length) in enumerate(zip(rows, lengths, strict=True)):
                parts[row] = best[k, :length], probability[k, :length]
        for (number, _), (best, probability) in zip(cut, parts, strict=True):
            tags[number] += repair([names[k] for k in best], scheme)
            sure[number].append(probability)
        return tags, [np.concatenate(one) for one in sure]

    def surprise(self, data: TaggedSet) -> np.ndarray:
        """(n,) -ln p(tags | tokens) of each sentence; NaN where it has a tag that is not known."""
        encoded, numbers, unknown = _encoded(data, self.encoder, self.tagset, self.config.max_steps)
        total = np.zeros(len(data))
        for batch, scores in self._scored(encoded):
            found = -self.model.log_likelihood(batch, scores).cpu().double().numpy()
            np.add.at(total, numbers[batch["row"].cpu().numpy()], found)
        total[unknown] = np.nan
        return total

    def _tagged(self, one: Sentence, tags: list[str]) -> Sentence:
        if self.tagset.kind != "words":
            return replace(one, tags=tuple(tags))
        words, kinds = to_words(one.tokens, tags, self.tagset.scheme)
        ends = np.cumsum([0, *map(len, words)]).tolist() if one.offsets else []
        spans = tuple((one.offsets[a][0], one.offsets[b - 1][1]) for a, b in pairwise(ends))
        return Sentence(
            tuple(words), tuple(kinds), one.file, one.line, text=one.text,
            offsets=spans,
        )  # fmt: skip

    def _scored(self, encoded: Sequence[dict[str, Tensor]]) -> Any:
        """Batches with the number of each row, and the network's scores."""
        if not encoded:
            return
        device = next(self.model.parameters()).device
        rows = BucketBatches(
            {name: [one[name] for one in encoded] for name in encoded[0]},
            _ROWS,
            labels={"row": torch.arange(len(encoded))},
            shuffle=False,
        )
        self.model.eval()
        with torch.no_grad():
            for index in range(len(rows)):
                batch = {name: value.to(device) for name, value in rows.batch(0, index).items()}
                yield batch, self.model(batch)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network, as plain JSON values."""
        return {
            "tokenizer": self.tokenizer.to_dict(),
            "encoder": self.encoder.to_dict(),
            "tagset": asdict(self.tagset),
        }


def batches(
    data: TaggedSet, encoder: Encoder, tagset: Tagset, config: TagConfig, *, learn: bool
) -> BucketBatches:
    """A part of the data as batches, without what has tags that training lacks."""
    encoded, _, _ = _encoded(data, encoder, tagset, config.max_steps)
    return BucketBatches(
        {name: [one[name] for one in encoded] for name in encoded[0]},
        config.training.batch_size if learn else _ROWS,
        seed=config.training.seed,
        shuffle=learn,
    )


def _encoded(
    data: TaggedSet, encoder: Encoder, tagset: Tagset, limit: int
) -> tuple[list[dict[str, Tensor]], np.ndarray, list[int]]:
    """The pieces of the sentences with "tags" (T,), and the number of each piece's sentence.

    Pieces with a tag that training lacks are left out, and the numbers of their sentences told;
    a span that was cut in two may have got such a tag.
    """
    encoded, numbers, unknown = [], [], []
    for number, one in enumerate(data):
        for start, end in pieces(one.tokens, limit):
            tags = repair(one.tags[start:end], tagset.scheme)
            if all(tag in tagset.numbers for tag in tags):
                part = encoder.encode(one.tokens[start:end])
                encoded.append({**part, "tags": tagset.encode(tags)})
                numbers.append(number)
            else:
                unknown.append(number)
    return encoded, np.array(numbers, dtype=np.int64), unknown


def _cut(sentences: Sequence[Sequence[str]], limit: int) -> list[tuple[int, Sequence[str]]]:
    return [
        (number, tokens[start:end])
        for number, tokens in enumerate(sentences)
        for start, end in pieces(tokens, limit)
    ]


def load_predictor(folder: RunFolder, *, cell: str | Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: of a tagger, finished.
        cell: the class of a cell that has no program there, or "module:Class".

    Raises:
        RunFolderError: a damaged file, or a cell without a program.
    """
    config = TagConfig.model_validate(folder.config)
    state = folder.load_json("preprocessing.json")
    encoder = Encoder.from_dict(state["encoder"])
    tagset = Tagset(**{**state["tagset"], "tags": tuple(state["tagset"]["tags"])})
    model = build(config, encoder, tagset, maker_of(folder, config, cell))
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    return Predictor(config, tokenizer_from_dict(state["tokenizer"]), encoder, tagset, model)
