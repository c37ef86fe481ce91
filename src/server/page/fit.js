// The tab of fits: columns, a formula, and the parameters that bring the one closest to the other.

import { Problem, post } from "./api.js";
import { command, copy } from "./curl.js";
import { byId, el } from "./dom.js";
import { Editor } from "./editor.js";
import { Inputs } from "./inputs.js";
import { latest, settled } from "./latest.js";
import { namesIn } from "./names.js";
import { short } from "./numbers.js";
import { Plot, line, points, together } from "./plot.js";
import { numbers, table } from "./table.js";

/** Points of the drawn curve. */
const CURVE = 200;
const ROUNDS = 8;

export function fitTab() {
  const editor = new Editor(byId("formula"), byId("fit-problem"));
  const update = latest(compute);
  const soon = settled(250, update);
  const starts = new Inputs(byId("starts"), soon, false);
  const plot = new Plot(byId("fit-plot"), ["", ""], [line("--two"), points("--one")]);
  const residuals = new Plot(byId("residual-plot"), ["", ""], [line("--edge"), points("--one")]);
  const [target, along, text] = ["fit-target", "fit-along", "columns-text"].map(byId);
  const unused = new Set(); // columns that the formula does not have

  byId("formula").addEventListener("input", soon);
  text.addEventListener("input", soon);
  for (const select of [target, along]) select.addEventListener("change", update);
  byId("fit").querySelector(".curl").addEventListener("click", () => copy(command("v1/fit", request(columns()))));
  example();

  async function example() {
    const { expression, data, target: of, parameters } = await (await fetch("page/data/misra1a.json")).json();
    editor.text = expression;
    const names = Object.keys(data);
    text.value = [names, ...data[names[0]].map((_, row) => names.map((name) => data[name][row]))].map((row) => row.join("\t")).join("\n");
    for (const [name, value] of Object.entries(parameters)) starts.set(name, value);
    starts.show(Object.keys(parameters));
    choices(names, of);
    update();
  }

  /** The columns as numbers, by name. */
  function columns() {
    const parsed = table(text.value);
    choices(parsed.header, parsed.header.at(-1));
    return Object.fromEntries(parsed.header.map((name) => [name, numbers(parsed, name)]));
  }

  function choices(names, usual) {
    const options = (select, names, usual) => {
      if ([...select.options].map(({ value }) => value).join() === names.join()) return;
      const chosen = names.includes(select.value) ? select.value : usual;
      select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
      select.value = chosen;
    };
    options(target, names, usual);
    options(along, names.filter((name) => name !== target.value), names.find((name) => name !== target.value));
  }

  function request(data) {
    const used = Object.entries(data).filter(([name]) => name === target.value || !unused.has(name));
    return { expression: editor.text, target: target.value, data: Object.fromEntries(used), parameters: starts.numbers };
  }

  async function compute() {
    const formula = editor.text;
    unused.clear();
    try {
      const data = columns();
      const fitted = await fit(data, formula);
      if (fitted && editor.text === formula) await display(data, fitted);
    } catch (problem) {
      if (!(problem instanceof Problem) && problem.constructor !== Error) throw problem;
      if (editor.text === formula) editor.bad(problem);
      byId("fit-results").replaceChildren();
    }
  }

  /** Fits, and finds out on the way which parameters there are and which columns are not used. */
  async function fit(data, formula) {
    for (let round = 0; ; round++) {
      try {
        const sent = request(data);
        // A name is found missing only where something is to be fitted, so there is always one.
        if (Object.keys(sent.parameters).length === 0) sent.parameters = { [await firstName(formula, data)]: 1 };
        return { sent, ...(await post("v1/fit", sent)) };
      } catch (problem) {
        const { missing, unknown } = namesIn(problem);
        if (round === ROUNDS || missing.length + unknown.length === 0) throw problem;
        for (const { name, pointer } of unknown) if (pointer.startsWith("/data")) unused.add(name);
        const names = starts.names.filter((name) => !unknown.some((other) => other.name === name)).concat(missing);
        starts.show([...new Set(names)]);
      }
    }
  }

  /** A name of the formula that is no column; a formula without any has nothing to fit. */
  async function firstName(expression, data) {
    try {
      await post("v1/evaluate", { expression, inputs: {} });
    } catch (problem) {
      const name = namesIn(problem).missing.find((name) => !(name in data));
      if (name) return name;
      if (namesIn(problem).missing.length === 0) throw problem;
    }
    throw new Error("There is nothing to fit: every name of the formula is a column.");
  }

  async function display(data, { sent, parameters, standard_errors: errors, ...rest }) {
    editor.good();
    starts.show(Object.keys(parameters));
    const [x, y] = [along.value, target.value];
    const rows = data[x].length;
    const [low, high] = [Math.min(...data[x]), Math.max(...data[x])];
    const grid = Array.from({ length: CURVE }, (_, i) => low + ((high - low) * i) / (CURVE - 1));
    const others = Object.keys(sent.data).filter((name) => name !== x && name !== y);
    const isUsed = x in sent.data;
    // One request for the rows and the curve. Where other columns count there is no one curve, but only the rows.
    const across = isUsed && others.length === 0 ? grid : [];
    const inputs = Object.fromEntries([...others, ...(isUsed ? [x] : [])].map((name) => [name, name === x ? [...data[x], ...across] : data[name]]));
    const { outputs } = await post("v1/evaluate", { expression: sent.expression, inputs: { ...inputs, ...parameters } });
    const [answer] = Object.values(outputs);
    const values = Array.isArray(answer) ? answer : Array(rows).fill(answer);
    const model = values.slice(0, rows);
    const curve = across.length ? across.map((at, i) => [at, values[rows + i]]) : data[x].map((at, i) => [at, model[i]]);
    const measured = data[x].map((at, i) => [at, data[y][i]]);
    const left = data[x].map((at, i) => [at, data[y][i] - model[i]]);
    plot.name(x, y);
    plot.show(together(curve, measured), `${rows} measurements of ${y} along ${x}, and the fitted curve`);
    const largest = Math.max(...left.map(([, residual]) => Math.abs(residual)));
    residuals.name(x, `${y} − fit`);
    residuals.show(together([[low, 0], [high, 0]], left), `Residuals; the largest is ${short(largest, 3)}`);
    results(parameters, errors, rest);
  }

  function results(parameters, errors, { residual_standard_deviation: deviation, r_squared: r2, iterations, degrees_of_freedom: freedom }) {
    const error = (name) => (errors ? `± ${short(errors[name], 4)}` : "");
    const head = el("tr", {}, ...["parameter", "value", "standard error"].map((title) => el("th", { scope: "col" }, title)));
    const rows = Object.entries(parameters).map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, short(value, 10)), el("td", {}, error(name))));
    const whole = [
      deviation === null ? undefined : `residual standard deviation ${short(deviation, 4)}`,
      r2 === null ? undefined : `R² ${r2.toFixed(7)}`,
      `${freedom} degrees of freedom`,
      `${iterations} iterations`,
    ];
    byId("fit-results").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)), el("p", { className: "hint" }, whole.filter(Boolean).join(", ")));
  }

  return { refresh: update };
}
