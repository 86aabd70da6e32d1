/** The model endpoints: which are asked first, which are left alone, what they have used of their day. */

import { ask } from "./api.js";
import { bar, byId, h, nothing, pill } from "./dom.js";
import { figure } from "./figures.js";
import { clipped, count, percent, words } from "./format.js";
import { Panel } from "./panel.js";

const TONES = { closed: "good", half_open: "warn", open: "bad" };
const MEANINGS = { closed: "Calls go through", half_open: "A few calls try whether it is back", open: "Left alone for a while: it failed too often" };

new Panel(byId("models"), { seconds: 5, load: (signal) => ask("v1/llm/endpoints", { signal }), draw });

function draw({ endpoints }) {
  const usable = endpoints.filter((endpoint) => endpoint.breaker !== "open" && endpoint.state === "in_use").length;
  const busy = endpoints.reduce((sum, endpoint) => sum + endpoint.in_flight, 0);
  const tone = usable === endpoints.length ? "good" : usable ? "warn" : "bad";
  figure("endpoints", "Endpoints usable", `${usable} / ${endpoints.length}`, `${count(busy)} in flight`, endpoints.length ? tone : "warn");
  if (!endpoints.length) {
    return nothing(
      "No model endpoint: chat is answered from memory alone, and says so. Set ",
      h("code", {}, "OPENAI_API_KEY"),
      " or write ",
      h("code", {}, "[[llm.endpoints]]"),
      " into lattice.toml.",
    );
  }

  return endpoints.map(card);
}

function card(endpoint) {
  const failed = endpoint.calls ? endpoint.failures / endpoint.calls : 0;
  return h(
    "article.entry",
    {},
    h(
      "h3",
      {},
      endpoint.name,
      " ",
      pill(`breaker ${words(endpoint.breaker)}`, TONES[endpoint.breaker], MEANINGS[endpoint.breaker]),
      endpoint.state === "draining" && pill("draining", "warn", "It gets no further calls"),
      endpoint.ejected && pill("asked last", "warn", "It does worse than its equals"),
      endpoint.tags.map((tag) => pill(tag)),
    ),
    h("p.small.quiet.broken", {}, `${endpoint.dialect} · ${endpoint.base_url} · priority ${endpoint.priority}, weight ${count(endpoint.weight)}`),
    h(
      "dl.numbers",
      {},
      number("In flight", `${count(endpoint.in_flight)} of ${count(endpoint.limit)}`, endpoint.limit && bar(endpoint.in_flight / endpoint.limit)),
      number("Calls", count(endpoint.calls)),
      number("Failed", endpoint.failures ? `${count(endpoint.failures)} (${percent(failed)})` : "0"),
      number("First token", endpoint.first_token_p50_ms === null ? "–" : `${Math.round(endpoint.first_token_p50_ms)} ms`, endpoint.first_token_p95_ms !== null && h("small", {}, `p95 ${Math.round(endpoint.first_token_p95_ms)} ms`)),
      endpoint.budget && used("Tokens today", endpoint.budget.tokens, endpoint.budget.tokens_per_day),
      endpoint.budget && (endpoint.budget.cost > 0 || endpoint.budget.cost_per_day !== null) && used("Cost today", endpoint.budget.cost, endpoint.budget.cost_per_day),
    ),
    Object.entries(endpoint.breakers).map(([model, state]) => h("p.small", {}, pill(words(state), TONES[state]), ` ${model}`)),
    endpoint.last_error && h("p.small.bad.broken", {}, `Last error: ${clipped(endpoint.last_error)}`),
  );
}

function number(label, value, beside) {
  return h("div", {}, h("dt", {}, label), h("dd", {}, value, beside));
}

function used(label, value, limit) {
  if (limit === null) return number(label, count(value));
  const share = limit ? value / limit : 1;
  return number(label, `${count(value)} of ${count(limit)}`, bar(share, share > 0.9 ? "bad" : "accent"));
}
