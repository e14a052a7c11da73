"""A diagnosis as one self-contained page: the verdict, the phase diagram, the spectra, the caveats, where it comes from."""

import html
import io
from collections.abc import Iterable, Mapping
from importlib.metadata import version

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.diagnosis import words
from phasejax.diagnosis.figures import SHARE, phase_plane, spectrum
from phasejax.diagnosis.result import Diagnosis
from phasejax.plot import STYLE

_CSS = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --line: #ddd; --note: #fff6df; --faint: #5c5c60; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececee; --paper: #161618; --line: #3a3a3e; --note: #33290f; --faint: #a5a5ab; }
}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--paper); }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; }
.advice { font-size: 1.1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 0; overflow-x: auto; background: #fff; border-radius: 4px; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
.caveats { background: var(--note); border-left: 4px solid #e69f00; padding: .4rem 1rem; }
code { overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
"""


def report_page(diagnosis: Diagnosis, sources: Mapping[str, str], command: str | None = None) -> str:
    """A page that needs nothing else. `sources` says where x, y and the labels come from, `command` how it was run."""
    e = html.escape
    caveats = f"<div class='caveats'><strong>Caveats</strong>{_list(diagnosis.warnings)}</div>" if diagnosis.warnings else ""
    origin = ", ".join(f"{e(name)} {e(source)}" for name, source in sources.items())
    again = f"<br>Again: <code>{e(command)}</code>" if command else ""
    verdict = e(words.verdict(diagnosis))
    sure = "" if diagnosis.confidence is None else f"<p>{e(words.confidence(diagnosis.confidence))}</p>"
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{verdict}: where the dataset stands</title>
<style>{_CSS}</style>
<h1>{verdict}</h1>
<p class="advice">{e(diagnosis.advice)}</p>
{sure}
{_list(words.next_steps(diagnosis))}
{caveats}
{_tried(diagnosis)}
{_modelled(diagnosis) if words.is_modelled(diagnosis) else ""}
<h2>The spectra</h2>
<p>One mark for each component, coloured by the share of the labels' variance on it (R²). Diamonds are called signal, circles
nuisance; the lowest diamond that counts must clear the dashed floor. A dash is the value in the sample, which is inflated; the
grey line is what as many pairs show when x and y are independent. By chance alone a component reads
{diagnosis.ca.spectrum.floor:.2g} of the labels' variance; this is taken off.</p>
{_figure(_spectra(diagnosis), "spectra", "Singular values of CA and of CP in both directions, and what labels tell.")}
<p>{e(words.OTHER_WORDS)}</p>
<footer>{e(words.data(diagnosis))}<br>{origin}; phasejax {version("phasejax")}.{again}</footer>
</html>
"""


def _tried(diagnosis: Diagnosis) -> str:
    if diagnosis.trial is None:
        return ""
    tried = f"<h2>{html.escape(words.tried_heading(diagnosis.trial))}</h2>{_table(words.TRIED, words.tried(diagnosis))}"
    tried += _list(words.regulariser(diagnosis))
    if diagnosis.loadings is None:
        return tried
    return f"{tried}<h2>{html.escape(words.loadings_heading(diagnosis.loadings))}</h2>{_list(words.loadings(diagnosis))}"


def _modelled(diagnosis: Diagnosis) -> str:
    picture = "The phase diagram, with the plausible places of this dataset, for CP from x to y and from y to x."
    return f"""<h2>Explained by the model</h2>
{_table(words.MODELLED, words.modelled(diagnosis))}
{_list(words.reasons(diagnosis))}
<p>{html.escape(" ".join(words.MODEL_TERMS))}</p>
<h2>In the phase diagram</h2>
<p>The point with its 90 % intervals, and plausible others. To the right of 1 aligning separates signal from nuisance, above 1
predicting does: from x to y on the left, from y to x on the right.</p>
{_figure(_planes(diagnosis), "planes", picture)}"""


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def report_frame(diagnosis: Diagnosis) -> str:
    """The page in a frame, for a notebook."""
    page = html.escape(report_page(diagnosis, {}))
    return f'<iframe srcdoc="{page}" title="Diagnosis" style="width: 100%; height: 46rem; border: 0"></iframe>'


def _table(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<div class='wide'><table><tr>{head}</tr>{body}</table></div>"


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


def _figure(figure: Figure, name: str, says: str) -> str:
    """A figure as an inline element with letters as shapes, and what it says; the same figure gives the same text."""
    drawn = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    svg = text[text.index("<svg") :]
    return f'<figure role="img" aria-label="{html.escape(says)}">{svg}</figure>'
