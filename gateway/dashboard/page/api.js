/**
 * The way to the API. The page knows the house by its public routes alone, as any other client does.
 *
 * The key is kept in this tab's sessionStorage and nowhere else; where the browser keeps none, it lasts as long as the page.
 */

const PATIENCE_S = 20;
/** Of whom nobody waits for: an actor that is away is waited for by the gateway, and the page should rather say that it is. */
const SHORT_PATIENCE_S = 4;
const ON_THE_WAY_S = 2;
const kept = new Map();

/** An answer that is none: by its HTTP status, 0 where there was no answer at all. */
export class ApiError extends Error {
  constructor(status, message, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What this tab was told: `key` and `namespace`, each empty until then. */
export const access = {
  get key() {
    return recall("lattice.key");
  },
  set key(value) {
    keep("lattice.key", value);
  },
  get namespace() {
    return recall("lattice.namespace");
  },
  set namespace(value) {
    keep("lattice.namespace", value);
  },
};

function recall(name) {
  try {
    return sessionStorage.getItem(name) ?? "";
  } catch {
    // The browser allows no storage here.
    return kept.get(name) ?? "";
  }
}

function keep(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
  } catch {
    kept.set(name, value);
  }
}

/**
 * Ask a route that all namespaces share.
 *
 * @param {string} path relative to the page, so that a proxy may put the gateway below another path
 * @param {{method?: string, body?: object, waits?: boolean, patience?: number, signal?: AbortSignal, also?: number[]}} how
 *   waits: somebody waits for the answer; otherwise the house is told that nobody does, and goes on with its background work.
 *   patience: for how long, in seconds.
 *   also: statuses beside 200 whose JSON is an answer.
 */
export async function ask(path, { method = "GET", body, waits = false, patience = waits ? PATIENCE_S : SHORT_PATIENCE_S, signal, also = [] } = {}) {
  const limit = AbortSignal.timeout((patience + ON_THE_WAY_S) * 1000);
  const response = await send(path, {
    method,
    headers: { ...headers(waits, body), "X-Lattice-Timeout": String(patience) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  });
  if (!response.ok && !also.includes(response.status)) throw await failure(response);

  try {
    return await response.json();
  } catch {
    throw new ApiError(0, "The gateway's answer broke off.");
  }
}

/** Ask a route of the namespace that is chosen. */
export function askOfNamespace(path, how = {}) {
  const query = access.namespace && `${path.includes("?") ? "&" : "?"}namespace=${encodeURIComponent(access.namespace)}`;
  return ask(path + query, how);
}

/** A text route. */
export async function askText(path, { signal } = {}) {
  const response = await send(path, { headers: headers(false), signal });
  if (!response.ok) throw await failure(response);
  return response.text();
}

/** Server-sent events as JSON, until the stream ends. `position.id` is kept, to go on from. EventSource can send no key. */
export async function* listen(path, { signal, position }) {
  const told = headers(false);
  if (position.id) told["Last-Event-ID"] = position.id;
  const response = await send(path, { headers: told, signal });
  if (!response.ok) throw await failure(response);

  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of chunks(response.body)) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    // Also for a heartbeat: the stream is alive.
    if (!events.length) continue;
    for (const event of events) {
      const field = (name) => event.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      position.id = field("id") || position.id;
      const data = field("data");
      yield data ? JSON.parse(data) : null;
    }
  }
}

async function* chunks(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw unanswered(error);
  } finally {
    reader.releaseLock();
  }
}

function headers(waits, body) {
  const told = {};
  if (access.key) told.Authorization = `Bearer ${access.key}`;
  if (body !== undefined) told["Content-Type"] = "application/json";
  if (!waits) told.Priority = "u=7";
  return told;
}

async function send(path, options) {
  try {
    return await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
  } catch (error) {
    throw unanswered(error);
  }
}

function unanswered(error) {
  if (error.name === "AbortError") return error;
  if (error.name === "TimeoutError") return new ApiError(0, "No answer in time.");
  return new ApiError(0, "The gateway does not answer.");
}

async function failure(response) {
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  let message = `The gateway answered ${response.status}.`;
  try {
    message = sentence((await response.json()).error.message);
  } catch {
    // Something between the page and the gateway answered: the status is all that is known.
  }
  return new ApiError(response.status, message, seconds * 1000);
}

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
