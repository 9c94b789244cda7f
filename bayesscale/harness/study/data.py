"""Sections of a study about text: corpora, artificial languages, cleaning, the tokenizer and the tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from bayesscale.harness.study.values import Distinct, Name, Section, Size, SizeOrFull

PARTS = ("train", "dev", "test")
Format = Literal["auto", "text", "jsonl", "parquet"]
WordOrder = Literal["svo", "sov", "vso", "vos", "ovs", "osv"]


class CorpusConfig(Section):
    """Monolingual text of one language, each line (or row) a document.

    Files are read in this order; relative to the study file; plain or .gz, .bz2, .xz, .zst. Format 'auto'
    goes by the suffix: .jsonl and .parquet, anything else is text. `field` is that of JSON lines, or the
    column of Parquet. At most so many documents are read.
    """

    files: tuple[str, ...] = Field(min_length=1)
    format: Format = "auto"
    field: str = "text"
    documents: Size | None = None


class LanguageConfig(Section):
    """One artificial language.

    `relatedness` is the share of its stems that it has in common with `like`, by default the first language;
    the others are its own, in letters of `script`. Another script shares no piece of a word. `false_friends`
    is the share of the nouns, verbs and adjectives in common that mean something else in this language.
    `order` is that of subject, verb and object.
    """

    relatedness: float = Field(default=0.0, ge=0, le=1)
    like: str | None = None
    false_friends: float = Field(default=0.0, ge=0, le=1)
    script: Literal["latin", "greek", "cyrillic"] = "latin"
    order: WordOrder = "svo"
    adjective: Literal["before", "after"] = "before"


class ArtificialConfig(Section):
    """Languages that are made up, so that their relatedness is known, which begins at the first.

    Topics of documents are the domains of the pairs too. `words` are those of pretraining text in each
    language, by default what the largest checkpoint needs; `train`, `dev` and `test` are pairs of each task.
    The same seed gives the same languages and text.
    """

    languages: dict[Name, LanguageConfig] = Field(min_length=1)
    stems: int = Field(default=240, ge=40)
    topics: PositiveInt = 6
    words: Size | None = None
    train: PositiveInt = 2000
    dev: PositiveInt = 100
    test: PositiveInt = 200
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _known_relatives(self) -> ArtificialConfig:
        earlier: list[str] = []
        for name, language in self.languages.items():
            if language.like is not None and language.like not in earlier:
                raise ValueError(
                    f"like names a language that comes before; {name} is like {language.like!r}; "
                    f"before it: {', '.join(earlier) or 'none'}"
                )
            earlier.append(name)
        return self


class CleaningConfig(Section):
    """What is done to text before it becomes tokens; Unicode NFC and single spaces always.

    Deduplication drops documents and training pairs that occurred before. Decontamination drops what is in a
    dev or test set: training pairs with such a source or target; documents that hold a sentence of at least
    `words` words, or a run of `run` words of one.
    """

    deduplicate: bool = True
    decontaminate: bool = True
    words: PositiveInt = 4
    run: PositiveInt = 9

    @model_validator(mode="after")
    def _run_is_longer(self) -> CleaningConfig:
        if self.run < self.words:
            raise ValueError(f"run is at least words; received {self.run} and {self.words}")
        return self


class TokenizerConfig(Section):
    """The SentencePiece tokenizer: trained on all languages alike, or a file.

    100 sentinels come on top of the `vocab_size` pieces of one that is trained, as in T5. A model in `path`
    has pad 0, eos 1 and unk 2, such as that of T5 or mT5. `megabytes` are those of each language that it is
    trained on. `character_coverage` is the share of the characters that have a piece of their own; with
    `byte_fallback` others are spelled in bytes instead of becoming unknown.
    """

    vocab_size: Size | None = None
    path: str | None = None
    megabytes: float = Field(default=4.0, gt=0)
    character_coverage: float = Field(default=0.9995, gt=0.9, le=1)
    byte_fallback: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> TokenizerConfig:
        if (self.vocab_size is None) == (self.path is None):
            raise ValueError("a tokenizer has either vocab_size or path; give exactly one of them")
        return self


class TaskConfig(Section):
    """A translation task, with its name in the metrics table.

    `train`, `dev` and `test` are a Moses pair (source file, target file) or one TSV file (source, target,
    domain if there is one). Artificial languages need none. `domains` are files with one label for each line.
    `sizes` are D_f of this task; those of the section finetuning if not given.
    """

    name: Name
    source: Name
    target: Name
    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    domains: dict[Literal["train", "dev", "test"], str] = Field(default_factory=dict)
    sizes: Distinct[SizeOrFull] | None = None

    @field_validator("train", "dev", "test", mode="before")
    @classmethod
    def _one_file(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("train", "dev", "test")
    @classmethod
    def _pair_or_table(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 2:
            raise ValueError(
                f"parallel text is two files (source, target) or one TSV file; received {len(value)}: "
                f"{', '.join(value)}"
            )
        return value

    @model_validator(mode="after")
    def _two_languages(self) -> TaskConfig:
        if self.source == self.target:
            raise ValueError(f"source and target differ; received {self.source!r} twice")
        return self
