// Whoever uses the page: by keyboard, by screen reader, on a telephone, in the dark, with a key.

import assert from "node:assert/strict";
import axe from "axe-core";
import { open, until } from "./browser.mjs";

const VIEWS = [{ width: 360, height: 740 }, { width: 1280, height: 900 }].flatMap((size) =>
  ["light", "dark"].map((colorScheme) => ({ ...size, colorScheme })),
);
/** What each page shows when it is looked at. */
const PLACES = {
  "#expression": async (page) => {
    await until(page, "a graph", () => page.isVisible("#graph svg"));
    await page.click("#decompose");
    await page.click("#step-next");
    await page.click("#step-next");
    await until(page, "words", async () => (await page.textContent("#words")).includes("×"));
  },
  "#train": async (page) => {
    await page.fill('[name="epochs"]', "50");
    await page.click("#start");
    await until(page, "the end", async () => (await page.textContent("#train-status")).startsWith("Done"));
  },
  "#fit": async (page) => {
    await until(page, "a fit", () => page.isVisible("#fit-results table"));
    await page.fill("#formula", "b1*(1 - exq(-b2*x))");
    await until(page, "an underline", () => page.isVisible("#fit mark"));
  },
  docs: async (page) => {
    await page.click("#gradient > summary");
    await page.click("#gradient button.main");
    await until(page, "an answer", () => page.isVisible("#gradient .answer"));
  },
};

export async function access(browser, origin) {
  let looks = 0;
  for (const view of VIEWS) {
    for (const [place, use] of Object.entries(PLACES)) {
      const { page, finish } = await open(browser, origin, view);
      await page.goto(`${origin}/${place}`);
      await use(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= view.width, `${place} is ${wide} pixels wide in a window of ${view.width}`);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      assert.deepEqual(bad.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 120))]), [], `${place} ${JSON.stringify(view)}`);
      looks += 1;
      await finish();
    }
  }
  console.log(`browser: axe-core finds no serious or critical fault in ${looks} looks`);
  await keyboard(browser, origin);
  await wideGraph(browser, origin);
}

/** On a telephone a wide graph scrolls within its frame, by keyboard too, and the page does not. */
async function wideGraph(browser, origin) {
  const { page, finish } = await open(browser, origin, { width: 360, height: 740 });
  await page.goto(`${origin}/#expression`);
  await page.fill("#text", `y = ${"tanh(".repeat(12)}x${")".repeat(12)}`);
  const graph = page.getByRole("region", { name: "The computation graph" });
  const hidden = () => graph.evaluate((frame) => frame.scrollWidth - frame.clientWidth);
  await until(page, "a wide graph", async () => (await page.isVisible("#graph svg")) && (await hidden()) > 360);
  await graph.focus();
  const before = await graph.evaluate((frame) => frame.scrollLeft);
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await until(page, "the graph to scroll", async () => (await graph.evaluate((frame) => frame.scrollLeft)) > before + 50);
  const [wide, left] = await page.evaluate(() => [document.documentElement.scrollWidth, scrollX]);
  assert.ok(wide <= 360 && left === 0, `the page is ${wide} pixels wide, and is scrolled by ${left}`);
  await finish();
}

async function keyboard(browser, origin) {
  const { page, finish } = await open(browser, origin);
  await page.goto(`${origin}/`);
  await page.focus("#tab-expression");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-train");
  assert.ok(await page.isVisible("#train") && !(await page.isVisible("#expression")));
  await page.keyboard.press("End");
  assert.ok(await page.isVisible("#fit"));
  await page.keyboard.press("Home");
  await until(page, "a graph", () => page.isVisible("#graph svg"));
  const before = await page.textContent("#outputs");
  await page.focus('#inputs input[type="range"]');
  await page.keyboard.press("ArrowLeft");
  await until(page, "another output", async () => (await page.textContent("#outputs")) !== before);
  await finish();
}

/** Where the server asks for keys, so does the page. */
export async function withKey(browser, origin, key) {
  const { page, finish } = await open(browser, origin);
  await page.goto(`${origin}/`);
  await until(page, "the field for the key", () => page.isVisible("#key-text"));
  assert.match(await page.textContent("#text-problem"), /needs an API key/);
  await page.fill("#key-text", key);
  await page.keyboard.press("Enter");
  await until(page, "an answer", async () => (await page.textContent("#outputs")) === "o = 0.7071067811865476");
  await page.click("#expression .curl");
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(command.includes('--oauth2-bearer "$GRADD_KEY"') && !command.includes(key));
  await finish();
}
