// How an op is written into its circle.

import { short } from "./numbers.js";

const SIGNS = { add: "+", sub: "−", mul: "×", div: "÷", pow: "^", neg: "−" };

/** The op of a node with the constants among its operands, which have no box of their own: `+`, `2 ×`, `max(·, 0)`. */
export function sign({ op, inputs }) {
  const written = SIGNS[op] ?? op;
  if (inputs.every((operand) => typeof operand === "string")) return written;
  const operands = inputs.map((operand) => (typeof operand === "string" ? "·" : short(operand, 4)));
  if (written === op) return `${op}(${operands.join(", ")})`;
  return operands.map((operand) => (operand === "·" ? "" : operand)).join(` ${written} `).trim();
}
