/** The figures at the top: one a panel, each drawn by its panel when it has something to tell. */

import { byId, h } from "./dom.js";

const ORDER = ["actors", "endpoints", "memories", "paradoxes", "cycles", "thoughts"];
const SECTIONS = { actors: "house", endpoints: "models", memories: "memory", paradoxes: "paradoxes", cycles: "cycles", thoughts: "thoughts" };
const drawn = new Map();

/** A figure, with what is to be said beside it. */
export function figure(name, label, value, note, tone = "plain") {
  drawn.set(name, [label, value, note, tone]);
  const focused = document.activeElement?.closest?.("#figures a")?.getAttribute("href");
  byId("figures").replaceChildren(
    ...ORDER.filter((known) => drawn.has(known)).map((known) => tile(SECTIONS[known], ...drawn.get(known))),
  );
  if (focused) byId("figures").querySelector(`a[href="${focused}"]`)?.focus({ preventScroll: true });
}

/** Show none: they belonged to another key or namespace. */
export function clearFigures() {
  drawn.clear();
  byId("figures").replaceChildren();
}

function tile(section, label, value, note, tone) {
  return h("div", { "data-tone": tone }, h("dt", {}, h("a", { href: `#${section}` }, label)), h("dd", {}, value, h("small", {}, note)));
}
