"""A diagnosis as one self-contained page: the verdict, the phase diagram, the spectra, the caveats, where it comes from."""

import html
from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.diagnosis import words
from phasejax.diagnosis.figures import SHARE, phase_plane, spectrum
from phasejax.diagnosis.result import Diagnosis
from phasejax.plot import STYLE, page


def report_page(diagnosis: Diagnosis, sources: Mapping[str, str], command: str | None = None) -> str:
    """A page that needs nothing else. `sources` says where x, y and the labels come from, `command` how it was run."""
    e = html.escape
    verdict = words.verdict(diagnosis)
    sure = "" if diagnosis.confidence is None else f"<p>{e(words.confidence(diagnosis.confidence))}</p>"
    body = f"""<h1>{e(verdict)}</h1>
<p class="advice">{e(diagnosis.advice)}</p>
{sure}
{page.listed(words.next_steps(diagnosis))}
{page.caveats(diagnosis.warnings)}
{_tried(diagnosis)}
{_modelled(diagnosis) if words.is_modelled(diagnosis) else ""}
<h2>The spectra</h2>
<p>One mark for each component, coloured by the share of the labels' variance on it (R²). Diamonds are called signal, circles
nuisance; the lowest diamond that counts must clear the dashed floor. A dash is the value in the sample, which is inflated; the
grey line is what as many pairs show when x and y are independent. By chance alone a component reads
{diagnosis.ca.spectrum.floor:.2g} of the labels' variance; this is taken off.</p>
{page.drawn(_spectra(diagnosis), "spectra", "Singular values of CA and of CP in both directions, and what labels tell.")}
<p>{e(words.OTHER_WORDS)}</p>
<footer>{e(words.data(diagnosis))}<br>{page.origin(sources, command)}</footer>"""
    return page.whole(f"{verdict}: where the dataset stands", body)


def _tried(diagnosis: Diagnosis) -> str:
    if diagnosis.trial is None:
        return ""
    tried = f"<h2>{html.escape(words.tried_heading(diagnosis.trial))}</h2>{page.table(words.TRIED, words.tried(diagnosis))}"
    tried += page.listed(words.regulariser(diagnosis))
    if diagnosis.loadings is None:
        return tried
    return f"{tried}<h2>{html.escape(words.loadings_heading(diagnosis.loadings))}</h2>{page.listed(words.loadings(diagnosis))}"


def _modelled(diagnosis: Diagnosis) -> str:
    picture = "The phase diagram, with the plausible places of this dataset, for CP from x to y and from y to x."
    return f"""<h2>Explained by the model</h2>
{page.table(words.MODELLED, words.modelled(diagnosis))}
{page.listed(words.reasons(diagnosis))}
<p>{html.escape(" ".join(words.MODEL_TERMS))}</p>
<h2>In the phase diagram</h2>
<p>The point with its 90 % intervals, and plausible others. To the right of 1 aligning separates signal from nuisance, above 1
predicting does: first from x to y, then from y to x.</p>
{page.drawn(_planes(diagnosis), "planes", picture)}"""


def report_frame(diagnosis: Diagnosis) -> str:
    """The page in a frame, for a notebook."""
    shown = html.escape(report_page(diagnosis, {}))
    return f'<iframe srcdoc="{shown}" title="Diagnosis" style="width: 100%; height: 46rem; border: 0"></iframe>'


def _planes(diagnosis: Diagnosis) -> list[Figure]:
    planes = []
    with mpl.rc_context(STYLE):
        for direction in ("x→y", "y→x"):
            planes.append(Figure(figsize=(3.6, 3.6), layout="constrained"))
            phase_plane(planes[-1].subplots(), diagnosis, direction)
    return planes


def _spectra(diagnosis: Diagnosis) -> list[Figure]:
    """Three panels, and what their marks mean."""
    with mpl.rc_context(STYLE):
        panels = [Figure(figsize=(3.0, 2.9), layout="constrained") for _ in diagnosis.sides]
        axes = [panel.subplots() for panel in panels]
        for ax, side, title in zip(axes, diagnosis.sides, ("CA: correlations", "CP, x→y", "CP, y→x"), strict=True):
            spectrum(ax, side.spectrum, title)
        key = Figure(figsize=(4.4, 1.2))
        key.colorbar(SHARE, cax=key.add_axes((0.3, 0.75, 0.4, 0.12)), orientation="horizontal", label="R² with the labels")
        key.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=2)
    return [*panels, key]
