// What a reader takes away: the sweep and the Python lines of a view, its picture as PNG and as SVG.
"use strict";

const takeaway = (() => {
  const { short, rounded } = view;
  const ridged = (state) => state.ridgeX > 0 || state.ridgeY > 0;

  function toml(state) {
    const dY = state.dY === state.dX ? "" : `d_y = ${state.dY}\n`;
    const noise = (side, gamma, quality) => (quality > 0 ? `quality_${side} = ${quality}` : `gamma_${side} = ${gamma}`);
    const ridges = ridged(state) ? `ridge_x = ${state.ridgeX}\nridge_y = ${state.ridgeY}\n` : "";
    // A quality needs a signal: the grid without its first column.
    const first = state.qualityX > 0 || state.qualityY > 0 ? view.kappaOf(state, 1) : 0;
    return `name = "explored"
description = "κ × ν, from the explorer."
trials = 20
seed = 0

[model]
d = ${state.dX}
${dY}k = ${state.k}
spread = ${state.spread}
${noise("x", state.gammaX, state.qualityX)}
${noise("y", state.gammaY, state.qualityY)}
gamma_tilde_x = ${state.gammaTildeX}
gamma_tilde_y = ${state.gammaTildeY}
n = ${state.n}
${ridges}
[axes]
kappa = { start = ${first}, stop = ${state.kappaMax}, num = ${view.SIZE - (first > 0)} }
nu = { start = 0.0, stop = 1.0, num = ${view.SIZE} }
`;
  }

  function python(state) {
    const point = view.at(state, state.kappa, state.nu), unequal = state.dY === state.dX ? "" : `, d_y=${state.dY}`;
    const ridges = ridged(state) ? `, ridge_x=${rounded(state.ridgeX)}, ridge_y=${rounded(state.ridgeY)}` : "";
    const vector = (values) => (values.every((v) => v === values[0]) ? rounded(values[0]) : `(${values.map(rounded).join(", ")})`);
    const gammas = [theory.noiseX, theory.noiseY].map((noise) => vector(point.kappa.map((_, i) => noise(point, i))));
    return `from phasejax import SpikedModel, theory

model = SpikedModel.homogeneous(
    d=${state.dX}${unequal}, k=${state.k}, kappa=${vector(point.kappa)}, nu=${rounded(state.nu)},
    gamma_x=${gammas[0]}, gamma_y=${gammas[1]},
    gamma_tilde_x=${rounded(state.gammaTildeX)}, gamma_tilde_y=${rounded(state.gammaTildeY)},
)
population = theory.regime(model${ridges})
expected = theory.expected_distance(model, ${state.n}${ridges})
`;
  }

  // The panels side by side, with their captions above.
  function png(panels) {
    const gap = 12, width = panels.reduce((sum, { canvas }) => sum + canvas.width + gap, -gap);
    const whole = make("canvas", { width, height: panels[0].canvas.height + 40 }), context = whole.getContext("2d");
    const { backgroundColor, color } = getComputedStyle(document.body);
    context.fillStyle = backgroundColor;
    context.fillRect(0, 0, whole.width, whole.height);
    context.fillStyle = color;
    context.font = "22px system-ui, sans-serif";
    context.textAlign = "center";
    panels.reduce((x, { canvas, caption }) => {
      context.drawImage(canvas, x, 40);
      context.fillText(caption, x + canvas.width / 2, 27);
      return x + canvas.width + gap;
    }, 0);
    return whole.toDataURL("image/png");
  }

  // Maps as rows of equal cells, boundaries as paths: everything stays editable.
  function svg(panels, boundaries, kappaMax) {
    const side = 300, pad = 50, cell = side / view.SIZE, px = (value) => value.toFixed(2);
    const text = (words, attributes) => `<text ${attributes}>${words}</text>`;
    const line = ({ points, color, dash }) => `<polyline points="${points.map(([kappa, nu]) => `${px((kappa / kappaMax) * side)},${px((1 - nu) * side)}`).join(" ")}" fill="none" stroke="${color}" stroke-width="1.6"${dash ? ' stroke-dasharray="6 4"' : ""}/>`;
    const square = (code, i) => (code === null ? "" : `<rect x="${px(Math.floor(i / view.SIZE) * cell)}" y="${px(side - ((i % view.SIZE) + 1) * cell)}" width="${px(cell + 0.1)}" height="${px(cell + 0.1)}" fill="${draw.REGIME[code]}"/>`);
    const axes = `<rect width="${side}" height="${side}" fill="none" stroke="#000"/>`
      + text(0, `x="0" y="${side + 16}"`) + text(short(kappaMax), `x="${side}" y="${side + 16}" text-anchor="end"`)
      + text("spike strength κ", `x="${side / 2}" y="${side + 16}" text-anchor="middle"`)
      + text(0, `x="-6" y="${side}" text-anchor="end"`) + text(1, 'x="-6" y="10" text-anchor="end"')
      + text("nuisance correlation ν", `transform="translate(-16,${side / 2}) rotate(-90)" text-anchor="middle"`);
    const body = panels.map(({ caption, codes }, i) => `<g transform="translate(${pad + i * (side + pad)},34)">${text(caption, `x="${side / 2}" y="-10" text-anchor="middle"`)}<g shape-rendering="crispEdges">${codes.map(square).join("")}</g>${boundaries.map(line).join("")}${axes}</g>`);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${panels.length * side + (panels.length + 1) * pad}" height="${side + 64}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${body.join("")}</svg>`;
  }

  return { toml, python, png, svg };
})();
