"""How soon the explorer's page answers a slider, in a real browser: milliseconds until the frame that shows it is painted.

Run `python benchmarks/explorer.py` (extra `[test]`, and a Chromium). On two cores with nothing else running, programs
compiled, drawn without a GPU, medians (most): theory 19 (55) in a drag, the first Monte-Carlo picture 154 (232) after a move,
the whole of 61 × 61 cells of 20 draws 755 (1032), and 834 after the end of a drag.
"""

import re
import shutil
import subprocess
import sys
from statistics import median

from playwright.sync_api import Page, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

MOVE = """
const slider = document.getElementById("gammaTildeY-range"), state = document.getElementById("state");
const move = (by) => {
    slider.valueAsNumber += by;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    return performance.now();
};
const painted = async () => {
    await new Promise(requestAnimationFrame);
    const { port1, port2 } = new MessageChannel();
    await new Promise((next) => { port1.onmessage = next; port2.postMessage(null); });
    return performance.now();
};
const until = async (words) => {
    while (!state.textContent.includes(words)) await new Promise((next) => setTimeout(next, 1));
    return painted();
};
"""

DRAG = f"""async () => {{ {MOVE}
    const times = [];
    for (let frame = 0; frame < 40; frame++) {{
        const began = move(0.02);
        times.push((await painted()) - began);
    }}
    const began = performance.now();
    await until("WHOLE");
    return [times, performance.now() - began];
}}"""

PICTURE = f"""async () => {{ {MOVE}
    const times = [];
    for (let turn = 0; turn < 9; turn++) {{
        const began = move(turn % 2 ? 0.3 : -0.3);
        const first = (await until("FIRST")) - began;
        times.push([first, (await until("WHOLE")) - began]);
    }}
    return times;
}}"""


def measure(tab: Page, life: str, first: str, whole: str) -> None:
    def put(script: str):
        return tab.evaluate(script.replace("FIRST", first).replace("WHOLE", whole))

    tab.get_by_text(whole).wait_for(timeout=110_000)
    expect(tab.locator("#expected-caption")).not_to_contain_text("fixed", timeout=60_000)
    times, settled = put(DRAG)
    pictures = put(PICTURE)
    print(f"{life}: theory, 40 moves of a drag {spread(times)}; the last of them whole after {settled:.0f}")
    print(f"  first Monte-Carlo picture {spread([a for a, _ in pictures])}; whole 61 × 61 {spread([b for _, b in pictures])}")
    print(f"  the page says: {tab.inner_text('#state')}", flush=True)


def spread(times: list[float]) -> str:
    return f"{median(times):.0f} (at most {max(times):.0f})"


def main() -> None:
    command = [sys.executable, "-m", "phasejax", "explore", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        said = re.search(r"http://\S+/", server.stdout.readline())
        assert said is not None
        try:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            tab = browser.new_page(viewport={"width": 1360, "height": 1000})
            tab.goto(said.group())
            measure(tab, "served", "draws a cell", "3721 of 3721")
            browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
