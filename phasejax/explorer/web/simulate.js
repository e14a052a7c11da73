// A small Monte-Carlo of the spiked model in canonical coordinates, by Bartlett's factor of the Wishart law (n ≥ d_x + d_y).
// Matrices are row-major Float64Array. One trial is a pure function of (seed, cell, trial).
"use strict";

const simulate = (() => {
  // sfc32 (Doty-Humphrey): a small fast counter generator; the first outputs mix the seed in.
  function generator(seed, cell, trial) {
    let a = seed | 0, b = cell | 0, c = trial | 0, counter = 1;
    const next = () => {
      const t = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + t) | 0;
      return (t >>> 0) / 4294967296 + 2 ** -33;
    };
    for (let i = 0; i < 15; i++) next();
    return next;
  }

  function normals(uniform) {
    let spare = null;
    return () => {
      if (spare !== null) { const value = spare; spare = null; return value; }
      const radius = Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    };
  }

  // χ with m ≥ 1 degrees of freedom (Marsaglia and Tsang 2000; one degree through its square).
  function chi(m, uniform, normal) {
    if (m < 2) return Math.sqrt(chi(m + 2, uniform, normal) ** 2 * uniform() ** (2 / m));
    const d = m / 2 - 1 / 3, scale = 1 / Math.sqrt(9 * d);
    for (;;) {
      const z = normal(), v = (1 + scale * z) ** 3;
      if (v > 0 && Math.log(uniform()) < z * z / 2 + d - d * v + d * Math.log(v)) return Math.sqrt(2 * d * v);
    }
  }

  // Lower triangular R with R Rᵀ ~ Wishart(I, n), of size `size`.
  function bartlett(size, n, uniform) {
    const normal = normals(uniform), r = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < i; j++) r[i * size + j] = normal();
      r[i * size + i] = chi(n - i, uniform, normal);
    }
    return r;
  }

  // Diagonals of the population's Cholesky factor [[a, 0], [b, c]].
  function cholesky(p) {
    const k = p.kappa.length, paired = Math.min(p.dX, p.dY) - k;
    const a = new Float64Array(p.dX), b = new Float64Array(k + paired), c = new Float64Array(p.dY);
    for (let i = 0; i < p.dX; i++) a[i] = Math.sqrt(i < k ? p.kappa[i] ** 2 + theory.noiseX(p, i) : p.gammaTildeX);
    for (let i = 0; i < k + paired; i++) {
      b[i] = (i < k ? p.kappa[i] ** 2 : p.nu * Math.sqrt(p.gammaTildeX * p.gammaTildeY)) / a[i];
    }
    for (let i = 0; i < p.dY; i++) {
      const signal = i < k ? theory.noiseY(p, i) + (p.kappa[i] ** 2 * theory.noiseX(p, i)) / a[i] ** 2 : 0;
      const nuisance = i < k + paired ? p.gammaTildeY * (1 - p.nu) * (1 + p.nu) : p.gammaTildeY;
      c[i] = Math.sqrt(i < k ? signal : nuisance);
    }
    return { a, b, c };
  }

  // Eigenvalues (descending) and eigenvectors (columns) of a symmetric matrix, by cyclic Jacobi rotations.
  function eigen(matrix, size) {
    const m = matrix.slice(), v = new Float64Array(size * size);
    for (let i = 0; i < size; i++) v[i * size + i] = 1;
    for (let sweep = 0; sweep < 30; sweep++) {
      let off = 0, on = 0;
      for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) {
        if (i === j) on += m[i * size + i] ** 2; else off += m[i * size + j] ** 2;
      }
      if (off <= 1e-22 * on) break;
      for (let p = 0; p < size - 1; p++) for (let q = p + 1; q < size; q++) rotate(m, v, size, p, q);
    }
    const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => m[j * size + j] - m[i * size + i]);
    return { values: order.map((i) => m[i * size + i]), vectors: v, order };
  }

  function rotate(m, v, size, p, q) {
    const apq = m[p * size + q];
    if (apq === 0) return;
    const theta = (m[q * size + q] - m[p * size + p]) / (2 * apq);
    const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
    const c = 1 / Math.sqrt(t * t + 1), s = t * c;
    for (let i = 0; i < size; i++) {
      const ip = m[i * size + p], iq = m[i * size + q];
      m[i * size + p] = c * ip - s * iq;
      m[i * size + q] = s * ip + c * iq;
    }
    for (let i = 0; i < size; i++) {
      const pi = m[p * size + i], qi = m[q * size + i], vp = v[i * size + p], vq = v[i * size + q];
      m[p * size + i] = c * pi - s * qi;
      m[q * size + i] = s * pi + c * qi;
      v[i * size + p] = c * vp - s * vq;
      v[i * size + q] = s * vp + c * vq;
    }
  }

  // Squared overlaps of the first k coordinates with the row space of R⁻ᵀ V, V the top k eigenvectors of MᵀM, R lower triangular.
  function recovered(matrix, rows, cols, k, r) {
    const gram = new Float64Array(cols * cols);
    for (let l = 0; l < rows; l++) for (let i = 0; i < cols; i++) {
      const value = matrix[l * cols + i];
      if (value !== 0) for (let j = 0; j < cols; j++) gram[i * cols + j] += value * matrix[l * cols + j];
    }
    const { values, vectors, order } = eigen(gram, cols);
    const basis = [];
    for (let column = 0; column < k; column++) {
      const w = new Float64Array(cols);
      for (let i = cols - 1; i >= 0; i--) { // Rᵀ w = v by back substitution
        let sum = vectors[i * cols + order[column]];
        for (let j = i + 1; j < cols; j++) sum -= r[j * cols + i] * w[j];
        w[i] = sum / r[i * cols + i];
      }
      for (let twice = 0; twice < 2; twice++) for (const q of basis) { // Gram and Schmidt, twice is enough
        const dot = w.reduce((sum, value, i) => sum + value * q[i], 0);
        for (let i = 0; i < cols; i++) w[i] -= dot * q[i];
      }
      const norm = Math.hypot(...w);
      basis.push(w.map((value) => value / norm));
    }
    const overlap = Array.from({ length: k }, (_, i) => basis.reduce((sum, q) => sum + q[i] ** 2, 0));
    return { overlap, values };
  }

  // A Bᵀ of matrices with `inner` columns.
  function timesTransposed(a, rows, b, cols, inner) {
    const product = new Float64Array(rows * cols);
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) {
      let sum = 0;
      for (let l = 0; l < inner; l++) sum += a[i * inner + l] * b[j * inner + l];
      product[i * cols + j] = sum;
    }
    return product;
  }

  // Lower triangular root of a covariance with `ridge` times its mean eigenvalue added.
  function root(covariance, size, ridge) {
    let trace = 0;
    for (let i = 0; i < size; i++) trace += covariance[i * size + i];
    const r = new Float64Array(size * size);
    for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) {
      let sum = covariance[i * size + j] + (i === j ? (ridge * trace) / size : 0);
      for (let l = 0; l < j; l++) sum -= r[i * size + l] * r[j * size + l];
      r[i * size + j] = i === j ? Math.sqrt(sum) : sum / r[j * size + j];
    }
    return r;
  }

  // R⁻¹ B for lower triangular R, B with `cols` columns.
  function solveLower(r, size, b, cols) {
    const x = b.slice();
    for (let i = 0; i < size; i++) for (let j = 0; j < cols; j++) {
      let sum = x[i * cols + j];
      for (let l = 0; l < i; l++) sum -= r[i * size + l] * x[l * cols + j];
      x[i * cols + j] = sum / r[i * size + i];
    }
    return x;
  }

  // One trial: squared overlaps and spectra (singular values of the sample's (Syy+ε)^-½ Syx (Sxx+ε)^-½ and Syx (Sxx+ε)^-½) of CA
  // and CP.
  function trial(p, seed, cell, number) {
    const k = p.kappa.length, dX = p.dX, dY = p.dY, size = dX + dY;
    const factor = bartlett(size, p.n, generator(seed, cell, number)), { a, b, c } = cholesky(p);
    const left = new Float64Array(dX * dX), right = new Float64Array(dY * size); // rows of data: x, y = left, right · Q
    for (let i = 0; i < dX; i++) for (let j = 0; j <= i; j++) left[i * dX + j] = a[i] * factor[i * size + j];
    for (let i = 0; i < dY; i++) for (let j = 0; j <= dX + i; j++) {
      right[i * size + j] = c[i] * factor[(dX + i) * size + j] + (i < b.length && j <= i ? b[i] * factor[i * size + j] : 0);
    }
    const ofX = new Float64Array(dY * dX); // the part of y along x
    for (let i = 0; i < dY; i++) ofX.set(right.subarray(i * size, i * size + dX), i * dX);
    const rootX = root(timesTransposed(left, dX, left, dX, dX), dX, p.ridgeX);
    const rootY = root(timesTransposed(right, dY, right, dY, size), dY, p.ridgeY);
    const whitenedX = solveLower(rootX, dX, timesTransposed(left, dX, ofX, dY, dX), dY), predicted = new Float64Array(dY * dX);
    for (let i = 0; i < dY; i++) for (let j = 0; j < dX; j++) predicted[i * dX + j] = whitenedX[j * dY + i];
    const ca = recovered(solveLower(rootY, dY, predicted, dX), dY, dX, k, rootX), cp = recovered(predicted, dY, dX, k, rootX);
    const spectrum = (values, scale) => values.slice(0, Math.min(dX, dY)).map((v) => Math.sqrt(Math.max(v, 0) / scale));
    return { ca: ca.overlap, cp: cp.overlap, spectrumCA: spectrum(ca.values, 1), spectrumCP: spectrum(cp.values, p.n) };
  }

  // Mean distance 1 − overlap of CA and of CP over some trials.
  function distances(p, trials, seed, cell) {
    const sum = { ca: 0, cp: 0 };
    for (let number = 0; number < trials; number++) {
      const one = trial(p, seed, cell, number);
      for (const objective of ["ca", "cp"]) sum[objective] += 1 - one[objective].reduce((a, b) => a + b, 0) / p.kappa.length;
    }
    return { ca: sum.ca / trials, cp: sum.cp / trials };
  }

  return { trial, distances };
})();

if (typeof module !== "undefined") module.exports = simulate;
