// The reference: every operation opens, and its example is answered.

import assert from "node:assert/strict";
import { until } from "./browser.mjs";

export async function docs(page, origin) {
  await page.goto(`${origin}/docs`);
  await until(page, "the operations", async () => (await page.locator(".operation").count()) > 5);
  const document = await (await fetch(`${origin}/openapi.json`)).json();
  const paths = await page.$$eval(".operation .path", (all) => all.map((path) => path.textContent));
  assert.deepEqual([...new Set(paths)].sort(), Object.keys(document.paths).sort());
  for (const operation of await page.locator(".operation").all()) {
    await operation.locator("> summary").click();
    const path = await operation.locator(".path").textContent();
    await operation.locator("button.main").click();
    const status = operation.locator(".buttons .hint");
    await until(page, `an answer of ${path}`, async () => /^\d/.test(await status.textContent()));
    assert.match(await status.textContent(), /^200/, path);
  }
}
