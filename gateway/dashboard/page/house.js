/** The house: every actor's process, how its processes have died, and its restart. */

import { ask, askText } from "./api.js";
import { bar, button, byId, h, nothing, pill, table, terms } from "./dom.js";
import { happened } from "./events.js";
import { figure } from "./figures.js";
import { bytes, count, counted, date, duration, moment, words } from "./format.js";
import { Panel } from "./panel.js";
import { attempt, confirmed, openSheet, say } from "./sheet.js";

const TONES = { ready: "good", starting: "warn", draining: "warn", stopped: "bad", backing_off: "bad", given_up: "bad" };
const LATELY_S = 120;
const LAG_MS = 100;
const LIMITS_EVERY_MS = 60_000;

const limits = new Map();
let limitsAsked = -Infinity;
let before = new Map();

const panel = new Panel(byId("house"), { seconds: 3, load, draw });

async function load(signal) {
  const { actors } = await ask("v1/actors", { signal });
  if (performance.now() - limitsAsked > LIMITS_EVERY_MS) {
    limitsAsked = performance.now();
    // Without them the table lacks their bars, and nothing else.
    askText("metrics", { signal }).then(readLimits, () => {
      limitsAsked = -Infinity;
    });
  }
  tellReplaced(actors);
  return actors;
}

/** What Prometheus would read: `lattice_limit{actor="memory",resource="memory_bytes"} 1.0e+09`. */
function readLimits(text) {
  for (const line of text.split("\n")) {
    if (!line.startsWith("lattice_limit{") || !line.includes('resource="memory_bytes"')) continue;
    const name = /actor="([^"]+)"/.exec(line)?.[1];
    if (name) limits.set(name, Number(line.slice(line.lastIndexOf(" "))));
  }
  if (panel.data) panel.paint();
}

/** A replacement takes milliseconds: nobody would ever see that an actor was away. */
function tellReplaced(actors) {
  for (const actor of actors) {
    const known = before.get(actor.name);
    if (known && actor.pid !== null && known !== actor.pid) {
      happened({ time: new Date().toISOString(), tone: "warn", subject: actor.name, text: `replaced: ${actor.last_exit ?? "restarted"}` });
    }
  }
  before = new Map(actors.map((actor) => [actor.name, actor.pid ?? before.get(actor.name)]));
}

function draw(actors) {
  const ready = actors.filter((actor) => actor.state === "ready").length;
  const restarts = actors.reduce((sum, actor) => sum + actor.restarts, 0);
  figure("actors", "Actors ready", `${ready} / ${actors.length}`, counted(restarts, "restart"), ready === actors.length ? "good" : "bad");
  if (!actors.length) return nothing("No actor runs under this supervisor.");

  return table("Actors", ["Actor", "State", "Process", "Up for", "Restarts", "Memory", "Waiting", "Handled", "Last exit", ""], actors.map(row));
}

function row(actor) {
  const lately = actor.restarts > 0 && actor.state === "ready" && actor.uptime_s < LATELY_S;
  return {
    key: actor.name,
    cells: [
      h("b", {}, actor.name),
      [pill(words(actor.state), TONES[actor.state] ?? "quiet"), lately && pill("new process", "warn", `It was replaced ${duration(actor.uptime_s)} ago`)],
      h("span.figure", {}, actor.pid ?? "–"),
      h("span.figure", {}, actor.state === "ready" ? duration(actor.uptime_s) : "–"),
      h("span.figure", {}, count(actor.restarts)),
      memory(actor),
      h("span.figure", { title: "Messages of people, and of the background" }, `${count(actor.mailbox.fg)} + ${count(actor.mailbox.bg)}`),
      h(
        "span.figure",
        { title: `${count(actor.failed)} failed, ${count(actor.dead_letters)} dead letters, the loop lagged ${Math.round(actor.loop_lag_ms)} ms` },
        count(actor.handled),
        actor.failed > 0 && h("span.bad", {}, ` ${count(actor.failed)} failed`),
        actor.loop_lag_ms > LAG_MS && h("span.warn", {}, ` lag ${Math.round(actor.loop_lag_ms)} ms`),
      ),
      actor.last_exit ? h("span.small", {}, actor.last_exit) : h("span.quiet", {}, "–"),
      h(
        "div.buttons",
        {},
        button("Crashes", () => showCrashes(actor.name), { key: `crashes ${actor.name}`, title: `How processes of ${actor.name} have died` }),
        button("Restart", () => restart(actor.name), { key: `restart ${actor.name}`, title: `Drain ${actor.name} and start it anew` }),
      ),
    ],
  };
}

function memory(actor) {
  const limit = limits.get(actor.name);
  if (!actor.rss_bytes) return h("span.quiet", {}, "–");
  if (!limit) return h("span.figure", {}, bytes(actor.rss_bytes));

  const share = actor.rss_bytes / limit;
  return h("div.measure", {}, h("span.figure", {}, `${bytes(actor.rss_bytes)} of ${bytes(limit)}`), bar(share, share > 0.85 ? "bad" : "accent"));
}

async function restart(name) {
  const text =
    name === "gateway"
      ? "The gateway finishes what it is answering, and another one takes its place. This page may lose a request or two meanwhile."
      : `${name} finishes what it is doing, and another process takes its place. Whoever asks it meanwhile waits a moment.`;
  if (!(await confirmed(`Restart ${name}?`, text, "Restart"))) return;

  say(`Restarting ${name} …`, "accent");
  const done = (actor) => (name === "gateway" ? "The gateway is being restarted." : `${name} is ${words(actor.state)} again, in process ${actor.pid}.`);
  await attempt(() => ask(`v1/actors/${encodeURIComponent(name)}/restart`, { method: "POST", waits: true }), done);
  panel.refresh();
}

function showCrashes(name) {
  openSheet(`How ${name} has died`, async () => {
    const { crashes } = await ask(`v1/actors/${encodeURIComponent(name)}/crashes`, { waits: true });
    if (!crashes.length) return nothing(`No process of ${name} has crashed as far as is kept.`);
    return crashes.map(crash);
  });
}

function crash(report) {
  const recent = report.last_heartbeat?.recent;
  return h(
    "article.entry",
    {},
    h("h3", {}, report.reason, " ", h("span.quiet", {}, moment(report.time))),
    terms([
      ["When", date(report.time)],
      ["How", report.how],
      ["Process", report.pid],
      ["Had been up for", duration(report.uptime_s)],
      ["Was ready", report.was_ready ? "yes" : "no"],
      ["Core dumped", report.core_dumped && "yes"],
      ["Last messages", Array.isArray(recent) && recent.length > 0 && recent.join(", ")],
    ]),
    report.traceback && h("pre", { tabindex: "0" }, report.traceback),
    report.stacks.length > 0 && fold("Stacks", report.stacks),
    report.log.length > 0 && fold(`Last ${counted(report.log.length, "log line")}`, report.log),
  );
}

function fold(label, lines) {
  return h("details", {}, h("summary", {}, label), h("pre", { tabindex: "0" }, lines.join("\n")));
}
