// A text field that underlines where the service found a fault.

import { el } from "./dom.js";

export class Editor {
  /** Around `textarea`, which has a `pre` before it; problems are told in the element `told`. */
  constructor(textarea, told) {
    this.textarea = textarea;
    this.backdrop = textarea.previousElementSibling;
    this.told = told;
    this.least = textarea.rows;
    textarea.addEventListener("scroll", () => this.follow());
    textarea.addEventListener("input", () => this.clear());
  }

  get text() {
    return this.textarea.value;
  }

  set text(text) {
    this.textarea.value = text;
    this.clear();
  }

  /** Takes the underline away and makes room for all lines; what was told stays until there is an answer. */
  clear() {
    const lines = this.text.split("\n").length;
    this.textarea.rows = Math.min(Math.max(this.least, lines), 14);
    this.backdrop.replaceChildren();
    this.textarea.removeAttribute("aria-invalid");
  }

  /** All is well. */
  good() {
    this.clear();
    this.told.textContent = "";
  }

  /** Tells a problem, and underlines the word at its line and column if it has them. */
  bad(problem) {
    this.clear();
    const at = problem.errors?.find((error) => error.line && error.column);
    this.told.textContent = at ? `Line ${at.line}, column ${at.column}: ${at.detail}` : problem.message;
    if (!at) return;
    this.textarea.setAttribute("aria-invalid", "true");
    const [before, word, after] = cut(this.text, at.line, at.column);
    this.backdrop.append(before, el("mark", {}, word), after);
    this.follow();
  }

  follow() {
    this.backdrop.scrollTop = this.textarea.scrollTop;
    this.backdrop.scrollLeft = this.textarea.scrollLeft;
  }
}

/** The text before the word at `line` and `column`, from 1 and in characters; the word; and the text after it. */
export function cut(text, line, column) {
  const lines = text.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const ahead = [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
  const at = start + ahead;
  // Past the end of a line there is nothing to underline, so a space stands there.
  const word = /^(\w+|[^\n])/u.exec(text.slice(at))?.[0] ?? "";
  return [text.slice(0, at), word || "\u00a0", text.slice(at + word.length)];
}
