// The reference: the OpenAPI document to read and to try out.

import { headers } from "./api.js";
import { command, copy } from "./curl.js";
import { byId, el } from "./dom.js";
import { keyField } from "./key.js";
import { schemaView } from "./schema.js";

function show(document) {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).filter(([, { responses } = {}]) => responses).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map((tag) => {
    const of = operations.filter(({ operation }) => operation.tags?.includes(tag.name));
    return el("section", {}, el("h2", {}, capital(tag.name)), el("p", { className: "hint" }, tag.description), ...of.map((each) => view(document, each)));
  });
  byId("reference").append(el("h2", {}, `${title} ${version}`), ...prose(description), ...groups);
  const asked = location.hash && byId(location.hash.slice(1));
  if (asked) {
    asked.open = true;
    asked.scrollIntoView();
  }
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** Paragraphs of a description, with what stands in backquotes as code. */
function prose(text = "") {
  return text.split(/\n\s*\n/).map((paragraph) =>
    el("p", {}, ...paragraph.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part))),
  );
}

/** One operation, which is built when it is first opened. */
function view(document, { path, method, operation }) {
  const summary = el("summary", {},
    el("span", { className: "method" }, method.toUpperCase()), el("span", { className: "path" }, path), el("span", {}, operation.summary ?? ""));
  const whole = el("details", { className: "operation", id: operation.operationId }, summary);
  whole.addEventListener("toggle", () => {
    if (whole.children.length > 1) return;
    whole.append(el("div", {}, ...prose(operation.description), ...trial(path, method, operation), ...schemas(document, operation)));
  });
  return whole;
}

/** What a request and its answer hold. */
function schemas(document, { requestBody, responses }) {
  const parts = [];
  const json = (content) => content?.["application/json"]?.schema;
  if (json(requestBody?.content)) parts.push(el("h3", {}, "Request"), schemaView(document, json(requestBody.content)));
  for (const [status, response] of Object.entries(responses)) {
    if (!status.startsWith("2") || !json(response.content)) continue;
    parts.push(el("h3", {}, `Answer ${status}`), schemaView(document, json(response.content)));
  }
  const others = Object.entries(responses).filter(([status]) => !status.startsWith("2"));
  if (others.length === 0) return parts;
  const list = others.map(([status, response]) => el("div", {}, el("code", {}, status), ` ${resolve(document, response).description ?? ""}`));
  return [...parts, el("h3", {}, "Problems"), ...list];
}

const resolve = (document, { $ref, ...rest }) =>
  $ref ? $ref.slice(2).split("/").reduce((at, key) => at[key], document) : rest;

/** Fields to send a request with, and its answer. */
function trial(path, method, { operationId, parameters = [], requestBody }) {
  const { examples: several, example } = requestBody?.content["application/json"] ?? {};
  const examples = Object.entries(several ?? (example ? { example: { value: example } } : {}));
  const written = (value) => JSON.stringify(value, null, 1);
  const body = requestBody && el("textarea", { rows: 8, spellcheck: false, ariaLabel: `Body of ${path}`, value: written(examples[0]?.[1].value ?? {}) });
  const choice = examples.length > 1 && el("select", { ariaLabel: "Example" },
    ...examples.map(([name, { summary }]) => el("option", { value: name }, summary ?? name)));
  if (choice) choice.addEventListener("change", () => (body.value = written(Object.fromEntries(examples)[choice.value].value)));
  const fields = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => [name, el("input", { name, ariaLabel: name, placeholder: name })]);
  const target = () => fields.reduce((at, [name, field]) => at.replace(`{${name}}`, encodeURIComponent(field.value)), path).slice(1);
  const answer = el("pre", { className: "answer", tabIndex: 0, hidden: true, role: "region", ariaLabel: `Answer of ${path}` });
  const status = el("span", { role: "status", className: "hint" });
  const send = el("button", { className: "main" }, "Send");
  send.addEventListener("click", async () => {
    send.disabled = true;
    try {
      const response = await fetch(target(), body ? { method, headers: headers({ "content-type": "application/json" }), body: body.value } : { method, headers: headers() });
      const text = await response.text();
      status.textContent = `${response.status} ${response.statusText}, ${response.headers.get("content-type")}`;
      answer.textContent = pretty(text);
    } catch {
      status.textContent = "The server cannot be reached.";
      answer.textContent = "";
    }
    answer.hidden = answer.textContent === "";
    send.disabled = false;
  });
  const asCurl = el("button", { className: "quiet" }, "Copy as curl");
  asCurl.addEventListener("click", () => copy(body ? command(target(), compact(body.value)) : `curl ${new URL(target(), location.href)}\n`));
  const parts = [...fields.map(([, field]) => field), ...(choice ? [choice] : []), ...(body ? [body] : [])];
  return [el("h3", { id: `try-${operationId}` }, "Try it"), ...parts, el("div", { className: "buttons" }, send, asCurl, status), answer];
}

/** JSON with an indent, unless it is none or so long that nobody would read it. */
function pretty(text) {
  const LONGEST = 200_000;
  if (text.length > LONGEST) return `${text.slice(0, LONGEST)}…`;
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

/** The value of a body; one that is no JSON goes out as it is, for the service to say what is wrong with it. */
function compact(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { toJSON: () => text };
  }
}

keyField(() => undefined);
show(await (await fetch("openapi.json")).json());
