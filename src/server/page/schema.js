// JSON Schemas as nested lists of members, opened one level at a time: they may hold themselves.

import { el } from "./dom.js";

/** The members of `schema`, or what it is. */
export function schemaView(document, schema) {
  return el("div", { className: "schema" }, ...members(document, schema));
}

/** `schema` with its references followed; what stands beside one wins. */
function follow(document, schema) {
  const { $ref, ...beside } = schema;
  if (!$ref) return schema;
  const target = $ref.slice(2).split("/").reduce((at, key) => at[key], document);
  return { ...follow(document, target), ...beside, name: $ref.split("/").at(-1) };
}

const isNull = ({ type }) => type === "null";

/** Alternatives without null, which every member that may be left out has. */
function alternatives(schema) {
  return (schema.oneOf ?? schema.anyOf ?? []).filter((each) => !isNull(each));
}

/** A schema that is one thing or null, as that thing. */
function plain(document, schema) {
  const followed = follow(document, schema);
  const rest = alternatives(followed);
  if (rest.length === 1 && !followed.properties) return { description: followed.description, ...follow(document, rest[0]) };
  const typed = followed.allOf?.find(({ properties, $ref }) => properties || $ref);
  return typed ? { ...follow(document, typed), ...(followed.description ? { description: followed.description } : {}) } : followed;
}

/** What a schema is, in a word or two. */
function kind(document, schema) {
  const { type, items, enum: values, const: only, additionalProperties, name, title } = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(" or ");
  const types = [type ?? []].flat().filter((each) => each !== "null");
  if (types.includes("array") && items) return `array of ${kind(document, plain(document, items))}`;
  if (types.length && !types.includes("object")) return types.join(" or ");
  const several = alternatives(schema);
  if (several.length) return title ?? name ?? several.map((each) => kind(document, plain(document, each))).join(" or ");
  if (typeof additionalProperties === "object") return `object of ${kind(document, plain(document, additionalProperties))}`;
  return name ?? title ?? types[0] ?? "anything";
}

/** The lines below a schema: its members, its alternatives, what an array holds. */
function members(document, schema) {
  const whole = plain(document, schema);
  const required = new Set(whole.required);
  if (whole.properties) return Object.entries(whole.properties).map(([name, each]) => line(document, name, each, required.has(name)));
  if (whole.items) return members(document, whole.items);
  if (typeof whole.additionalProperties === "object") return members(document, whole.additionalProperties);
  return alternatives(whole).flatMap((each) => {
    const inner = plain(document, each);
    return hasMembers(document, inner) ? [line(document, inner.title ?? inner.name ?? "either", each, false)] : [];
  });
}

function hasMembers(document, schema) {
  if (schema.properties) return true;
  if (schema.items) return hasMembers(document, plain(document, schema.items));
  if (typeof schema.additionalProperties === "object") return hasMembers(document, plain(document, schema.additionalProperties));
  return alternatives(schema).some((each) => follow(document, each).properties);
}

/** One member; its own members are built when it is opened. */
function line(document, name, schema, isRequired) {
  const whole = plain(document, schema);
  const told = [
    el("code", {}, name), " ", el("span", { className: "type" }, kind(document, whole) + (isRequired ? ", required" : "")),
    ...(whole.default === undefined || whole.default === null ? [] : [el("span", { className: "type" }, `, ${JSON.stringify(whole.default)} if not given`)]),
    ...(whole.description ? [": ", ...whole.description.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part))] : []),
  ];
  if (!hasMembers(document, whole)) return el("div", { className: "member" }, ...told);
  const opened = el("details", {}, el("summary", { className: "member" }, ...told));
  opened.addEventListener("toggle", () => {
    if (opened.children.length === 1) opened.append(...members(document, schema));
  });
  return opened;
}
