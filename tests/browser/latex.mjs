// What explanations write in LaTeX, read by an engine of it that forgives nothing.

import assert from "node:assert/strict";
import katex from "katex";
import { api } from "./browser.mjs";

/** Labels that LaTeX would misread, or that its fonts lack in text. */
const LABELS = ["w_out_2", "x'", "50% & {x}", "#1 $2", "a\\b", "~^_", "größe2", "变量", "θ_1", "Δ→×", "x² + y₁", "_", "a<b|c>\"d", "ж", "[0]",
  "\\frac{", "}{", "$", "\ttab", ""];
const OPERANDS = [0.25, 0.75, 0.5, 0.375];

function rendered(line, of) {
  try {
    return katex.renderToString(line, { throwOnError: true, strict: "error", displayMode: true });
  } catch (error) {
    return assert.fail(`${of}: ${line}\n${error.message}`);
  }
}

/** A node of `op` with as many operands, at numbers of its domain, called by some of the labels. */
function graph({ name, domain, operands }, count, first) {
  const label = (i) => LABELS[(first + i) % LABELS.length];
  const least = domain.includes(">= 1") ? 1 : 0;
  const inputs = Array.from({ length: count }, (_, i) => ({ id: `x${i}`, op: "input", value: least + OPERANDS[i], label: label(i) }));
  const node = { id: "o", op: name, inputs: inputs.map(({ id }) => id), label: label(operands.min + count) };
  // Used twice, so that there is a sum as well.
  return { nodes: [...inputs, node, { id: "p", op: "mul", inputs: ["o", "o"] }, { id: "q", op: "add", inputs: ["p", -1.5e-7], label: label(7) }] };
}

export async function latex(origin) {
  const { ops } = await (await fetch(`${origin}/v1/ops`)).json();
  let lines = 0;
  for (const op of ops) {
    const { min, max = 4, multiple_of: step } = op.operands;
    for (let count = min; count <= max; count += step) {
      for (let first = 0; first < LABELS.length; first++) {
        const { explanation, detail } = await api(origin, "v1/gradient", { graph: graph(op, count, first), explain: true, non_finite: "allow" });
        assert.ok(explanation, `${op.name} of ${count}: ${detail}`);
        for (const { latex, sum } of explanation) {
          for (const line of [...latex, ...(sum ? [sum.latex] : [])]) {
            rendered(line, `${op.name} of ${count}`);
            lines += 1;
          }
        }
      }
    }
  }
  // And by names, with infinities on the way.
  const { explanation } = await api(origin, "v1/gradient", {
    expression: "größe_2 = sqrt(变量); h = größe_2*α1 + ж; y = max(h, x_1, w[0], x²)", inputs: { 变量: 0, α1: 1, ж: 0, x_1: 0, "w[0]": -1e300, "x²": 0 },
    explain: true, non_finite: "allow",
  });
  explanation.flatMap(({ latex }) => latex).forEach((line) => rendered(line, "names"));
  assert.ok(lines > 5000, `only ${lines} lines`);
  console.log(`browser: KaTeX reads ${lines} lines of explanations of ${ops.length} ops`);
}
