"""A self-contained page: what every report shares, from its style to a figure drawn within it."""

import html
import io
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.plot.style import STYLE

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
figure { margin: 0; overflow-x: auto; background: #fff; border-radius: 4px; display: flex; flex-wrap: wrap;
  justify-content: center; }
svg { height: auto; }
.caveats { background: var(--note); border-left: 4px solid #e69f00; padding: .4rem 1rem; }
code { overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
@media (max-width: 36rem) {
  table { font-size: .8rem; }
  th, td { padding: .25rem .2rem; }
  td { white-space: normal; }
}
"""
_SPACE, _JOINED = "\N{NO-BREAK SPACE}", "\N{WORD JOINER}"
_KEPT_TOGETHER = (  # a narrow screen would break between them
    (" %", f"{_SPACE}%"),
    (" ± ", f"{_SPACE}±{_SPACE}"),
    ("&lt; ", f"&lt;{_SPACE}"),
    ("&gt; ", f"&gt;{_SPACE}"),
    ("–", f"{_JOINED}–{_JOINED}"),
)
_REM = 4.7  # of a page's width to an inch of a figure, at least: letters of 7 points can then be read


def whole(title: str, body: str) -> str:
    """A page of this title (text) and body (HTML) that needs nothing else."""
    parts = re.split("(<code>.*?</code>)", body)  # a command is copied as it stands
    body = "".join(part if part.startswith("<code>") else _kept_together(part) for part in parts)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_CSS}</style>
{body}
</html>
"""


def listed(lines: Iterable[str]) -> str:
    """Sentences as a list."""
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def caveats(lines: Iterable[str]) -> str:
    """Sentences in a box that cannot be overlooked; nothing where there are none."""
    shown = list(lines)
    return f"<div class='caveats'><strong>Caveats</strong>{listed(shown)}</div>" if shown else ""


def _kept_together(text: str) -> str:
    for apart, together in _KEPT_TOGETHER:
        text = text.replace(apart, together)
    return text


def table(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Cells of text under their headings."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<div class='wide'><table><tr>{head}</tr>{body}</table></div>"


def origin(sources: Mapping[str, str], command: str | None) -> str:
    """Where the data came from, the version, and how to make the page again."""
    shown = ", ".join(f"{html.escape(name)} {html.escape(source)}" for name, source in sources.items())
    again = f"<br>Again: <code>{html.escape(command)}</code>" if command else ""
    return f"{shown}; phasejax {version('phasejax')}.{again}"


def drawn(figures: Iterable[Figure], name: str, says: str) -> str:
    """Figures as one inline element with letters as shapes, and what it says; the same figures give the same text.

    Side by side where the screen is wide enough, else below each other.
    """
    shown = []
    for figure in figures:
        text = io.StringIO()
        with mpl.rc_context({**STYLE, "svg.fonttype": "path", "svg.hashsalt": f"{name} {len(shown)}"}):
            figure.savefig(text, format="svg", metadata={"Date": None})
        width = _REM * figure.get_figwidth()
        _, svg = text.getvalue().split("<svg", 1)
        shown.append(f'<svg style="flex: 1 1 {width:.1f}rem; min-width: {width:.1f}rem; max-width: {1.7 * width:.1f}rem"{svg}')
    return f'<figure role="img" aria-label="{html.escape(says)}">{"".join(shown)}</figure>'
