/** What opens above the page: a sheet with one thing in detail, a question before something is done, and a word about how it went. */

import { ApiError } from "./api.js";
import { button, byId, h, present } from "./dom.js";

const TOAST_MS = 6_000;
const MOST_TOASTS = 4;

const sheet = byId("sheet");
const body = byId("sheet-body");
const title = byId("sheet-title");
const back = byId("sheet-back");
const stack = [];

/**
 * Show one thing. What it links to opens in its place, and "Back" leads back.
 *
 * @param {string} heading
 * @param {() => Promise<any>} load its content; a failure is told, with a way to try again
 */
export function openSheet(heading, load) {
  stack.push({ heading, load });
  show();
}

/** Load what is shown anew, after something was done to it. */
export function reloadSheet() {
  if (stack.length) show();
}

async function show() {
  const shown = stack.at(-1);
  title.textContent = shown.heading;
  back.hidden = stack.length < 2;
  body.replaceChildren(h("p.nothing", {}, "Loading …"));
  if (!sheet.open) sheet.showModal();
  title.focus();

  try {
    const content = present([await shown.load()]);
    if (shown !== stack.at(-1)) return;
    body.replaceChildren(...content);
  } catch (error) {
    if (shown !== stack.at(-1)) return;
    body.replaceChildren(h("p.note", { "data-tone": "warn", role: "alert" }, told(error)), button("Try again", show));
  }
  body.scrollTop = 0;
}

back.addEventListener("click", () => {
  stack.pop();
  show();
});
byId("sheet-close").addEventListener("click", () => sheet.close());
sheet.addEventListener("close", () => {
  stack.length = 0;
  body.replaceChildren();
});
sheet.addEventListener("click", (event) => {
  // A click beside it lands on the dialog itself.
  if (event.target === sheet) sheet.close();
});

const question = byId("question");
let answer = () => {};

/** Whether the user wants it. */
export function confirmed(heading, text, yes) {
  byId("question-title").textContent = heading;
  byId("question-text").textContent = text;
  byId("question-yes").textContent = yes;
  question.showModal();
  byId("question-no").focus();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

byId("question-no").addEventListener("click", () => question.close("no"));
byId("question-yes").addEventListener("click", () => question.close("yes"));
question.addEventListener("close", () => {
  answer(question.returnValue === "yes");
  question.returnValue = "";
});

/** Say how something went. */
export function say(text, tone = "good") {
  const toasts = byId("toasts");
  const toast = h("p.toast", { "data-tone": tone }, text);
  toasts.append(toast);
  while (toasts.children.length > MOST_TOASTS) toasts.firstElementChild.remove();
  setTimeout(() => toast.remove(), TOAST_MS);
}

/**
 * Do something that a user asked for, and say how it went. Never rejects.
 *
 * @returns {Promise<boolean>} whether it was done
 */
export async function attempt(doing, done) {
  try {
    const result = await doing();
    say(typeof done === "function" ? done(result) : done);
    return true;
  } catch (error) {
    say(told(error), "bad");
    return false;
  }
}

/** A failure as a sentence. */
export function told(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return `This page failed: ${error.message}`;
}
