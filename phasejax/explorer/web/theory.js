// The closed forms of the spiked model with homogeneous nuisance, as in phasejax.theory: the population under any ridges, and
// n pairs at fixed d/n without one. A point is {kappa: [k numbers], gammaX, gammaY, gammaTildeX, gammaTildeY, nu, dX, dY, n,
// ridgeX, ridgeY}, ridges in mean eigenvalues of their view: CA is regularised by both, CP by that on x. A qualityX or qualityY
// above 0 stands for a noise in proportion to the signal, κ²/(κ²+γ). Nothing here draws.
"use strict";

const theory = (() => {
  const REGIMES = ["Neither", "CA only", "CP only", "Both"];
  const square = (v) => v * v;
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  const spikes = (kappa, spread, k) => Array.from({ length: k }, (_, i) => kappa * spread ** i);
  const noise = (kappa, gamma, quality) => (quality > 0 ? square(kappa) * (1 / quality - 1) : gamma);
  const noiseX = (p, i) => noise(p.kappa[i], p.gammaX, p.qualityX);
  const noiseY = (p, i) => noise(p.kappa[i], p.gammaY, p.qualityY);
  const powerX = (p) => p.kappa.map((v, i) => square(v) + noiseX(p, i));
  const powerY = (p) => p.kappa.map((v, i) => square(v) + noiseY(p, i));
  // What a ridge adds to every variance of a view.
  const added = (ridge, powers, tilde, d) => (ridge * (powers.reduce((a, b) => a + b, 0) + (d - powers.length) * tilde)) / d;
  const addedX = (p) => added(p.ridgeX, powerX(p), p.gammaTildeX, p.dX);
  const addedY = (p) => added(p.ridgeY, powerY(p), p.gammaTildeY, p.dY);

  // Singular values of the population: of signal directions, and of paired nuisance.
  function singularValues(p) {
    const x = powerX(p), y = powerY(p), [atX, atY] = [addedX(p), addedY(p)];
    const eta = p.nu * Math.sqrt(p.gammaTildeX * p.gammaTildeY), root = Math.sqrt(p.gammaTildeX + atX);
    const signal = (one) => p.kappa.map((v, i) => (v === 0 ? 0 : square(v) / Math.sqrt(one(i))));
    return {
      rho: signal((i) => (x[i] + atX) * (y[i] + atY)),
      tau: signal((i) => x[i] + atX),
      nu: eta / (root * Math.sqrt(p.gammaTildeY + atY)),
      xi: eta / root,
    };
  }
  const ridged = (p) => p.ridgeX > 0 || p.ridgeY > 0;
  const paired = (p) => Math.min(p.dX, p.dY) - p.kappa.length;

  // Δ = min signal / max nuisance: +∞ without nuisance correlation, 0 for a dead signal.
  function ratio(signal, nuisance) {
    const weakest = Math.min(...signal);
    if (weakest === 0) return 0;
    return nuisance === 0 ? Infinity : weakest / nuisance;
  }
  function separation(p) {
    const some = paired(p) > 0, { rho, tau, nu, xi } = singularValues(p);
    return { ca: ratio(rho, some ? nu : 0), cp: ratio(tau, some ? xi : 0) };
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
  function counts(p) {
    const { rho, tau, nu, xi } = singularValues(p);
    return { ca: exactCount(rho, nu, paired(p)), cp: exactCount(tau, xi, paired(p)) };
  }

  // ν at which Δ = 1, all else fixed; above 1 where Δ > 1 up to there.
  const criticalNu = (p) => separation({ ...p, nu: 1 });

  // n pairs: log z of CA's outlier at t² = ρ² is log t² + log A + log B − 2 log C with
  // A = 1 + (1 − t²) g_xx/n and so on; energy is the response to a tilt of the nuisance over that to a tilt of the signal.
  function energyCA(p, i) {
    const k = p.kappa.length, m = paired(p), ux = p.dX - k - m, uy = p.dY - k - m;
    const px = square(p.kappa[i]) + noiseX(p, i), py = square(p.kappa[i]) + noiseY(p, i);
    const t2 = square(square(p.kappa[i])) / (px * py), nu2 = square(p.nu), w = 1 / p.n;
    if (p.kappa[i] === 0 || w * (p.dX - k + p.dY - k) >= 1) return Infinity;
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
    const scale = px / p.gammaTildeX;
    const noise = -scale * (tilt[0] + tilt[1] - 2 * tilt[2] + unpaired);
    return signal > 0 && noise >= -1e-8 * signal && t2 > nu2 ? Math.max(noise, 0) / signal : Infinity;
  }

  // CP: r solves r/(1+r) = (1/n) Σ level/(level − ξ²) with level = y − r γ̃y and y = τ² + r s; then z(r, y) responds to tilts.
  function energyCP(p, i) {
    const k = p.kappa.length, m = paired(p), ux = p.dX - k - m, uy = p.dY - k - m, w = 1 / p.n;
    const px = square(p.kappa[i]) + noiseX(p, i), s = square(p.kappa[i]) + noiseY(p, i);
    const tau2 = square(square(p.kappa[i])) / px, t = p.gammaTildeY, x = square(p.nu) * t;
    if (p.kappa[i] === 0 || w * (m + ux) >= 1) return Infinity;
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
    const noise = (px / p.gammaTildeX) * response;
    const ahead = m >= k && x + r * t >= y; // the nuisance cluster is ahead in the sample
    return own > 0 && noise >= -1e-8 * own && !ahead ? Math.max(noise, 0) / own : Infinity;
  }

  // Expected distance of an objective ("ca", "cp"), the mean over directions; of equal spikes one is computed.
  const ENERGY = { ca: energyCA, cp: energyCP };
  function expectedDistance(p, objective) {
    if (p.dX === p.kappa.length) return 0;
    const one = (i) => {
      const energy = ENERGY[objective](p, i);
      return Number.isFinite(energy) ? energy / (1 + energy) : 1;
    };
    return p.kappa.every((v) => v === p.kappa[0]) ? one(0) : mean(p.kappa.map((_, i) => one(i)));
  }

  // The point of [low, high] from which on `excess` is ≥ 0, by regula falsi (Illinois); high where never.
  function crossing(excess, low, high, tolerance) {
    let [atLow, atHigh] = [excess(low), excess(high)], side = 0;
    if (atLow >= 0) return low;
    if (atHigh < 0) return high;
    for (let step = 0; step < 60 && high - low > tolerance; step++) {
      // Every third step halves, whatever the slope: distances jump where a direction is lost.
      const middle = step % 3 === 2 ? (low + high) / 2 : low + ((high - low) * atLow) / (atLow - atHigh);
      const value = excess(middle);
      if (value >= 0) { [high, atHigh] = [middle, value]; if (side === 1) atLow /= 2; side = 1; }
      else { [low, atLow] = [middle, value]; if (side === -1) atHigh /= 2; side = -1; }
    }
    return high;
  }
  function criticalNuAt(p, level) {
    const one = (objective) => crossing((nu) => expectedDistance({ ...p, nu }, objective) - level, 0, 1, 1e-5);
    return { ca: one("ca"), cp: one("cp") };
  }
  function samplesNeeded(p, level) {
    const most = Math.log(1e15);
    const one = (objective) => {
      const log = crossing((log) => level - expectedDistance({ ...p, n: Math.exp(log) }, objective), 0, most, 1e-9);
      return log < most ? Math.exp(log) : Infinity;
    };
    return { ca: one("ca"), cp: one("cp") };
  }

  return { REGIMES, spikes, noiseX, noiseY, singularValues, ridged, separation, regime, code, counts, criticalNu, expectedDistance,
    criticalNuAt, samplesNeeded };
})();

if (typeof module !== "undefined") module.exports = theory;
