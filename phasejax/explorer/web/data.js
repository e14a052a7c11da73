// The user's own files: two views and labels, dropped or chosen, answered by `phasejax diagnose` behind the page.
"use strict";

const yours = (() => {
  const NAMES = { x: "x, the source", y: "y, the target", labels: "labels" };

  function build(drop, place, served) {
    if (!served) {
      drop.append("In this page alone there is no Python. Start ", make("code", { textContent: "phasejax explore" }),
        " and drop two files of embeddings and a file of labels here; nothing leaves your machine.");
      return;
    }
    const fields = Object.keys(NAMES).map((name) => make("input", { type: "file", name, id: `file-${name}` }));
    const button = make("button", { type: "button", textContent: "diagnose" });
    drop.append("Drop the files of x, y and labels here, in this order, or choose them. Nothing leaves this machine.",
      ...fields.map((field) => make("label", { htmlFor: field.id }, `${NAMES[field.name]} `, field)), button);
    button.addEventListener("click", () => diagnose(place, fields.map((field) => field.files[0])));
    drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      diagnose(place, [...event.dataTransfer.files].slice(0, 3));
    });
  }

  async function diagnose(place, files) {
    const mistake = (textContent) => place.replaceChildren(make("p", { className: "mistake", textContent }));
    if (files.length < 3 || files.some((file) => !file)) return mistake("Three files are needed: x, y and labels.");
    place.textContent = "diagnosing…";
    const body = new FormData();
    Object.keys(NAMES).forEach((name, i) => body.append(name, files[i], files[i].name));
    try {
      const response = await fetch("diagnose", { method: "POST", body });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      const { summary, cloud } = JSON.parse(text);
      const canvas = make("canvas", { id: "plane", role: "img", ariaLabel: "Plausible Δ of your data: CA along x, CP along y; 1 divides" });
      place.replaceChildren(make("pre", { textContent: summary }), ...(cloud.length ? [canvas] : []));
      if (cloud.length) draw.plane(canvas, cloud);
    } catch (error) {
      mistake(error.message);
    }
  }

  return { build };
})();
