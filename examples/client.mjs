// The story of README.md with fetch: a gradient, a training run that is cut off and goes on, a fit, a problem.
//
//     node client.mjs
//
// Needs Node.js 18 or later and no packages, and a running gradd: at $GRADD, or else at http://127.0.0.1:8080.
import { readFile } from "node:fs/promises";

const GRADD = process.env.GRADD ?? "http://127.0.0.1:8080";

/** What the service answers instead, after RFC 9457. `members` has all of it. */
class Problem extends Error {
  constructor(members) {
    const fault = members.errors?.[0];
    const place = fault?.pointer === undefined ? "" : ` at ${fault.pointer}`;
    super(`${members.status} ${members.type}${place}: ${fault?.detail ?? members.detail}`);
    this.members = members;
  }
}

async function send(path, body, accept) {
  const headers = { "Content-Type": "application/json", Accept: accept };
  const response = await fetch(GRADD + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Problem(await response.json());
  return response;
}

/** The answer to `body`. */
async function post(path, body) {
  return (await send(path, body, "application/json")).json();
}

/** The events of a run, each as its name and its data. Leaving the loop hangs up, which stops the run. */
async function* events(path, body) {
  const response = await send(path, body, "text/event-stream");
  let text = "";
  let name;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop(); // what has not come to its end yet
    for (const line of lines) {
      if (line.startsWith("event: ")) name = line.slice(7);
      if (!line.startsWith("data: ")) continue;
      const data = JSON.parse(line.slice(6));
      if (name === "problem") throw new Problem(data);
      yield { name, data };
    }
  }
}

async function firstCheckpoint(training) {
  for await (const { name, data } of events("/v1/train", training)) {
    if (name === "checkpoint") return data.state;
  }
  throw new Error("the run ended without a checkpoint");
}

const example = async (name) => JSON.parse(await readFile(new URL(name, import.meta.url)));

const neuron = await post("/v1/gradient", await example("neuron.json"));
console.log(`output ${neuron.outputs.output.toFixed(6)}`);
for (const [name, derivative] of Object.entries(neuron.gradients)) console.log(`d/d${name} ${derivative.toFixed(6)}`);

// A run of 60 steps is left at its first checkpoint; the state that this holds goes on from there, on any server.
const training = { ...(await example("moons.json")), epochs: 60, checkpoint: { steps: 40 } };
const state = await firstCheckpoint(training);
console.log(`left at step ${state.step}`);
const trained = await post("/v1/train", { ...training, state });
const { steps, loss, metrics } = trained;
console.log(`at step ${steps}: loss ${loss.toFixed(6)}, accuracy ${metrics.accuracy.toFixed(2)}`);

const { parameters, standard_errors: errors } = await post("/v1/fit", await example("misra1a.json"));
console.log(`b1 = ${parameters.b1.toFixed(4)} +- ${errors.b1.toFixed(4)}`);
console.log(`b2 = ${parameters.b2.toFixed(8)} +- ${errors.b2.toFixed(8)}`);

try {
  const answer = await post("/v1/gradient", { expression: "tahn(x)", inputs: { x: 1 } });
  throw new Error(`there is no tahn, but an answer: ${JSON.stringify(answer)}`);
} catch (problem) {
  if (!(problem instanceof Problem)) throw problem;
  console.log(problem.message);
}
