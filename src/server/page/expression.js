// The tab of expressions: text, sliders, results, the graph and the backward pass.

import { Problem, headers, post } from "./api.js";
import { steps } from "./backward.js";
import { command, copy } from "./curl.js";
import { decompose } from "./decompose.js";
import { byId, el } from "./dom.js";
import { Editor } from "./editor.js";
import { Picture } from "./graph.js";
import { Inputs } from "./inputs.js";
import { latest, settled } from "./latest.js";
import { localDerivatives } from "./locals.js";
import { namesIn } from "./names.js";
import { short } from "./numbers.js";
import { formulas, ofEdge, ofStep } from "./words.js";

const NEURON = {
  text: "x1w1 = x1*w1\nx2w2 = x2*w2\nx1w1x2w2 = x1w1 + x2w2\nn = x1w1x2w2 + b\no = tanh(n)",
  inputs: { x1: 2, x2: 0, w1: -3, w2: 1, b: 6.8813735870195432 },
};
/** Problems name up to twenty inputs at a time. */
const ROUNDS = 8;

export function expressionTab() {
  const editor = new Editor(byId("text"), byId("text-problem"));
  const update = latest(compute);
  const inputs = new Inputs(byId("inputs"), update);
  const picture = new Picture(byId("graph"), point);
  let formula = () => undefined;
  let shown; // the answer on the screen
  let step; // of the backward pass; undefined shows all grads
  let compared; // the answer before tanh was taken apart, and the text that it then became

  byId("text").addEventListener("input", settled(120, update));
  byId("neuron").addEventListener("click", neuron);
  byId("decompose").addEventListener("click", takeApart);
  byId("expression").querySelector(".curl").addEventListener("click", () => copy(command("v1/gradient", body())));
  byId("step-start").addEventListener("click", () => go(() => 0));
  byId("step-back").addEventListener("click", () => go((at, last) => Math.max((at ?? last) - 1, 0)));
  byId("step-next").addEventListener("click", () => go((at, last) => (at === undefined || at >= last ? 0 : at + 1)));
  byId("step-end").addEventListener("click", () => go(() => undefined));

  neuron();
  learnFormulas();

  function neuron() {
    for (const [name, value] of Object.entries(NEURON.inputs)) inputs.set(name, value);
    inputs.show(Object.keys(NEURON.inputs));
    editor.text = NEURON.text;
    compared = undefined;
    step = undefined;
    update();
  }

  function body() {
    return { expression: editor.text, inputs: inputs.numbers, trace: true };
  }

  /** Asks for the gradient, and finds out on the way which inputs there are. */
  async function compute() {
    const text = editor.text;
    for (let round = 0; round < ROUNDS; round++) {
      try {
        const sent = body();
        const answer = await post("v1/gradient", sent);
        // An answer to another text than the one that is there now is stale.
        if (editor.text === text) display({ ...answer, sent });
        return;
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (editor.text !== text) return;
        const { missing, unknown } = namesIn(problem);
        const names = inputs.names.filter((name) => !unknown.some((other) => other.name === name)).concat(missing);
        if (missing.length + unknown.length === 0) return editor.bad(problem);
        inputs.show([...new Set(names)]);
      }
    }
  }

  function display(answer) {
    editor.good();
    const isOther = shown?.sent.expression !== answer.sent.expression;
    shown = answer;
    if (isOther) step = undefined;
    inputs.show(answer.trace.filter(({ op, id }) => op === "input" && id in answer.gradients).map(({ id }) => id)
      .concat(inputs.names).filter((name, i, all) => all.indexOf(name) === i));
    byId("outputs").replaceChildren(...Object.entries(answer.outputs).map(([name, value]) => el("div", {}, `${name} = ${value}`)));
    byId("decompose").disabled = !decompose(answer.sent.expression);
    if (compared?.text !== answer.sent.expression) compared = undefined;
    byId("same").replaceChildren(...(compared ? [same(compared.before, answer)] : []));
    paint();
  }

  /** The picture and the words as the backward pass stands. */
  async function paint() {
    const answer = shown;
    const isAtEnd = step === undefined;
    const grads = new Map(answer.trace.map(({ id, grad }) => [id, grad]));
    byId("step-count").textContent = isAtEnd ? "" : `step ${step} of ${answer.steps ? answer.steps.length - 1 : "…"}`;
    if (isAtEnd) {
      inputs.tell(answer.gradients);
      picture.show(answer.trace, grads);
      picture.mark();
      byId("words").replaceChildren(...hint());
      return;
    }
    const all = await backward(answer);
    if (answer !== shown || step === undefined) return;
    const at = all[Math.min(step, all.length - 1)];
    byId("step-count").textContent = `step ${step} of ${all.length - 1}`;
    // At the end the grads are those of the answer, summed in its order.
    const reached = step >= all.length - 1 ? grads : at.grads;
    inputs.tell(Object.fromEntries(reached));
    picture.show(answer.trace, reached);
    picture.mark(at.node?.id);
    byId("words").replaceChildren(...ofStep(at, Object.keys(answer.outputs), at.node && formula(at.node.op)));
  }

  async function backward(answer) {
    answer.locals ??= await localDerivatives(answer.trace);
    answer.steps ??= steps(answer.trace, Object.keys(answer.outputs), answer.locals);
    return answer.steps;
  }

  async function go(to) {
    if (!shown) return;
    const all = await backward(shown);
    step = to(step, all.length - 1);
    paint();
  }

  /** Explains the edge that is pointed at. */
  async function point(edge, element) {
    if (!edge) return paint();
    const answer = shown;
    await backward(answer);
    if (answer !== shown) return;
    const node = answer.trace.find(({ id }) => id === edge.to);
    const local = answer.locals.get(edge.to)[edge.position];
    const words = ofEdge(edge, node.op, local, node.grad, formula(node.op, edge.position));
    byId("words").replaceChildren(...words);
    element.setAttribute("aria-label", words.map((line) => line.textContent).join(" "));
  }

  function takeApart() {
    const text = decompose(editor.text);
    if (!text || !shown) return;
    compared = { text, before: shown };
    editor.text = text;
    update();
  }

  async function learnFormulas() {
    const response = await fetch("v1/ops", { headers: headers() }).catch(() => undefined);
    if (response?.ok) formula = formulas((await response.json()).ops);
  }

  return { refresh: () => Promise.all([update(), learnFormulas()]) };
}

const hint = () => [el("p", {}, "Point at an arrow to see its local derivative, or step through the backward pass.")];

/** Output and gradients before and after, side by side. */
function same(before, after) {
  const rows = [
    ...Object.keys(after.outputs).map((name) => [name, before.outputs[name], after.outputs[name]]),
    ...Object.keys(after.gradients).map((name) => [`grad of ${name}`, before.gradients[name], after.gradients[name]]),
  ];
  const apart = Math.max(...rows.map(([, a, b]) => Math.abs(a - b)));
  const isSame = Object.entries(after.sent.inputs).every(([name, value]) => before.sent.inputs[name] === value);
  if (!isSame) return el("p", { className: "hint" }, "Put the numbers back to compare with tanh.");
  const head = el("tr", {}, ...["", "tanh", "by parts"].map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map(([name, a, b]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, short(a, 7)), el("td", {}, short(b, 7))));
  return el("div", {}, el("p", {}, `Nothing changes: the largest difference is ${short(apart, 2)}.`),
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}
