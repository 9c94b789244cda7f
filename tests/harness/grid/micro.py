"""The smallest study that has everything: run in seconds, for tests that run whole grids."""

from __future__ import annotations

from bayesscale.harness.study.config import Study


def micro() -> Study:
    """Return two mixtures x two checkpoints x two D_f and the baselines: 10 cells."""
    return Study.model_validate(
        {
            "name": "micro",
            "mixtures": ["50aa+50bb", "50aa+50cc"],
            "artificial": {
                "languages": {"aa": {}, "bb": {"relatedness": 0.5}, "cc": {}},
                "stems": 40,
                "topics": 2,
                "train": 200,
                "dev": 8,
                "test": 16,
            },
            "tokenizer": {"vocab_size": 120, "megabytes": 0.05},
            "model": {"layers": 1, "d_model": 16, "d_ff": 32, "heads": 2, "d_kv": 8},
            "pretraining": {
                "batch": 8,
                "length": 32,
                "checkpoints": [4096, 16384],
                "warmup": 4,
                "precision": "fp32",
                "deterministic": True,
                "resume_every": 5,
            },
            "tasks": [{"name": "aa-bb", "source": "aa", "target": "bb"}],
            "finetuning": {
                "sizes": ["1K", "full"],
                "batch": 128,
                "steps": 40,
                "length": 24,
                "rates": [0.002, 0.01],
                "precision": "fp32",
            },
            "decoding": {"max_length": 16, "batch": 16, "precision": "fp32"},
            "scoring": {"bootstrap": 20},
        }
    )
