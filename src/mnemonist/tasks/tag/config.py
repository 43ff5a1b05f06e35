"""Everything that can be chosen about a tagger, in one typed configuration.

Every option of ``mnemonist train tag`` is a field here or in one of the two parts, `TagsConfig`
and `TrainingConfig`; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mnemonist.data.tags.config import TagsConfig
from mnemonist.tasks.common.config import CONFIG_FORMAT, NetworkConfig
from mnemonist.training.config import TrainingConfig

__all__ = ["TagConfig"]

_TRAINING = TrainingConfig(
    epochs=30, batch_size=32, learning_rate=4e-3, schedule="one_cycle", clip_norm=5.0
)


class TagConfig(NetworkConfig):
    """What a training of a tagger does; None stands for "chosen from the data".

    The network's layers are those of `NetworkConfig`.

    >>> TagConfig().bidirectional
    True

    Attributes:
        format: the version of this configuration's layout.
        job: always "tag".
        data: how the file is read, and the parts (`TagsConfig`).
        test_file: a file of its own for the test part, in place of the end of the data.
        hidden_size: units of each layer and direction.
        bidirectional: whether sentences are read in both directions.
        crf: whether the tags of a sentence are scored together (a conditional random field) and
            not each on its own; by default where they mark spans or words.
        lowercase: whether tokens are looked up in lower case (their spelling is read as it is);
            by default where tokens are words.
        vocabulary_size: most tokens that have a vector of their own.
        min_count: a token that is rarer in the training part is unknown.
        embedding_size: width of a token's vector.
        pairs: whether vectors of neighbouring tokens taken together are read beside (character
            bigrams); by default where tokens are characters.
        pair_size: width of a pair's vector.
        spelling: whether a bidirectional layer reads the characters of each token; by default
            where tokens are words.
        spelling_size: units of that layer, in each direction.
        max_steps: longer sentences are read in pieces, cut behind marks that end sentences.
        token_dropout: the probability of reading a token as unknown, in training.
        embedding_dropout: dropout of all vectors that are read.
        token_budget: how many tokens training reads at most, over all epochs; large data have
            fewer epochs (never fewer than 3).
        training: the loop (`TrainingConfig`).
    """

    format: Literal["mnemonist.config/1"] = CONFIG_FORMAT
    job: Literal["tag"] = "tag"
    data: TagsConfig = TagsConfig()
    test_file: str | None = None
    hidden_size: int = Field(default=128, ge=1)
    bidirectional: bool = True
    dropout: float = Field(default=0.3, ge=0, lt=1)
    crf: bool | None = None
    lowercase: bool | None = None
    vocabulary_size: int = Field(default=50_000, ge=2)
    min_count: int = Field(default=2, ge=1)
    embedding_size: int = Field(default=64, ge=1)
    pairs: bool | None = None
    pair_size: int = Field(default=32, ge=1)
    spelling: bool | None = None
    spelling_size: int = Field(default=32, ge=1)
    max_steps: int = Field(default=120, ge=2)
    token_dropout: float = Field(default=0.02, ge=0, lt=1)
    embedding_dropout: float = Field(default=0.2, ge=0, lt=1)
    token_budget: int = Field(default=8_000_000, ge=1)
    training: TrainingConfig = _TRAINING
