/** The background life: its cycles, when each runs, what its last run cost, and what can be told to it. */

import { ask } from "./api.js";
import { button, byId, h, nothing, pill, table, terms } from "./dom.js";
import { onEvent } from "./events.js";
import { figure } from "./figures.js";
import { clipped, count, counted, date, duration, moment, words } from "./format.js";
import { Panel } from "./panel.js";
import { attempt, openSheet } from "./sheet.js";

const RUNS = 20;
const SETTLE_MS = 300;
const TONES = { running: "accent", done: "good", failed: "bad", abandoned: "warn" };

const panel = new Panel(byId("cycles"), { seconds: 10, load, draw });
let soon;

// Several events come together; one look tells all of them.
onEvent(() => {
  clearTimeout(soon);
  soon = setTimeout(() => panel.refresh(), SETTLE_MS);
});

async function load(signal) {
  const [{ cycles }, { runs }] = await Promise.all([ask("v1/daemon/cycles", { signal }), ask("v1/daemon/runs?limit=200", { signal })]);
  const latest = new Map();
  for (const run of runs) if (!latest.has(run.cycle)) latest.set(run.cycle, run);
  return { cycles, latest };
}

function draw({ cycles, latest }) {
  const wrong = cycles.filter((cycle) => cycle.quarantined || cycle.failures > 0).length;
  const next = cycles.filter((cycle) => !cycle.paused && !cycle.quarantined).map((cycle) => cycle.due).sort()[0];
  const running = [...latest.values()].filter((run) => run.state === "running").length;
  figure("cycles", "Cycles", count(cycles.length), running ? `${count(running)} running now` : next ? ["next ", moment(next)] : "none is due", wrong ? "warn" : "plain");
  if (!cycles.length) return nothing("No cycle is set up.");

  return table("Cycles", ["Cycle", "State", "When", "Last run", "Cost", "Next run", ""], cycles.map((cycle) => row(cycle, latest.get(cycle.name))));
}

function row(cycle, run) {
  const path = `v1/daemon/cycles/${encodeURIComponent(cycle.name)}`;
  const tell = async (what, done) => {
    await attempt(() => ask(`${path}/${what}`, { method: "POST", waits: true }), done);
    panel.refresh();
  };
  const held = cycle.paused || cycle.quarantined;
  return {
    key: cycle.name,
    cells: [
      [h("b", {}, cycle.name), h("div.small.quiet", {}, cycle.about)],
      state(cycle, run),
      h("span.small", {}, schedule(cycle.schedule)),
      run ? [moment(run.started), h("div.small", {}, run.state === "failed" ? h("span.bad", {}, clipped(run.error ?? "failed", 80)) : effects(run.effects))] : h("span.quiet", {}, "not yet"),
      h("span.small", {}, run ? cost(run.cost) : "–"),
      held ? h("span.quiet", {}, "–") : new Date(cycle.due) < Date.now() ? "due" : moment(cycle.due),
      h(
        "div.buttons",
        {},
        button("Run", () => tell("run", `${cycle.name} has begun.`), { key: `run ${cycle.name}`, title: `Run ${cycle.name} now`, disabled: run?.state === "running" }),
        held
          ? button("Resume", () => tell("resume", `${cycle.name} runs on its schedule again.`), { key: `hold ${cycle.name}`, title: `Run ${cycle.name} on its schedule again` })
          : button("Pause", () => tell("pause", `${cycle.name} is paused.`), { key: `hold ${cycle.name}`, title: `Run ${cycle.name} no more on its schedule` }),
        button("Runs", () => showRuns(cycle), { key: `runs ${cycle.name}`, title: `The latest runs of ${cycle.name}` }),
      ),
    ],
  };
}

function state(cycle, run) {
  return [
    cycle.quarantined && pill("quarantined", "bad", "It failed so often in a row that it is left alone until it is resumed"),
    cycle.paused && pill("paused", "warn"),
    run?.state === "running" && pill("running", "accent"),
    !cycle.quarantined && !cycle.paused && run?.state !== "running" && (cycle.failures ? pill(`failed ${counted(cycle.failures, "time")}`, "bad") : pill("on", "good")),
    cycle.set_aside > 0 && pill(`${count(cycle.set_aside)} set aside`, "warn", "Work that failed again and again was left out"),
  ];
}

function schedule({ interval_s, cron, after_new, idle_s }) {
  const times = [
    interval_s !== null && `every ${duration(interval_s)}`,
    cron !== null && `at ${cron} (UTC)`,
    after_new !== null && `after ${counted(after_new, "new record")}`,
  ].filter(Boolean);
  const when = times.join(", or ") || "by hand";
  return idle_s === null ? when : `${when}; not before ${duration(idle_s)} of silence`;
}

function effects(done) {
  const told = Object.entries(done).filter(([, n]) => n > 0);
  return told.length ? told.map(([what, n]) => `${count(n)} ${words(what)}`).join(", ") : h("span.quiet", {}, "nothing to do");
}

function cost(spent) {
  return [
    duration(spent.wall_ms / 1000),
    spent.model_calls > 0 && `${counted(spent.model_calls, "model call")}, ${counted(spent.model_tokens, "token")}`,
    spent.memory_writes > 0 && counted(spent.memory_writes, "write"),
  ].filter(Boolean).join(" · ");
}

function showRuns(cycle) {
  openSheet(`Runs of ${cycle.name}`, async () => {
    const { runs } = await ask(`v1/daemon/runs?limit=${RUNS}&cycle=${encodeURIComponent(cycle.name)}`, { waits: true });
    const about = [h("p", {}, cycle.about), cycle.needs_model && h("p.small.quiet", {}, `Without a model: ${cycle.needs_model}`)];
    return [about, runs.length ? runs.map(entry) : nothing("It has not run yet.")];
  });
}

function entry(run) {
  return h(
    "article.entry",
    {},
    h("h3", {}, pill(run.state, TONES[run.state]), " ", moment(run.started)),
    terms([
      ["Began", date(run.started)],
      ["Because", words(run.cause)],
      ["Did", effects(run.effects)],
      ["Cost", cost(run.cost)],
      ["Attempts", run.attempts > 1 && count(run.attempts)],
      ["Error", run.error && h("span.bad", {}, clipped(run.error, 1000))],
    ]),
  );
}
