// The chain rule in words.

import { el } from "./dom.js";
import { short } from "./numbers.js";

const code = (text) => el("code", {}, text);
const number = (x) => code(short(x));
const factor = (x) => (Number(x) < 0 ? `(${short(x)})` : short(x));

/** What one edge does: `formula` is the derivative in general, if it is known. */
export function ofEdge({ from, to }, op, local, grad, formula) {
  const product = grad === 0 ? 0 : grad * Number(local);
  return [
    el("p", {}, code(from), " → ", code(op), " → ", code(to)),
    el("p", {}, "Local derivative: if ", code(from), " grows a little, ", code(to), " changes ", number(local), " times as much",
      ...(formula ? [" (", code(formula), ")"] : []), "."),
    el("p", {}, "Chain rule: the grad of ", code(to), " times the local derivative, ",
      code(`${factor(grad)} × ${factor(local)} = ${short(product)}`), ", is what this arrow adds to the grad of ", code(from), "."),
  ];
}

/** What a step of the backward pass does. */
export function ofStep({ node, grad, added }, outputs, formula) {
  if (!node) {
    const names = outputs.flatMap((name, i) => (i ? [", ", code(name)] : [code(name)]));
    return [el("p", {}, "The backward pass begins at the output ", ...names, ": its derivative with respect to itself is ", code("1"), ".")];
  }
  const opening = el("p", {}, code(node.op), " made ", code(node.id), ", whose grad is ", number(grad), ". It hands on grad × local derivative",
    ...(formula ? [" (", code(formula), ")"] : []), ":");
  return [opening, ...added.map(({ from, local, contribution, before }) => {
    const sum = before === undefined ? "" : `, added to ${short(before)}: ${short(before + contribution)}`;
    return el("p", {}, "to ", code(from), ": ", code(`${factor(grad)} × ${factor(local)} = ${short(contribution)}${sum}`));
  })];
}

/** How the table of ops writes the derivative with respect to the operand at `position`, or with respect to all. */
export function formulas(ops) {
  const byName = new Map(ops.map(({ name, text, derivative }) => [name, { text, parts: derivative.split("; ") }]));
  return (op, position) => {
    const known = byName.get(op);
    if (!known) return undefined;
    const { text, parts } = known;
    return `of y = ${text}: ${position === undefined ? parts.join("; ") : (parts[position] ?? parts.join("; "))}`;
  };
}
