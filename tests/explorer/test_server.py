"""The page served: the compiled kernel behind it, newest request first; other hosts' requests are refused."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import expect
from pydantic import ValidationError
from starlette.testclient import TestClient

from phasejax import SpikedModel, recovery, sampling, solvers, theory
from phasejax.explorer import expectation, kernel
from phasejax.explorer.ranges import RANGES
from phasejax.explorer.server import application
from phasejax.explorer.turns import Desk, Superseded, Ticket

SIZES = dict(k=1, dX=4, dY=5, n=60, spread=1)
VIEW = SIZES | dict(
    gammaX=0.5, gammaY=0.5, qualityX=0, qualityY=0, gammaTildeX=1, gammaTildeY=1, ridgeX=0, ridgeY=0, kappaMax=2, size=9
)


def test_sliders_and_server_have_the_same_ranges():
    asked = set(VIEW) - {"size"}
    assert asked == set(RANGES) - {"kappa", "nu"}
    for name in asked:
        low, high = RANGES[name]
        others = {"dX": 60, "dY": 60} | {other: RANGES[other][0] for other in asked - {"dX", "dY"}} | {"size": 9}
        for value in (low, high):
            whole = others | {name: value} | ({"k": 1} if name in ("dX", "dY") else {})
            assert kernel.View.model_validate(whole)
        for value in (low - 1e-3, high * 1.01):
            with pytest.raises(ValidationError, match=name):
                kernel.View.model_validate(others | {name: value})


@pytest.fixture(scope="module")
def client():
    with TestClient(application(), base_url="http://127.0.0.1") as client:
        yield client


def test_coarse_cells_come_first_and_each_cell_once():
    order = kernel.coarse_to_fine(17)
    assert sorted(order) == list(range(17 * 17))
    coarse = {i * 17 + j for i in (0, 8, 16) for j in (0, 8, 16)}
    assert set(order[:9].tolist()) == coarse


@pytest.mark.parametrize("ridges", [(0.0, 0.0), (0.5, 0.2)])
def test_the_kernel_draws_the_model_of_each_cell(float32, ridges):
    view = kernel.View.model_validate(VIEW | dict(zip(("ridgeX", "ridgeY"), ridges, strict=True)))
    cells = np.array([40, 44, 80])  # κ = 1, 1, 2 and ν = .5, 1, 1
    found = np.mean([kernel.distances(view, cells, seed) for seed in range(30)], axis=0)

    @jax.jit
    @partial(jax.vmap, in_axes=(None, None, 0))
    def distances(kappa, nu, key):
        model = SpikedModel.homogeneous(
            d=4, d_y=5, k=1, kappa=kappa, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=nu
        )
        cov = sampling.sample_covariance(model, 60, key=key)
        found = [solvers.whiten(cov, 1, ridge_x=ridges[0], ridge_y=ridge_y) for ridge_y in (ridges[1], np.inf)]
        return jnp.stack([recovery.subspace_distance(solution.encoder_x) for solution in found])

    keys = jax.random.split(jax.random.key(3), 600)
    for cell, mean in zip(cells, found, strict=True):
        parameters = view.swept(np.array([cell]))
        drawn = distances(parameters["kappa"][0], parameters["nu"][0], keys)
        error = drawn.std(axis=0) / np.sqrt(300)  # 600 draws on either side
        assert np.all(np.abs(mean - drawn.mean(axis=0)) < 4 * error + 1e-6)


@pytest.mark.parametrize("ridges", [(0.0, 0.0), (0.5, 0.2)])
def test_what_is_expected_at_n_is_the_package_s(ridges):
    named = dict(zip(("ridge_x", "ridge_y"), ridges, strict=True))
    point = VIEW | dict(zip(("ridgeX", "ridgeY"), ridges, strict=True)) | {"gammaTildeY": 8, "kappa": 1.5, "nu": 0.4}
    view = kernel.Point.model_validate(point)
    parts = list(expectation.rows(view))
    assert [len(part) for part in parts] == [2, 2, 2, 2, 1]
    assert np.concatenate(parts).tolist() == list(range(9))
    with jax.enable_x64(True):

        def model(kappa, nu):
            return SpikedModel.homogeneous(
                d=4, d_y=5, k=1, kappa=kappa, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=8.0, nu=nu
            )

        edge = expectation.edges(view, np.array([6]))
        for found, wanted in zip(edge, theory.effective_critical_nu(model(1.5, 0.0), 60, **named), strict=True):
            assert found == pytest.approx([float(wanted)], abs=1e-6) and 0 < wanted < 1
        found = expectation.at_point(view)
        wanted = theory.expected_distance(model(1.5, 0.4), 60, **named), theory.samples_needed(model(1.5, 0.4), **named)
    for name, pair in zip(("distance", "needed"), wanted, strict=True):
        assert found[name] == pytest.approx({name: float(value) for name, value in pair._asdict().items()}, rel=1e-5)


def test_a_band_fills_all_devices(monkeypatch, float32):
    view, cells = kernel.View.model_validate(VIEW), np.array([40, 44])
    whole = kernel.distances(view, cells)
    monkeypatch.setattr(kernel, "BAND", 3)  # tests have four devices
    assert kernel.program(view).layout.rows == 4
    np.testing.assert_allclose(kernel.distances(view, cells), whole, rtol=1e-4)


def test_where_no_number_of_pairs_suffices_the_answer_is_none(client):
    found = client.get("/point", params=VIEW | {"kappa": 0, "nu": 1, "session": "p", "ticket": 1}).json()
    assert found["needed"] == {"ca": None, "cp": None}


def test_a_picture_arrives_in_bands_until_a_newer_one_is_asked_for(client):
    whole = client.get("/picture", params=VIEW | {"session": "a", "ticket": 1})
    lines = [json.loads(line) for line in whole.text.splitlines()]
    assert sorted(cell for line in lines for cell in line.get("cells", [])) == list(range(81))
    assert {code for line in lines for code in line.get("codes", [])} <= {0, 1, 2, 3}
    assert [row for line in lines for row in line.get("rows", [])] == list(range(9))
    assert "cells" in lines[0], "what is measured comes first"
    client.get("/picture", params=VIEW | {"session": "a", "ticket": 5})
    late = client.get("/picture", params=VIEW | {"session": "a", "ticket": 4})
    assert late.status_code == 409


def test_a_newer_request_stops_the_stream_of_an_older_one(client, monkeypatch):
    begun, newer, admit = threading.Event(), threading.Event(), Desk.admit

    def noted(desk, ticket):
        admit(desk, ticket)
        if ticket.ticket == 2:
            newer.set()

    def slow(view, cells):
        begun.set()
        newer.wait(10)
        return np.zeros((len(cells), 2))

    monkeypatch.setattr(Desk, "admit", noted)
    monkeypatch.setattr("phasejax.explorer.server.distances", slow)
    monkeypatch.setattr("phasejax.explorer.server.bands", lambda view: iter([np.array([cell]) for cell in range(9)]))

    def ask(ticket):
        return client.get("/picture", params=VIEW | {"session": "b", "ticket": ticket}).text.splitlines()

    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(ask, 1)
        assert begun.wait(10)
        assert len(ask(2)) == 9 + 5
        assert len(older.result(10)) == 1


def test_of_many_requests_that_wait_the_newest_alone_is_served():
    computed, go = [], threading.Event()

    def compute(number):
        computed.append(number)
        assert go.wait(10)

    async def ask(desk, number):
        ticket = Ticket(session="a", ticket=number)
        desk.admit(ticket)
        for _ in range(2):
            await desk.serve(ticket, "program", compute, number)

    async def all_at_once():
        desk = Desk()
        asked = [asyncio.create_task(ask(desk, number)) for number in range(6)]
        while not computed:
            await asyncio.sleep(0.01)
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = _run(all_at_once)
    assert computed == [0, 5, 5]
    assert [type(answer) for answer in answers] == [Superseded] * 5 + [type(None)]


def test_what_is_compiled_does_not_wait_for_what_compiles():
    compiled = threading.Event()

    async def both():
        desk, ticket = Desk(), Ticket(session="a", ticket=1)
        desk.admit(ticket)
        await desk.serve(ticket, "old", int)
        slow = asyncio.create_task(desk.serve(ticket, "new", compiled.wait, 10))
        await asyncio.sleep(0)
        await asyncio.wait_for(desk.serve(ticket, "old", int), 5)
        compiled.set()
        return await slow

    assert _run(both)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"k": 9}, "k"),
        ({"n": 0}, "n"),
        ({"gammaX": "nan"}, "gammaX"),
        ({"dX": 1}, "dX"),
        ({"k": 4}, "k = 4"),
        ({"n": "x"}, "n"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_parameter(client, change, names):
    answer = client.get("/picture", params=VIEW | change | {"session": "c", "ticket": 1})
    assert answer.status_code == 400
    assert names in answer.text and "\n" not in answer.text and "Traceback" not in answer.text


def test_other_hosts_and_other_sites_are_refused(client):
    assert client.get("/", headers={"host": "example.org"}).status_code == 400
    assert client.post("/diagnose", headers={"origin": "http://example.org"}).status_code == 403
    assert client.get("/").text.startswith("<!doctype html>")


def test_files_are_diagnosed_as_the_command_line_would(client, tmp_path):
    model = SpikedModel.homogeneous(d=6, k=2, kappa=2.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.2)
    x, y = map(np.asarray, sampling.sample_pairs(model, 300, key=jax.random.key(1)))
    files = {}
    for name, array in (("x", x), ("y", y), ("labels", y[:, 0])):
        np.save(tmp_path / f"{name}.npy", array)
        files[name] = (f"../../{name}.npy", (tmp_path / f"{name}.npy").read_bytes())
    answer = client.post("/diagnose", files=files)
    assert answer.status_code == 200, answer.text
    assert np.array(answer.json()["cloud"]).shape[1] == 2
    assert len(answer.json()["summary"]) > 100
    del files["labels"]
    assert "labels is missing" in client.post("/diagnose", files=files).text
    files["labels"] = ("labels.npy", b"nonsense")
    refused = client.post("/diagnose", files=files)
    assert refused.status_code == 400 and "\n" not in refused.text


@contextmanager
def served():
    """The address of the page behind a server of its own."""
    server = uvicorn.Server(uvicorn.Config(application(), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(10)


FIRST = """async () => {
    const state = document.getElementById("state"), slider = document.getElementById("gammaTildeY-range");
    const until = async (words) => {
        const end = performance.now() + 60000;
        while (!state.textContent.includes(words)) {
            if (performance.now() > end) throw new Error(state.textContent);
            await new Promise((next) => setTimeout(next, 2));
        }
    };
    const times = [];
    for (let move = 0; move < 5; move++) {
        const began = performance.now();
        slider.valueAsNumber += 0.05;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await until("draws a cell");
        times.push(performance.now() - began);
        await until("3721 of 3721");
    }
    return times.sort((a, b) => a - b);
}"""


def test_the_served_page_shows_the_kernel_s_picture_and_a_newer_one_soon(visit):
    with served() as address:
        tab = visit(f"{address}#k=1&dX=4&dY=5&n=60", own=(address, "data:"))
        expect(tab.locator("#state")).to_contain_text("3721 of 3721", timeout=120_000)
        assert "20 draws a cell" in tab.inner_text("#state")
        times = tab.evaluate(FIRST)
        assert times[2] < 5 * 500, times  # half a second on free cores; these may be busy
        tab.close()  # before the server is gone


def test_files_are_dropped_on_the_page_in_order_and_answered(visit, tmp_path, monkeypatch):
    read = []

    class Found:
        cloud = np.array([[2.0, 0.5], [1.5, 0.7]])

        def __str__(self):
            return f"read {', '.join(read)}"

    def diagnosed(*paths):
        read.extend(Path(path).read_text(encoding="utf-8") for path in paths)
        return Found()

    monkeypatch.setattr("phasejax.explorer.server._diagnosis", diagnosed)
    drop = """names => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(new File([name], `${name}.csv`, { type: "text/csv" }));
        const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        document.getElementById("drop").dispatchEvent(event);
    }"""
    with served() as address:
        tab = visit(f"{address}#k=1&dX=4&dY=5&n=60", own=(address, "data:"))
        tab.evaluate(drop, ["first", "second"])
        expect(tab.locator("#diagnosis")).to_contain_text("Three files are needed")
        tab.evaluate(drop, ["first", "second", "third"])
        expect(tab.locator("#diagnosis")).to_contain_text("read first, second, third")
        assert tab.locator("#plane").count() == 1


def _run(function):
    """A coroutine function to its end, in a thread of its own: the browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(function())).result()
