// The backward pass, one op at a time, as micrograd does it: from the outputs back, each op adds to its operands' grads.

import { isMade } from "./locals.js";

/**
 * The steps. `grads` holds what has been reached after each: the first begins at the outputs, each further one is the op of
 * `node`, which adds `added`, a list of {from, local, contribution}.
 */
export function steps(trace, outputs, locals) {
  let grads = new Map(outputs.map((id) => [id, 1]));
  const all = [{ grads }];
  // The trace has operands before what is made of them.
  for (const node of trace.filter(isMade).reverse()) {
    const grad = grads.get(node.id) ?? 0;
    grads = new Map(grads);
    const added = [];
    node.inputs.forEach((from, position) => {
      if (typeof from !== "string") return;
      const local = locals.get(node.id)[position];
      // A zero adjoint contributes zero, even through an infinite derivative.
      const contribution = grad === 0 ? 0 : grad * Number(local);
      const before = grads.get(from);
      grads.set(from, (before ?? 0) + contribution);
      added.push({ from, local, contribution, before });
    });
    all.push({ node, grad, added, grads });
  }
  return all;
}
