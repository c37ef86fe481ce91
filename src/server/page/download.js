// Files for the user to keep.

import { el } from "./dom.js";

/** Saves `blob` under `name`. */
export function save(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
