"""The networks of the jobs on sentences as one writes them by hand with torch.nn.

Each takes a batch to the mean loss of its items or tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

__all__ = ["Classifier", "Tagger", "Translator"]

Batch = dict[str, Tensor]
State = tuple[Tensor, Tensor]


class Reader(nn.Module):
    """An embedding and a bidirectional LSTM over packed sequences."""

    def __init__(self, types: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.table = nn.Embedding(types, embedding)
        self.layer = nn.LSTM(embedding, hidden, bidirectional=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, State, Tensor]:
        """(T, B, 2H) states, the last ones (2, B, H), and (T, B) which steps are no padding."""
        packed = pack_padded_sequence(self.table(tokens), lengths, enforce_sorted=False)
        output, last = self.layer(packed)
        states, _ = pad_packed_sequence(output, total_length=len(tokens))
        return states, last, torch.arange(len(tokens))[:, None] < lengths


class Classifier(nn.Module):
    """The maximum over the steps, and a linear map."""

    def __init__(self, types: int, embedding: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.read = Reader(types, embedding, hidden)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, batch: Batch) -> Tensor:
        states, _, valid = self.read(batch["steps"], batch["lengths"])
        pooled = states.masked_fill(~valid[..., None], float("-inf")).amax(0)
        return F.cross_entropy(self.head(pooled), batch["labels"])


class Tagger(nn.Module):
    """A linear map of every step."""

    def __init__(self, types: int, embedding: int, tags: int, hidden: int) -> None:
        super().__init__()
        self.read = Reader(types, embedding, hidden)
        self.head = nn.Linear(2 * hidden, tags)

    def forward(self, batch: Batch) -> Tensor:
        states, _, valid = self.read(batch["tokens"], batch["lengths"])
        return F.cross_entropy(self.head(states)[valid], batch["tags"][valid])


class Translator(nn.Module):
    """A decoder with additive attention after its step, which may read what was found."""

    def __init__(self, types: int, embedding: int, feeding: bool, hidden: int) -> None:
        super().__init__()
        self.read, self.feeding = Reader(types, embedding, hidden), feeding
        self.table = nn.Embedding(types, embedding)
        width = embedding + hidden * feeding
        self.decoder = nn.LSTMCell(width, hidden) if feeding else nn.LSTM(width, hidden)
        self.start = nn.Linear(2 * hidden, hidden)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.combine = nn.Linear(3 * hidden, hidden)
        self.head = nn.Linear(hidden, types)

    def forward(self, batch: Batch) -> Tensor:
        memory, (h, c), valid = self.read(batch["source"], batch["source_lengths"])
        keys, target = self.key(memory), batch["target"]
        h, c = torch.tanh(self.start(torch.cat([*h], -1))), c.mean(0)
        read = self.table(torch.cat([torch.ones_like(target[:1]), target[:-1]]))
        if self.feeding:
            features, found = [], torch.zeros_like(h)
            for now in read:
                h, c = self.decoder(torch.cat([now, found], -1), (h, c))
                found = self.look(h[None], memory, keys, valid)[0]
                features.append(found)
            written = torch.stack(features)
        else:
            emitted, _ = self.decoder(read, (h[None], c[None]))
            written = self.look(emitted, memory, keys, valid)
        there = torch.arange(len(target))[:, None] < batch["target_lengths"]
        return F.cross_entropy(self.head(written)[there], target[there])

    def look(self, states: Tensor, memory: Tensor, keys: Tensor, valid: Tensor) -> Tensor:
        """(T, B, H) what attention makes of states (T, B, H)."""
        scores = self.score(torch.tanh(self.query(states)[:, None] + keys))[..., 0]
        weights = scores.masked_fill(~valid, float("-inf")).softmax(1)
        context = torch.einsum("tsb,sbm->tbm", weights, memory)
        return torch.tanh(self.combine(torch.cat([context, states], -1)))
