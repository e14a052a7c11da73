"""A specification is either right or refused with one sentence that names the field, the value and what is allowed."""

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from specs import raw, small, toml

from phasejax.experiments.spiked.spec import RANGES
from phasejax.shipped import shipped
from phasejax.simulation.cell import PARAMETERS, RIDGES
from phasejax.sweep import SpecError, load_spec, parse_spec, run
from phasejax.sweep.grid import Grid

ROOT = Path(__file__).parents[2]

MISTAKES = [
    (dict(trials=0), "trials = 0"),
    (dict(trials=-3), "trials = -3"),
    (dict(trials=2.5), "trials = 2.5"),
    (dict(trials=None), "trials is missing"),
    (dict(colour="red"), "colour is not a known field"),
    (dict(name="../up"), "name = '../up'"),
    (dict(seed=-1), "seed = -1"),
    (dict(threshold=1.0), "threshold = 1.0"),
    (dict(model__k=9), "model.k = 9 is not allowed: k ≤ 5"),
    (dict(model__k=0), "model.k = 0"),
    (dict(model__d_y=1), "model.k = 2 is not allowed: k ≤ 1"),
    (dict(model__gamma_x="loud"), "model.gamma_x = 'loud' is not allowed: a number is needed"),
    (dict(model__gamma_x=[1.0, 2.0, 3.0]), "model.gamma_x has 3 values: a single value or 2"),
    (dict(model__gamma_tilde_y=[1.0, 2.0]), "model.gamma_tilde_y has 2 values: a single value or 3"),
    (dict(model__gamma_tilde_x=0.0), "gamma_tilde_x = 0 is not allowed: gamma_tilde_x lies in (0, inf)"),
    (dict(model__gamma_x=-1.0), "gamma_x = -1 is not allowed"),
    (dict(model__gamma_y=float("nan")), "model.gamma_y = nan"),
    (dict(model__n=0), "n = 0 is not allowed"),
    (dict(model__n=None), "n is missing"),
    (dict(axes__nu=None), "give exactly one of nu and eta"),
    (dict(model__eta=0.5), "give exactly one of nu and eta"),
    (dict(model__quality_x=0.5), "give exactly one of gamma_x and quality_x"),
    (dict(model__kappa=1.0), "kappa is both fixed under [model] and swept under [axes]"),
    (dict(axes__nu=[0.5, 1.2]), "nu = 1.2 is not allowed: nu lies in [0, 1]"),
    (dict(axes__nu=[]), "axes.nu = [] is not allowed: at least one is needed"),
    (dict(axes__nu=[0.5, 0.5]), "axes.nu repeats a value"),
    (dict(axes__nu=[0.5, "x"]), "axes.nu.1 = 'x'"),
    (dict(axes__nu=0.5), "axes.nu = 0.5 is not allowed: give a list of values or a table"),
    (dict(axes__nu={"start": 0, "stop": 1}), "axes.nu.num is missing"),
    (dict(axes__nu={"start": 0, "stop": 1, "num": 0}), "axes.nu.num = 0"),
    (dict(axes__nu={"start": 0, "stop": 1, "num": 3, "scale": "log"}), "a log scale needs start > 0"),
    (dict(axes__nu={"start": 0, "stop": 1, "num": 3, "step": 1}), "axes.nu.step is not a known field"),
    (dict(axes__colour=[1.0]), "axes.colour is not a parameter: choose among kappa"),
    (dict(axes={}), "axes = {}"),
    (dict(model__n=None, axes__n=[60.5]), "n must be a whole number"),
    (dict(model__gamma_x=None, model__quality_x=0.5), "kappa = 0 is not allowed together with quality_x"),
    (dict(model__gamma_x=0.0), "kappa = 0 is not allowed together with gamma_x = 0"),
    (dict(axes__kappa=[1.0], model__gamma_x=None, model__quality_x=0.0), "quality_x = 0 is not allowed"),
    (dict(model__gamma_tilde_y=None, axes__gamma_tilde_y=[1.0, 4.0]), "gamma_tilde_y is swept: say what stays fixed"),
    (dict(model__gamma_tilde_y=None, axes__gamma_tilde_y=[1.0, 4.0], hold="eta"), 'hold = "eta" needs eta'),
    (dict(hold="nu"), 'hold = "nu" has no meaning here'),
    (dict(hold="rho"), "hold = 'rho'"),
    (dict(axes__nu=None, model__eta=2.5), "eta = 2.5 is not allowed: η ≤ √(γ̃x γ̃y), which falls to 2"),
    (dict(axes__kappa=None, model__kappa=[1.0, 2.0], model__spread=0.5), "spread shapes a single kappa"),
    (dict(model__spread=0.0), "spread = 0 is not allowed: spread lies in (0, 1]"),
    (dict(model__gamm_x=1.0), "model.gamm_x is not a known field (did you mean gamma_x?)"),
    (dict(axes__kapa=[1.0]), "axes.kapa is not a parameter (did you mean kappa?): choose among kappa"),
    (dict(trials=True), "trials = True is not allowed: a whole number is needed"),
    (dict(model__gamma_x=True), "model.gamma_x = True is not allowed: a number is needed"),
    (dict(model__n="60"), "model.n = '60' is not allowed: a whole number is needed"),
    (dict(axes__nu=[False, 1]), "axes.nu.0 = False is not allowed: a number is needed"),
    (dict(axes__nu={"start": 0, "stop": 1, "num": 10**9}), "axes.nu.num = 1000000000 is not allowed"),
    (dict(axes__kappa=[1e-160], model__gamma_x=0.0), "kappa = 1e-160 is not allowed together with gamma_x = 0"),
    (dict(model__d=10**30), "model.d = 1000000000000000000000000000000 is not allowed"),
    (dict(model__gamma_x=10**400), "model.gamma_x = 1000"),
    (dict(axes__ridge_x=[0.1, -0.1]), "ridge_x = -0.1 is not allowed: ridge_x lies in [0, 1e+06]"),
    (dict(model__ridge_y=float("nan")), "model.ridge_y = nan is not allowed"),
    (dict(axes__ridge_y={"start": float("nan"), "stop": 1.0, "num": 3}), "axes.ridge_y.start = nan is not allowed"),
    (dict(axes__n=[1e16], model__n=None), "n = 1e+16 is not allowed: n lies in [1, 1e+15]"),
]


@pytest.mark.parametrize(("change", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_a_mistake_is_one_sentence(change, sentence):
    with pytest.raises(SpecError) as caught:
        parse_spec(raw(**change))
    message = str(caught.value)
    assert sentence in message
    assert message.endswith(".") and "\n" not in message


def test_a_file_of_an_odd_kind_is_one_sentence_at_once(tmp_path):
    text = toml(raw())
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_spec(tmp_path / "bom.toml") == small()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    for name, content in {
        "deep.toml": "x = " + "[" * 100_000 + "]" * 100_000,
        "deeper.toml": "x = " + "{a = " * 20_000 + "1" + "}" * 20_000,
        "digits.toml": text.replace("trials = 6", f"trials = {'9' * 5000}"),
        "long.toml": text.replace("trials = 6", f"trials = '{'9' * 5000}'"),
        "large.toml": "#" * (2 << 20),
        "null.toml": "\0",
        "twice.toml": text + "\n[axes]\n",
    }.items():
        (tmp_path / name).write_text(content)
    for path in sorted(set(tmp_path.glob("*.toml")) - {tmp_path / "bom.toml"}):
        with pytest.raises(SpecError) as caught:
            load_spec(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 300, path


def test_a_trial_or_a_grid_that_no_memory_holds_is_refused_before_it_is_taken(tmp_path):
    million = {"start": 0.0, "stop": 1.0, "num": 10**6}
    with pytest.raises(SpecError, match=r"a grid of 1,000,000,000,000 cells would take 7,451 GiB of memory: this machine has "):
        run(small(axes__nu=million, axes__kappa=million), path=tmp_path / "s.zarr")
    with pytest.raises(SpecError, match=r"a trial of d_x \+ d_y = 1000000 would take 14,901 GiB of memory: this machine has "):
        run(small(model__d=500_000), path=tmp_path / "s.zarr")
    assert not any(tmp_path.iterdir())


def test_errors_of_a_file_name_the_file(tmp_path):
    missing, binary, broken, wrong = (tmp_path / name for name in ("none.toml", "binary.toml", "broken.toml", "wrong.toml"))
    binary.write_bytes(b"\xff\xfe\x00")
    broken.write_text("name = [")
    wrong.write_text('name = "x"\nfoo = 1\n')
    for path, sentence in ((missing, "cannot be read"), (binary, "is not TOML"), (broken, "is not TOML"), (wrong, "foo")):
        with pytest.raises(SpecError, match=sentence) as caught:
            load_spec(path)
        assert str(path) in str(caught.value)
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(tmp_path)


def test_axes_take_values_spans_and_logs_in_the_order_written():
    spec = small(
        axes={"n": {"start": 10, "stop": 1000, "num": 3, "scale": "log"}, "nu": [0.3, 0.1], "kappa": [1]}, model__n=None
    )
    assert list(spec.axes) == ["n", "nu", "kappa"]
    np.testing.assert_array_equal(spec.points("n"), [10, 100, 1000])
    np.testing.assert_array_equal(spec.points("nu"), [0.3, 0.1])
    assert spec.points("kappa").dtype == np.float64


def test_a_span_of_sample_sizes_is_rounded_and_of_anything_else_is_not():
    spec = small(
        axes__n={"start": 25, "stop": 25600, "num": 21, "scale": "log"},
        model__n=None,
        axes__nu={"start": 0.01, "stop": 1, "num": 21, "scale": "log"},
    )
    np.testing.assert_array_equal(Grid(spec).axes["n"][:4], [25, 35, 50, 71])
    np.testing.assert_allclose(spec.points("nu")[1], 0.01 * 100 ** (1 / 20), rtol=1e-14)
    with pytest.raises(SpecError, match=r"axes\.n repeats a value"):
        small(axes__n={"start": 1, "stop": 3, "num": 9}, model__n=None)


def test_fewer_pairs_than_dimensions_are_allowed_and_said():
    assert small(model__n=10).hint() == ""
    assert small(model__n=9).hint().startswith("n = 9 is less than d_x + d_y = 10: ")
    assert small(model__n=None, axes__n=[5, 50]).hint().startswith("n = 5 is less")
    assert small(model__n=9, axes__ridge_x=[0.0, 0.1]).hint() != "" == small(model__n=9, axes__ridge_x=[0.1, 0.2]).hint()


def test_a_spec_survives_being_stored():
    spec = small(
        hold="eta", model__gamma_tilde_y=None, axes__gamma_tilde_y=[4.0, 9.0], axes__nu=None, model__eta=[0.1, 0.2, 2.0]
    )
    assert parse_spec(json.loads(spec.model_dump_json(exclude_none=True))) == spec


def test_every_parameter_can_be_swept():
    base = dict(kappa=1.0, gamma_x=1.0, gamma_y=1.0, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.5, n=60)
    assert tuple(RANGES) == PARAMETERS + RIDGES
    partner = {"quality_x": "gamma_x", "quality_y": "gamma_y", "eta": "nu"}
    for name in RANGES:
        fixed = {key: value for key, value in base.items() if key not in (name, partner.get(name))}
        hold = {"hold": "nu"} if name.startswith("gamma_tilde") else {}
        value = 60.0 if name == "n" else 0.5
        spec = parse_spec(dict(name="x", trials=1, model=dict(d=4, k=2, **fixed), axes={name: [value]}, **hold))
        np.testing.assert_array_equal(spec.values()[name], [value])


def test_published_sweeps_are_valid():
    paths = sorted((ROOT / "sweeps").glob("*.toml"))
    assert len(paths) >= 5
    assert [load_spec(path).name for path in paths] == [path.stem for path in paths]


def test_a_published_sweep_is_known_by_name_unless_a_file_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source_quality").mkdir()
    assert load_spec("source_quality").name == "source_quality"
    (tmp_path / "phase_diagram").write_text("name = 3")
    with pytest.raises(SpecError, match=r"^phase_diagram: name = 3"):
        load_spec("phase_diagram")
    with pytest.raises(SpecError, match=r"there is no sweep 'nonsense': give a TOML file, or one of .*phase_diagram, "):
        load_spec("nonsense")


def test_the_wheel_carries_what_the_package_looks_for():
    with open(ROOT / "pyproject.toml", "rb") as file:
        wheel = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {folder: f"phasejax/_{folder}" for folder in ("figures", "sweeps")}
    assert [shipped(folder) for folder in ("figures", "sweeps")] == [ROOT / "figures", ROOT / "sweeps"]
