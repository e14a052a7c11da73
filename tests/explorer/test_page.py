"""The page without a server, in a real browser: its numbers are the package's, its pictures are its numbers."""

import tomllib

import jax
import numpy as np
import pytest
from playwright.sync_api import expect

from phasejax import SpikedModel, sampling, solvers, theory
from phasejax.recovery import subspace_distance
from phasejax.spiked import noise_variance
from phasejax.sweep import parse_spec
from phasejax.theory import pencil, square

NAMES = ("gammaX", "gammaY", "gammaTildeX", "gammaTildeY", "nu")
RIDGES, QUALITIES = ("ridgeX", "ridgeY"), ("qualityX", "qualityY")
SHAPES = ((3, 20, 20), (2, 30, 12), (1, 9, 40), (4, 50, 50))


def random_points(seed: int, k: int, d_x: int, d_y: int, count: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        gammas = (rng.uniform(0.05, 1.5), rng.uniform(0.05, 1.5), np.exp(rng.uniform(-1, 1)), np.exp(rng.uniform(-1, 3.5)))
        point = dict(zip(NAMES, (*gammas, rng.uniform(0, 1)), strict=True))
        kappa = np.sort(rng.uniform(0.3, 3, k))[::-1].tolist()
        n = float(np.exp(rng.uniform(np.log(d_x + d_y + 1), np.log(1e5))))
        ridges = dict(zip(RIDGES, rng.choice([0, 0.1, 2], 2).tolist(), strict=True))
        qualities = dict(zip(QUALITIES, rng.choice([0, 0, 0.6], 2).tolist(), strict=True))
        points.append(point | ridges | qualities | {"kappa": kappa, "dX": d_x, "dY": d_y, "n": n})
    return points


def model_of(point: dict) -> SpikedModel:
    gamma_x, gamma_y, gamma_tilde_x, gamma_tilde_y, nu = (point[name] for name in NAMES)
    if point.get("qualityX"):
        gamma_x = noise_variance(np.array(point["kappa"]), point["qualityX"])
    if point.get("qualityY"):
        gamma_y = noise_variance(np.array(point["kappa"]), point["qualityY"])
    return SpikedModel.homogeneous(
        d=point["dX"],
        d_y=point["dY"],
        k=len(point["kappa"]),
        kappa=point["kappa"],
        gamma_x=gamma_x,
        gamma_y=gamma_y,
        gamma_tilde_x=gamma_tilde_x,
        gamma_tilde_y=gamma_tilde_y,
        nu=nu,
    )


def stacked(points: list[dict]) -> SpikedModel:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *map(model_of, points))


@pytest.mark.parametrize(("k", "d_x", "d_y"), SHAPES)
def test_the_population_is_the_package_s_under_any_ridges(visit, page_file, k, d_x, d_y):
    points = random_points(7, k, d_x, d_y, 60)
    script = """points => points.map(p => {
        const s = theory.separation(p), c = theory.counts(p), e = theory.criticalNu(p);
        return [s.ca, s.cp, c.ca, c.cp, theory.regime(p), e.ca, e.cp];
    })"""
    found = np.array(visit(page_file).evaluate(script, points), float)

    def package(model, ridge_x, ridge_y):
        places = [{"ridge_x": ridge_x, "ridge_y": y} for y in (ridge_y, np.inf)]
        kinds = square.separation, square.recovered, square.critical_nu
        separations, counts, edges = ([of(model, **place) for place in places] for of in kinds)
        return *separations, *counts, theory.regime(model, ridge_x=ridge_x, ridge_y=ridge_y), *edges

    ridges = (np.array([point[name] for point in points]) for name in RIDGES)
    wanted = np.stack(jax.jit(jax.vmap(package))(stacked(points), *ridges), axis=1).astype(float)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert len(np.unique(wanted[:, 4])) > 2, "the points should lie in several regimes"


@pytest.mark.parametrize(("k", "d_x", "d_y"), SHAPES)
def test_at_n_the_browser_has_the_limit_of_fixed_d_over_n(visit, page_file, k, d_x, d_y):
    points = random_points(7, k, d_x, d_y, 60)
    script = "points => points.map(p => [theory.expectedDistance(p, 'ca'), theory.expectedDistance(p, 'cp')])"
    tab = visit(page_file)
    found = np.array(tab.evaluate(script, points))
    sizes = np.array([point["n"] for point in points])
    limit = jax.jit(jax.vmap(pencil.distances))(stacked(points), sizes)
    np.testing.assert_allclose(found, np.stack([limit.ca.mean(-1), limit.cp.mean(-1)], axis=1), rtol=1e-9, atol=1e-9)
    # Where its edges and sizes say that the distance is ½, it is.
    script = """points => points.map(p => {
        const edge = theory.criticalNuAt(p, LEVEL), needed = theory.samplesNeeded(p, LEVEL);
        const excess = (o, change) => theory.expectedDistance({ ...p, ...change }, o) - 0.5;
        return ["ca", "cp"].flatMap(o => [edge[o], excess(o, { nu: edge[o] - 2e-5 }), excess(o, { nu: edge[o] }),
            needed[o], excess(o, { n: needed[o] }), excess(o, { n: needed[o] * (1 - 1e-6) })]);
    })"""
    for edge, below, above, needed, reached, missed in np.array(tab.evaluate(script, points), float).reshape(-1, 6):
        assert edge in (0, 1) or below < 0 <= above
        assert not np.isfinite(needed) or reached <= 0 <= missed + 1e-5


def test_the_page_says_what_its_theory_at_n_leaves_out(visit, page_file):
    tab = visit(page_file + "#n=300&dX=50&dY=50&gammaTildeY=30")
    expect(tab.locator("#expected-caption")).to_have_text("expected at n = 300 (fixed d/n)")
    note = tab.locator(".note")
    for said in ("the limit of many dimensions", "knows no ridge", "no crowding", "theory.expected_distance"):
        expect(note).to_contain_text(said)
    # And it is different: the package's prediction at that point is another one.
    point = {"kappa": [1.0] * 3, "gammaX": 1, "gammaY": 0.05, "gammaTildeX": 1, "gammaTildeY": 30, "nu": 0.05}
    point |= {"dX": 50, "dY": 50, "n": 300, "ridgeX": 0, "ridgeY": 0}
    limit = tab.evaluate("p => theory.expectedDistance(p, 'cp')", point)
    with jax.enable_x64(True):
        expected = float(theory.expected_distance(model_of(point), 300).cp)
    assert abs(limit - expected) > 0.02
    tab.locator("#ridgeX").fill("0.5")
    tab.locator("#ridgeX").press("Enter")
    expect(tab.locator("#expected-caption")).to_have_text("expected at n = 300 and a ridge: phasejax explore")
    expect(tab.locator("#readout")).to_contain_text("expected at n not known")


@pytest.mark.parametrize("ridges", [(0.0, 0.0), (0.5, 0.2)])
def test_the_browser_s_draws_are_those_of_the_model(visit, page_file, ridges):
    point = {"kappa": [2.0, 1.2], "gammaX": 0.5, "gammaY": 0.3, "gammaTildeX": 1.0, "gammaTildeY": 4.0, "nu": 0.3}
    point |= {"dX": 8, "dY": 11, "n": 60, "ridgeX": ridges[0], "ridgeY": ridges[1]}
    point |= {"qualityX": 0.8} if ridges[1] else {}
    script = """([p, count]) => Array.from({length: count}, (_, i) => {
        const one = simulate.trial(p, 1, 5, i);
        return [1 - (one.ca[0] + one.ca[1]) / 2, 1 - (one.cp[0] + one.cp[1]) / 2, one.spectrumCA[0], one.spectrumCP[0]];
    })"""
    tab = visit(page_file)
    drawn = np.array(tab.evaluate(script, [point, 1500]))
    assert np.array_equal(drawn[:20], np.array(tab.evaluate(script, [point, 20]))), "same seed, same draws"

    def one(key):
        cov = sampling.sample_covariance(model_of(point), 60, key=key)
        ca = solvers.whiten(cov, 2, ridge_x=ridges[0], ridge_y=ridges[1])
        cp = solvers.predict(cov, 2, ridge=ridges[0])
        distances = (subspace_distance(s.encoder_x) for s in (ca, cp))
        return *distances, ca.singular_values[0], cp.singular_values[0]

    wanted = np.stack(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 3000)), axis=1)
    error = np.sqrt(drawn.var(axis=0) / len(drawn) + wanted.var(axis=0) / len(wanted))
    assert np.all(np.abs(drawn.mean(axis=0) - wanted.mean(axis=0)) < 4 * error)
    assert np.all(error < 0.02 * wanted.mean(axis=0)), "enough draws to notice two per cent"


def test_a_picture_shows_the_theory_under_its_pixels(visit, page_file):
    tab = visit(page_file + "#kappa=0.1&nu=0.99")
    tab.wait_for_timeout(300)
    script = """cells => cells.map(([kappa, nu]) => {
        const canvas = document.getElementById("population"), scale = canvas.width / canvas.clientWidth;
        const box = draw.frame(canvas.clientWidth, canvas.clientHeight, 3);
        const at = canvas.getContext("2d").getImageData(box.toX(kappa) * scale, box.toY(nu) * scale, 1, 1).data;
        return "#" + [...at].slice(0, 3).map(v => v.toString(16).padStart(2, "0")).join("");
    })"""
    # Away from the lines that are drawn over the map, population and at n.
    edges_at = """([kappa, nu]) => {
        const p = { kappa: theory.spikes(kappa, 1, 3), gammaX: 1, gammaY: 0.05, gammaTildeX: 1, gammaTildeY: 5,
                    nu, dX: 20, dY: 20, n: 5000, ridgeX: 0, ridgeY: 0 };
        return Object.values(theory.criticalNu(p)).concat(Object.values(theory.criticalNuAt(p, LEVEL)));
    }"""
    rng = np.random.default_rng(0)
    cells, wanted = [], []
    while len(cells) < 40:
        kappa, nu = rng.uniform(0.2, 2.9), rng.uniform(0.03, 0.97)
        if min(abs(nu - edge) for edge in tab.evaluate(edges_at, [kappa, nu])) > 0.05:
            model = model_of({"kappa": [kappa] * 3, **dict(zip(NAMES, (1, 0.05, 1, 5, nu), strict=True)), "dX": 20, "dY": 20})
            cells.append([kappa, nu])
            wanted.append(["#4a4a50", "#3a8fc9", "#e69f00", "#f3eed9"][int(theory.regime(model))])
    assert tab.evaluate(script, cells) == wanted
    assert len(set(wanted)) >= 3


def test_sliders_move_pictures_and_a_link_restores_them(visit, page_file):
    tab = visit(page_file)
    picture = "() => document.getElementById('population').toDataURL()"
    tab.wait_for_timeout(200)
    before = tab.evaluate(picture)
    slider = tab.locator("#gammaTildeY-range")
    slider.focus()
    for _ in range(10):
        slider.press("PageUp")
    tab.wait_for_timeout(200)
    after, address = tab.evaluate(picture), tab.url
    assert before != after
    assert "gammaTildeY=" in address
    again = visit(address)
    again.wait_for_timeout(300)
    assert again.evaluate(picture) == after


def test_theory_follows_a_slider_at_once(visit, page_file):
    moves = """async () => {
        const [slider, picture] = ["gammaTildeY-range", "population"].map((id) => document.getElementById(id)), times = [];
        for (let move = 0; move < 15; move++) {
            const before = picture.toDataURL(), began = performance.now();
            slider.valueAsNumber += 0.1;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise(requestAnimationFrame);
            await new Promise((next) => setTimeout(next));
            times.push(performance.now() - began);
            if (picture.toDataURL() === before) throw new Error("the picture did not follow");
        }
        return times.sort((a, b) => a - b);
    }"""
    tab = visit(page_file + "#k=1&dX=4&dY=4&n=500")
    expect(tab.locator("#state")).to_contain_text("one draw a cell", timeout=60_000)
    times = tab.evaluate(moves)
    assert times[7] < 5 * 50, times  # 50 ms on free cores; these may be busy, and the Monte-Carlo begins anew with each move


def test_the_keyboard_moves_the_point_and_the_readout_follows(visit, page_file):
    tab = visit(page_file)
    tab.locator("#population").press("ArrowRight")
    tab.locator("#population").press("ArrowUp")
    tab.wait_for_timeout(200)
    assert tab.input_value("#kappa") == "1.55"
    assert float(tab.input_value("#nu")) == pytest.approx(0.4 + 1 / 60, abs=1e-3)
    assert "population Both" in tab.inner_text("#readout")


def test_what_it_exports_is_read_by_the_package(visit, page_file):
    tab = visit(page_file + "#dY=30&spread=0.8&n=700&kappa=2&nu=0.25&ridgeX=0.5")
    tab.wait_for_timeout(200)
    spec = parse_spec(tomllib.loads(tab.text_content("#toml")))
    assert spec.model.dimensions == (20, 30) and spec.model.n == 700 and list(spec.axes) == ["kappa", "nu"]
    assert (spec.model.ridge_x, spec.model.ridge_y) == (0.5, 0)
    scope = {}
    exec(tab.text_content("#python"), scope)
    np.testing.assert_allclose(scope["model"].kappa, [2, 1.6, 1.28], rtol=1e-12)
    assert scope["model"].d_y == 30
    assert scope["population"] == theory.regime(scope["model"], ridge_x=0.5)
    assert scope["expected"] == theory.expected_distance(scope["model"], 700, ridge_x=0.5)


def test_qualities_stand_for_noise_in_what_it_exports(visit, page_file):
    tab = visit(page_file)
    tab.select_option("#preset", "four regimes, none small")
    tab.wait_for_timeout(200)
    spec = parse_spec(tomllib.loads(tab.text_content("#toml")))
    assert (spec.model.quality_x, spec.model.quality_y, spec.model.gamma_x) == (0.6, 0.6, None)
    scope = {}
    exec(tab.text_content("#python"), scope)
    np.testing.assert_allclose(scope["model"].gamma_x, [1.5] * 3, rtol=1e-12)


def test_the_browser_s_monte_carlo_fills_the_grid(visit, page_file):
    tab = visit(page_file + "#k=1&dX=4&dY=4&n=500")
    expect(tab.locator("#state")).to_contain_text("one draw a cell", timeout=60_000)


def test_it_fits_a_phone_and_every_control_has_a_name(browser, page_file):
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    tab = context.new_page()
    tab.goto(page_file)
    tab.wait_for_timeout(200)
    assert tab.evaluate("document.documentElement.scrollWidth <= 390")
    nameless = """() => [...document.querySelectorAll('input, select, canvas, button')].filter(e =>
        !(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.id)"""
    assert tab.evaluate(nameless) == []
    context.close()
