// Where boxes, circles and arrows of a computation graph go: dagre, from left to right.

import { sign } from "./signs.js";
import { Graph, layout } from "./vendor/dagre.esm.js";

const BOX = { width: 104, height: 60 };
const OP = { width: 40, height: 40 };
/** Of a letter. */
const LETTER = 7.6;

/**
 * Places a trace. Boxes, by node id, and circles of ops, by the id of what they make, have x and y of their middle; edges have
 * points, and `from` and `to` with the position of the operand, where they lead into a circle. `top` is the least y there is.
 */
export function place(trace) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 22, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  const edges = [];
  const connect = (from, to, about, weight = 1) => {
    graph.setEdge(from, to, { weight }, String(edges.length));
    edges.push({ ...about, of: { v: from, w: to, name: String(edges.length) } });
  };
  for (const { id, label } of trace.toReversed()) graph.setNode(box(id), { ...BOX, width: wide(label ?? id) });
  for (const node of trace.toReversed()) {
    const { id, inputs } = node;
    if (inputs.length === 0) continue;
    graph.setNode(circle(id), { ...OP, width: Math.max(OP.width, sign(node).length * LETTER + 16) });
    connect(circle(id), box(id), { to: id }, 4);
    inputs.forEach((operand, position) => {
      if (typeof operand === "string") connect(box(operand), circle(id), { from: operand, to: id, position });
    });
  }
  layout(graph);
  // Dagre puts the first operands lowest; turned upside down, they are on top.
  const turn = (point) => ({ ...point, y: graph.graph().height - point.y });
  const at = (name) => turn(graph.node(name));
  const arrows = edges.map(({ of, ...about }) => ({ ...about, points: graph.edge(of).points.map(turn) }));
  // Dagre's size is that of the boxes, but long arrows go around them.
  const ends = [0, graph.graph().height, ...arrows.flatMap(({ points }) => points.flatMap(({ y }) => [y - 4, y + 4]))];
  const top = Math.min(...ends);
  return {
    width: graph.graph().width,
    height: Math.max(...ends) - top,
    top,
    boxes: new Map(trace.map(({ id }) => [id, at(box(id))])),
    circles: new Map(trace.filter(({ inputs }) => inputs.length).map(({ id }) => [id, at(circle(id))])),
    edges: arrows,
  };
}

const box = (id) => `box ${id}`;
const circle = (id) => `op ${id}`;
const wide = (label) => Math.min(Math.max(BOX.width, label.length * LETTER + 16), 220);
