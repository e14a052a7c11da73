// The page: parameters in, pictures out. State lives in the address's fragment, so that a link restores the view.
"use strict";

(() => {
  const { SIZE, PARAMETERS, PRESETS, short } = view;
  const PANELS = ["population", "expected", "measured"];
  const element = (id) => document.getElementById(id);
  const served = location.protocol.startsWith("http");
  let state = view.fromFragment("");
  let measured = [], edges = null, point = null; // what came so far of this view
  let drawing = 0, settling = 0, drawn = 1;

  // ---- controls -----------------------------------------------------------------------------------------------------------

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
      ...theory.REGIMES.map((name, code) => swatch(draw.REGIME[code], name)),
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

  const change = (changes) => show(view.settled({ ...state, ...changes }));

  function show(next) {
    const moved = view.gridKey(next) !== view.gridKey(state);
    state = next;
    point = null;
    if (moved) begin();
    clearTimeout(settling);
    settling = setTimeout(settle, 100);
    request();
  }

  // What need not follow every frame of a drag.
  async function settle() {
    history.replaceState(null, "", view.fragment(state));
    element("toml").textContent = takeaway.toml(state);
    element("python").textContent = takeaway.python(state);
    if (!served) return;
    const found = await measure.expectedAtPoint(state);
    if (found === null) return;
    point = found;
    readout();
  }

  function begin() {
    measured = new Array(SIZE * SIZE).fill(null);
    edges = null;
    const rows = { ca: new Array(SIZE), cp: new Array(SIZE), left: SIZE };
    measure.begin(state, served, {
      say,
      cells(cells, codes) {
        cells.forEach((cell, index) => { measured[cell] = codes[index]; });
        requestMeasured();
      },
      edges(numbers, ca, cp) {
        numbers.forEach((row, index) => { rows.ca[row] = ca[index]; rows.cp[row] = cp[index]; });
        rows.left -= numbers.length;
        if (rows.left === 0) { edges = rows; request(); }
      },
    });
  }

  const say = (text) => { element("state").textContent = text; };

  // ---- pictures -----------------------------------------------------------------------------------------------------------

  const pointHere = () => view.at(state, state.kappa, state.nu);

  let cached = { key: null };
  function grids() {
    const key = [view.gridKey(state), edges !== null].join();
    if (cached.key === key) return cached;
    const population = [], expected = [], lines = { ca: [], cp: [], caAt: [], cpAt: [] };
    for (let i = 0; i < SIZE; i++) {
      const kappa = view.kappaOf(state, i), p = view.at(state, kappa, 0), edge = theory.criticalNu(p);
      const edgeAt = edges ? { ca: edges.ca[i], cp: edges.cp[i] } : theory.ridged(p) ? null : theory.criticalNuAt(p, LEVEL);
      for (let j = 0; j < SIZE; j++) {
        const nu = view.nuOf(j);
        population.push(theory.code(nu < edge.ca, nu < edge.cp));
        expected.push(edgeAt && theory.code(nu < edgeAt.ca || edgeAt.ca === 1, nu < edgeAt.cp || edgeAt.cp === 1));
      }
      if (!edgeAt) continue;
      lines.caAt.push([kappa, edgeAt.ca]);
      lines.cpAt.push([kappa, edgeAt.cp]);
    }
    const [dead, alive] = [0.02, state.kappaMax];
    for (let i = 0; i <= 240; i++) {
      const kappa = dead + ((alive - dead) * i) / 240, edge = theory.criticalNu(view.at(state, kappa, 0));
      lines.ca.push([kappa, Math.min(1, edge.ca)]);
      lines.cp.push([kappa, Math.min(1, edge.cp)]);
    }
    // Where an objective lasts up to ν = 1 there is no boundary to draw; a line ends where it leaves the picture.
    for (const name of Object.keys(lines)) lines[name] = lines[name].filter(([, nu], i, all) => nu < 1 || all[i - 1]?.[1] < 1);
    const boundaries = [
      { points: lines.ca, color: "#000000" }, { points: lines.cp, color: "#000000", dash: true },
      { points: lines.caAt, color: draw.AT_N.ca }, { points: lines.cpAt, color: draw.AT_N.cp, dash: true },
    ];
    cached = { key, codes: { population, expected }, boundaries };
    return cached;
  }

  function captions() {
    const n = `n = ${short(state.n)}`;
    const source = edges ? "" : !theory.ridged(pointHere()) ? " (fixed d/n)" : served ? ", computing" : " and a ridge: phasejax explore";
    return { population: "population, n = ∞", expected: `expected at ${n}${source}`, measured: `measured at ${n}` };
  }

  function panel(name) {
    const { codes, boundaries } = grids(), caption = captions()[name];
    draw.regimes(element(name), { codes: codes[name] ?? measured, size: SIZE, kappaMax: state.kappaMax, lines: boundaries, point: state });
    element(`${name}-caption`).textContent = caption;
    element(name).ariaLabel = `Regimes over κ and ν, ${caption}`;
  }

  let whole = false;
  function request() { whole = true; schedule(); }
  function requestMeasured() { schedule(); }
  function schedule() { drawing ||= requestAnimationFrame(render); }

  function render() {
    const every = whole;
    drawing = 0;
    whole = false;
    for (const name of every ? PANELS : ["measured"]) panel(name);
    if (every) {
      for (const [name, { log }] of Object.entries(PARAMETERS)) {
        element(`${name}-range`).value = log ? Math.log(state[name]) : state[name];
        if (document.activeElement !== element(name)) element(name).value = short(state[name]);
      }
      setTimeout(spectra); // a draw of the point: after the frame that shows the theory
    }
    readout();
  }

  const readable = (value) => (value === Infinity ? "∞" : value >= 1000 ? Math.round(value).toLocaleString("en") : value.toFixed(3));
  const pairs = (needed) => (needed === null || needed === Infinity ? "no number suffices" : Math.ceil(needed).toLocaleString("en"));

  function readout() {
    const p = pointHere(), delta = theory.separation(p), counts = theory.counts(p), expected = expectedHere(p);
    const cell = Math.round((state.kappa / state.kappaMax) * (SIZE - 1)) * SIZE + Math.round(state.nu * (SIZE - 1));
    const unknown = served ? "…" : "–";
    const head = make("tr", {}, ...["", "Δ", "directions recovered, n = ∞", `expected distance, n = ${short(state.n)}`,
      "pairs needed"].map((text) => make("th", { textContent: text, scope: "col" })));
    const row = (name, objective) => make("tr", {}, make("th", { textContent: name, scope: "row" }),
      ...[readable(delta[objective]), `${counts[objective]} of ${state.k}`, expected ? readable(expected.distance[objective]) : unknown,
        expected ? pairs(expected.needed[objective]) : unknown].map((text) => make("td", { textContent: text })));
    const regime = (code) => (code === null ? "not known" : theory.REGIMES[code]);
    const at = expected && theory.code(expected.distance.ca < LEVEL, expected.distance.cp < LEVEL);
    const verdict = `population ${regime(theory.regime(p))} · expected at n ${regime(at)} · measured ${regime(measured[cell])}`;
    element("readout").replaceChildren(make("thead", {}, head), make("tbody", {}, row("CA", "ca"), row("CP", "cp"),
      make("tr", {}, make("th", { textContent: "regime", scope: "row" }), make("td", { colSpan: 4, textContent: verdict }))));
    element("point-kappa").textContent = short(state.kappa);
    element("point-nu").textContent = short(state.nu);
  }

  // At n: the package's, as soon as it has come; until then the limit of fixed d/n, which knows no ridge.
  function expectedHere(p) {
    if (point || theory.ridged(p)) return point;
    const distance = { ca: theory.expectedDistance(p, "ca"), cp: theory.expectedDistance(p, "cp") };
    return { distance, needed: theory.samplesNeeded(p, LEVEL) };
  }

  function spectra() {
    const p = pointHere(), { rho, tau, nu, xi } = theory.singularValues(p);
    const enough = state.n >= state.dX + state.dY && state.kappa > 0;
    const one = enough ? simulate.trial(p, 7, drawn, 0) : { spectrumCA: [], spectrumCP: [] };
    draw.spectra(element("spectra"), [
      { name: "CA", objective: "ca", signal: rho, nuisance: [nu], sample: one.spectrumCA },
      { name: "CP", objective: "cp", signal: tau, nuisance: [xi], sample: one.spectrumCP },
    ]);
    element("spectra").ariaLabel = "Singular values: signal (triangles) and nuisance (circle) of the population, one sample (ticks). "
      + `CA signal ${rho.map(short).join(", ")} against nuisance ${short(nu)}; CP signal ${tau.map(short).join(", ")} against nuisance ${short(xi)}.`;
  }

  // ---- take away ----------------------------------------------------------------------------------------------------------

  const download = (name, href) => make("a", { href, download: name }).click();
  function shown() {
    const { codes } = grids(), words = captions();
    return PANELS.map((name) => ({ canvas: element(name), caption: words[name], codes: codes[name] ?? measured }));
  }
  const EXPORTS = {
    png: () => download("phasejax.png", takeaway.png(shown())),
    svg: () => download("phasejax.svg", URL.createObjectURL(
      new Blob([takeaway.svg(shown(), grids().boundaries, state.kappaMax)], { type: "image/svg+xml" }))),
    link: () => navigator.clipboard.writeText(location.href).then(() => say("The link is on the clipboard."), () => say(location.href)),
  };

  // ---- begin --------------------------------------------------------------------------------------------------------------

  buildControls();
  yours.build(element("drop"), element("diagnosis"), served);
  for (const node of document.querySelectorAll(served ? ".alone" : ".served")) node.remove();
  for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", EXPORTS[button.dataset.export]);
  element("redraw").addEventListener("click", () => { drawn += 1; spectra(); });
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => show(view.fromFragment(location.hash)));
  addEventListener("resize", request);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", request);
  state = view.fromFragment(location.hash);
  begin();
  show(state);
})();
