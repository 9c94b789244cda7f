"""Sections of a study about text: corpora, artificial languages, cleaning, the tokenizer and the tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from bayesscale.harness.study.values import Name, Section, Size, SizeOrFull

Format = Literal["auto", "text", "jsonl", "parquet"]
WordOrder = Literal["svo", "sov", "vso", "vos", "ovs", "osv"]


class CorpusConfig(Section):
    """Monolingual text of one language, each line (or row) a document.

    Parameters
    ----------
    files : tuple of str
        Read in this order; relative to the study file; plain or .gz, .bz2, .xz, .zst.
    format : str
        'auto' goes by the suffix: .jsonl and .parquet, anything else is text.
    field : str
        Field of JSON lines, column of Parquet.
    documents : int, optional
        At most so many documents are read.
    """

    files: tuple[str, ...] = Field(min_length=1)
    format: Format = "auto"
    field: str = "text"
    documents: Size | None = None


class LanguageConfig(Section):
    """One artificial language.

    Parameters
    ----------
    relatedness : float
        Share of its stems that it has in common with the language `like`; the others are its own.
    like : str, optional
        The language it is related to; the first one if not given.
    false_friends : float
        Share of the nouns, verbs and adjectives in common that mean something else in this language.
    script : str
        Letters of its own stems: 'latin', 'greek' or 'cyrillic'. Another script shares no piece of a word.
    order : str
        Order of subject, verb and object.
    adjective : 'before' or 'after'
        Where adjectives stand.
    """

    relatedness: float = Field(default=0.0, ge=0, le=1)
    like: str | None = None
    false_friends: float = Field(default=0.0, ge=0, le=1)
    script: Literal["latin", "greek", "cyrillic"] = "latin"
    order: WordOrder = "svo"
    adjective: Literal["before", "after"] = "before"


class ArtificialConfig(Section):
    """Languages that are made up, so that their relatedness is known.

    Parameters
    ----------
    languages : dict
        The languages by name; the first one is where relatedness begins.
    stems : int
        Word stems of each language.
    topics : int
        Topics that documents are about; they are the domains of the pairs too.
    words : int, optional
        Words of pretraining text in each language. Default: what the largest checkpoint needs.
    train, dev, test : int
        Pairs of each task.
    seed : int
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

    Parameters
    ----------
    deduplicate : bool
        Drop documents and training pairs that occurred before.
    decontaminate : bool
        Drop what is in a dev or test set: training pairs with such a source or target, documents that hold a
        sentence of at least `words` words or share a run of `run` words with one.
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

    Parameters
    ----------
    vocab_size : int, optional
        Pieces of the tokenizer that is trained; 100 sentinels come on top, as in T5.
    path : str, optional
        A SentencePiece model with pad 0, eos 1 and unk 2, such as that of T5 or mT5.
    megabytes : float
        Text of each language that the tokenizer is trained on.
    character_coverage : float
        Share of the characters that have a piece of their own.
    byte_fallback : bool
        Whether other characters are spelled in bytes instead of becoming unknown.
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
    """A translation task.

    Parameters
    ----------
    name : str
        The task in the metrics table.
    source, target : str
        Languages.
    train, dev, test : tuple of str
        A Moses pair (source file, target file) or one TSV file (source, target, and a domain if it has a
        third column). Left out with artificial languages.
    domains : dict
        For 'dev' and 'test' (and 'train'): a file with one label for each line.
    sizes : tuple of int or 'full', optional
        D_f of this task; those of the section finetuning if not given.
    """

    name: Name
    source: Name
    target: Name
    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    domains: dict[Literal["train", "dev", "test"], str] = Field(default_factory=dict)
    sizes: tuple[SizeOrFull, ...] | None = None

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

    @field_validator("sizes")
    @classmethod
    def _each_once(cls, values: tuple[int | str, ...] | None) -> tuple[int | str, ...] | None:
        if values is not None and (not values or len(set(values)) < len(values)):
            raise ValueError(f"at least one size, and each once; received {list(values)}")
        return values

    @model_validator(mode="after")
    def _two_languages(self) -> TaskConfig:
        if self.source == self.target:
            raise ValueError(f"source and target differ; received {self.source!r} twice")
        return self
