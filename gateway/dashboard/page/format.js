/** Figures and times as people read them. */

import { h } from "./dom.js";

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export const LONGEST_TEXT = 20_000;

/** 12,345 or 0.5. */
export function count(value) {
  return number.format(value);
}

/** "3 records", "1 record". */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes in the unit that fits. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** How long, from seconds. */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${number.format(seconds)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return parts(seconds / 60, "min", "s");
  if (seconds < 86_400) return parts(seconds / 3600, "h", "min");
  return parts(seconds / 86_400, "d", "h", 24);
}

function parts(value, unit, smaller, ratio = 60) {
  let whole = Math.floor(value);
  let rest = Math.round((value - whole) * ratio);
  if (rest === ratio) {
    whole += 1;
    rest = 0;
  }
  return rest && whole < 10 ? `${whole} ${unit} ${rest} ${smaller}` : `${whole} ${unit}`;
}

/** How long, in one unit. */
function roughly(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A moment, as how long ago it was or how soon it comes; its date is told to those who point at it. */
export function moment(iso) {
  if (!iso) return h("span.quiet", {}, "never");

  const time = new Date(iso);
  const seconds = (Date.now() - time) / 1000;
  let text = day.format(time);
  if (Math.abs(seconds) < 2) text = "now";
  else if (seconds > 0 && seconds < 86_400 * 7) text = `${roughly(seconds)} ago`;
  else if (seconds < 0 && seconds > -86_400 * 7) text = `in ${roughly(-seconds)}`;
  return h("time", { datetime: iso, title: exact.format(time) }, text);
}

/** A moment, as its date. */
export function date(iso) {
  return iso ? h("time", { datetime: iso, title: exact.format(new Date(iso)) }, day.format(new Date(iso))) : null;
}

/** A moment of today. */
export function timeOfDay(iso) {
  return h("time", { datetime: iso, title: exact.format(new Date(iso)) }, clock.format(new Date(iso)));
}

/** The beginning of a text. */
export function clipped(text, most = 280) {
  const letters = [...text.slice(0, most * 2)];
  return letters.length > most || text.length > most * 2 ? `${letters.slice(0, most).join("").trimEnd()} …` : text;
}

/** A text as it is, up to a length that a page can show. */
export function whole(text) {
  const more = text.length - LONGEST_TEXT;
  return more > 0 ? `${text.slice(0, LONGEST_TEXT)}\n… and ${counted(more, "more character")}` : text;
}

/** "backing_off" for people. */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** A share as percent. */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** A number with its sign and two places, as scores are told. */
export function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
