"""The README's Python runs as it stands and gives the numbers its comments state."""

import re
import tomllib
from pathlib import Path

import matplotlib
import pytest

from phasejax import Regime
from phasejax.cli import COMMANDS, _loaded
from phasejax.verify import Verdict, list_claims

ROOT = Path(__file__).parents[1]


def test_the_examples_run_and_their_numbers_are_right(tmp_path, monkeypatch):
    matplotlib.use("Agg")
    # The sweep of the example on a smaller grid: its numbers are not in the text.
    (tmp_path / "sweeps").mkdir()
    spec = (ROOT / "sweeps" / "source_quality.toml").read_text(encoding="utf-8")
    small = spec.replace("num = 30", "num = 4").replace("num = 41", "num = 5").replace("trials = 20", "trials = 2")
    (tmp_path / "sweeps" / "source_quality.toml").write_text(small, encoding="utf-8")
    monkeypatch.setattr("phasejax.sweep.spec.shipped", lambda folder: tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block, names)
    theory, recovery, model = names["theory"], names["recovery"], names["model"]
    assert theory.separation(model) == pytest.approx((1.79, 0.38), abs=0.005)
    assert theory.regime(model) is Regime.CA_ONLY
    assert theory.critical_nu(model) == pytest.approx((0.895, 0.192), abs=0.0005)
    assert theory.effective_critical_nu(model, 5000) == pytest.approx((0.925, 0.191), abs=0.001)
    assert recovery.subspace_distance(names["ca"].encoder_x) < 0.01
    assert recovery.subspace_distance(names["cp"].encoder_x) > 0.99
    assert names["found"].regime is Regime.CA_ONLY
    assert names["dataset"].regime.dims == ("kappa", "nu", "quality_x")


def test_claims_are_counted_as_they_stand_on_record():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    checked = re.search(r"checks (\d+) of them .*?: (\d+) hold, (\d+) hold with a condition, (\d+) are refuted", text)
    tables = re.search(
        r"Another (\d+) .*?: (\d+) hold, (\d+) with a condition, (\d+) are refuted and (\d+) are not decided", text
    )
    assert checked and tables
    measured = [claim for claim in list_claims() if _module(claim.check) in ("worlds", "modalities", "starlight")]
    others = [claim for claim in list_claims() if claim not in measured]
    for said, claims in ((checked.groups(), others), (tables.groups(), measured)):
        verdicts = [claim.recorded for claim in claims]
        assert list(map(int, said)) == [len(claims), *(verdicts.count(verdict) for verdict in list(Verdict)[: len(said) - 1])]


def _module(check) -> str:
    """The last part of the name of the module that a check is defined in."""
    return getattr(check, "func", check).__module__.rpartition(".")[2]


def test_the_version_is_stated_once():
    from importlib.metadata import version

    assert version("phasejax") in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert (ROOT / ".python-version").read_text().strip() == "3.12"
    assert 'requires-python = ">=3.12"' in (ROOT / "pyproject.toml").read_text()


def test_on_an_index_nothing_points_into_the_repository():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = text.count("](docs/") - text.count("[docs/")
    for substitution in settings["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    assert pictures == 2 == text.count("*(Picture `docs/")
    assert re.findall(r"\]\((?!https:)[^)]*\)", text) == []
    assert "`docs/training.md`" in text and "[uv](https://docs.astral.sh/uv/)" in text


def test_the_commands_it_lists_take_what_it_gives_them():
    """Each line of its table as the command line reads it, before any file is looked for."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`phasejax .*?`) \|", text, flags=re.MULTILINE)
    lines = [line for cell in cells for line in cell.split("`")[1::2]]
    assert {line.split()[1] for line in lines} == set(COMMANDS)
    for line in lines:
        name, *rest = re.sub(r" \[.*?\]", "", line).split()[1:]
        _loaded(name, rest).make_context(name, rest)  # raises where something is missing or unknown
