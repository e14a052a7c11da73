// The page: parameters in, pictures out. State lives in the address's fragment, so that a link restores the view.
// RANGES and LEVEL are those of the library: an objective recovers at n when its distance, expected or measured, is below LEVEL.
"use strict";

(() => {
  const SIZE = 61; // cells a side
  const PARAMETERS = {
    k: { label: "signal directions k", step: 1 },
    dX: { label: "dimension of x", step: 1 },
    dY: { label: "dimension of y", step: 1 },
    n: { label: "pairs n", log: true, whole: true },
    spread: { label: "spread: κ_i = κ · spread^(i−1)", step: 0.01 },
    gammaX: { label: "source noise γˣ", log: true },
    gammaY: { label: "target noise γʸ", log: true },
    gammaTildeX: { label: "source nuisance variance γ̃ˣ", log: true },
    gammaTildeY: { label: "target nuisance variance γ̃ʸ", log: true },
    kappaMax: { label: "largest κ shown", step: 0.5 },
    kappa: { label: "κ of the point", step: 0.01 },
    nu: { label: "ν of the point", step: 0.005 },
  };
  const PUBLISHED = { k: 3, dX: 20, dY: 20, n: 5000, spread: 1, gammaX: 1, gammaY: 0.05, gammaTildeX: 1, gammaTildeY: 5,
    kappaMax: 3, kappa: 1.5, nu: 0.4 };
  const PRESETS = {
    "loud target nuisance": PUBLISHED,
    "quiet target nuisance": { ...PUBLISHED, gammaTildeY: 0.05 },
    "all four regions": { ...PUBLISHED, gammaX: 2, gammaTildeY: 2, kappa: 1.2, nu: 0.6 },
    "unequal spikes, very loud target": { ...PUBLISHED, spread: 0.7, gammaX: 0.5, gammaTildeY: 50, kappa: 3, nu: 0.5 },
    "few pairs": { ...PUBLISHED, n: 200, dX: 50, dY: 50 },
  };
  const PANELS = ["population", "expected", "measured"];

  const element = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const served = location.protocol.startsWith("http");
  let state = { ...PUBLISHED };
  let measured = new Array(SIZE * SIZE).fill(null);
  let drawing = 0;

  // ---- state, controls, address -------------------------------------------------------------------------------------------

  function restore() {
    const given = new URLSearchParams(location.hash.slice(1));
    state = { ...PUBLISHED };
    for (const name of Object.keys(PARAMETERS)) {
      const value = Number(given.get(name));
      if (given.has(name) && Number.isFinite(value)) state[name] = value;
    }
    settle();
  }

  // Every value within its range, sizes that fit each other.
  function settle() {
    for (const [name, { step, whole }] of Object.entries(PARAMETERS)) {
      const [min, max] = RANGES[name];
      const value = Math.min(max, Math.max(min, state[name]));
      state[name] = step === 1 || whole ? Math.round(value) : value;
    }
    state.dX = Math.max(state.dX, state.k + 1);
    state.dY = Math.max(state.dY, state.k + 1);
    state.kappa = Math.min(state.kappa, state.kappaMax);
  }

  const short = (value) => String(Number(value.toPrecision(4)));
  const fragment = () => "#" + Object.keys(PARAMETERS).map((name) => `${name}=${short(state[name])}`).join("&");

  function buildControls() {
    for (const name of Object.keys(PRESETS)) element("preset").append(make("option", { textContent: name }));
    element("preset").addEventListener("change", (event) => change(PRESETS[event.target.value]));
    for (const [name, { label, step, log }] of Object.entries(PARAMETERS)) {
      const [min, max] = RANGES[name];
      const range = make("input", { type: "range", id: `${name}-range`, min: log ? Math.log(min) : min, max: log ? Math.log(max) : max,
        step: log ? "any" : step, ariaLabel: label });
      const number = make("input", { type: "number", id: name, min, max, step: "any", ariaLabel: `${label}, number` });
      range.addEventListener("input", () => change({ [name]: log ? Math.exp(range.valueAsNumber) : range.valueAsNumber }));
      number.addEventListener("change", () => Number.isFinite(number.valueAsNumber) && change({ [name]: number.valueAsNumber }));
      element("sliders").append(make("div", { className: "row" }, make("label", { htmlFor: name, textContent: label }), range, number));
    }
    for (const name of PANELS) {
      const canvas = make("canvas", { id: name, className: "panel", tabIndex: 0, role: "img" });
      canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); move(canvas, event); });
      canvas.addEventListener("pointermove", (event) => event.buttons && move(canvas, event));
      canvas.addEventListener("keydown", step);
      element("panels").append(make("figure", {}, canvas, make("figcaption", { id: `${name}-caption` })));
    }
    element("panels").setAttribute("aria-description", "Arrow keys move the point by one cell.");
    const swatch = (color, text) => { const i = make("i"); i.style.background = color; return make("span", {}, i, text); };
    const stroke = (color, dash, text) => { const b = make("b"); b.style.borderColor = color; b.style.borderTopStyle = dash; return make("span", {}, b, text); };
    element("legend").append(
      ...theory.REGIONS.map((name, code) => swatch(draw.REGION[code], name)),
      stroke("currentColor", "solid", "Δ CA = 1"), stroke("currentColor", "dashed", "Δ CP = 1"),
      stroke(draw.AT_N.ca, "solid", "CA at n"), stroke(draw.AT_N.cp, "dashed", "CP at n"));
  }

  function move(canvas, event) {
    const box = draw.frame(canvas.clientWidth, canvas.clientHeight, state.kappaMax);
    change({ kappa: box.kappa(event.offsetX), nu: box.nu(event.offsetY) });
  }

  function step(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    change({ kappa: state.kappa + (by[0] * state.kappaMax) / (SIZE - 1), nu: state.nu + by[1] / (SIZE - 1) });
  }

  function change(changes) {
    const before = gridKey();
    Object.assign(state, changes);
    settle();
    history.replaceState(null, "", fragment());
    if (gridKey() !== before) measure();
    request();
  }

  // What the grid depends on: all but the point.
  const gridKey = () => Object.keys(PARAMETERS).filter((name) => name !== "kappa" && name !== "nu").map((name) => state[name]).join();

  const at = (kappa, nu, n = state.n) => ({
    kappa: theory.spikes(kappa, state.spread, state.k), gammaX: state.gammaX, gammaY: state.gammaY,
    gammaTildeX: state.gammaTildeX, gammaTildeY: state.gammaTildeY, nu, dX: state.dX, dY: state.dY, n,
  });
  const kappaOf = (i) => (state.kappaMax * i) / (SIZE - 1);
  const nuOf = (j) => j / (SIZE - 1);

  // ---- pictures -----------------------------------------------------------------------------------------------------------

  function request() {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(render);
  }

  let cached = { key: null };
  function grids() {
    if (cached.key === gridKey()) return cached;
    const population = [], expected = [], lines = { ca: [], cp: [], caAt: [], cpAt: [] };
    const [dead, alive] = [0.02, state.kappaMax];
    for (let i = 0; i < SIZE; i++) {
      const kappa = kappaOf(i), edge = theory.criticalNu(at(kappa, 0)), edgeAt = theory.criticalNuAt(at(kappa, 0), LEVEL);
      for (let j = 0; j < SIZE; j++) {
        const nu = nuOf(j);
        population.push((nu < edge.ca ? 1 : 0) + (nu < edge.cp ? 2 : 0));
        expected.push((nu < edgeAt.ca ? 1 : 0) + (nu < edgeAt.cp ? 2 : 0));
      }
      lines.caAt.push([kappa, edgeAt.ca]);
      lines.cpAt.push([kappa, edgeAt.cp]);
    }
    for (let i = 0; i <= 240; i++) {
      const kappa = dead + ((alive - dead) * i) / 240, edge = theory.criticalNu(at(kappa, 0));
      lines.ca.push([kappa, edge.ca]);
      lines.cp.push([kappa, edge.cp]);
    }
    // Where an objective lasts up to ν = 1 there is no boundary to draw.
    for (const name of Object.keys(lines)) lines[name] = lines[name].filter(([, nu], i, all) => nu < 1 || (i && all[i - 1][1] < 1));
    cached = { key: gridKey(), population, expected, lines };
    return cached;
  }

  function render() {
    const { population, expected, lines } = grids();
    const boundaries = [
      { points: lines.ca, color: "#000000" }, { points: lines.cp, color: "#000000", dash: true },
      { points: lines.caAt, color: draw.AT_N.ca }, { points: lines.cpAt, color: draw.AT_N.cp, dash: true },
    ];
    const codes = { population, expected, measured };
    const captions = { population: "population, n = ∞", expected: `expected at n = ${short(state.n)} (fixed d/n)`, measured: `measured at n = ${short(state.n)}` };
    for (const name of PANELS) {
      draw.regions(element(name), { codes: codes[name], size: SIZE, kappaMax: state.kappaMax, lines: boundaries, point: state });
      element(`${name}-caption`).textContent = captions[name];
      element(name).ariaLabel = `Regions over κ and ν, ${captions[name]}`;
    }
    for (const [name, { log }] of Object.entries(PARAMETERS)) {
      element(`${name}-range`).value = log ? Math.log(state[name]) : state[name];
      if (document.activeElement !== element(name)) element(name).value = short(state[name]);
    }
    readout();
    spectra();
    element("toml").textContent = toml();
    element("python").textContent = python();
  }

  const readable = (value) => (value === Infinity ? "∞" : value >= 1000 ? Math.round(value).toLocaleString("en") : value.toFixed(3));
  function readout() {
    const point = at(state.kappa, state.nu), delta = theory.separation(point), expected = theory.expectedDistance(point);
    const needed = theory.samplesNeeded(point, LEVEL), counts = theory.counts(point);
    const cell = Math.round((state.kappa / state.kappaMax) * (SIZE - 1)) * SIZE + Math.round(state.nu * (SIZE - 1));
    const head = make("tr", {}, ...["", "Δ", "directions recovered, n = ∞", `expected distance, n = ${short(state.n)}`,
      "pairs needed"].map((text) => make("th", { textContent: text, scope: "col" })));
    const row = (name, objective) => make("tr", {}, make("th", { textContent: name, scope: "row" }),
      ...[readable(delta[objective]), `${counts[objective]} of ${state.k}`, readable(expected[objective]),
        needed[objective] === Infinity ? "no number suffices" : Math.ceil(needed[objective]).toLocaleString("en")].map((text) => make("td", { textContent: text })));
    const region = (code) => (code === null ? "not drawn yet" : theory.REGIONS[code]);
    const verdict = `population ${region(theory.regime(point))} · expected at n ${region(theory.regimeAt(point, LEVEL))} · measured ${region(measured[cell])}`;
    element("readout").replaceChildren(make("thead", {}, head), make("tbody", {}, row("CA", "ca"), row("CP", "cp"),
      make("tr", {}, make("th", { textContent: "region", scope: "row" }), make("td", { colSpan: 4, textContent: verdict }))));
    element("point-kappa").textContent = short(state.kappa);
    element("point-nu").textContent = short(state.nu);
  }

  let drawn = 1;
  function spectra() {
    const point = at(state.kappa, state.nu);
    const enough = state.n >= state.dX + state.dY && state.kappa > 0;
    const one = enough ? simulate.trial(point, 7, drawn, 0) : { spectrumCA: [], spectrumCP: [] };
    draw.spectra(element("spectra"), [
      { name: "CA", objective: "ca", signal: theory.rho(point), nuisance: [point.nu], sample: one.spectrumCA },
      { name: "CP", objective: "cp", signal: theory.tau(point), nuisance: [theory.xi(point)], sample: one.spectrumCP },
    ]);
    element("spectra").ariaLabel = "Singular values: signal (triangles) and nuisance (circle) of the population, one sample (ticks). "
      + `CA signal ${theory.rho(point).map(short).join(", ")} against nuisance ${short(point.nu)}; `
      + `CP signal ${theory.tau(point).map(short).join(", ")} against nuisance ${short(theory.xi(point))}.`;
  }

  // ---- Monte-Carlo: the page's own workers, or the compiled kernel of `phasejax explore`; newest wins ----------------------

  let ticket = 0, workers = [];
  const session = Math.random().toString(36).slice(2);

  function measure() {
    ticket += 1;
    measured = new Array(SIZE * SIZE).fill(null);
    for (const worker of workers) worker.terminate();
    workers = [];
    if (served) fromKernel(ticket); else fromWorkers(ticket);
  }

  // Cells from coarse to fine: a picture of the whole first, then twice as fine each time.
  function coarseToFine() {
    const order = [], seen = new Set();
    for (let stride = 8; stride >= 1; stride /= 2) for (let i = 0; i < SIZE; i += stride) for (let j = 0; j < SIZE; j += stride) {
      if (!seen.has(i * SIZE + j)) { seen.add(i * SIZE + j); order.push(i * SIZE + j); }
    }
    return order;
  }

  function accept(cells, codes) {
    cells.forEach((cell, index) => { measured[cell] = codes[index]; });
    request();
  }

  function fromWorkers(mine) {
    if (state.n < state.dX + state.dY) return say(`A draw in the browser needs n ≥ ${state.dX + state.dY} pairs; phasejax explore draws every n.`);
    const parts = `${document.querySelector("script").textContent.split("/*" + "APP*/")[0]}
      onmessage = ({ data: { jobs, trials, level } }) => {
        for (const job of jobs) {
          const codes = job.points.map((p, i) => {
            if (p.kappa[0] === 0) return 0;
            const { ca, cp } = simulate.distances(p, trials, 1, job.cells[i]);
            return (ca < level ? 1 : 0) + (cp < level ? 2 : 0);
          });
          postMessage({ cells: job.cells, codes });
        }
      };`;
    const source = URL.createObjectURL(new Blob([parts], { type: "text/javascript" }));
    const order = coarseToFine(), count = Math.min(8, navigator.hardwareConcurrency || 2), began = performance.now();
    let left = order.length;
    workers = Array.from({ length: count }, (_, number) => {
      const mineOnly = order.filter((_, i) => i % count === number), jobs = [];
      for (let i = 0; i < mineOnly.length; i += 24) {
        const cells = mineOnly.slice(i, i + 24);
        jobs.push({ cells, points: cells.map((cell) => at(kappaOf(Math.floor(cell / SIZE)), nuOf(cell % SIZE))) });
      }
      const worker = new Worker(source);
      worker.onmessage = ({ data }) => {
        if (mine !== ticket) return;
        accept(data.cells, data.codes);
        left -= data.cells.length;
        say(left ? `drawing in the browser: ${order.length - left} of ${order.length} cells`
          : `one draw a cell, ${((performance.now() - began) / 1000).toFixed(1)} s in the browser`);
      };
      worker.postMessage({ jobs, trials: 1, level: LEVEL });
      return worker;
    });
    URL.revokeObjectURL(source);
  }

  async function fromKernel(mine) {
    say("compiling the kernel for these sizes…");
    const query = new URLSearchParams({ ...state, size: SIZE, session, ticket: mine });
    try {
      const response = await fetch(`simulate?${query}`);
      if (!response.ok) throw new Error(await response.text());
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = "", done = 0; ;) {
        const { value, done: ended } = await reader.read();
        if (ended || mine !== ticket) { reader.cancel(); return; }
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          const { cells, codes, seconds, trials } = JSON.parse(line);
          accept(cells, codes);
          done += cells.length;
          say(`${trials} draws a cell: ${done} of ${SIZE * SIZE} cells, ${seconds.toFixed(1)} s on this machine`);
        }
      }
    } catch (error) {
      if (mine === ticket) say(`No Monte-Carlo: ${error.message}`);
    }
  }

  const say = (text) => { element("state").textContent = text; };

  // ---- your data ----------------------------------------------------------------------------------------------------------

  function buildDrop() {
    const drop = element("drop");
    if (!served) {
      drop.append("In this page alone there is no Python. Start ", make("code", { textContent: "phasejax explore" }),
        " and drop two files of embeddings and a file of labels here; nothing leaves your machine.");
      return;
    }
    const fields = ["x", "y", "labels"].map((name) => make("input", { type: "file", name, id: `file-${name}` }));
    const names = { x: "x, the source", y: "y, the target", labels: "labels" };
    const button = make("button", { type: "button", textContent: "diagnose" });
    drop.append("Drop the files of x, y and labels here, in this order, or choose them. Nothing leaves this machine.",
      ...fields.map((field) => make("label", { htmlFor: field.id }, `${names[field.name]} `, field)), button);
    button.addEventListener("click", () => diagnose(fields.map((field) => field.files[0])));
    drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      diagnose([...event.dataTransfer.files].slice(0, 3));
    });
  }

  async function diagnose(files) {
    const place = element("diagnosis");
    if (files.length < 3 || files.some((file) => !file)) {
      place.replaceChildren(make("p", { className: "mistake", textContent: "Three files are needed: x, y and labels." }));
      return;
    }
    place.textContent = "diagnosing…";
    const body = new FormData();
    ["x", "y", "labels"].forEach((name, i) => body.append(name, files[i], files[i].name));
    try {
      const response = await fetch("diagnose", { method: "POST", body });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      const { summary, cloud } = JSON.parse(text);
      const canvas = make("canvas", { id: "plane", role: "img", ariaLabel: "Plausible Δ of your data: CA along x, CP along y; 1 divides" });
      canvas.style.cssText = "width:300px;height:300px";
      place.replaceChildren(make("pre", { textContent: summary }), ...(cloud.length ? [canvas] : []));
      if (cloud.length) draw.plane(canvas, cloud);
    } catch (error) {
      place.replaceChildren(make("p", { className: "mistake", textContent: error.message }));
    }
  }

  // ---- take away ----------------------------------------------------------------------------------------------------------

  const dY = () => (state.dY === state.dX ? "" : `d_y = ${state.dY}\n`);
  const toml = () => `name = "explored"
description = "κ × ν, from the explorer."
trials = 20
seed = 0

[model]
d = ${state.dX}
${dY()}k = ${state.k}
spread = ${short(state.spread)}
gamma_x = ${short(state.gammaX)}
gamma_y = ${short(state.gammaY)}
gamma_tilde_x = ${short(state.gammaTildeX)}
gamma_tilde_y = ${short(state.gammaTildeY)}
n = ${state.n}

[axes]
kappa = { start = 0.0, stop = ${short(state.kappaMax)}, num = ${SIZE} }
nu = { start = 0.0, stop = 1.0, num = ${SIZE} }
`;
  const python = () => {
    const { kappa } = at(state.kappa, state.nu), unequal = state.dY === state.dX ? "" : `, d_y=${state.dY}`;
    return `from phasejax import SpikedModel, theory

model = SpikedModel.homogeneous(
    d=${state.dX}${unequal}, k=${state.k}, kappa=(${kappa.map(short).join(", ")}${kappa.length > 1 ? "" : ","}), nu=${short(state.nu)},
    gamma_x=${short(state.gammaX)}, gamma_y=${short(state.gammaY)},
    gamma_tilde_x=${short(state.gammaTildeX)}, gamma_tilde_y=${short(state.gammaTildeY)},
)
theory.separation(model)
theory.expected_distance(model, ${state.n})
`;
  };

  function download(name, url) {
    make("a", { href: url, download: name }).click();
  }

  function picture() {
    const panels = PANELS.map(element), gap = 12, width = panels.reduce((sum, c) => sum + c.width + gap, -gap);
    const whole = make("canvas", { width, height: panels[0].height + 40 }), context = whole.getContext("2d");
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, whole.width, whole.height);
    context.fillStyle = getComputedStyle(document.body).color;
    context.font = "22px system-ui, sans-serif";
    context.textAlign = "center";
    panels.reduce((x, canvas, i) => {
      context.drawImage(canvas, x, 40);
      context.fillText(element(`${PANELS[i]}-caption`).textContent, x + canvas.width / 2, 27);
      return x + canvas.width + gap;
    }, 0);
    return whole;
  }

  // Maps as rows of equal cells, boundaries as paths: everything stays editable.
  function vector() {
    const { population, expected, lines } = grids(), side = 300, pad = 50;
    const path = (points, color, dash) => `<polyline points="${points.map(([kappa, nu]) =>
      `${((kappa / state.kappaMax) * side).toFixed(2)},${((1 - nu) * side).toFixed(2)}`).join(" ")}" fill="none" stroke="${color}" stroke-width="1.6"${dash ? ' stroke-dasharray="6 4"' : ""}/>`;
    const cells = (codes) => codes.map((code, i) => code === null ? "" :
      `<rect x="${((Math.floor(i / SIZE) * side) / SIZE).toFixed(2)}" y="${(side - (((i % SIZE) + 1) * side) / SIZE).toFixed(2)}" width="${(side / SIZE + 0.1).toFixed(2)}" height="${(side / SIZE + 0.1).toFixed(2)}" fill="${draw.REGION[code]}"/>`).join("");
    const panels = [["population, n = ∞", population], [`expected at n = ${short(state.n)}`, expected], [`measured at n = ${short(state.n)}`, measured]];
    const body = panels.map(([title, codes], i) => `<g transform="translate(${pad + i * (side + pad)},34)"><text x="${side / 2}" y="-10" text-anchor="middle">${title}</text><g shape-rendering="crispEdges">${cells(codes)}</g>${path(lines.ca, "#000")}${path(lines.cp, "#000", true)}${path(lines.caAt, draw.AT_N.ca)}${path(lines.cpAt, draw.AT_N.cp, true)}<rect width="${side}" height="${side}" fill="none" stroke="#000"/><text x="0" y="${side + 16}">0</text><text x="${side}" y="${side + 16}" text-anchor="end">${short(state.kappaMax)}</text><text x="${side / 2}" y="${side + 16}" text-anchor="middle">spike strength κ</text><text x="-6" y="${side}" text-anchor="end">0</text><text x="-6" y="10" text-anchor="end">1</text><text transform="translate(-16,${side / 2}) rotate(-90)" text-anchor="middle">nuisance correlation ν</text></g>`).join("");
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${3 * side + 4 * pad}" height="${side + 64}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${body}</svg>`;
  }

  const EXPORTS = {
    png: () => download("phasejax.png", picture().toDataURL("image/png")),
    svg: () => download("phasejax.svg", URL.createObjectURL(new Blob([vector()], { type: "image/svg+xml" }))),
    link: () => navigator.clipboard.writeText(location.href).then(() => say("The link is on the clipboard."), () => say(location.href)),
  };

  // ---- begin --------------------------------------------------------------------------------------------------------------

  buildControls();
  buildDrop();
  element("life").textContent = served ? "The Monte-Carlo comes from the compiled kernel on this machine."
    : "This page computes everything by itself; phasejax explore adds the compiled kernel and your own data.";
  for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", EXPORTS[button.dataset.export]);
  element("redraw").addEventListener("click", () => { drawn += 1; spectra(); });
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { restore(); measure(); request(); });
  addEventListener("resize", request);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", request);
  restore();
  measure();
  request();
})();
