// All of it, one part after the other.

import { access, withKey } from "./access.mjs";
import { launch, open } from "./browser.mjs";
import { docs } from "./docs.mjs";
import { expression } from "./expression.mjs";
import { fit } from "./fit.mjs";
import { images } from "./images.mjs";
import { latex } from "./latex.mjs";
import { train } from "./train.mjs";

const { OPEN, CLOSED, KEY, IMAGES } = process.env;
const browser = await launch();
try {
  for (const part of [expression, train, fit, docs]) {
    const { page, finish } = await open(browser, OPEN);
    await part(page, OPEN);
    await finish();
    console.log(`browser: ${part.name} is as it should be`);
  }
  await latex(OPEN);
  await access(browser, OPEN);
  await withKey(browser, CLOSED, KEY);
  if (IMAGES) await images(browser, OPEN, IMAGES);
} finally {
  await browser.close();
}
