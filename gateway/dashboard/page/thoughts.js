/** Thoughts: the latest ones, and one opened: what was made of the question, what it was given, and what it took. */

import { askOfNamespace } from "./api.js";
import { bar, byId, h, nothing, pill, terms } from "./dom.js";
import { figure } from "./figures.js";
import { clipped, count, counted, date, duration, moment, percent, whole, words } from "./format.js";
import { explanation } from "./memory.js";
import { Panel } from "./panel.js";
import { openParadox } from "./paradoxes.js";
import { openRecord } from "./record.js";
import { openSheet } from "./sheet.js";

const SHOWN = 20;
const MOST = 100;

new Panel(byId("thoughts"), { seconds: 5, load: (signal) => askOfNamespace(`v1/thoughts?limit=${SHOWN}`, { signal }), draw });

function draw({ thoughts }) {
  const [latest] = thoughts;
  const degraded = thoughts.filter((thought) => thought.degraded).length;
  figure("thoughts", "Last thought", latest ? moment(latest.time) : "none", latest ? (degraded ? `${degraded} of ${thoughts.length} degraded` : `took ${duration(latest.took_ms / 1000)}`) : "nobody has asked yet", degraded ? "warn" : "plain");
  if (!latest) return nothing("Nothing has been asked in this namespace yet. Any OpenAI client can: ", h("code", {}, "/v1/chat/completions"), ".");

  return h("ul.plain", {}, thoughts.map((thought) => h("li", {}, line(thought))));
}

function line(thought) {
  return h(
    "button.line",
    { type: "button", "data-key": `thought ${thought.thought_id}`, onclick: () => openThought(thought.thought_id) },
    h("span.head", {}, h("b", {}, words(thought.intent)), pill(thought.strategy), rung(thought)),
    h(
      "span.small.quiet",
      {},
      [thought.session && clipped(thought.session, 40), duration(thought.took_ms / 1000), counted(thought.calls, "model call"), thought.endpoint].filter(Boolean).join(" · "),
      " · ",
      moment(thought.time),
    ),
  );
}

function rung(thought) {
  if (thought.degraded) return pill("degraded", "bad", "Answered without a model");
  return thought.rung !== "full" && pill(words(thought.rung), "warn", "Less was done than its effort asks for");
}

function openThought(id) {
  openSheet("Thought", async () => {
    const thought = await askOfNamespace(`v1/thoughts/${encodeURIComponent(id)}`, { waits: true });
    return [
      h("p", {}, pill(words(thought.intent), "accent"), pill(thought.strategy), pill(`rung ${words(thought.rung)}`, thought.rung === "full" ? "good" : "warn"), thought.degraded && pill("degraded", "bad")),
      thought.scrubbed && h("p.note", {}, "Its texts are gone: memory forgot something that they may have quoted."),
      facts(thought),
      intents(thought),
      timeline(thought.steps),
      context(thought.context),
      thought.missing.length > 0 && [h("h3", {}, "Missing"), h("ul.small", {}, thought.missing.map((part) => h("li", {}, part)))],
      thought.reasoning && [h("h3", {}, "Thought aloud"), h("pre", { tabindex: "0" }, whole(thought.reasoning))],
      thought.drafts.some((draft) => draft.text || draft.reasoning) && [h("h3", {}, "Drafts"), thought.drafts.map(draft)],
    ];
  });
}

function facts(thought) {
  const { usage } = thought;
  const mood = Object.entries(thought.mood).sort(([, a], [, b]) => b - a).slice(0, 5);
  return terms([
    ["When", date(thought.time)],
    ["Talk", thought.session],
    ["Strategy because", thought.strategy_why.join("; ")],
    ["Rung because", thought.rung_why.join("; ")],
    ["Mood", mood.length > 0 && mood.map(([label, share]) => pill(`${label} ${percent(share)}`))],
    ["Effort", thought.effort],
    ["Endpoint", thought.endpoint ?? "none"],
    ["Model calls", `${count(thought.calls)} (${counted(thought.attempts, "attempt")})`],
    ["Tokens", `${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out`],
    ["Cost", thought.cost !== null && count(thought.cost)],
    ["Reused", thought.reused_from],
    ["Notes", thought.notes.join("; ")],
    ["Left behind", thought.memories.length > 0 && thought.memories.slice(0, MOST).map((memory) => link("record", () => openRecord(memory), memory))],
    ["Id", h("code", {}, thought.thought_id)],
  ]);
}

function link(label, onclick, title) {
  return h("button.link", { type: "button", title, onclick }, label);
}

function intents(thought) {
  const known = Object.entries(thought.intents).sort(([, a], [, b]) => b - a).slice(0, 4);
  if (!known.length) return null;
  return [
    h("h3", {}, `Intent, by the ${thought.intent_by}`),
    h("ul.explain", {}, known.map(([name, share]) => h("li", {}, h("span.term", {}, words(name)), h("span.figure", {}, percent(share)), bar(share)))),
  ];
}

/** Steps on a common time, so that what went on side by side stands one above the other. */
function timeline(steps) {
  if (!steps.length) return null;

  const end = Math.max(...steps.map((step) => step.started_ms + step.took_ms), 1);
  return [
    h("h3", {}, `Steps, ${duration(end / 1000)} in all`),
    h(
      "ol.steps",
      {},
      steps.slice(0, MOST).map((step) => {
        const span = h("span");
        span.style.marginInlineStart = `${(step.started_ms / end) * 100}%`;
        span.style.inlineSize = `${Math.max((step.took_ms / end) * 100, 0.5)}%`;
        return h(
          "li",
          { title: `from ${Math.round(step.started_ms)} ms on` },
          h("span.term", {}, words(step.name)),
          h("span.figure", {}, duration(step.took_ms / 1000)),
          h("span.span", { "aria-hidden": "true" }, span),
          h("span.small.quiet.broken", {}, clipped(step.outcome, 200)),
        );
      }),
    ),
  ];
}

function context(parts) {
  if (!parts.length) return [h("h3", {}, "Context"), nothing("It was given nothing but the question.")];
  return [
    h("h3", {}, "Context"),
    h("ul.plain", {}, parts.slice(0, MOST).map(part)),
    parts.length > MOST && h("p.small.quiet", {}, `The first ${MOST} of ${count(parts.length)}.`),
  ];
}

function part(given) {
  const { part: name, id, score, tension, explain, shown, speaker, kind, name: about } = given;
  const opens = { memory: openRecord, search: openRecord, session: openRecord, paradox: openParadox, statements: openRecord }[name];
  const figures = [typeof score === "number" && `score ${score.toFixed(2)}`, typeof tension === "number" && `tension ${percent(tension)}`];
  const named = [speaker, kind, about].filter((word) => typeof word === "string").join(" · ");
  return h(
    "li.hit",
    {},
    h(
      "p.head",
      {},
      h("b", {}, words(name)),
      shown === false && pill("cut", "quiet", "It did not fit into the prompt"),
      h("span.small.quiet", {}, [...figures.filter(Boolean), named].filter(Boolean).join(" · ")),
      typeof id === "string" && opens && link("open", () => opens(id), id),
    ),
    explain && Object.keys(explain).length > 0 && h("details.why", {}, h("summary", {}, "Score term by term"), explanation(explain)),
  );
}

function draft({ step, text, reasoning, model, endpoint, chosen }) {
  return h(
    "article.entry",
    {},
    h("h4", {}, words(step), " ", chosen && pill("went out", "good"), h("span.small.quiet", {}, ` ${[model, endpoint].filter(Boolean).join(" at ")}`)),
    text && h("pre", { tabindex: "0" }, whole(text)),
    reasoning && h("details", {}, h("summary", {}, "Thought aloud"), h("pre", { tabindex: "0" }, whole(reasoning))),
  );
}
