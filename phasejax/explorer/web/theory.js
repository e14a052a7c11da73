// The closed forms of the spiked model with homogeneous nuisance, as in phasejax.theory: population, and n pairs at fixed d/n.
// A point is {kappa: [k numbers], gammaX, gammaY, gammaTildeX, gammaTildeY, nu, dX, dY, n}; nothing here draws.
"use strict";

const theory = (() => {
  const REGIONS = ["Neither", "CA only", "CP only", "Both"];
  const square = (v) => v * v;
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  const spikes = (kappa, spread, k) => Array.from({ length: k }, (_, i) => kappa * spread ** i);
  const powerX = (p) => p.kappa.map((v) => square(v) + p.gammaX);
  const powerY = (p) => p.kappa.map((v) => square(v) + p.gammaY);
  const rho = (p) => p.kappa.map((v, i) => square(v) / Math.sqrt(powerX(p)[i] * powerY(p)[i]));
  const tau = (p) => p.kappa.map((v, i) => square(v) / Math.sqrt(powerX(p)[i]));
  const xi = (p) => p.nu * Math.sqrt(p.gammaTildeY);
  const paired = (p) => Math.min(p.dX, p.dY) - p.kappa.length;

  // Δ = min signal / max nuisance: +∞ without nuisance correlation, 0 for a dead signal.
  function ratio(signal, nuisance) {
    const weakest = Math.min(...signal);
    if (weakest === 0) return 0;
    return nuisance === 0 ? Infinity : weakest / nuisance;
  }
  function separation(p) {
    const some = paired(p) > 0;
    return { ca: ratio(rho(p), some ? p.nu : 0), cp: ratio(tau(p), some ? xi(p) : 0) };
  }
  const code = (ca, cp) => (ca ? 1 : 0) + (cp ? 2 : 0);
  function regime(p) {
    const delta = separation(p);
    return code(delta.ca > 1, delta.cp > 1);
  }

  // Exact number of signal directions in the top k: #{i ≤ k : σ_(i) > ν_(k+1−i)}, with ν_(j) = 0 past the end.
  function exactCount(signal, nuisance, size) {
    const sorted = [...signal].sort((a, b) => b - a);
    const k = sorted.length;
    return sorted.filter((value, i) => value > (k - i <= size ? nuisance : 0)).length;
  }
  const counts = (p) => ({
    ca: exactCount(rho(p), p.nu, paired(p)),
    cp: exactCount(tau(p), xi(p), paired(p)),
  });

  // ν at which Δ = 1, all else fixed.
  function criticalNu(p) {
    if (paired(p) === 0) return { ca: 1, cp: 1 };
    const one = (signal, unit) => Math.min(1, Math.min(...signal) / unit);
    return { ca: one(rho(p), 1), cp: one(tau(p), Math.sqrt(p.gammaTildeY)) };
  }

  // n pairs: log z of CA's outlier at t² = ρ² is log t² + log A + log B − 2 log C with
  // A = 1 + (1 − t²) g_xx/n and so on; energy is the response to a tilt of the nuisance over that to a tilt of the signal.
  function energyCA(p, i) {
    const k = p.kappa.length, m = paired(p), ux = p.dX - k - m, uy = p.dY - k - m;
    const t2 = square(rho(p)[i]), nu2 = square(p.nu), w = 1 / p.n;
    if (t2 === 0 || w * (p.dX - k + p.dY - k) >= 1) return Infinity;
    const gap = t2 - nu2;
    if (gap === 0) return Infinity;
    const g = [m / gap + ux / t2, m / gap + uy / t2, (m * nu2) / gap];
    const factor = g.map((v) => 1 + (1 - t2) * w * v);
    const own = [-m / square(gap) - ux / square(t2), -m / square(gap) - uy / square(t2), (-m * nu2) / square(gap)];
    const slope = own.map((v, a) => w * ((1 - t2) * v - g[a]) / factor[a]);
    const signal = t2 * (1 / t2 + slope[0] + slope[1] - 2 * slope[2]);
    const tiltPaired = [(-m * t2) / square(gap), (-m * nu2) / square(gap), (-m * nu2 * t2) / square(gap)];
    const tilt = tiltPaired.map((v, a) => ((1 - t2) * w * v) / factor[a]);
    const unpaired = ((1 - t2) * w * (-ux / t2)) / factor[0];
    const scale = powerX(p)[i] / p.gammaTildeX;
    const noise = -scale * (tilt[0] + tilt[1] - 2 * tilt[2] + unpaired);
    return signal > 0 && noise >= -1e-8 * signal && t2 > nu2 ? Math.max(noise, 0) / signal : Infinity;
  }

  // CP: r solves r/(1+r) = (1/n) Σ level/(level − ξ²) with level = y − r γ̃y and y = τ² + r s; then z(r, y) responds to tilts.
  function energyCP(p, i) {
    const k = p.kappa.length, m = paired(p), ux = p.dX - k - m, uy = p.dY - k - m, w = 1 / p.n;
    const tau2 = square(tau(p)[i]), s = powerY(p)[i], t = p.gammaTildeY, x = square(xi(p));
    if (tau2 === 0 || w * (m + ux) >= 1) return Infinity;
    const curve = (r, y) => {
      const level = y - r * t, below = level - x, slope = (w * m * x) / square(below); // −∂(level/below)/∂level
      return {
        value: r / (1 + r) - w * ((m * level) / below + ux),
        r: 1 / square(1 + r) - slope * t,
        y: slope,
        tiltPaired: (w * m * square(level)) / square(below),
        tiltUnpaired: w * ux,
      };
    };
    let r = 0;
    for (let step = 0; step < 60; step++) {
      const at = curve(r, tau2 + r * s), slope = at.r + s * at.y;
      const next = r - at.value / (slope === 0 ? 1 : slope);
      if (!(Math.abs(next - r) > 1e-15 * (1 + Math.abs(r)))) { r = next; break; }
      r = next;
    }
    const y = tau2 + r * s, f = curve(r, y), level = y - r * t, below = level - x, far = y - r * t;
    const found = f.r + s * f.y > 0 && r > -1 && Math.abs(f.value) <= 1e-8 * w * (m + ux);
    if (!found || (m > 0 && below === 0)) return Infinity;
    const sum = (m > 0 ? (m * t) / below : 0) + (uy > 0 ? (uy * t) / far : 0);
    const sumR = (m > 0 ? (m * t * t) / square(below) : 0) + (uy > 0 ? (uy * t * t) / square(far) : 0);
    const sumY = -(m > 0 ? (m * t) / square(below) : 0) - (uy > 0 ? (uy * t) / square(far) : 0);
    const zr = -y / square(1 + r) + w * y * sumR;
    const zy = 1 / (1 + r) + w * (sum + y * sumY);
    const zTilt = m > 0 ? (w * y * m * t * (below - level)) / square(below) : 0; // d/dtilt of t·tilt/(tilt·level − ξ²)
    const slope = f.r + s * f.y, zSlope = zr + s * zy;
    const response = zSlope * (f.tiltPaired + f.tiltUnpaired) - slope * zTilt;
    const own = tau2 * (f.r * zy - zr * f.y);
    const noise = (powerX(p)[i] / p.gammaTildeX) * response;
    const ahead = m >= k && x + r * t >= y; // the nuisance cluster is ahead in the sample
    return own > 0 && noise >= -1e-8 * own && !ahead ? Math.max(noise, 0) / own : Infinity;
  }

  const saturate = (energy) => (Number.isFinite(energy) ? energy / (1 + energy) : 1);
  function distances(p) {
    if (p.dX === p.kappa.length) return { ca: p.kappa.map(() => 0), cp: p.kappa.map(() => 0) };
    return {
      ca: p.kappa.map((_, i) => saturate(energyCA(p, i))),
      cp: p.kappa.map((_, i) => saturate(energyCP(p, i))),
    };
  }
  function expectedDistance(p) {
    const each = distances(p);
    return { ca: mean(each.ca), cp: mean(each.cp) };
  }
  function regimeAt(p, level = 0.5) {
    const expected = expectedDistance(p);
    return code(expected.ca < level, expected.cp < level);
  }

  // The point of [low, high] from which on `holds`; high where never.
  function bisect(holds, low, high, steps = 50) {
    for (let i = 0; i < steps; i++) {
      const middle = (low + high) / 2;
      if (holds(middle)) high = middle; else low = middle;
    }
    return high;
  }
  function criticalNuAt(p, level = 0.5) {
    const one = (objective) => {
      const reached = (nu) => expectedDistance({ ...p, nu })[objective] >= level;
      return reached(0) ? 0 : bisect(reached, 0, 1);
    };
    return { ca: one("ca"), cp: one("cp") };
  }
  function samplesNeeded(p, level = 0.5) {
    const one = (objective) => {
      const suffices = (log) => expectedDistance({ ...p, n: Math.exp(log) })[objective] <= level;
      const most = Math.log(1e15);
      return suffices(most) ? Math.exp(bisect(suffices, 0, most)) : Infinity;
    };
    return { ca: one("ca"), cp: one("cp") };
  }

  return { REGIONS, spikes, rho, tau, xi, separation, regime, counts, criticalNu, distances, expectedDistance, regimeAt,
    criticalNuAt, samplesNeeded };
})();

if (typeof module !== "undefined") module.exports = theory;
