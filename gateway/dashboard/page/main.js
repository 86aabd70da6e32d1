/** The page: who may see it, of which namespace, and whether the house is well. What it shows is in the panels' own files. */

import { access, ask, askOfNamespace } from "./api.js";
import "./cycles.js";
import { byId, h, sentence } from "./dom.js";
import { closeEvents, openEvents } from "./events.js";
import { clearFigures } from "./figures.js";
import { counted } from "./format.js";
import "./house.js";
import { clearHits } from "./memory.js";
import "./models.js";
import { closePanels, openPanels, retryPanels, whenUnauthorized } from "./panel.js";
import "./paradoxes.js";
import { told } from "./sheet.js";
import "./thoughts.js";

const READINESS_S = 3;
const NAMESPACES = 50;
const NEEDED = 401;

const readiness = byId("readiness");
const degraded = byId("degraded");
const key = byId("key");
const said = byId("access-said");
const namespace = byId("namespace");
let wasReady = true;
let asked;

whenUnauthorized(lock);

byId("access-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  access.key = key.value.trim();
  said.textContent = "Asking …";
  await enter();
});

byId("forget-key").addEventListener("click", () => {
  access.key = "";
  location.reload();
});

byId("namespace-form").addEventListener("submit", (event) => event.preventDefault());
namespace.addEventListener("change", () => {
  access.namespace = namespace.value.trim();
  open();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

namespace.value = access.namespace;
look();
enter();

/** Show the page where the gateway asks for no key, or the one that this tab has opens it; else ask for one. */
async function enter() {
  try {
    // Whether a key is needed is known at once; memory may be away.
    await askOfNamespace("v1/memories/stats", { patience: 1 });
  } catch (error) {
    if (error.status === NEEDED) {
      lock(access.key ? error.message : "");
      return;
    }
    // Whatever else is wrong, the panels say it each for itself, and go on.
  }
  open();
}

function open() {
  key.value = "";
  said.textContent = "";
  byId("access").hidden = true;
  byId("main").hidden = false;
  byId("forget-key").hidden = !access.key;
  clearFigures();
  clearHits();
  openPanels();
  openEvents();
  suggestNamespaces();
}

function lock(message) {
  closePanels();
  closeEvents();
  clearFigures();
  clearHits();
  access.key = "";
  byId("sheet").close();
  byId("main").hidden = true;
  byId("forget-key").hidden = true;
  byId("access").hidden = false;
  said.textContent = message;
  key.focus();
  key.select();
}

/** Names of namespaces that have used a model lately; a key of one namespace is not told, and needs none. */
async function suggestNamespaces() {
  try {
    const { rows } = await ask("v1/llm/usage?days=30&limit=1000");
    const names = [...new Set(rows.map((row) => row.namespace))].slice(0, NAMESPACES);
    byId("namespaces").replaceChildren(...names.map((name) => h("option", { value: name })));
  } catch (error) {
    console.info(`No namespaces are suggested. ${told(error)}`);
  }
}

/** Whether the house is well, from now on. It needs no key, and is asked also where the page is locked. */
async function look() {
  clearTimeout(asked);
  if (document.hidden) return;

  let tone = "bad";
  let text = "The gateway does not answer";
  let reasons = [];
  try {
    // 503 is an answer: who is not ready, and why.
    const { ready, actors } = await ask("readyz", { also: [503] });
    const away = Object.entries(actors ?? {}).filter(([, state]) => state !== "ready");
    tone = ready ? "good" : "warn";
    text = ready ? "Ready" : `Degraded: ${away.map(([name]) => name).join(", ")}`;
    reasons = away;
    if (ready && !wasReady) retryPanels();
    wasReady = ready;
  } catch (error) {
    wasReady = false;
    reasons = [["gateway", error.message]];
  }

  if (readiness.textContent !== text) readiness.textContent = text;
  readiness.dataset.tone = tone;
  document.title = tone === "good" ? "Lattice" : `${text} · Lattice`;
  show(tone, reasons);
  asked = setTimeout(look, READINESS_S * 1000);
}

function show(tone, reasons) {
  degraded.hidden = !reasons.length;
  degraded.dataset.tone = tone;
  const text = reasons.map((reason) => reason.join()).join();
  // An alert is read out each time when it is drawn.
  if (degraded.dataset.told === text) return;
  degraded.dataset.told = text;
  degraded.replaceChildren(
    h("b", {}, tone === "bad" ? "The gateway cannot be reached." : `The house goes on without ${counted(reasons.length, "actor")}.`),
    h("ul", {}, reasons.map(([name, reason]) => h("li", {}, h("b", {}, name), " ", sentence(reason)))),
  );
}
