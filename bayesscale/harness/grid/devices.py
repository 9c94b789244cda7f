"""Which devices of this machine a grid uses."""

from __future__ import annotations

import re
from importlib.util import find_spec

from bayesscale.errors import UsageError

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def choose_devices(text: str, *, here: bool = True) -> tuple[str, ...]:
    """Return the devices that a user asked for.

    Parameters
    ----------
    text : str
        'auto' for all GPUs, or the CPU where there is none; otherwise devices with commas between them, such
        as 'cuda:0,cuda:1'. A GPU that is named twice takes two jobs at the same time.
    here : bool
        Whether jobs run on this machine, which then must have these devices.

    Raises
    ------
    UsageError
        There is no such device.
    """
    names = tuple(name.strip() for name in text.split(","))
    if text != "auto" and not all(_DEVICE.fullmatch(name) for name in names):
        raise UsageError(
            f"--device is auto, or devices with commas between them; received {text!r}; "
            "write for instance cpu, cuda or cuda:0,cuda:1"
        )
    if text == "auto":
        count = _gpus()
        return tuple(f"cuda:{number}" for number in range(count)) or ("cpu",)
    if here:
        _check(names)
    return names


def _check(names: tuple[str, ...]) -> None:
    """Refuse GPUs that are not there."""
    for name in names:
        number = int(name.partition(":")[2] or 0)
        if name != "cpu" and number >= _gpus():
            raise UsageError(
                f"--device {name} needs a GPU that torch can use; there are {_gpus()} on this machine; "
                "use --device cpu or auto"
            )


def _gpus() -> int:
    """Return how many GPUs torch sees."""
    if find_spec("torch") is None:
        raise UsageError("the harness needs torch, which is not installed: pip install 'bayesscale[train]'")
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
