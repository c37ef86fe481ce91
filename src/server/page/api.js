// Requests to the service that this page came from.

import { askForKey, key } from "./key.js";

/** A problem after RFC 9457. */
export class Problem extends Error {
  constructor(body) {
    super(body.detail ?? body.title ?? "The request failed.");
    this.type = body.type ?? "";
    this.errors = body.errors ?? [];
    this.state = body.state;
  }
}

async function problemOf(response) {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  const body = isProblem ? await response.json() : { detail: `The server answered ${response.status}.` };
  if (response.status === 401) askForKey();
  return new Problem(body);
}

/** The headers of a request, with the key if there is one. */
export function headers(more = {}) {
  return key() ? { authorization: `Bearer ${key()}`, ...more } : more;
}

/** Posts JSON; the response, whatever its format. Throws a Problem where it is one. */
export async function send(path, body, { accept = "application/json", signal } = {}) {
  let response;
  try {
    const asked = headers({ "content-type": "application/json", accept });
    response = await fetch(path, { method: "POST", headers: asked, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The server cannot be reached." });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Posts JSON, and the JSON that comes back. */
export const post = async (path, body, options) => (await send(path, body, options)).json();

/** Posts JSON, and the server-sent events that come back, as {name, data}. */
export async function* events(path, body, signal) {
  const response = await send(path, body, { accept: "text/event-stream", signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}
