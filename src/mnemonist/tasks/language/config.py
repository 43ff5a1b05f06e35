"""Everything that can be chosen about a language model, in one typed configuration."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnemonist.tasks.common.config import CONFIG_FORMAT, NetworkConfig
from mnemonist.training.config import TrainingConfig

__all__ = ["LanguageConfig", "TextConfig"]

_TRAINING = TrainingConfig(
    epochs=40,
    batch_size=32,
    learning_rate=3e-3,
    schedule="cosine",
    final_fraction=0.02,
    clip_norm=1.0,
    patience=3,
)


class TextConfig(BaseModel):
    """Which tokens a text is made of, and how it is parted.

    Attributes:
        tokens: "characters"; "words" (Unicode words and punctuation, Chinese cut by rjieba);
            "spaces", where white space already stands between tokens; "subwords", learnt by
            sentencepiece from the training part.
        lowercase: whether tokens are in lower case.
        normal_form: a Unicode normal form to bring the text into first.
        vocabulary_size: the most tokens, the rarest are unknown (<unk>); all that are frequent
            enough for characters, 30,000 for words, 8,000 subwords by default.
        min_count: rarer tokens are unknown; by default 2, so that training shows what an
            unknown token looks like.
        blank: lines without text: kept, skipped, or the borders of documents.
        encoding: of the file; detected by default.
        max_line: the longest line, in characters.
        valid: share of the lines, or number of them, for early stopping.
        test: share, or number of lines, at the end for the results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: Literal["characters", "words", "spaces", "subwords"] = "characters"
    lowercase: bool = False
    normal_form: Literal["NFC", "NFKC"] | None = None
    vocabulary_size: int | None = Field(default=None, ge=4)
    min_count: int = Field(default=2, ge=1)
    blank: Literal["keep", "skip", "split"] = "keep"
    encoding: str | None = None
    max_line: int = Field(default=1_000_000, ge=1)
    valid: float | int = Field(default=0.05, gt=0)
    test: float | int = Field(default=0.1, gt=0)


class LanguageConfig(NetworkConfig):
    """What a language model is and how it is trained; None stands for "chosen from the data".

    The network's layers are those of `NetworkConfig`; its `dropout` stands between layers.

    >>> LanguageConfig(mode="sentences").text.tokens
    'characters'

    Attributes:
        format: the version of this configuration's layout.
        job: always "language".
        text: which tokens, and how they are parted (`TextConfig`).
        mode: "streams": the text is one long sequence, its state carried on from piece to
            piece and line to line (truncated BPTT). "sentences": every line starts from a zero
            state and a zero input, and ends at <eos>.
        steps: tokens of a piece of a stream, through which gradients flow; by default 100, 50
            where training has less than a million tokens.
        fresh: probability that a stream's state is set back before a piece, in training. Without,
            a network never sees a beginning again: its state wanders off over hundreds of
            thousands of steps, and it fails on a new text, which starts from zero.
        embedding_size: width of a token's vector; by default 64 for fewer than 1,000 types,
            else the hidden size up to 256.
        tie: whether the softmax has the embedding's weights (Inan et al. 2017); by default
            from 1,000 types on where the softmax is full.
        softmax: "full", or "adaptive" (Grave et al. 2017); by default adaptive above 5,000
            types.
        token_budget: the most tokens that training reads in all epochs together, to which the
            epochs are cut, to one at least; by default what a core reads in some ten
            minutes.
        embedding_dropout: of whole tokens (Gal & Ghahramani 2016).
        input_dropout: of embeddings, with one mask for all steps.
        output_dropout: of what the softmax reads, with one mask for all steps.
        activation_penalty: times the mean square of what the softmax reads (Merity et al.
            2017).
        temporal_penalty: times the mean square of its change from step to step (the same).
        order: of the Kneser-Ney baseline; by default 6 for characters and 5 for words.
        baseline_tokens: the most training tokens that baselines count, the latest; they hold
            their tables in memory.
        training: the loop (`TrainingConfig`).
    """

    format: Literal["mnemonist.config/1"] = CONFIG_FORMAT
    job: Literal["language"] = "language"
    text: TextConfig = TextConfig()
    mode: Literal["streams", "sentences"] = "streams"
    steps: int | None = Field(default=None, ge=1)
    hidden_size: int = Field(default=256, ge=1)
    fresh: float = Field(default=0.05, ge=0, le=1)
    embedding_size: int | None = Field(default=None, ge=1)
    tie: bool | None = None
    softmax: Literal["full", "adaptive"] | None = None
    token_budget: int | None = Field(default=None, ge=1)
    embedding_dropout: float = Field(default=0.0, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    output_dropout: float = Field(default=0.0, ge=0, lt=1)
    activation_penalty: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    temporal_penalty: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    order: int | None = Field(default=None, ge=1, le=9)
    baseline_tokens: int = Field(default=10_000_000, ge=1)
    training: TrainingConfig = _TRAINING

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.bidirectional:
            raise ValueError(
                "a language model says what comes next, which a bidirectional network has "
                "already read: set bidirectional=False"
            )
        if self.tie and self.softmax == "adaptive":
            raise ValueError("an adaptive softmax has weights of its own: set tie=False, or 'full'")
        return self
