"""A self-contained page: what every report shares, from its style to a figure drawn within it."""

import html
import io
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
figure { margin: 0; overflow-x: auto; background: #fff; border-radius: 4px; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
.caveats { background: var(--note); border-left: 4px solid #e69f00; padding: .4rem 1rem; }
code { overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
"""


def whole(title: str, body: str) -> str:
    """A page of this title (text) and body (HTML) that needs nothing else."""
    body = body.replace(" %", "\N{NO-BREAK SPACE}%")  # a narrow screen would break between them
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


def drawn(figure: Figure, name: str, says: str) -> str:
    """A figure as an inline element with letters as shapes, and what it says; the same figure gives the same text."""
    text = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    return f'<figure role="img" aria-label="{html.escape(says)}">{svg}</figure>'
