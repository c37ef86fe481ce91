// A browser whose pages may neither complain nor leave their origin.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
/** The browser logs every answer of 4xx as an error; problems of the API are part of what is tried here. */
const OF_PROBLEM = /^Failed to load resource: the server responded with a status of 4\d\d/;

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });

/** A page at `origin` in a profile of its own, and `finish`, which closes it and tells what it should not have done. */
export async function open(browser, origin, { width = 1280, height = 900, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  page.on("console", (message) => {
    const isFault = ["error", "warning"].includes(message.type());
    if (isFault && !OF_PROBLEM.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "blob:") faults.push(`request to ${url}`);
  });
  const finish = async () => {
    await context.close();
    assert.deepEqual(faults, []);
  };
  return { page, finish };
}

/** Waits until `condition`, called with `page`, holds. */
export async function until(page, told, condition) {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`not within half a minute: ${told}`);
}

/** Posts JSON past the page. */
export async function api(origin, path, body) {
  const response = await fetch(`${origin}/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return response.json();
}
