"""Everything that can be chosen about a translator, in one typed configuration.

Every option of ``mnemonist train translate`` is a field here or in one of the two parts,
`ParallelConfig` and `TrainingConfig`; a TOML file has the same fields under the same names.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mnemonist.data.parallel.config import ParallelConfig
from mnemonist.tasks.common.config import CONFIG_FORMAT, NetworkConfig
from mnemonist.training.config import TeacherForcing, TrainingConfig

__all__ = ["Measure", "TranslateConfig"]

Kind = Literal["characters", "words", "spaces", "subwords"]
Measure = Literal["BLEU", "chrF2", "exact"]

_TRAINING = TrainingConfig(
    epochs=40,
    batch_size=64,
    learning_rate=2e-3,
    schedule="plateau",
    decay_epochs=2,
    patience=5,
    min_delta=1e-3,
    teacher_forcing=TeacherForcing(validation=1.0),
)


class TranslateConfig(NetworkConfig):
    """What a training of a translator does; None stands for "chosen from the data".

    The network's layers are those of `NetworkConfig`, in the encoder and in the decoder; the
    encoder alone may be bidirectional.

    >>> TranslateConfig(target_tokens="characters").attention
    'additive'

    Attributes:
        format: the version of this configuration's layout.
        job: always "translate".
        data: where the two sides stand (`ParallelConfig`).
        test_file: a file of its own for the test part, in place of a share of the data; its
            target_file is test_target_file.
        test_target_file: the targets of test_file, where they have a file of their own.
        valid: the share of the pairs for early stopping.
        test: the share of the pairs for the results.
        split_seed: of the draw of the parts; same seed, same parts.
        share: how much of the training part is used, for a learning curve.
        hidden_size: units of each layer and direction.
        bidirectional: whether the encoder reads in both directions.
        dropout: of embeddings, between layers, and of what the output is made of; unless
            given, 0.4 where there are fewer than 5,000 pairs of sentences.
        source_tokens: how sources are cut: "characters", "words" (Chinese ones by rjieba),
            "spaces" (cut already) or "subwords" (learnt); by default words where the texts
            have four or more between spaces, else characters.
        target_tokens: the same of targets.
        lowercase: which sides are read and written in lower case: "none", "source" or "both";
            by default the source where it is cut into words.
        vocabulary_size: most tokens of each side.
        min_count: a token that is rarer in the training part is unknown; by default 2 for
            words and 1 for others.
        max_tokens: training pairs with more tokens on a side are left out, and of longer
            sources only so many are read.
        embedding_size: width of a token's vector.
        attention: how the decoder looks at the source: "additive" (Bahdanau et al. 2015),
            "dot", "general" (Luong et al. 2015), "scaled" or "none".
        attend: "after" the decoder's step, or "before" it; unless given, before where there are
            fewer than 5,000 pairs of sentences.
        input_feeding: whether the decoder reads what attention found at the step before (Luong
            et al. 2015); by default where it attends after the step.
        label_smoothing: the share of the target's probability that is spread over all tokens
            in training (Szegedy et al. 2016); unless given, 0.1 where there are fewer
            than 5,000 pairs of sentences.
        beam: hypotheses that the search keeps; 1 takes the likeliest token each time.
        length_penalty: what a hypothesis' log-probability is divided by: "mean" (its length),
            "gnmt" (Wu et al. 2016) or "none".
        language: of the targets, as in zh or en, which decides how BLEU cuts words; by default
            told by their script.
        measure: what decides: "BLEU", "chrF2" or "exact"; by default exact where targets are
            characters of a script with spaces (dates, codes) or shorter than four tokens, else
            BLEU.
        training: the loop (`TrainingConfig`).
    """

    format: Literal["mnemonist.config/1"] = CONFIG_FORMAT
    job: Literal["translate"] = "translate"
    data: ParallelConfig = ParallelConfig()
    test_file: str | None = None
    test_target_file: str | None = None
    valid: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    split_seed: int = Field(default=0, ge=0)
    share: float = Field(default=1.0, gt=0, le=1)
    hidden_size: int = Field(default=128, ge=1)
    bidirectional: bool = True
    dropout: float = Field(default=0.2, ge=0, lt=1)
    source_tokens: Kind | None = None
    target_tokens: Kind | None = None
    lowercase: Literal["none", "source", "both"] | None = None
    vocabulary_size: int = Field(default=20_000, ge=3)
    min_count: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=200, ge=2)
    embedding_size: int = Field(default=64, ge=1)
    attention: Literal["additive", "dot", "general", "scaled", "none"] = "additive"
    attend: Literal["after", "before"] = "after"
    input_feeding: bool | None = None
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    beam: int = Field(default=5, ge=1)
    length_penalty: Literal["mean", "gnmt", "none"] = "mean"
    language: str | None = None
    measure: Measure | None = None
    training: TrainingConfig = _TRAINING

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.attention == "none" and (self.input_feeding or self.attend == "before"):
            raise ValueError("input_feeding and attend='before' need an attention")
        if self.attend == "before" and self.input_feeding:
            raise ValueError("attend='before' shows the decoder the context: no input_feeding")
        if self.test_target_file is not None and self.test_file is None:
            raise ValueError("test_target_file needs test_file, the sources")
        if self.training.bptt is not None:
            raise ValueError("bptt is for long streams; sentences are learnt whole")
        return self

    @property
    def feeds_input(self) -> bool:
        """Whether the decoder reads what attention found at the step before."""
        usual = self.attention != "none" and self.attend == "after"
        return usual if self.input_feeding is None else self.input_feeding
