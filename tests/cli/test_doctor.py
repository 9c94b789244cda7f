from __future__ import annotations

import json
from importlib import metadata

import pytest

from bayesscale.cli import doctor as module
from tests.cli.fits import Command, caller


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "doctor")


def test_an_installation_that_works(doctor: Command) -> None:
    code, out, err = doctor()
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Everything that is needed works."
    assert {"numpy", "numba", "cores", "draw"} <= {line.split()[0] for line in out.splitlines() if line}


def test_what_fails_is_in_the_table_and_hides_nothing(
    doctor: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise OSError("disk full")

    def version(name: str) -> str:
        if name in ("pymc", "torch"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(module, "_write", broken)
    monkeypatch.setattr(metadata, "version", version)
    code, out, _ = doctor("--json")
    document = json.loads(out)
    states = {check["what"]: check["state"] for check in document["checks"]}
    assert code == 1
    assert not document["ok"]
    assert (states["pymc"], states["torch"], states["write a file"]) == ("FAILED", "absent", "FAILED")
    assert states["draw a picture"] == "ok"
