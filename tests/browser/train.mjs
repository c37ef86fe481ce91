// The tab of training: trains, stops, goes on, and takes the network away.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { until } from "./browser.mjs";
import { copied } from "./command.mjs";

const status = (page) => page.textContent("#train-status");
const picture = (page) => page.evaluate(() => document.getElementById("boundary").toDataURL());
const isDone = (page) => until(page, "the end of the run", async () => (await status(page)).startsWith("Done"));

async function downloaded(page, kind) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(`[data-file="${kind}"]`)]);
  assert.equal(download.suggestedFilename(), `network.${kind}`);
  return readFile(await download.path());
}

export async function train(page, origin) {
  await page.goto(`${origin}/#train`);
  await page.fill('[name="epochs"]', "1500");
  const before = await picture(page);
  await page.click("#start");
  await until(page, "a checkpoint", () => page.isEnabled('[data-file="json"]'));
  await page.click("#stop");
  await until(page, "stopped", async () => (await status(page)).startsWith("Stopped; the network of step"));
  const half = Number(/step (\d+)/.exec(await status(page))[1]);
  assert.ok(half > 0 && half < 18000, `stopped at ${half}`);
  await until(page, "a boundary", async () => (await picture(page)) !== before);
  await page.click("#continue");
  await isDone(page);
  assert.match(await status(page), /^Done: 18,000 steps/);
  // Stopped and gone on, the network is the one of the run in one piece, to the last bit.
  const { mlp } = JSON.parse(await downloaded(page, "json"));
  const whole = await copied(page, "train");
  assert.deepEqual(mlp.parameters, whole.parameters);
  const told = await page.textContent("#train-results");
  assert.ok(told.includes(`${(100 * whole.validation.metrics.accuracy).toFixed(1)} %`), told);
  for (const [kind, accept] of [["safetensors", "application/vnd.safetensors"], ["onnx", "application/onnx"]]) {
    const response = await fetch(`${origin}/v1/convert`, { method: "POST", headers: { "content-type": "application/json", accept }, body: JSON.stringify({ mlp }) });
    assert.deepEqual(await downloaded(page, kind), Buffer.from(await response.arrayBuffer()));
  }
  await tables(page);
}

async function tables(page) {
  await page.selectOption('[name="data"]', "iris");
  await until(page, "the columns", async () => (await page.inputValue('[name="target"]')) === "species");
  await page.fill('[name="epochs"]', "200");
  await page.click("#start");
  await isDone(page);
  const whole = await copied(page, "train");
  assert.ok((await page.textContent("#train-results")).includes(`${(100 * whole.validation.metrics.accuracy).toFixed(1)} %`));
  // With another rate it goes on as well, as long again.
  await page.fill('[name="rate"]', "0.0001");
  await page.click("#continue");
  await until(page, "twice the steps", async () => (await status(page)).startsWith("Done: 3,200 steps"));
  await page.selectOption('[name="across"]', "sepal_length_cm");
  await page.selectOption('[name="data"]', "csv");
  await page.fill("#csv", "a,b,kind\n1,2,x\n2,oops,y\n");
  await until(page, "a problem", async () => (await page.textContent("#train-problem")).includes("oops"));
  await page.fill("#csv", `a,b,kind\n${Array.from({ length: 30 }, (_, i) => `${i % 7},${i % 5},${i % 2 ? "red" : "blue"}`).join("\n")}`);
  await until(page, "the classes", async () => (await page.textContent("#boundary-key")) === "bluered");
  await page.fill('[name="layers"]', "4");
  await page.fill('[name="epochs"]', "20");
  await page.click("#start");
  await isDone(page);
  await page.fill('[name="layers"]', "0");
  await page.click("#start");
  await until(page, "the API's problem", async () => (await page.textContent("#train-problem")).includes("unit"));
}
