/**
 * Elements, made without any markup: every text goes in as a text, so that what was remembered can never become a part of the page.
 */

/**
 * An element.
 *
 * @param {string} name its tag, with classes as in CSS: `p.quiet`
 * @param {object} [attributes] attributes; functions are listeners (`onclick`), null, undefined and false are left out
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");

  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }

  element.append(...present(children));
  return element;
}

/** Children that are there, flat. */
export function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(asNode);
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/** The element of an id, which index.html has. */
export function byId(id) {
  return document.getElementById(id);
}

/** A button; `key` lets it keep the focus when its panel is drawn anew. */
export function button(label, onclick, { key, kind = "", title, disabled = false } = {}) {
  return h(`button${kind && `.${kind}`}`, { type: "button", "data-key": key, title, disabled, onclick }, label);
}

/** A word with a colour that says how it is: good, warn, bad, quiet. */
export function pill(text, tone = "quiet", title) {
  return h("span.pill", { "data-tone": tone, title }, text);
}

/** How much of something, from 0 to 1, beside the text that says it. */
export function bar(share, tone = "accent") {
  const inner = h("span", { "data-tone": tone });
  inner.style.inlineSize = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return h("span.bar", { "aria-hidden": "true" }, inner);
}

/** Terms and what stands for them; pairs without a value are left out. */
export function terms(pairs) {
  return h(
    "dl.terms",
    {},
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
      .map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
  );
}

/**
 * A table that becomes a list of cards where the page is narrow.
 *
 * @param {string} label what it shows, for those who do not see it
 * @param {string[]} columns headings; an empty one is for buttons
 * @param {Array<{key?: string, cells: Array}>} rows
 */
export function table(label, columns, rows) {
  const head = h("tr", { role: "row" }, columns.map((column) => h("th", { role: "columnheader", scope: "col" }, column || h("span.hidden-label", {}, "Actions"))));
  const body = rows.map(({ key, cells }) =>
    h("tr", { role: "row", "data-row": key }, cells.map((cell, at) => h("td", { role: "cell", "data-label": columns[at] }, h("div", {}, cell)))),
  );
  return h(
    "table",
    { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, body),
  );
}

/** A sentence whose commands stand between backticks. */
export function sentence(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

/** A sentence in place of what is not there. */
export function nothing(...text) {
  return h("p.nothing", {}, ...text);
}
