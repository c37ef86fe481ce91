// The pictures of the README.

import { until, open } from "./browser.mjs";

const SCENES = {
  expression: async (page) => {
    await until(page, "a graph", () => page.isVisible("#graph svg"));
    for (let i = 0; i < 4; i++) {
      await page.click("#step-next");
      await page.waitForTimeout(300);
    }
  },
  train: async (page) => {
    await page.click("#start");
    await until(page, "the end", async () => (await page.textContent("#train-status")).startsWith("Done"));
    await page.waitForTimeout(500);
  },
  fit: async (page) => {
    await until(page, "a fit", () => page.isVisible("#fit-results table"));
    await page.waitForTimeout(300);
  },
};

export async function images(browser, origin, folder) {
  for (const [name, use] of Object.entries(SCENES)) {
    const { page, finish } = await open(browser, origin, { width: 1120, height: name === "fit" ? 770 : 600 });
    await page.goto(`${origin}/#${name}`);
    await use(page);
    await page.mouse.move(1, 1);
    // Clicking may have scrolled.
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: `${folder}/${name}.png` });
    await finish();
  }
}
