// The tab of training: data, a network, its run, what it sees and where it can be taken.

import { Problem, send } from "./api.js";
import { Boundary, palette } from "./boundary.js";
import { command, copy } from "./curl.js";
import { ofCsv, ofShape } from "./data.js";
import { byId, el } from "./dom.js";
import { save } from "./download.js";
import { latest, settled } from "./latest.js";
import { short } from "./numbers.js";
import { Plot, line, together } from "./plot.js";
import { Run } from "./run.js";
import { table } from "./table.js";

/** Often enough to look alive; each brings the whole state over. */
const CHECKPOINT = { seconds: 0.25 };
const HELD_BACK = 0.2;
/** What learns well, slowly enough to be watched. */
const USUAL = {
  spirals: { layers: "32, 32", epochs: 2500, rate: 0.0005 },
  moons: { layers: "16, 16", epochs: 3000, rate: 0.0005 },
  circles: { layers: "16, 16", epochs: 3000, rate: 0.0005 },
  iris: { layers: "16", epochs: 1000, rate: 0.001 },
  csv: { layers: "16", epochs: 1000, rate: 0.001 },
};
const FILES = { safetensors: "application/vnd.safetensors", onnx: "application/onnx" };

export function trainTab() {
  const form = byId("training");
  const fields = form.elements;
  const boundary = new Boundary(byId("boundary"));
  const plot = new Plot(byId("loss"), ["step", "loss"], [line("--one"), line("--two")], { log: true });
  let csv = ""; // of Iris, or the user's own
  let set; // the data on the screen
  let run; // the last run, while it fits what is on the screen
  let network; // what the last checkpoint or result left, as `mlp` of a request
  let curves;

  const look = latest(async () => network && boundary.evaluate(network).catch(complain));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  byId("stop").addEventListener("click", () => run?.stop());
  byId("continue").addEventListener("click", goOn);
  fields.data.addEventListener("change", choose);
  fields.seed.addEventListener("change", renew);
  fields.target.addEventListener("change", renew);
  for (const name of ["across", "up"]) fields[name].addEventListener("change", turn);
  // The rate may change on the way, and the length of the run; all else makes another run.
  for (const name of ["layers", "activation", "optimizer", "batch"]) fields[name].addEventListener("change", forget);
  byId("csv").addEventListener("input", settled(300, () => take(byId("csv").value)));
  form.querySelector(".curl").addEventListener("click", () => attempt(() => copy(command("v1/train", run?.request ?? request()))));
  for (const button of form.querySelectorAll("[data-file]")) button.addEventListener("click", () => attempt(() => download(button.dataset.file)));

  choose();

  async function attempt(work) {
    try {
      byId("train-problem").textContent = "";
      await work();
    } catch (error) {
      complain(error);
    }
  }

  function complain(error) {
    byId("train-problem").textContent = error.message;
    if (!(error instanceof Problem) && error.constructor !== Error) throw error;
  }

  async function choose() {
    const name = fields.data.value;
    for (const [field, value] of Object.entries(USUAL[name])) fields[field].value = value;
    const isTable = name === "iris" || name === "csv";
    byId("own").hidden = name !== "csv";
    byId("columns").hidden = !isTable;
    if (!isTable) return renew();
    if (name === "iris" || csv === "") csv = await (await fetch("page/data/iris.csv")).text();
    byId("csv").value = csv;
    take(csv);
  }

  /** A table comes in: the last column is the target until another is chosen. */
  function take(text) {
    csv = text;
    attempt(() => {
      const { header } = table(text);
      options(fields.target, header, header.at(-1));
      renew();
    });
  }

  /** Other data. */
  function renew() {
    attempt(() => {
      const name = fields.data.value;
      const isTable = name === "iris" || name === "csv";
      set = isTable ? ofCsv(csv, fields.target.value) : ofShape(name, fields.seed.valueAsNumber || 0);
      const two = set.columns.slice(-2);
      options(fields.across, set.columns, two[0]);
      options(fields.up, set.columns, two.at(-1));
      const colours = palette(set.classes.length);
      byId("boundary-key").replaceChildren(...set.classes.map((name, i) => {
        const dot = el("i", { className: "dot" });
        dot.style.background = colours[i];
        return el("span", {}, dot, name);
      }));
      forget();
    });
  }

  /** Other columns of the same data. */
  function turn() {
    show();
    look();
  }

  function show() {
    boundary.show(set, set.columns.indexOf(fields.across.value), set.columns.indexOf(fields.up.value));
    byId("boundary").setAttribute("aria-label", `${set.x.length} rows of the classes ${set.classes.join(", ")}, ${fields.up.value} over ${fields.across.value}`);
  }

  /** What was trained does not fit any more. */
  function forget() {
    run?.stop();
    run = network = undefined;
    curves = { batch: [], heldBack: [] };
    plot.show([[], [], []], "No loss yet");
    byId("train-results").replaceChildren();
    byId("train-status").textContent = "";
    show();
    buttons();
  }

  function request() {
    const units = fields.layers.value.split(/[\s,]+/).filter(Boolean).map(Number);
    const hidden = units.map((units) => ({ units, activation: fields.activation.value }));
    const seed = fields.seed.valueAsNumber || 0;
    return {
      mlp: { inputs: set.columns.length, layers: [...hidden, { units: set.classes.length }], loss: "cross_entropy", seed, ...set.mlp },
      data: set.data,
      validation: { fraction: HELD_BACK },
      optimizer: { [fields.optimizer.value]: { learning_rate: fields.rate.valueAsNumber } },
      epochs: fields.epochs.valueAsNumber,
      batch_size: fields.batch.valueAsNumber,
      shuffle: true,
      seed,
      checkpoint: CHECKPOINT,
    };
  }

  function start() {
    attempt(async () => {
      const body = request();
      forget();
      await watch(new Run(body, told));
    });
  }

  function goOn() {
    attempt(async () => {
      const { learning_rate: before } = run.request.optimizer[fields.optimizer.value];
      const body = request();
      // After the end, as many epochs again.
      body.epochs = run.ended ? run.ended + body.epochs : Math.max(run.request.epochs, body.epochs);
      // Going on with another rate is meant, so the state need not be of a run with this one.
      if (body.optimizer[fields.optimizer.value].learning_rate !== before) delete run.state.fingerprint.optimizer;
      run.request = body;
      await watch(run);
    });
  }

  async function watch(next) {
    run = next;
    const running = run.go();
    buttons();
    byId("train-status").textContent = "Training…";
    try {
      await running;
      if (run === next && !next.ended) byId("train-status").textContent = next.canContinue ? `Stopped; the network of step ${next.state.step} is kept.` : "Stopped before the first checkpoint.";
    } finally {
      buttons();
    }
  }

  function told(name, data) {
    if (name === "progress") progress(data);
    if (name === "checkpoint") run.ended = undefined;
    if (data.state) network = { ...run.request.mlp, parameters: data.parameters ?? data.state.parameters };
    if (name === "result") result(data);
    if (data.state) look();
    buttons();
  }

  function progress({ epoch, step, loss, validation_loss: heldBack, steps_per_second: pace }) {
    curves.batch.push([step, loss]);
    if (heldBack !== undefined) curves.heldBack.push([step, heldBack]);
    byId("train-status").textContent = `Epoch ${epoch} of ${run.request.epochs}, loss ${short(heldBack ?? loss, 3)}, ${Math.round(pace).toLocaleString("en")} steps a second`;
    draw();
  }

  /** The end of a run brings the whole course of the losses. */
  function result({ epochs, steps, loss, metrics, validation, history, timing }) {
    run.ended = epochs;
    const first = history.step[0];
    const merged = (old, { step, loss }) => [...old.filter(([at]) => at < first), ...step.map((at, i) => [at, loss[i]])];
    curves = { batch: merged(curves.batch, history), heldBack: merged(curves.heldBack, validation.history) };
    draw();
    byId("train-status").textContent = `Done: ${steps.toLocaleString("en")} steps, ${short(timing.seconds, 3)} s`;
    const percent = (part) => `${(100 * part).toFixed(1)} %`;
    const told = {
      "right of the rows trained on": percent(metrics.accuracy),
      "right of those held back": percent(validation.metrics.accuracy),
      loss: short(loss),
    };
    byId("train-results").replaceChildren(...Object.entries(told).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  function draw() {
    // A logarithm has no place for a loss of 0.
    const positive = (pairs) => pairs.map(([step, loss]) => [step, Math.max(Number(loss), 1e-12)]);
    const [from, to] = [curves.batch[0], curves.batch.at(-1)].map(([, loss]) => short(loss, 3));
    plot.show(together(positive(curves.batch), positive(curves.heldBack)), `Loss of the batches from ${from} to ${to}`);
  }

  function buttons() {
    const isRunning = run?.abort !== undefined;
    byId("start").disabled = isRunning;
    byId("stop").disabled = !isRunning;
    byId("continue").disabled = isRunning || !run?.canContinue;
    for (const button of form.querySelectorAll("[data-file]")) button.disabled = !network;
  }

  async function download(kind) {
    if (kind === "json") return save("network.json", new Blob([JSON.stringify({ mlp: network }, null, 1)], { type: "application/json" }));
    const file = await send("v1/convert", { mlp: network }, { accept: FILES[kind] });
    save(`network.${kind}`, await file.blob());
  }

  return { refresh: look };
}

/** Names to choose from; the one that was chosen stays if it is still there. */
function options(select, names, usual) {
  const chosen = names.includes(select.value) ? select.value : usual;
  select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
  select.value = chosen;
}
