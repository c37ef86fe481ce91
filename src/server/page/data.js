// What the network is trained on: points made here, or a table.

import { make } from "./datasets.js";
import { numbers, table } from "./table.js";

/** More classes than this are rather a column of measurements. */
const MOST_CLASSES = 10;

/** Points of a shape, with the part of the request that holds them. */
export function ofShape(shape, seed) {
  const points = make(shape, seed);
  return { ...points, mlp: {}, data: { x: points.x, y: points.y } };
}

/** A CSV whose column `target` has classes, with the part of the request that holds it. */
export function ofCsv(csv, target) {
  const parsed = table(csv);
  const names = parsed.rows.map((row) => row[parsed.header.indexOf(target)]);
  const isText = names.some((name) => name === "" || !Number.isFinite(Number(name)));
  const highest = Math.max(...names.map(Number));
  const classes = isText ? [...new Set(names)].sort() : Array.from({ length: highest + 1 }, (_, i) => String(i));
  if (!isText && !names.every((name) => /^\d+$/.test(name))) throw new Error(`The column ${target} has numbers that are no classes; choose a target of text, or of whole numbers from 0.`);
  if (classes.length > MOST_CLASSES) throw new Error(`The column ${target} has ${classes.length} different values; this page tells up to ${MOST_CLASSES} classes apart.`);
  if (classes.length < 2) throw new Error(`The column ${target} has one value only; there is nothing to tell apart.`);
  const columns = parsed.header.filter((name) => name !== target);
  const byColumn = columns.map((name) => numbers(parsed, name));
  const x = names.map((_, row) => byColumn.map((column) => column[row]));
  const mlp = { standardize: standardize(byColumn), ...(isText ? { classes } : {}) };
  return { x, y: names.map((name) => classes.indexOf(name)), columns, classes, mlp, data: { csv, target } };
}

/** Mean and standard deviation of each column, so that all inputs count alike. */
function standardize(columns) {
  const mean = columns.map((column) => column.reduce((sum, x) => sum + x, 0) / column.length);
  const scale = columns.map((column, i) => Math.sqrt(column.reduce((sum, x) => sum + (x - mean[i]) ** 2, 0) / column.length) || 1);
  return { mean, scale };
}
