/** A record of memory: in a line, and on a sheet with its sources, what was felt in it, and its history. */

import { askOfNamespace } from "./api.js";
import { h, nothing, pill, terms } from "./dom.js";
import { clipped, count, date, moment, percent, whole, words } from "./format.js";
import { openSheet } from "./sheet.js";

const STEPS = 100;
const FELT = 6;

/** Who said it, as the beginning of a line. */
export function who(memory) {
  const name = memory.speaker ?? memory.role;
  return [memory.kind !== "turn" && `${words(memory.kind)} · `, name && `${clipped(name, 40)} · `].filter(Boolean).join("");
}

/** A record as a line that opens it. */
export function recordLine(memory, most = 160) {
  return h(
    "button.line",
    { type: "button", "data-key": `record ${memory.id}`, onclick: () => openRecord(memory.id) },
    h("span.text", {}, memory.withheld ? h("i.quiet", {}, "withheld: a source of it was forgotten") : clipped(memory.text, most)),
    h("span.small.quiet", {}, who(memory), moment(memory.time), memory.valid_to && " · holds no longer"),
  );
}

/** Open a record by its id. */
export function openRecord(id) {
  openSheet("Record", async () => {
    const path = `v1/memories/${encodeURIComponent(id)}`;
    const [memory, { events }] = await Promise.all([askOfNamespace(path, { waits: true }), askOfNamespace(`${path}/history`, { waits: true })]);
    return [
      memory.withheld ? h("p.note", {}, "Withheld: one of its sources was forgotten. It is empty until it is derived anew from the others.") : h("blockquote", { tabindex: "0" }, whole(memory.text)),
      facts(memory),
      links(memory.links),
      felt(memory.affect),
      history(events),
    ];
  });
}

function facts(memory) {
  const { provenance } = memory;
  return terms([
    ["Kind", [pill(words(memory.kind)), pill(words(memory.stage))]],
    ["Said by", memory.speaker ?? memory.role],
    ["Talk", memory.session],
    ["When", date(memory.time)],
    ["Came in", memory.ingested !== memory.time && date(memory.ingested)],
    ["Holds since", memory.valid_from !== memory.time && date(memory.valid_from)],
    ["Held until", date(memory.valid_to)],
    ["Importance", percent(memory.importance)],
    ["Recalled", memory.recalls ? [`${count(memory.recalls)} ×, last `, moment(memory.recalled)] : "never"],
    ["Derived by", provenance && [provenance.by, provenance.model, provenance.rule, provenance.version].filter(Boolean).join(" · ")],
    ["Metadata", Object.keys(memory.metadata).length > 0 && h("code.broken", {}, clipped(JSON.stringify(memory.metadata), 1000))],
    ["Id", h("code", {}, memory.id)],
  ]);
}

function links(all) {
  if (!all.length) return null;
  return [
    h("h3", {}, "Sources and links"),
    h(
      "ul.plain",
      {},
      all.slice(0, STEPS).map(({ relation, target }) =>
        h("li", {}, h("button.line", { type: "button", onclick: () => openRecord(target) }, h("span.text", {}, words(relation)), h("span.small.quiet", {}, target))),
      ),
    ),
  ];
}

function felt(affect) {
  const sides = [["User", affect.user], ["Assistant", affect.assistant]].filter(([, labels]) => labels && Object.keys(labels).length);
  if (!sides.length) return null;
  return [
    h("h3", {}, "Felt"),
    terms(
      sides.map(([side, labels]) => [
        side,
        Object.entries(labels).sort(([, a], [, b]) => b - a).slice(0, FELT).map(([label, share]) => pill(`${label} ${percent(share)}`)),
      ]),
    ),
  ];
}

function history(events) {
  const latest = events.slice(-STEPS).reverse();
  return [
    h("h3", {}, "History"),
    latest.length ? h("ol.events", {}, latest.map(step)) : nothing("Nothing has happened to it."),
    events.length > STEPS && h("p.small.quiet", {}, `The latest ${STEPS} of ${count(events.length)} steps.`),
  ];
}

function step({ change, time, cause, detail }) {
  const more = Object.keys(detail).length > 0 && clipped(JSON.stringify(detail), 300);
  return h("li", {}, moment(time), h("b", {}, words(change)), h("span", {}, cause, more && h("code.small.quiet.broken", {}, ` ${more}`)));
}
