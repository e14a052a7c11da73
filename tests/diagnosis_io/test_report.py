"""The page holds what the diagnosis says, needs nothing else, and draws points where they are."""

import dataclasses
import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up import MADE_UP
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from phasejax.diagnosis import Estimate, Spectrum, words
from phasejax.diagnosis.figures import SHARE, phase_plane, spectrum
from phasejax.diagnosis.report import report_page
from phasejax.plot import REGIME_COLORS
from phasejax.plot.page import origin, whole
from phasejax.theory import Regime

SOURCES = {"x": "x&y.npy", "labels": "<l>.csv:a", "seed": "7"}
VOID = {"meta", "br"}
SPACE = "\N{NO-BREAK SPACE}"


class Balanced(HTMLParser):
    """Tags in order, and every text; open tags must be closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        links = [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        self.links += [link for link in links if not link.startswith(("#", "data:"))]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page():
    return report_page(MADE_UP, SOURCES)


def read(page):
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_a_number_and_its_per_cent_sign_stay_on_one_line(page):
    assert f"90{SPACE}%" in page and not re.search(r"\d %", page)


def test_a_command_is_copied_as_it_stands():
    command = "phasejax diagnose 'a – 5 % ± 1.npy' y.npy"
    assert f"<code>{html.escape(command)}</code>" in whole("a – 5 %", origin({"x": "a – 5 %"}, command))


def test_the_page_is_whole_and_needs_nothing_else(page):
    parsed = read(page)
    assert parsed.links == [] and "<script" not in page and "@import" not in page and "url(http" not in page
    assert page.count("<svg") == page.count("</svg>") == 6


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1200, "light")])
def test_nothing_is_cut_off_on_a_phone_or_beside_another_figure(browser, tmp_path, page, width, scheme):
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    hidden = """() => [...document.querySelectorAll('html, div, figure, svg, table, p, li')].filter(e =>
        e.getBoundingClientRect().right > document.documentElement.clientWidth || e.scrollWidth > e.clientWidth + 1)
        .map(e => e.tagName)"""
    assert tab.evaluate(hidden) == []
    paper, ink = tab.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (bright[0] > bright[1]) == (scheme == "light")
    context.close()


def test_the_page_says_what_the_diagnosis_says(page):
    text = " ".join(" ".join(read(page).text).split()).replace("\N{WORD JOINER}", "")
    for said in (
        "Align (CA)",
        MADE_UP.advice,
        *MADE_UP.warnings,
        "1.73 (1.21–2.50)",
        "12.3 (3.00–∞)",
        "> 99 %",
        "0.83 ± 0.02",
        "+0.12 ± 0.01",
        "1,800",
        "no number",
        "> 1,000,000",
        "CA only 86 %, Both 7 %, Neither 6 %, CP only < 1 %",
        "1,500 pairs, worth 310 independent ones, 200 labelled; x has 64 columns of rank 60, 20 components kept",
        "x x&y.npy, labels <l>.csv:a, seed 7; phasejax",
    ):
        assert said in text, said
    assert html.escape(MADE_UP.advice) in page.replace(SPACE, " ")


def test_the_same_diagnosis_gives_the_same_page(page):
    assert report_page(MADE_UP, SOURCES) == page


def test_without_caveats_there_is_no_box():
    assert "Caveats" not in report_page(dataclasses.replace(MADE_UP, warnings=()), SOURCES)


@pytest.mark.parametrize(("direction", "column", "delta"), [("x→y", 1, 0.62), ("y→x", 2, 12.34)])
def test_the_plane_shows_point_cloud_and_regimes_in_their_place(direction, column, delta):
    ax = phase_plane(Figure().subplots(), MADE_UP, direction)
    assert ax.get_xscale() == ax.get_yscale() == "log" and direction in ax.get_ylabel()
    point = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(point.get_xydata(), [[1.734, delta]])
    shares = {text.get_text() for text in ax.texts}  # in the same digits as everywhere else
    assert shares == ({"Neither 6 %", "CA only 86 %", "CP only < 1 %", "Both 7 %"} if column == 1 else set(map(str, Regime)))
    (low, high) = ax.get_xlim()
    assert np.isclose(low * high, 1) and low < 0.62 and high > 1.734
    dots = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(dots, np.clip(MADE_UP.cloud[:, [0, column]], low, high))
    corners = {(1, 1): Regime.NEITHER, (high, 1): Regime.CA_ONLY, (1, high): Regime.CP_ONLY, (high, high): Regime.BOTH}
    for area in ax.collections[:4]:
        vertices = area.get_paths()[0].vertices
        corner = tuple(float(v) for v in np.round(vertices.max(axis=0), 6))
        (regime,) = [r for (x, y), r in corners.items() if np.allclose(corner, (x, y))]
        assert to_hex(area.get_facecolor()[0]) == REGIME_COLORS[regime]


def test_infinite_and_vanishing_ratios_stay_on_the_paper():
    cloud = np.array([[0.0, np.inf, 1.0], [2.0, 0.0, 1.0]])
    extreme = dataclasses.replace(MADE_UP, cloud=cloud, ca=MADE_UP.ca._replace(delta=Estimate(np.inf, 0.0, np.inf)))
    ax = phase_plane(Figure().subplots(), extreme, "x→y")
    low, high = ax.get_xlim()
    assert np.isfinite([low, high]).all() and 1 / 45 < low < high < 45
    ax.figure.canvas.draw()


def test_the_spectrum_shows_each_component_by_kind_share_and_floor():
    found = MADE_UP.cp.spectrum
    ax = spectrum(Figure().subplots(), found, "CP")
    null, observed, floor = ax.lines
    np.testing.assert_allclose(null.get_ydata(), found.null)
    np.testing.assert_allclose(observed.get_ydata(), found.observed)
    assert floor.get_ydata()[0] == found.nuisance_floor == 0.9
    signal, nuisance = ax.collections
    np.testing.assert_allclose(signal.get_offsets(), [[2, 0.7], [4, 0.3]])
    np.testing.assert_allclose(nuisance.get_offsets()[:, 1], [0.9, 0.6, 0.2, 0.1])
    np.testing.assert_allclose(signal.get_facecolors()[0], SHARE.to_rgba(0.6))
    assert ax.get_xlabel() == "component"


def test_a_long_spectrum_is_cut_and_says_so_and_one_of_signals_has_no_floor():
    long = Spectrum(*(np.linspace(1, 0, 90),) * 4, 0.0, np.ones(90, bool), np.ones(90, bool))
    ax = spectrum(Figure().subplots(), long, "CA")
    assert ax.get_xlabel() == "component (first 40 of 90)"
    assert len(ax.lines) == 2 and len(ax.collections[0].get_offsets()) == 40


def test_verdicts_and_numbers_in_words():
    assert words.verdict(MADE_UP) == "Align (CA)"
    assert words.verdict(dataclasses.replace(MADE_UP, objective="CP", direction="y→x")) == "Predict x from y (CP)"
    assert words.verdict(dataclasses.replace(MADE_UP, objective="CP", direction="x→y")) == "Predict y from x (CP)"
    assert words.verdict(dataclasses.replace(MADE_UP, objective="neither")) == "No advice"
    assert words.verdict(dataclasses.replace(MADE_UP, objective="one view", view="y")) == "Use y alone"
    assert [words.percent(p) for p in (0.0, 0.004, 0.01, 0.5, 0.994, 1.0)] == [
        "< 1 %",
        "< 1 %",
        "1 %",
        "50 %",
        "> 99 %",
        "> 99 %",
    ]
    counts = [words.count(n) for n in (7, 88.4, 347.2, 12345, 9.9e5, 2e6, np.inf)]
    assert counts == ["7", "89", "350", "13,000", "990,000", "> 1,000,000", "no number"]
    assert words.interval(Estimate(0.05, 0.0, 123.4)) == "0.05 (0.00–123)"


def test_a_diagnosis_without_a_second_answer_shows_dashes():
    sides = {name: getattr(MADE_UP, name)._replace(outlook=None) for name in ("ca", "cp", "cp_reverse")}
    elbow = dataclasses.replace(MADE_UP, these_pairs=None, **sides)
    assert all(line[-2:] == ("–", "–") for line in words.modelled(elbow))
    assert len(words.reasons(elbow)) == 3 and not re.search("Fits on these", report_page(elbow, SOURCES))


def test_print_is_the_screen_and_a_notebook_gets_the_page_in_a_frame():
    printed = str(MADE_UP)
    assert printed.splitlines()[0].strip() == "Align (CA)" and MADE_UP.advice in printed
    assert max(map(len, printed.splitlines())) <= 60
    frame = MADE_UP._repr_html_()
    assert frame.startswith("<iframe") and html.escape(html.escape(MADE_UP.advice)) in frame.replace(SPACE, " ")
    assert len(repr(MADE_UP)) < 200 and MADE_UP.advice in repr(MADE_UP)
