"""What every answer says of itself."""

from __future__ import annotations

from bayesscale.questions.forecast import forecast
from tests.questions.made_up import MadeUp, rows


def test_what_did_not_converge_says_so_first() -> None:
    fit = MadeUp(draws=4, problems=("R-hat 1.2",)).fit()
    answer = forecast(fit, [1e12])
    first = str(answer).splitlines()[0]
    assert first == "DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2. Remedy: raise --draws."
    assert answer.document()["status"] == "not converged"
    assert answer.document()["problems"] == ["R-hat 1.2"]


def test_simulated_data_are_called_so() -> None:
    fit = MadeUp(draws=4, table=rows().assign(run="simulated-0")).fit()
    answer = forecast(fit, [1e12])
    assert answer.document()["simulated"]
    assert "SIMULATED data, not measured" in str(answer)


def test_a_folder_called_simulated_says_nothing_of_its_files() -> None:
    fit = MadeUp(draws=4).fit()
    fit.provenance["source"] = "simulated/measured.csv"
    assert not forecast(fit, [1e12]).document()["simulated"]
    fit.provenance["source"] = "isik-simulated"
    assert forecast(fit, [1e12]).document()["simulated"]
