// The playground: three tabs, each made when it is first shown.

import { expressionTab } from "./expression.js";
import { fitTab } from "./fit.js";
import { keyField } from "./key.js";
import { tabs } from "./tabs.js";
import { trainTab } from "./train.js";

const make = { expression: expressionTab, train: trainTab, fit: fitTab };
const made = new Map();
let current;

function shown(name) {
  current = name;
  if (!made.has(name)) made.set(name, make[name]());
}

keyField(() => made.get(current).refresh());
tabs(shown);
