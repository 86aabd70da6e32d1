/** What happens, as it happens: the daemon's events, and what the page itself sees of the house. The latest hundred. */

import { ApiError, listen } from "./api.js";
import { byId, h, nothing } from "./dom.js";
import { clipped, timeOfDay, words } from "./format.js";

const MOST = 100;
const LONGEST_WAIT_S = 30;
const TONES = { failed: "bad", abandoned: "bad", quarantined: "bad", set_aside: "warn" };

const body = byId("events").querySelector(".body");
const listening = byId("listening");
const list = h("ol.events", { "aria-label": "The latest events, newest first" });
const listeners = [];
let open = false;
let connection;
let position = {};
let timer;

/** Be told of every event of the background life. */
export function onEvent(listener) {
  listeners.push(listener);
}

/** Add a line. */
export function happened({ time, tone = "quiet", subject, text }) {
  if (!list.isConnected) body.replaceChildren(list);
  list.prepend(h("li", { "data-tone": tone }, timeOfDay(time), h("b", {}, subject), h("span", {}, text)));
  while (list.children.length > MOST) list.lastElementChild.remove();
}

/** Listen from now on. */
export function openEvents() {
  if (open) return;

  open = true;
  position = {};
  body.replaceChildren(nothing("Nothing has happened since this page was opened."));
  connect();
}

/** Listen no more. */
export function closeEvents() {
  open = false;
  disconnect();
  list.replaceChildren();
  body.replaceChildren();
}

document.addEventListener("visibilitychange", () => {
  // A hidden tab would hold one of the few connections that a browser has for a server.
  if (document.hidden) disconnect();
  else if (open) connect();
});

function disconnect() {
  clearTimeout(timer);
  connection?.abort();
  connection = undefined;
  tell("paused");
}

async function connect() {
  disconnect();
  if (document.hidden) return;

  const mine = (connection = new AbortController());
  let failures = 0;
  tell("connecting …");
  while (connection === mine) {
    try {
      for await (const event of listen("v1/events", { signal: mine.signal, position })) {
        if (connection !== mine) return;
        failures = 0;
        tell("live", "good");
        if (event) take(event);
      }
    } catch (error) {
      if (connection !== mine) return;
      if (error.status === 401 || error.status === 403) {
        tell("not with this key");
        body.replaceChildren(nothing(error.message));
        return;
      }
      if (!(error instanceof ApiError)) console.error(error);
      failures += 1;
      tell("trying again …", "warn");
    }

    // A stream ends with the time that a request may take: then another one follows at once.
    const wait = failures ? Math.min(LONGEST_WAIT_S, 2 ** failures) * (0.8 + Math.random() * 0.4) : 0.2;
    await new Promise((resolve) => {
      timer = setTimeout(resolve, wait * 1000);
    });
  }
}

function tell(text, tone = "quiet") {
  listening.textContent = text;
  listening.dataset.tone = tone;
}

function take(event) {
  if (!event.what) {
    // A stream ends by itself when the time that a request may take is up.
    if (event.error?.code === "deadline_exceeded") return;
    throw new ApiError(0, event.error?.message ?? "The stream ended.");
  }

  if (event.what === "missed") {
    happened({ time: event.time, tone: "warn", subject: "events", text: "some were missed" });
    for (const listener of listeners) listener(event);
    return;
  }

  const effects = Object.entries(event.effects ?? {}).filter(([, n]) => n > 0).map(([what, n]) => `${n} ${words(what)}`);
  const said = [event.state && event.state !== "running" && event.state !== "done" ? event.state : words(event.what), effects.join(", "), event.error && clipped(event.error)];
  const tone = TONES[event.state] ?? TONES[event.what] ?? "quiet";
  happened({ time: event.time, tone, subject: event.cycle, text: said.filter(Boolean).join(" · ") });
  for (const listener of listeners) listener(event);
}
