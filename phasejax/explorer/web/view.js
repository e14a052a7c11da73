// What the page shows: its parameters with their ranges, presets, the grid, and the address that restores it. RANGES and LEVEL are
// those of the library: an objective recovers at n when its distance, expected or measured, is below LEVEL.
"use strict";

const view = (() => {
  const SIZE = 61; // cells a side
  const PARAMETERS = {
    k: { label: "signal directions k", step: 1 },
    dX: { label: "dimension of x", step: 1 },
    dY: { label: "dimension of y", step: 1 },
    n: { label: "pairs n", log: true, whole: true },
    spread: { label: "spread: κ_i = κ · spread^(i−1)", step: 0.01 },
    gammaX: { label: "source noise γˣ", log: true },
    gammaY: { label: "target noise γʸ", log: true },
    qualityX: { label: "source quality κ²/(κ²+γˣ); 0 takes γˣ", step: 0.01 },
    qualityY: { label: "target quality κ²/(κ²+γʸ); 0 takes γʸ", step: 0.01 },
    gammaTildeX: { label: "source nuisance variance γ̃ˣ", log: true },
    gammaTildeY: { label: "target nuisance variance γ̃ʸ", log: true },
    ridgeX: { label: "ridge on x, in mean eigenvalues", step: 0.01 },
    ridgeY: { label: "ridge on y (CA alone)", step: 0.01 },
    kappaMax: { label: "largest κ shown", step: 0.5 },
    kappa: { label: "κ of the point", step: 0.01 },
    nu: { label: "ν of the point", step: 0.005 },
  };
  const NAMES = Object.keys(PARAMETERS);
  const PUBLISHED = { k: 3, dX: 20, dY: 20, n: 5000, spread: 1, gammaX: 1, gammaY: 0.05, qualityX: 0, qualityY: 0,
    gammaTildeX: 1, gammaTildeY: 5, ridgeX: 0, ridgeY: 0, kappaMax: 3, kappa: 1.5, nu: 0.4 };
  const PRESETS = {
    "loud target nuisance": PUBLISHED,
    "quiet target nuisance": { ...PUBLISHED, gammaTildeY: 0.05 },
    "four regimes, none small": { ...PUBLISHED, qualityX: 0.6, qualityY: 0.6, gammaTildeX: 10, gammaTildeY: 4, nu: 0.5 },
    "unequal spikes, very loud target": { ...PUBLISHED, spread: 0.7, gammaX: 0.5, gammaTildeY: 50, kappa: 3, nu: 0.5 },
    "few pairs": { ...PUBLISHED, n: 200, dX: 50, dY: 50 },
    "few pairs, a ridge": { ...PUBLISHED, n: 200, dX: 50, dY: 50, ridgeX: 0.2, ridgeY: 0.2 },
  };

  const rounded = (value) => Number(value.toPrecision(6));

  // Every value within its range and of six digits, as the address states it; sizes that fit each other.
  function settled(state) {
    const fitted = {};
    for (const [name, { step, whole }] of Object.entries(PARAMETERS)) {
      const [min, max] = RANGES[name];
      const value = Math.min(max, Math.max(min, state[name]));
      fitted[name] = step === 1 || whole ? Math.round(value) : rounded(value);
    }
    fitted.dX = Math.max(fitted.dX, fitted.k + 1);
    fitted.dY = Math.max(fitted.dY, fitted.k + 1);
    fitted.kappa = Math.min(fitted.kappa, fitted.kappaMax);
    return fitted;
  }

  const short = (value) => String(Number(value.toPrecision(4)));
  const fragment = (state) => "#" + NAMES.map((name) => `${name}=${state[name]}`).join("&");
  function fromFragment(hash) {
    const given = new URLSearchParams(hash.slice(1)), state = { ...PUBLISHED };
    for (const name of NAMES) {
      const value = Number(given.get(name));
      if (given.has(name) && Number.isFinite(value)) state[name] = value;
    }
    return settled(state);
  }

  // What the grid depends on: all but the point.
  const gridKey = (state) => NAMES.filter((name) => name !== "kappa" && name !== "nu").map((name) => state[name]).join();

  // The model of a view at one κ and ν.
  const at = (state, kappa, nu) => ({ ...state, kappa: theory.spikes(kappa, state.spread, state.k), nu });
  const kappaOf = (state, i) => (state.kappaMax * i) / (SIZE - 1);
  const nuOf = (j) => j / (SIZE - 1);

  return { SIZE, PARAMETERS, PUBLISHED, PRESETS, settled, rounded, short, fragment, fromFragment, gridKey, at, kappaOf, nuOf };
})();
