// "Copy as curl", and what the command answers in a real shell.

import { execFileSync } from "node:child_process";

/** Copies from the tab `panel` and runs what was copied. */
export async function copied(page, panel) {
  await page.click(`#${panel} .curl`);
  await page.waitForFunction(() => document.getElementById("told").textContent === "Copied");
  const command = await page.evaluate(() => navigator.clipboard.readText());
  const answer = execFileSync("bash", ["-c", command], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(answer);
}
