// Pictures on canvases: a map of regimes with its boundaries, and the spectra of a point. Nothing here computes the model.
"use strict";

const draw = (() => {
  // The package's colours (phasejax.plot): Neither, CA only, CP only, Both; distinct to colour-blind readers and in grey.
  const REGIME = ["#4a4a50", "#3a8fc9", "#e69f00", "#f3eed9"];
  const PIXEL = REGIME.map((color) => parseInt(`${color.slice(1)}ff`, 16));
  const OBJECTIVE = { ca: "#0072b2", cp: "#d55e00" };
  const AT_N = { ca: "#e75da3", cp: "#009e73" };
  const MARGIN = { left: 40, right: 8, top: 6, bottom: 32 };

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A canvas as large as it is shown, in device pixels; drawing happens in CSS pixels.
  function prepare(canvas) {
    const scale = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    // A new size takes new memory, which costs more than the picture.
    for (const side of ["width", "height"]) if (canvas[side] !== size[side]) canvas[side] = size[side];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  function frame(width, height, kappaMax) {
    const inner = { x: MARGIN.left, y: MARGIN.top, w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom };
    return {
      ...inner,
      toX: (kappa) => inner.x + (kappa / kappaMax) * inner.w,
      toY: (nu) => inner.y + (1 - nu) * inner.h,
      kappa: (px) => Math.min(kappaMax, Math.max(0, ((px - inner.x) / inner.w) * kappaMax)),
      nu: (py) => Math.min(1, Math.max(0, 1 - (py - inner.y) / inner.h)),
    };
  }

  function clipped(context, box, paint) {
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.w, box.h);
    context.clip();
    paint();
    context.restore();
  }

  // The code of a cell, or while it is unknown that of the coarser cell which stands for it.
  function known(codes, size, i, j) {
    for (let stride = 1; stride <= 8; stride *= 2) {
      const code = codes[(i - (i % stride)) * size + (j - (j % stride))];
      if (code !== null) return code;
    }
    return null;
  }

  // codes[i * size + j] is the regime of cell (κ_i, ν_j), null where it is not known yet; lines are {points: [[κ, ν]], color, dash}.
  function regimes(canvas, { codes, size, kappaMax, lines, point }) {
    const { context, width, height } = prepare(canvas), box = frame(width, height, kappaMax);
    const image = new ImageData(size, size), pixels = new DataView(image.data.buffer);
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
      const code = known(codes, size, i, j);
      if (code !== null) pixels.setUint32(4 * ((size - 1 - j) * size + i), PIXEL[code]); // red, green, blue, opaque
    }
    const cells = make("canvas", { width: size, height: size });
    cells.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    // Cell (i, j) is centred on its values, so half a cell stands out on each side and is clipped.
    const step = { w: box.w / (size - 1), h: box.h / (size - 1) };
    clipped(context, box, () => context.drawImage(cells, box.x - step.w / 2, box.y - step.h / 2, step.w * size, step.h * size));
    clipped(context, box, () => {
      for (const line of lines) for (const [style, lineWidth] of [["#ffffff", 3.4], [line.color, 1.7]]) {
        context.beginPath();
        line.points.forEach(([kappa, nu], i) => context[i ? "lineTo" : "moveTo"](box.toX(kappa), box.toY(nu)));
        context.strokeStyle = style;
        context.lineWidth = lineWidth;
        context.setLineDash(line.dash ? [6, 4] : []);
        context.stroke();
      }
    });
    context.setLineDash([]);
    axes(context, box, kappaMax);
    cross(context, box.toX(point.kappa), box.toY(point.nu));
  }

  function axes(context, box, kappaMax) {
    context.strokeStyle = css("--ink");
    context.fillStyle = css("--ink");
    context.lineWidth = 1;
    context.strokeRect(box.x, box.y, box.w, box.h);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    for (let i = 0; i <= 3; i++) {
      const kappa = (kappaMax * i) / 3;
      context.fillText(Number(kappa.toPrecision(2)), box.toX(kappa), box.y + box.h + 14);
    }
    context.fillText("spike strength κ", box.x + box.w / 2, box.y + box.h + 27);
    context.textAlign = "right";
    for (const nu of [0, 0.25, 0.5, 0.75, 1]) context.fillText(nu, box.x - 4, box.toY(nu) + 4);
    context.save();
    context.translate(11, box.y + box.h / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText("nuisance correlation ν", 0, 0);
    context.restore();
  }

  function cross(context, x, y) {
    for (const [style, lineWidth] of [["#ffffff", 4], ["#000000", 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = lineWidth;
      context.beginPath();
      context.moveTo(x - 7, y); context.lineTo(x + 7, y);
      context.moveTo(x, y - 7); context.lineTo(x, y + 7);
      context.stroke();
    }
  }

  // Two strips of singular values: signal as filled marks, nuisance as a hollow one, one sample as ticks.
  function spectra(canvas, strips) {
    const { context, width } = prepare(canvas);
    context.font = "12px system-ui, sans-serif";
    strips.forEach(({ name, objective, signal, nuisance, sample }, row) => {
      const y = 34 + 74 * row, left = 34, right = width - 12;
      const top = Math.max(1e-9, ...signal, ...nuisance, ...sample) * (objective === "ca" ? 1 : 1.05);
      const toX = (value) => left + (value / (objective === "ca" ? 1 : top)) * (right - left);
      context.fillStyle = context.strokeStyle = css("--ink");
      context.textAlign = "left";
      context.fillText(name, 4, y + 4);
      context.lineWidth = 1;
      context.beginPath(); context.moveTo(left, y); context.lineTo(right, y); context.stroke();
      context.textAlign = "center";
      for (let i = 0; i <= 4; i++) {
        const value = ((objective === "ca" ? 1 : top) * i) / 4;
        context.fillText(Number(value.toPrecision(2)), toX(value), y + 30);
      }
      context.strokeStyle = css("--soft");
      context.beginPath();
      for (const value of sample) { context.moveTo(toX(value), y); context.lineTo(toX(value), y + 14); }
      context.stroke();
      for (const value of nuisance) {
        context.strokeStyle = css("--ink");
        context.beginPath(); context.arc(toX(value), y - 7, 4.5, 0, 7); context.stroke();
      }
      context.fillStyle = OBJECTIVE[objective];
      for (const value of signal) {
        context.beginPath();
        context.moveTo(toX(value) - 5, y - 13); context.lineTo(toX(value) + 5, y - 13); context.lineTo(toX(value), y - 2);
        context.fill();
      }
    });
  }

  // The plane of Δ_CA × Δ_CP on logarithmic axes from 1/8 to 8, with a cloud of plausible values.
  function plane(canvas, cloud) {
    const { context, width, height } = prepare(canvas), size = Math.min(width, height) - 40, left = 36, top = 4;
    const place = (delta) => (Math.log2(Math.min(8, Math.max(1 / 8, delta))) + 3) / 6;
    [[0, 0, 0], [1, 0, 1], [0, 1, 2], [1, 1, 3]].forEach(([right, up, code]) => {
      context.fillStyle = REGIME[code];
      context.fillRect(left + (right * size) / 2, top + ((1 - up) * size) / 2, size / 2, size / 2);
    });
    context.fillStyle = "#c2185b";
    context.strokeStyle = "#ffffff";
    context.lineWidth = 0.6;
    for (const [ca, cp] of cloud) {
      context.beginPath();
      context.arc(left + place(ca) * size, top + (1 - place(cp)) * size, 2.6, 0, 7);
      context.fill(); context.stroke();
    }
    context.fillStyle = css("--ink");
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    [["⅛", 0], ["1", 0.5], ["8", 1]].forEach(([text, at]) => {
      context.fillText(text, left + at * size, top + size + 14);
      context.fillText(text, left - 10, top + (1 - at) * size + 4);
    });
    context.fillText("Δ CA", left + size / 2, top + size + 28);
    context.save(); context.translate(10, top + size / 2 + 30); context.rotate(-Math.PI / 2); context.fillText("Δ CP", 0, 0); context.restore();
  }

  return { REGIME, AT_N, regimes, spectra, plane, frame };
})();
