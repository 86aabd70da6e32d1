/**
 * A panel: asks for its data, draws them, and asks again. It fails alone: what was drawn stays, a sentence says what is wrong, and it
 * tries again after a wait that grows. While nobody looks at the tab nothing is asked.
 */

import { ApiError } from "./api.js";
import { h, present } from "./dom.js";

const LONGEST_WAIT_S = 30;
const panels = [];
let locked = true;
let onUnauthorized = () => {};

/** Whom to tell that a key is needed, or another one. */
export function whenUnauthorized(listener) {
  onUnauthorized = listener;
}

/** Ask for everything, now and from now on: a key or a namespace has changed. */
export function openPanels() {
  locked = false;
  for (const panel of panels) panel.startOver();
}

/** Ask for nothing, and show nothing: there is no key that opens it. */
export function closePanels() {
  locked = true;
  for (const panel of panels) panel.stop();
}

/** Ask again where something is wrong: the house is well again. */
export function retryPanels() {
  for (const panel of panels) if (panel.failures && !panel.refused) panel.refresh();
}

document.addEventListener("visibilitychange", () => {
  for (const panel of panels) {
    if (document.hidden) panel.pause();
    else panel.refresh();
  }
});

export class Panel {
  /**
   * @param {HTMLElement} element a section of index.html, with a `.body`
   * @param {object} how
   * @param {number} how.seconds between two questions
   * @param {(signal: AbortSignal) => Promise<any>} how.load
   * @param {(data: any) => any} how.draw children of the body
   */
  constructor(element, { seconds, load, draw }) {
    this.element = element;
    this.body = element.querySelector(".body");
    this.seconds = seconds;
    this.load = load;
    this.draw = draw;
    this.data = undefined;
    this.failures = 0;
    this.refused = false;
    this.note = h("p.note", { role: "status", hidden: true });
    this.body.before(this.note);
    panels.push(this);
  }

  startOver() {
    this.stop();
    this.data = undefined;
    this.body.replaceChildren(h("p.nothing", {}, "Loading …"));
    this.refresh();
  }

  stop() {
    this.pause();
    this.failures = 0;
    this.refused = false;
    this.note.hidden = true;
    this.body.replaceChildren();
  }

  /** Ask nothing until the next `refresh`. */
  pause() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = undefined;
  }

  /** Ask now. Never rejects. */
  async refresh() {
    this.pause();
    if (locked || document.hidden) return;

    const asking = (this.asking = new AbortController());
    try {
      const data = await this.load(asking.signal);
      if (asking !== this.asking) return;
      this.succeeded(data);
    } catch (error) {
      if (asking !== this.asking) return;
      this.failed(error);
    }
  }

  succeeded(data) {
    this.asking = undefined;
    this.failures = 0;
    this.refused = false;
    this.note.hidden = true;
    this.data = data;
    this.paint();
    this.again(this.seconds);
  }

  failed(error) {
    this.asking = undefined;
    this.failures += 1;
    if (!(error instanceof ApiError)) console.error(error);
    if (error.status === 401) {
      onUnauthorized(error.message);
      return;
    }

    this.refused = error.status === 403;
    this.note.dataset.tone = this.refused ? "quiet" : "warn";
    this.note.textContent = this.refused ? error.message : `${error.message} ${this.data === undefined ? "" : "What stands here is older. "}Trying again …`;
    this.note.hidden = false;
    if (this.data === undefined) this.body.replaceChildren();
    // Another key may open it; asking again with this one will not.
    if (this.refused) return;

    const wait = Math.min(LONGEST_WAIT_S, 2 ** this.failures, this.failures > 5 ? LONGEST_WAIT_S : Infinity);
    this.again(Math.max(wait * (0.8 + Math.random() * 0.4), (error.retryAfterMs ?? 0) / 1000));
  }

  again(seconds) {
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => this.refresh(), seconds * 1000);
  }

  /** Draw what is known. Who has the focus keeps it, and a text that is being marked stays until it is not any more. */
  paint() {
    const selection = getSelection();
    if (selection && !selection.isCollapsed && this.body.contains(selection.anchorNode)) return;

    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    this.body.replaceChildren(...present([this.draw(this.data)]));
    if (focused === undefined) return;

    const successor = [...this.body.querySelectorAll("[data-key]")].find((element) => element.dataset.key === focused);
    successor?.focus({ preventScroll: true });
  }
}
