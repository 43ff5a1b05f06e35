"""Everything that can be chosen about a classifier, in one typed configuration.

Every option of ``mnemonist train classify`` is a field here or in one of the two parts,
`LabelledConfig` and `TrainingConfig`; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mnemonist.data.labelled.config import LabelledConfig
from mnemonist.tasks.common.config import CONFIG_FORMAT, NetworkConfig
from mnemonist.training.config import TrainingConfig

__all__ = ["ClassifyConfig"]

_TRAINING = TrainingConfig(
    epochs=60,
    batch_size=32,
    learning_rate=5e-3,
    schedule="plateau",
    decay_epochs=2,
    patience=6,
)


class ClassifyConfig(NetworkConfig):
    """What a training of a classifier does; None stands for "chosen from the data".

    The network's layers are those of `NetworkConfig`.

    >>> ClassifyConfig(pooling="max").bidirectional
    True

    Attributes:
        format: the version of this configuration's layout.
        job: always "classify".
        data: which columns mean what, and the parts (`LabelledConfig`).
        test_file: a file of its own for the test part, in place of a share of the data.
        hidden_size: units of each layer and direction.
        bidirectional: whether sequences are read in both directions.
        dropout: between layers, and before the head; 0.5 for text unless it is given.
        tokens: how text is cut: "characters", "words" (Chinese ones by rjieba), "spaces" (cut
            already) or "subwords" (learnt); by default words where the texts have five or more
            between spaces, else characters.
        lowercase: whether text is read in lower case; by default where it is cut into words.
        vocabulary_size: most tokens that have a vector of their own.
        min_count: a token that is rarer in the training part is unknown; by default 2 for text
            and 1 for symbols.
        input: what a token becomes: "embedding", a learned vector, or "one_hot"; by default
            one-hot for symbols.
        embedding_size: width of a token's vector.
        pairs: whether vectors of each token together with the one before it are read beside
            (character bigrams); by default for text whose tokens are characters.
        pair_size: width of a pair's vector.
        pair_dropout: the probability of reading a pair as unknown, in training.
        scaling: of series, channel by channel, fitted on the training part: "standard" to mean
            0 and deviation 1, "minmax" to [-1, 1], or "none".
        max_steps: of a longer item only so many steps are read, half of them from its
            beginning and half from its end.
        pooling: one vector from all steps: "last" state of each direction, "mean" or "max" over
            time, or "attention" (Yang et al. 2016); by default attention for text, else max.
        token_dropout: the probability of reading a token as unknown, in training; of embeddings.
        embedding_dropout: dropout of the elements of embeddings.
        class_weights: "none", or "balanced": a rare class counts as much as a common one.
        training: the loop (`TrainingConfig`).
    """

    format: Literal["mnemonist.config/1"] = CONFIG_FORMAT
    job: Literal["classify"] = "classify"
    data: LabelledConfig = LabelledConfig()
    test_file: str | None = None
    hidden_size: int = Field(default=64, ge=1)
    bidirectional: bool = True
    dropout: float = Field(default=0.3, ge=0, lt=1)
    tokens: Literal["characters", "words", "spaces", "subwords"] | None = None
    lowercase: bool | None = None
    vocabulary_size: int = Field(default=20_000, ge=2)
    min_count: int | None = Field(default=None, ge=1)
    input: Literal["embedding", "one_hot"] | None = None
    embedding_size: int = Field(default=64, ge=1)
    pairs: bool | None = None
    pair_size: int = Field(default=32, ge=1)
    pair_dropout: float = Field(default=0.5, ge=0, lt=1)
    scaling: Literal["standard", "minmax", "none"] = "standard"
    max_steps: int = Field(default=400, ge=2)
    pooling: Literal["last", "mean", "max", "attention"] | None = None
    token_dropout: float = Field(default=0.2, ge=0, lt=1)
    embedding_dropout: float = Field(default=0.5, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    training: TrainingConfig = _TRAINING
