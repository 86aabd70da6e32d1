/** Memory: its figures, its talks and latest records, and a search whose scores are explained. */

import { askOfNamespace } from "./api.js";
import { bar, button, byId, h, nothing, pill } from "./dom.js";
import { figure } from "./figures.js";
import { bytes, clipped, count, counted, moment, signed, words } from "./format.js";
import { Panel } from "./panel.js";
import { openRecord, recordLine, who } from "./record.js";
import { openSheet, told } from "./sheet.js";

const SHOWN = 8;
const FOUND = 10;
const TURNS = 100;

const hits = byId("hits");
const query = byId("query");
let searching = 0;

/** What adds up to a score: docs/recall.md. */
const TERMS = {
  dense: "meaning: how well each word of the question is met, in deviations",
  bm25: "the question's own words",
  bm25_alone: "the question's own words, where there are no vectors (yet)",
  gist: "what the record is about as a whole",
  context: "matched better by the turns beside it",
  previous: "the turn before it matches",
  earlier: "the turn before that matches",
  next: "the turn after it matches",
  session: "the best turn of its talk matches",
  speaker: "said by whom the question names",
  subject: "said by the first of those whom the question names",
  time: "happened at the time that the question names",
  event: "happened before, after or at the event that the question names",
  when: "tells a time, which the question asks for",
  names: "names a place, a title or a person",
  question: "ends by asking",
  recency: "is recent",
  importance: "is important",
  affect: "something like it was felt",
};

export const memoryPanel = new Panel(byId("memory"), { seconds: 10, load, draw });

async function load(signal) {
  const [stats, { sessions }, { memories }] = await Promise.all([
    askOfNamespace("v1/memories/stats", { signal }),
    askOfNamespace(`v1/sessions?limit=${SHOWN}`, { signal }),
    askOfNamespace(`v1/memories?limit=${SHOWN}&newest=true`, { signal }),
  ]);
  return { stats, sessions, memories };
}

function draw({ stats, sessions, memories }) {
  figure("memories", "Records", count(stats.count), stats.pending ? `${count(stats.pending)} to be embedded` : bytes(stats.bytes));
  if (!stats.count) {
    return nothing("Nothing is remembered in this namespace yet. What is said in a chat is, and what is posted to ", h("code", {}, "/v1/memories"), ".");
  }

  return [
    h(
      "p.chips",
      {},
      counts(stats.by_kind),
      h("span.gap", { "aria-hidden": "true" }),
      counts(stats.by_stage),
      stats.pending > 0 && pill(`${count(stats.pending)} not embedded yet`, "warn", "Recall finds them by their words meanwhile"),
    ),
    h(
      "div.columns",
      {},
      h("div", {}, h("h3", {}, "Latest talks"), sessions.length ? h("ul.plain", {}, sessions.map(talk)) : nothing("No record belongs to a talk.")),
      h("div", {}, h("h3", {}, "Latest records"), h("ul.plain", {}, memories.map((memory) => h("li", {}, recordLine(memory))))),
    ),
  ];
}

function counts(by) {
  return Object.entries(by).filter(([, n]) => n > 0).map(([name, n]) => pill(`${count(n)} ${words(name)}`));
}

function talk(session) {
  return h(
    "li",
    {},
    h(
      "button.line",
      { type: "button", "data-key": `talk ${session.name}`, onclick: () => openTalk(session.name) },
      h("span.text", {}, session.title || session.name),
      h("span.small.quiet", {}, `${session.name} · ${counted(session.turns, "turn")} · `, moment(session.last)),
    ),
  );
}

/** Show a talk's latest turns. */
export function openTalk(name) {
  openSheet(`Talk ${clipped(name, 60)}`, async () => {
    const { session, turns } = await askOfNamespace(`v1/sessions/${encodeURIComponent(name)}?limit=${TURNS}`, { waits: true });
    const more = session.turns - turns.length;
    return [
      h("p.small.quiet", {}, `${counted(session.turns, "turn")}, the last one `, moment(session.last)),
      more > 0 && h("p.small.quiet", {}, `The latest ${counted(turns.length, "turn")} that hold are shown.`),
      h("ul.plain.turns", {}, turns.map((turn) => h("li", {}, recordLine(turn, 600)))),
    ];
  });
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
query.addEventListener("input", () => {
  if (!query.value.trim()) clearHits();
});

/** Show no hits: they belonged to another key or namespace. */
export function clearHits() {
  searching += 1;
  hits.replaceChildren();
  hits.hidden = true;
}

async function search() {
  const text = query.value.trim();
  if (!text) return;

  const mine = (searching += 1);
  hits.hidden = false;
  hits.replaceChildren(nothing("Searching …"));
  let shown;
  try {
    const { memories } = await askOfNamespace("v1/memories/search", { method: "POST", body: { query: text, k: FOUND, explain: true }, waits: true });
    shown = memories.length ? [h("ol.plain", {}, memories.map(hit))] : [nothing("Nothing that is remembered here answers to that.")];
  } catch (error) {
    shown = [h("p.note", { "data-tone": "warn" }, told(error))];
  }
  if (mine !== searching) return;
  hits.replaceChildren(h("div.hits-head", {}, h("h3", {}, "Found, best first"), button("Clear", () => clear())), ...shown);
}

function clear() {
  query.value = "";
  clearHits();
  query.focus();
}

function hit(memory) {
  return h(
    "li.hit",
    {},
    h(
      "button.line",
      { type: "button", onclick: () => openRecord(memory.id) },
      h("span.text", {}, clipped(memory.passage ?? memory.text, 400)),
      h("span.small.quiet", {}, who(memory), moment(memory.time), memory.valid_to && " · held until then"),
    ),
    h("details.why", {}, h("summary", {}, "Score ", h("b", {}, memory.score.toFixed(2))), explanation(memory.explain ?? {})),
  );
}

/** The terms of a score, the largest first, each with a bar. */
export function explanation(terms) {
  const told = Object.entries(terms).filter(([, value]) => Math.abs(value) >= 0.005).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  if (!told.length) return nothing("No term counts.");

  const most = Math.abs(told[0][1]);
  return h(
    "ul.explain",
    {},
    told.map(([term, value]) =>
      h(
        "li",
        {},
        h("span.term", {}, words(term)),
        h("span.figure", { "data-tone": value < 0 ? "bad" : "plain" }, signed(value)),
        bar(Math.abs(value) / most, value < 0 ? "bad" : "accent"),
        h("span.small.quiet", {}, TERMS[term] ?? ""),
      ),
    ),
  );
}
