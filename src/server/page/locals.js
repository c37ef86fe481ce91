// The local derivatives of a traced graph, exact, from the service itself.
//
// Each op is taken out of the graph and given inputs of its own with the values that its operands had. The objective is the
// sum of all outputs, so that the gradient with respect to such an input is the derivative of that op alone.

import { post } from "./api.js";

/** Whether a node of a trace is made by an op. */
export const isMade = (node) => node.op !== "input" && node.op !== "const";

/** By node id, the derivative with respect to each operand; undefined for bare constants. */
export async function localDerivatives(trace) {
  const data = new Map(trace.map((node) => [node.id, node.data]));
  const made = trace.filter(isMade);
  const leaf = (i, k) => `in ${i} ${k}`;
  const nodes = made.flatMap(({ op, inputs }, i) => {
    const leaves = inputs.flatMap((operand, k) =>
      typeof operand === "string" ? [{ id: leaf(i, k), op: "input", value: data.get(operand) }] : [],
    );
    const operands = inputs.map((operand, k) => (typeof operand === "string" ? leaf(i, k) : operand));
    return [...leaves, { id: `out ${i}`, op, inputs: operands }];
  });
  if (made.length === 0) return new Map();
  const outputs = made.map((_, i) => `out ${i}`);
  const { gradients } = await post("v1/gradient", { graph: { nodes }, outputs, non_finite: "allow" });
  return new Map(made.map((node, i) => [node.id, node.inputs.map((_, k) => gradients[leaf(i, k)])]));
}
