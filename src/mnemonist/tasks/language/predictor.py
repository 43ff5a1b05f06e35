"""A trained language model, ready to use: surprisal of texts, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mnemonist.data.text import (
    EOS,
    LineEncoder,
    Spelling,
    Tokenizer,
    Vocabulary,
    tokenizer_from_dict,
)
from mnemonist.decoding.sampling import Sampler, sample
from mnemonist.errors import ConfigError
from mnemonist.nn import Streaming
from mnemonist.runs.folder import RunFolder
from mnemonist.tasks.common.programs import Maker
from mnemonist.tasks.common.saved import maker_of
from mnemonist.tasks.language.config import LanguageConfig
from mnemonist.tasks.language.model import LanguageNetwork, build

__all__ = ["Predictor", "Scored", "load_predictor"]

_ROWS = 16  # pieces of a long stream that are measured side by side
_PIECE = 5_000  # and the least tokens of one
_WARM_UP = 256  # tokens that are read before each of them
_CHUNK = 200  # steps at a time
_AT_ONCE = 1 << 24  # logits in memory


@dataclass(frozen=True)
class Scored:
    """A sentence and how surprising each of its tokens is.

    Args:
        text: as it was given.
        tokens: with "<eos>" last.
        surprisal: (tokens,) in bits, -log2 p of each given those before it; that of an unknown
            token is of "<unk>" and of its spelling (`Spelling`).
        unknown: how many tokens are "<unk>".
    """

    text: str
    tokens: list[str]
    surprisal: np.ndarray
    unknown: int

    @property
    def bits(self) -> float:
        """Of the whole sentence, its end included."""
        return float(self.surprisal.sum())

    @property
    def perplexity(self) -> float:
        """2 to the mean surprisal of a token."""
        return float(2 ** self.surprisal.mean())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "text": self.text,
            "bits": self.bits,
            "bits_per_token": self.bits / len(self.tokens),
            "perplexity": self.perplexity,
            "unknown": self.unknown,
            "tokens": [
                {"token": token, "bits": float(bits)}
                for token, bits in zip(self.tokens, self.surprisal, strict=True)
            ],
        }


class Predictor:
    """Tokenizer, vocabulary and network.

    Args:
        config: resolved.
        model: the network.
        tokenizer, vocabulary: what makes the tokens' numbers.
    """

    def __init__(
        self,
        config: LanguageConfig,
        model: LanguageNetwork,
        tokenizer: Tokenizer,
        vocabulary: Vocabulary,
    ) -> None:
        self.config, self.model = config, model
        self.tokenizer, self.vocabulary = tokenizer, vocabulary

    @property
    def eos(self) -> int:
        """The number of "<eos>", which stands for a line break in streams."""
        assert self.vocabulary.eos is not None
        return self.vocabulary.eos

    @property
    def start(self) -> int:
        """What is read before the first token of a sentence: nothing, or a line break."""
        return len(self.vocabulary) if self.config.mode == "sentences" else self.eos

    @cached_property
    def encoder(self) -> LineEncoder:
        return LineEncoder(self.tokenizer, self.vocabulary)

    @cached_property
    def spelling(self) -> Spelling:
        """Of the tokens that the vocabulary lacks."""
        return Spelling(self.vocabulary)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The numbers of each text's tokens, its "<eos>" included."""
        numbers, lengths = self.encoder.encode(texts)
        return np.split(numbers, np.cumsum(lengths)[:-1]) if len(lengths) else []

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """The surprisal of every token of texts, each read on its own from the zero state."""
        sentences = self.encode(texts)
        found = self.surprisals(sentences)
        return [
            self._scored(text, ids, nats / np.log(2))
            for text, ids, nats in zip(texts, sentences, found, strict=True)
        ]

    def _scored(self, text: str, ids: np.ndarray, bits: np.ndarray) -> Scored:
        unknown = np.flatnonzero(ids == self.vocabulary.unk)
        if len(unknown):  # else a text of unknown words would be likelier than one of known words
            words = self.tokenizer.tokenize(text)
            bits[unknown] += [self.spelling.bits(words[place]) for place in unknown]
        return Scored(text, self.vocabulary.decode(ids), bits, len(unknown))

    @torch.no_grad()
    def surprisals(self, sentences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """-ln p of every token of sentences, each from the zero state.

        Args:
            sentences: ids, with "<eos>".

        Returns:
            For each (tokens,) in nats.
        """
        self.model.eval()
        found: list[np.ndarray] = [np.empty(0)] * len(sentences)
        for rows in _alike(sentences):
            lengths = torch.tensor([len(sentences[row]) for row in rows])
            tokens = np.zeros((int(lengths.max()) + 1, len(rows)), dtype=np.int64)
            tokens[0] = self.start
            for column, row in enumerate(rows):
                tokens[1 : len(sentences[row]) + 1, column] = sentences[row]
            nats = self._read(torch.from_numpy(tokens), None, lengths)[0]
            for column, row in enumerate(rows):
                found[row] = nats[: len(sentences[row]), column]
        return found

    @torch.no_grad()
    def stream(self, ids: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """-ln p of every token of a long text, the state carried on.

        A text of 10,000 tokens or more is cut into up to 16 pieces that run side by side; each
        reads the 256 tokens before it first, so that no token is met without its context.

        Args:
            ids: (N,).
            before: tokens that stand before them; a line break if not given.

        Returns:
            (N,) in nats.
        """
        self.model.eval()
        if not len(ids):
            return np.empty(0)
        before = np.array([self.eos]) if before is None or not len(before) else before
        rows = max(1, min(_ROWS, len(ids) // _PIECE))
        length = -(-len(ids) // rows)
        state = self._after(before[-_WARM_UP - 1 : -1][:, None])
        first = np.append(before[-1:], ids[length - 1 : -1 : length])[:rows]
        if rows > 1:
            starts = length * np.arange(1, rows)
            warm = np.stack([ids[at - _WARM_UP - 1 : at - 1] for at in starts], 1)
            others = self._after(warm)
            state = {name: torch.cat([state[name], others[name]], 1) for name in state}
        found = np.empty((length, rows))
        for start in range(0, length, _CHUNK):
            size = min(_CHUNK, length - start)
            place = start + np.arange(size)[:, None] + length * np.arange(rows)
            after = ids[np.minimum(place, len(ids) - 1)].astype(np.int64)
            tokens = torch.from_numpy(np.concatenate([first[None], after]).astype(np.int64))
            found[start : start + size], state = self._read(tokens, state)
            first = after[-1]
        return found.T.reshape(-1)[: len(ids)]

    def _after(self, tokens: np.ndarray) -> dict[str, Tensor]:
        """The state after (T, B) tokens; the first state where T is 0."""
        if not len(tokens):
            return dict(self.model.recurrent.initial_state(tokens.shape[1]))
        read = torch.from_numpy(tokens.astype(np.int64)).to(self._device)
        return self.model(read)[1]

    def _read(
        self, tokens: Tensor, state: dict[str, Tensor] | None, lengths: Tensor | None = None
    ) -> tuple[np.ndarray, dict[str, Tensor]]:
        """-ln p of tokens[1:], each given those before it, (T - 1, B); and the state."""
        tokens = tokens.to(self._device)
        hidden, after = self.model(tokens[:-1], state, lengths)
        flat, wanted = hidden.flatten(0, 1), tokens[1:].flatten()
        size = max(1, _AT_ONCE // len(self.vocabulary))
        parts = [
            self.model.softmax.surprisal(flat[at : at + size], wanted[at : at + size])
            for at in range(0, len(flat), size)
        ]
        return torch.cat(parts).view(tokens[1:].shape).double().cpu().numpy(), after

    @property
    def _device(self) -> torch.device:
        return self.model.embedding.weight.device

    def sample(
        self,
        prompt: str = "",
        *,
        sampler: Sampler | None = None,
        seed: int = 0,
        length: int = 500,
        lines: int | None = None,
    ) -> Iterator[int]:
        """Let the model go on from a prompt; tokens come as they are drawn.

        Args:
            prompt: read first, from the zero state. Its own tokens are not given again.
            sampler: how tokens are drawn; from the model's distribution without <unk> when None.
            seed: same seed, same tokens.
            length: the most tokens that are drawn.
            lines: stop after so many "<eos>"; None stops at the first one where lines are read
                on their own ("sentences"), and at `length` only in streams.

        Returns:
            An iterator over ids, "<eos>" among them.

        Raises:
            ConfigError: lines below 1.
        """
        if lines is not None and lines < 1:
            raise ConfigError(f"lines={lines}: at least 1, or none")
        self.model.eval()
        unk = self.vocabulary.unk
        sampler = sampler or Sampler(banned=() if unk is None else (unk,))
        alone = self.config.mode == "sentences"
        wanted = lines or (1 if alone else None)
        return self._sampled(prompt, sampler, seed, length, wanted)

    def _sampled(
        self, prompt: str, sampler: Sampler, seed: int, length: int, lines: int | None
    ) -> Iterator[int]:
        stream = Streaming(self.model.recurrent)
        generator = torch.Generator().manual_seed(seed)
        alone, ends = self.config.mode == "sentences", 0
        known = self.encode(prompt.split("\n"))[-1 if alone else 0 :]
        read = np.concatenate([[self.start], *known])[:-1]  # the last line goes on

        def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
            hidden = stream.step(self.model.embedding(tokens))
            return self.model.softmax(hidden), state

        while length > 0:
            tokens = torch.from_numpy(read.astype(np.int64))[:, None]
            drawn = sample(
                step,
                None,
                tokens,
                max_length=length,
                eos=self.eos if alone else None,
                sampler=sampler,
                generator=generator,
            )
            for token in map(int, drawn):
                yield token
                length -= 1
                ends += token == self.eos
                if ends == lines:
                    return
            read = np.array([self.start])  # the next sentence knows nothing of this one
            stream.reset()

    def text(self, ids: Iterable[int], after: str = "") -> str:
        """Tokens as text that goes on from `after`, "<eos>" as line breaks."""
        return "".join(self.pieces(ids, after))

    def pieces(self, ids: Iterable[int], after: str = "") -> Iterator[str]:
        """As `text`, but each token's text as soon as the token is there.

        Args:
            ids: tokens, drawn one after the other for instance.
            after: the text before them, whose last line goes on.
        """
        begun = after.rpartition("\n")[2]
        line = self.tokenizer.tokenize(begun)
        shown = len(self.tokenizer.join(line))
        if line and begun[-1].isspace() and not self.tokenizer.join(line)[-1].isspace():
            shown += 1  # words: the space before the next one is there already
        for number in ids:
            (token,) = self.vocabulary.decode([number])
            if token == EOS:
                line, shown = [], 0
                yield "\n"
                continue
            line.append(token)
            text = self.tokenizer.join(line)
            yield text[shown:]
            shown = len(text)

    def to_dict(self) -> dict[str, Any]:
        """Tokenizer and vocabulary as plain JSON values."""
        return {"tokenizer": self.tokenizer.to_dict(), "vocabulary": self.vocabulary.to_dict()}


def _alike(sentences: Sequence[np.ndarray], tokens: int = 16_384) -> Iterator[list[int]]:
    """Sentences of like length together, at most so many tokens with their padding."""
    order = sorted(range(len(sentences)), key=lambda row: len(sentences[row]))
    batch: list[int] = []
    for row in order:
        if batch and len(sentences[row]) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def load_predictor(folder: RunFolder, *, cell: str | Maker | None = None) -> Predictor:
    """The trained network of a run folder; runs no code but this library's.

    Args:
        folder: of a language model, finished.
        cell: the class of a cell that has no program there, or "module:Class".

    Raises:
        RunFolderError: a damaged file, or a cell without a program.
    """
    config = LanguageConfig.model_validate(folder.config)
    state = folder.load_json("preprocessing.json")
    vocabulary = Vocabulary.from_dict(state["vocabulary"])
    model = build(config, len(vocabulary), maker_of(folder, config, cell))
    model.load_state_dict(folder.load_model()[0])
    model.eval()
    return Predictor(config, model, tokenizer_from_dict(state["tokenizer"]), vocabulary)
