"""What came of heads, as words, as rows of a table, and as one self-contained page."""

import html
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from phasejax.heads.run import Head, Heads
from phasejax.plot import STYLE, page

HEADINGS = ("", "reads", "score", "less the better view alone")
COLORS = {"baseline": "0.45", "head": "#0072b2", "ceiling": "#009e73"}


def heading(found: Heads) -> str:
    """What the scores are."""
    return f"{found.measure} of the labels in groups held out, ± 2 standard errors; chance {found.chance:.2f}"


def rows(found: Heads) -> list[tuple[str, ...]]:
    """One for each representation, under `HEADINGS`."""
    columns = zip(found.heads, found.score, found.error, found.difference, found.difference_error, strict=True)
    return [
        (
            head.objective,
            head.reads,
            f"{score:.3f} ± {2 * error:.3f}",
            f"{difference:+.3f} ± {2 * difference_error:.3f}" if difference_error > 0 else "",
        )
        for head, score, error, difference, difference_error in columns
    ]


def verdict(found: Heads) -> str:
    """Whether any head is worth its training, in a sentence."""
    count = sum(head.kind == "head" for head in found.heads)
    if not found.ahead:
        return f"None of {count} heads scores more than the better view alone by two standard errors."
    return f"Ahead of the better view alone by two standard errors: {', '.join(map(_name, found.ahead))}; of {count} heads."


def caveats(found: Heads) -> list[str]:
    """What to know before a score is believed."""
    lost = [f"{name}: a training diverged; its last good state is scored." for name in found.diverged]
    by_heart = "below chance: it knows the pairs that it was trained on by heart. Fewer steps or more pairs may help."
    return lost + [f"{_name(head)}: {by_heart}" for head in found.below_chance]


def report_page(found: Heads, sources: Mapping[str, str], command: str | None = None) -> str:
    """A page that needs nothing else. `sources` says where x, y and the labels come from, `command` how it was run."""
    said = "The score of every representation with its interval, beside chance and the better view alone."
    body = f"""<h1>Heads on frozen features</h1>
<p class="advice">{html.escape(verdict(found))}</p>
{page.caveats(caveats(found))}
{page.drawn([scores_figure(found)], "scores", said)}
<h2>{html.escape(heading(found))}</h2>
{page.table(HEADINGS, rows(found))}
<p>A linear probe is fitted to each representation outside a fold of groups and scored in it. Features alone are the leading
principal components of a view; the ceiling is a network of the same size that was trained on the labels.</p>
<footer>{page.origin(sources, command)}</footer>"""
    return page.whole("Heads on frozen features", body)


def scores_figure(found: Heads) -> Figure:
    """A mark and its interval for each representation; lines at chance and at the better view alone."""
    place = np.arange(len(found.heads))[::-1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.0 + 0.26 * len(place)), layout="constrained")
        ax = figure.subplots()
        for head, at, score, error in zip(found.heads, place, found.score, found.error, strict=True):
            ax.errorbar(score, at, xerr=2 * error, fmt="o", color=COLORS[head.kind], markersize=4, capsize=2)
        ax.axvline(found.chance, color="0.6", linestyle=":", label="chance")
        ax.axvline(found.score[:2].max(), color="0.3", linestyle="--", label="the better view alone")
        ax.set_yticks(place, [_name(head) for head in found.heads])
        ax.set(xlabel=found.measure, ylim=(-0.6, len(place) - 0.4))
        figure.legend(loc="outside upper right", ncols=2)
    return figure


def _name(head: Head) -> str:
    return f"{head.objective} ({head.reads})"
