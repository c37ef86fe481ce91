// What is on the screen, as a command.

import { byId, tell } from "./dom.js";
import { key } from "./key.js";

/** The command that posts `body`; a here-document, so that nothing needs quotes and no length is too long. */
export function command(path, body, headers = []) {
  const options = [
    ...(key() ? ['--oauth2-bearer "$GRADD_KEY"'] : []),
    ...headers.map((header) => `--header '${header}'`),
  ];
  const url = new URL(path, document.baseURI);
  return [`curl --json @- ${options.map((option) => `${option} `).join("")}${url} <<'JSON'`, JSON.stringify(body), "JSON", ""].join("\n");
}

/** Copies the command, or shows it where the browser does not let pages copy. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied");
  } catch {
    const dialog = byId("copied");
    const field = dialog.querySelector("textarea");
    field.value = text;
    dialog.showModal();
    field.select();
  }
}
