// The tab of fits: NIST's example, another formula, a fault in it.

import assert from "node:assert/strict";
import { until } from "./browser.mjs";
import { copied } from "./command.mjs";

const rows = (page) => page.$$eval("#fit-results tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

/** The numbers on the screen must be those of the copied command. */
async function isTrue(page) {
  const { parameters, standard_errors: errors } = await copied(page, "fit");
  const close = (text, number, digits) => assert.ok(Math.abs(Number(text) - number) <= 10 ** (1 - digits) * Math.abs(number), `${text}, not ${number}`);
  for (const [name, value, error] of await rows(page)) {
    close(value, parameters[name], 10);
    close(error.replace("± ", ""), errors[name], 4);
  }
}

export async function fit(page, origin) {
  await page.goto(`${origin}/#fit`);
  await until(page, "the fit of Misra1a", async () => (await rows(page)).length === 2);
  // NIST's certified values: 2.3894212918E+02 and 2.7070075241E+00, 5.5015643181E-04 and 7.2668688436E-06.
  assert.deepEqual(await rows(page), [["b1", "238.9421292", "± 2.707"], ["b2", "0.0005501564317", "± 7.267e-6"]]);
  await isTrue(page);
  await page.fill("#formula", "slope*x + at_zero");
  await until(page, "a line's parameters", async () => (await rows(page)).map(([name]) => name).join() === "slope,at_zero");
  await isTrue(page);
  await page.fill("#formula", "slope*x +");
  await until(page, "an underlined end", async () => (await page.locator("#fit mark").count()) === 1);
  assert.match(await page.textContent("#fit-problem"), /^Line 1, column 1\d: expected/);
  await page.fill("#columns-text", "t,v,unused\n0,2.1,1\n1,1.3,1\n2,0.8,2\n3,0.4,3\n4,0.3,1\n");
  await page.fill("#formula", "a*exp(-k*t)");
  await page.selectOption("#fit-target", "v");
  await until(page, "a decay", async () => (await rows(page)).map(([name]) => name).join() === "a,k");
  await isTrue(page);
}
