// The tab of expressions: types, drags, steps back, takes tanh apart.

import assert from "node:assert/strict";
import { api, until } from "./browser.mjs";
import { copied } from "./command.mjs";

const output = (page) => page.textContent("#outputs");
const inputs = (page) =>
  page.$$eval("#inputs .input", (rows) => Object.fromEntries(rows.map((row) => [row.querySelector("label").textContent, row.querySelector('input[type="number"]').valueAsNumber])));
const grads = (page) =>
  page.$$eval("#inputs .input", (rows) => Object.fromEntries(rows.map((row) => [row.querySelector("label").textContent, row.querySelector("output").value])));

/** What is on the screen must be what the API says of the text and the numbers on the screen. */
async function isTrue(page, origin) {
  const expression = await page.inputValue("#text");
  const { outputs, gradients } = await api(origin, "v1/gradient", { expression, inputs: await inputs(page) });
  const [[name, value]] = Object.entries(outputs);
  await until(page, `${name} = ${value}`, async () => (await output(page)) === `${name} = ${value}`);
  for (const [input, told] of Object.entries(await grads(page))) {
    assert.ok(Math.abs(Number(told.replace("grad ", "")) - gradients[input]) <= 1e-3 * Math.abs(gradients[input]), `${input}: ${told}, not ${gradients[input]}`);
  }
}

export async function expression(page, origin) {
  await page.goto(`${origin}/#expression`);
  await until(page, "the lecture's output", async () => (await output(page)) === "o = 0.7071067811865476");
  assert.deepEqual(await inputs(page), { x1: 2, w1: -3, x2: 0, w2: 1, b: 6.8813735870195432 });
  assert.deepEqual(await grads(page), { x1: "grad -1.5", w1: "grad 1", x2: "grad 0.5", w2: "grad 0", b: "grad 0.5" });
  await isTrue(page, origin);
  assert.deepEqual((await copied(page, "expression")).outputs, { o: 0.7071067811865476 });
  await explains(page);
  await steps(page);
  await takesApart(page, origin);
  await drags(page, origin);
  await types(page, origin);
}

async function explains(page) {
  await page.focus('#graph .edge[aria-label="From n into o"]');
  await until(page, "words on the edge", async () => (await page.textContent("#words")).includes("1 × 0.5 = 0.5"));
  assert.match(await page.textContent("#words"), /n → tanh → o.*1 - y\^2.*adds to the grad of n/);
  await page.hover("#graph .edge[tabindex] .hit >> nth=0", { force: true });
  await until(page, "words on another edge", async () => /Chain rule/.test(await page.textContent("#words")));
}

async function steps(page) {
  await page.mouse.move(5, 5);
  const hidden = () => page.$$eval("#graph .grad", (texts) => texts.filter((text) => text.textContent === "grad ?").length);
  await page.click("#step-start");
  await until(page, "all but the output hidden", async () => (await hidden()) === 9);
  const counts = [];
  for (let i = 0; i < 5; i++) {
    const before = await hidden();
    await page.click("#step-next");
    await until(page, "a step", async () => (await hidden()) < before);
    counts.push(await hidden());
  }
  assert.deepEqual(counts, [8, 6, 4, 2, 0], "each op reveals its operands");
  await page.click("#step-back");
  await until(page, "a step back", async () => (await hidden()) === 2);
  await page.click("#step-end");
  await until(page, "all grads", async () => (await hidden()) === 0);
}

async function takesApart(page, origin) {
  await page.click("#decompose");
  await until(page, "a comparison", async () => (await page.textContent("#same")).startsWith("Nothing changes"));
  assert.match(await page.inputValue("#text"), /e = exp\(2\*n\)\no = \(e - 1\)\/\(e \+ 1\)$/);
  await isTrue(page, origin);
  await page.click("#neuron");
  await until(page, "tanh again", async () => (await page.inputValue("#text")).endsWith("tanh(n)"));
}

async function drags(page, origin) {
  const slider = await page.locator('#inputs input[type="range"]').first().boundingBox();
  const y = slider.y + slider.height / 2;
  const before = await output(page);
  await page.mouse.move(slider.x + slider.width * 0.7, y);
  await page.mouse.down();
  for (const part of [0.65, 0.6, 0.5, 0.4, 0.35]) await page.mouse.move(slider.x + slider.width * part, y);
  await page.mouse.up();
  await until(page, "another output", async () => (await output(page)) !== before);
  await isTrue(page, origin);
  const times = await page.evaluate(async () => {
    const slider = document.querySelector('#inputs input[type="range"]');
    const outputs = document.getElementById("outputs");
    const times = [];
    for (let i = 0; i < 300; i++) {
      const began = performance.now();
      const shown = new Promise((resolve) => new MutationObserver((_, observer) => resolve(observer.disconnect())).observe(outputs, { childList: true }));
      slider.value = 4 * Math.sin(i);
      slider.dispatchEvent(new Event("input"));
      await shown;
      const written = performance.now() - began;
      await new Promise(requestAnimationFrame);
      times.push([written, performance.now() - began]);
    }
    return times;
  });
  ["until its answer is in the page", "until the frame after that"].forEach((told, i) => {
    const sorted = times.map((pair) => pair[i]).sort((a, b) => a - b);
    const at = (part) => sorted[Math.ceil(part * sorted.length) - 1].toFixed(1);
    console.log(`browser: from a slider's move ${told}: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms`);
  });
  await isTrue(page, origin);
}

async function types(page, origin) {
  await page.fill("#text", "");
  await page.type("#text", "y = a*c + tanh(a)");
  await until(page, "inputs a and c", async () => Object.keys(await inputs(page)).join() === "a,c");
  await page.fill("#inputs-c", "-3.5");
  await isTrue(page, origin);
  await page.fill("#text", "y = a*c\nz = y + tahn(a)");
  await until(page, "an underlined word", async () => (await page.locator("#expression mark").count()) === 1);
  assert.equal(await page.textContent("#expression mark"), "tahn");
  assert.match(await page.textContent("#text-problem"), /^Line 2, column 9: .*did you mean tanh/);
  assert.equal(await page.getAttribute("#text", "aria-invalid"), "true");
  await page.fill("#text", "z = log(a) + c*0");
  await page.fill("#inputs-a", "-1");
  await until(page, "a problem", async () => (await page.textContent("#text-problem")).includes("NaN"));
  await page.fill("#inputs-a", "2");
  await until(page, "no problem", async () => (await page.textContent("#text-problem")) === "");
  await isTrue(page, origin);
}
