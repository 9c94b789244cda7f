"""A process that pretrains: killed by one test, started twice by torchrun in another. Not a test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))


def main() -> None:
    """Pretrain with the changes that are given as JSON."""
    import torch

    from bayesscale.harness.training.pretraining import pretrain
    from tests.harness.training.conftest import small_job

    torch.set_num_threads(1)
    folder, checkpoints, changes = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    pretrain(small_job(folder, tuple(checkpoints), **changes))


if __name__ == "__main__":
    main()
