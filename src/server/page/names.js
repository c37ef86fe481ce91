// Which inputs a model has. The service knows: it names those that lack a value and those that the model lacks.

/** What `problem` says of names: those `missing` a value, and those `unknown` to the model. */
export function namesIn(problem) {
  const missing = [];
  const unknown = [];
  for (const { detail, pointer } of problem.errors ?? []) {
    const lacking = /^The input `([^`]+)` has no value/.exec(detail)?.[1];
    const extra = /^The model has no input `([^`]+)`/.exec(detail)?.[1];
    if (lacking) missing.push(lacking);
    if (extra) unknown.push({ name: extra, pointer });
  }
  return { missing, unknown };
}
