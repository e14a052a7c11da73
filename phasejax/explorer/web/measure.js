// Numbers of a grid as they come: from the page's own workers, or from `phasejax explore`; the newest request wins.
"use strict";

const measure = (() => {
  const QUIET = 150; // ms: in a drag nothing is drawn before it rests, for that would take the time of its frames
  const session = Math.random().toString(36).slice(2);
  let ticket = 0, workers = [], asking = new AbortController(), last = -Infinity, waiting = 0;

  // In place of a request that nobody waits for any more.
  function renewed(request) {
    request.abort();
    return new AbortController();
  }

  // Begin anew: `heard` is {cells(cells, codes), edges(rows, ca, cp), say(words)}, and hears nothing once there is a newer request.
  function begin(state, served, heard) {
    ticket += 1;
    for (const worker of workers) worker.terminate();
    workers = [];
    asking = renewed(asking);
    clearTimeout(waiting);
    const start = () => (served ? fromKernel(state, ticket, heard) : fromWorkers(state, heard));
    const since = performance.now() - last;
    last = performance.now();
    if (since > QUIET) return void start();
    waiting = setTimeout(start, QUIET);
    heard.say("drawing when the slider rests…");
  }

  // Cells from coarse to fine: a picture of the whole first, then twice as fine each time.
  function coarseToFine() {
    const order = [], seen = new Set();
    for (let stride = 8; stride >= 1; stride /= 2) for (let i = 0; i < view.SIZE; i += stride) for (let j = 0; j < view.SIZE; j += stride) {
      const cell = i * view.SIZE + j;
      if (!seen.has(cell)) { seen.add(cell); order.push(cell); }
    }
    return order;
  }

  const WORKER = `
    onmessage = ({ data: { jobs, level } }) => {
      for (const { cells, points } of jobs) {
        const codes = points.map((p, i) => {
          if (p.kappa[0] === 0) return 0;
          const { ca, cp } = simulate.distances(p, 1, 1, cells[i]);
          return theory.code(ca < level, cp < level);
        });
        postMessage({ cells, codes });
      }
    };`;

  function fromWorkers(state, heard) {
    if (state.n < state.dX + state.dY) {
      return heard.say(`A draw in the browser needs n ≥ ${state.dX + state.dY} pairs; phasejax explore draws every n.`);
    }
    const models = document.querySelector("script").textContent.split("/*" + "APP*/")[0];
    const source = URL.createObjectURL(new Blob([models, WORKER], { type: "text/javascript" }));
    const order = coarseToFine(), count = Math.min(8, navigator.hardwareConcurrency || 2), began = performance.now();
    let left = order.length;
    workers = Array.from({ length: count }, (_, number) => {
      const own = order.filter((_, i) => i % count === number), jobs = [];
      for (let i = 0; i < own.length; i += 24) {
        const cells = own.slice(i, i + 24);
        const points = cells.map((cell) => view.at(state, view.kappaOf(state, Math.floor(cell / view.SIZE)), view.nuOf(cell % view.SIZE)));
        jobs.push({ cells, points });
      }
      const worker = new Worker(source);
      worker.onmessage = ({ data: { cells, codes } }) => {
        if (!workers.includes(worker)) return;
        heard.cells(cells, codes);
        left -= cells.length;
        heard.say(left ? `drawing in the browser: ${order.length - left} of ${order.length} cells`
          : `one draw a cell, ${((performance.now() - began) / 1000).toFixed(1)} s in the browser`);
      };
      worker.postMessage({ jobs, level: LEVEL });
      return worker;
    });
    URL.revokeObjectURL(source);
  }

  // Lines of JSON: bands of measured cells, then rows of the boundaries that theory expects.
  async function fromKernel(state, mine, heard) {
    heard.say("compiling the kernel for these sizes…");
    const query = new URLSearchParams({ ...state, size: view.SIZE, session, ticket: mine }), { signal } = asking;
    const all = view.SIZE * view.SIZE;
    let done = 0;
    try {
      for await (const line of linesOf(await fetch(`picture?${query}`, { signal }))) {
        const { cells, codes, trials, seconds, rows, ca, cp } = JSON.parse(line);
        if (mine !== ticket) return;
        if (rows) { heard.edges(rows, ca, cp); continue; }
        done += cells.length;
        heard.cells(cells, codes);
        heard.say(`${trials} draws a cell: ${done} of ${all} cells, ${seconds.toFixed(1)} s on this machine`);
      }
    } catch (error) {
      if (mine === ticket) heard.say(`No Monte-Carlo: ${error.message}`);
    }
  }

  async function* linesOf(response) {
    if (!response.ok) throw new Error(await response.text());
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      yield* lines;
    }
  }

  // What the package expects of n pairs at the point of a view; null where a newer point has been asked for.
  let point = 0, askingPoint = new AbortController();
  async function expectedAtPoint(state) {
    askingPoint = renewed(askingPoint);
    const { signal } = askingPoint;
    const query = new URLSearchParams({ ...state, size: view.SIZE, session: `${session}-point`, ticket: ++point });
    try {
      const response = await fetch(`point?${query}`, { signal });
      return response.ok ? await response.json() : null;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  return { begin, expectedAtPoint };
})();
