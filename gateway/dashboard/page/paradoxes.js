/** Paradoxes: statements at odds, with both sides; and how one is ended. */

import { askOfNamespace } from "./api.js";
import { bar, byId, h, nothing, pill, terms } from "./dom.js";
import { onEvent } from "./events.js";
import { figure } from "./figures.js";
import { clipped, count, date, moment, percent, whole, words } from "./format.js";
import { Panel } from "./panel.js";
import { openRecord } from "./record.js";
import { attempt, openSheet, reloadSheet } from "./sheet.js";

const MOST = 50;
const STEPS = 50;
const TONES = { fresh: "warn", processing: "warn", integrated: "good", dismissed: "quiet", dormant: "quiet" };
const KEEPS = [
  ["both", "Both hold"],
  ["earlier", "The earlier holds"],
  ["later", "The later holds"],
  ["neither", "Neither holds"],
];

const shown = byId("paradoxes-shown");
const panel = new Panel(byId("paradoxes"), { seconds: 10, load, draw });
shown.addEventListener("change", () => panel.startOver());
onEvent((event) => {
  if (event.what === "ended") panel.refresh();
});

async function load(signal) {
  const open = shown.value === "open";
  const [listed, unsettled] = await Promise.all([
    askOfNamespace(`v1/paradoxes?limit=${MOST}&open=${open}`, { signal }),
    open ? null : askOfNamespace(`v1/paradoxes?limit=${MOST}&open=true`, { signal }),
  ]);
  return { listed, unsettled: unsettled ?? listed };
}

function draw({ listed, unsettled }) {
  const { paradoxes, next_cursor: more } = listed;
  const n = unsettled.paradoxes.length;
  const strongest = n ? `highest tension ${percent(unsettled.paradoxes[0].tension)}` : "none is open";
  figure("paradoxes", "Open paradoxes", `${count(n)}${unsettled.next_cursor ? "+" : ""}`, strongest, n ? "warn" : "good");
  if (!paradoxes.length) {
    return shown.value === "open" ? nothing("Nothing that was said is at odds with what is remembered.") : nothing("No paradox has been found in this namespace.");
  }

  return [
    h("ul.plain", {}, paradoxes.map((paradox) => h("li", {}, line(paradox)))),
    more && h("p.small.quiet", {}, `The ${MOST} of the highest tension are shown.`),
  ];
}

function line(paradox) {
  return h(
    "button.line.paradox",
    { type: "button", "data-key": `paradox ${paradox.id}`, onclick: () => openParadox(paradox.id) },
    h("span.head", {}, pill(words(paradox.state), TONES[paradox.state]), pill(words(paradox.type)), tension(paradox)),
    h("span.side", {}, clipped(paradox.earlier.text, 200)),
    h("span.side", {}, clipped(paradox.later.text, 200)),
    h("span.small.quiet", {}, "found ", moment(paradox.found)),
  );
}

function tension(paradox) {
  return h("span.measure.inline", { title: "Tension: how probable, times how important" }, h("span.figure.small", {}, percent(paradox.tension)), bar(paradox.tension, "warn"));
}

/** Open a paradox by its id. */
export function openParadox(id) {
  const path = `v1/paradoxes/${encodeURIComponent(id)}`;
  openSheet("Paradox", async () => {
    const paradox = await askOfNamespace(path, { waits: true });
    const isOpen = paradox.state === "fresh" || paradox.state === "processing";
    return [
      h("p", {}, pill(words(paradox.state), TONES[paradox.state]), pill(words(paradox.verdict)), pill(words(paradox.type))),
      h("div.columns", {}, side("Earlier", paradox.earlier), side("Later", paradox.later)),
      terms([
        ["Tension", tension(paradox)],
        ["Probability", percent(paradox.probability)],
        ["Importance", percent(paradox.importance)],
        ["Found", date(paradox.found)],
        ["Last spoken of", moment(paradox.touched)],
        ["Why", paradox.why],
        ["Advice for answers", paradox.advice],
      ]),
      paradox.notes.length > 0 && [h("h3", {}, "Contemplation"), paradox.notes.slice(-STEPS).map((note) => h("article.entry", {}, h("p", {}, whole(note.text)), h("p.small.quiet", {}, `${note.by} · `, moment(note.time))))],
      settle(path, paradox, isOpen ? "Settle it" : "Settle it otherwise"),
      h("h3", {}, "History"),
      h("ol.events", {}, paradox.history.slice(-STEPS).reverse().map((step) => h("li", {}, moment(step.time), h("b", {}, words(step.state)), h("span", {}, [step.cause, step.note].filter(Boolean).join(": "))))),
    ];
  });
}

function side(label, { memory, text, speaker, time }) {
  return h(
    "div",
    {},
    h("h3", {}, label),
    h("blockquote", { tabindex: "0" }, whole(text)),
    h("p.small.quiet", {}, speaker && `${speaker} · `, date(time)),
    h("button", { type: "button", onclick: () => openRecord(memory) }, "Its record"),
  );
}

function settle(path, paradox, heading) {
  const reason = h("textarea", { name: "reason", rows: "2", maxlength: "4096", required: true, placeholder: "She gave the dog away in May." });
  const keeps = KEEPS.map(([value, label], at) => h("label.choice", {}, h("input", { type: "radio", name: "keep", value, checked: at === 0 }), label));
  const end = async (state) => {
    const keep = form.elements.keep.value;
    const body = { state, reason: reason.value.trim(), ...(state === "integrated" ? { keep } : {}) };
    const done = state === "integrated" ? "The paradox is resolved." : "The paradox is dismissed.";
    if (await attempt(() => askOfNamespace(`${path}/resolve`, { method: "POST", body, waits: true }), done)) {
      panel.refresh();
      reloadSheet();
    }
  };
  const form = h(
    "form.settle",
    {
      onsubmit: (event) => {
        event.preventDefault();
        if (!reason.value.trim()) reason.value = "";
        if (form.reportValidity()) end(event.submitter?.value ?? "integrated");
      },
    },
    h("h3", {}, heading),
    h("fieldset", {}, h("legend", {}, "Which side holds"), keeps),
    h("label", {}, "Reason", reason),
    h("div.row", {}, h("button.primary", { type: "submit", value: "integrated" }, "Resolve"), h("button", { type: "submit", value: "dismissed", title: `It is no paradox: ${paradox.verdict} was wrong` }, "Dismiss")),
  );
  return form;
}
