// tanh by its parts, as in the lecture: e = exp(2*n); o = (e - 1)/(e + 1).

/** `text` with its first tanh taken apart, or undefined where there is none to take apart. */
export function decompose(text) {
  const found = /\btanh\s*\(/.exec(text);
  if (!found) return undefined;
  const open = found.index + found[0].length - 1;
  const close = closing(text, open);
  if (close === undefined) return undefined;
  const argument = text.slice(open + 1, close).trim();
  const before = text.slice(0, found.index);
  const after = text.slice(close + 1);
  const start = Math.max(before.lastIndexOf("\n"), before.lastIndexOf(";")) + 1;
  const ofStatement = before.slice(start);
  const isWhole = /^\s*(\w+\s*=\s*)?$/.test(ofStatement) && /^\s*($|[\n;#])/.test(after);
  const e = free(text);
  const quotient = isWhole ? `(${e} - 1)/(${e} + 1)` : `((${e} - 1)/(${e} + 1))`;
  const twice = /^\w+$/.test(argument) ? argument : `(${argument})`;
  return `${text.slice(0, start)}${e} = exp(2*${twice})\n${ofStatement.trimStart()}${quotient}${after}`;
}

function closing(text, open) {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    depth += { "(": 1, ")": -1 }[text[i]] ?? 0;
    if (depth === 0) return i;
  }
  return undefined;
}

function free(text) {
  const taken = new Set(text.match(/\w+/g));
  for (let i = 1; ; i++) {
    const name = i === 1 ? "e" : `e${i}`;
    if (!taken.has(name)) return name;
  }
}
