"""A diagnosis as one self-contained page: the verdict, the phase diagram, the spectra, the caveats, where it comes from."""

import html
import io
from collections.abc import Mapping
from importlib.metadata import version

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.diagnosis import words
from phasejax.diagnosis.figures import SHARE, phase_plane, spectrum
from phasejax.diagnosis.result import Diagnosis
from phasejax.plot import STYLE

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1e; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; }
.advice { font-size: 1.1rem; }
table { border-collapse: collapse; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
.caveats { background: #fff6df; border-left: 4px solid #e69f00; padding: .4rem 1rem; }
footer { margin-top: 2rem; color: #666; font-size: .85rem; overflow-wrap: anywhere; }
"""


def report_page(diagnosis: Diagnosis, sources: Mapping[str, str]) -> str:
    """The page as HTML that needs nothing else. `sources` says where x, y and the labels came from, and how it was run."""
    e = html.escape
    reasons = "".join(f"<li>{e(line)}</li>" for line in words.reasons(diagnosis))
    caveats = "".join(f"<li>{e(line)}</li>" for line in diagnosis.warnings)
    caveats = f"<div class='caveats'><strong>Caveats</strong><ul>{caveats}</ul></div>" if caveats else ""
    origin = ", ".join(f"{e(name)} {e(source)}" for name, source in sources.items())
    verdict = e(words.verdict(diagnosis))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{verdict}: where the dataset stands</title>
<style>{_CSS}</style>
<h1>{verdict}</h1>
<p class="advice">{e(diagnosis.advice)}</p>
{_table(diagnosis)}
<p>{e(" ".join(words.MODEL_TERMS))}</p>
<ul>{reasons}</ul>
{caveats}
<h2>In the phase diagram</h2>
<p>The point with its 90 % intervals, and plausible others. To the right of 1 aligning separates signal from nuisance, above 1
predicting does: from x to y on the left, from y to x on the right.</p>
{_svg(_planes(diagnosis), "planes")}
<h2>The spectra</h2>
<p>One mark for each component, coloured by the share of the labels' variance on it (R²). Diamonds are called signal, circles
nuisance; the lowest diamond that counts must clear the dashed floor. A dash is the value in the sample, which is inflated; the
grey line is what as many pairs show when x and y are independent. By chance alone a component reads
{diagnosis.ca.spectrum.floor:.2g} of the labels' variance; this is taken off.</p>
{_svg(_spectra(diagnosis), "spectra")}
<footer>{e(words.data(diagnosis))}<br>{origin}; phasejax {version("phasejax")}.</footer>
</html>
"""


def report_frame(diagnosis: Diagnosis) -> str:
    """The page in a frame, for a notebook."""
    page = html.escape(report_page(diagnosis, {}))
    return f'<iframe srcdoc="{page}" title="Diagnosis" style="width: 100%; height: 46rem; border: 0"></iframe>'


def _table(diagnosis: Diagnosis) -> str:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in words.MODELLED)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in words.modelled(diagnosis)
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _planes(diagnosis: Diagnosis) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        for ax, direction in zip(figure.subplots(1, 2), ("x→y", "y→x"), strict=True):
            phase_plane(ax, diagnosis, direction)
    return figure


def _spectra(diagnosis: Diagnosis) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        axes = figure.subplots(1, 3)
        for ax, side, title in zip(axes, diagnosis.sides, ("CA: correlations", "CP, x→y", "CP, y→x"), strict=True):
            spectrum(ax, side.spectrum, title)
        figure.colorbar(SHARE, ax=axes, label="R² with the labels", fraction=0.03)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _svg(figure: Figure, name: str) -> str:
    """A figure as an inline element with letters as shapes; the same figure gives the same text."""
    drawn = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
