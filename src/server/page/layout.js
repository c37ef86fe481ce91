// Where boxes, circles and arrows of a computation graph go: dagre, from left to right.

import { Graph, layout } from "./vendor/dagre.esm.js";

const BOX = { width: 104, height: 60 };
const OP = { width: 40, height: 40 };

/**
 * Places a trace. Boxes, by node id, and circles of ops, by the id of what they make, have x and y of their middle; edges have
 * points, and `from` and `to` with the position of the operand, where they lead into a circle.
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
  for (const { id, inputs } of trace.toReversed()) {
    if (inputs.length === 0) continue;
    graph.setNode(circle(id), { ...OP });
    connect(circle(id), box(id), { to: id }, 4);
    inputs.forEach((operand, position) => {
      if (typeof operand === "string") return connect(box(operand), circle(id), { from: operand, to: id, position });
      // A constant without a name has no box in the trace, but is to be seen.
      graph.setNode(constant(id, position), { width: 44, height: 26 });
      connect(constant(id, position), circle(id), { to: id });
    });
  }
  layout(graph);
  // Dagre puts the first operands lowest; turned upside down, they are on top.
  const turn = (point) => ({ ...point, y: graph.graph().height - point.y });
  const at = (name) => turn(graph.node(name));
  return {
    width: graph.graph().width,
    height: graph.graph().height,
    boxes: new Map(trace.map(({ id }) => [id, at(box(id))])),
    circles: new Map(trace.filter(({ inputs }) => inputs.length).map(({ id }) => [id, at(circle(id))])),
    constants: trace.flatMap(({ id, inputs }) =>
      inputs.flatMap((value, position) => (typeof value === "string" ? [] : [{ value, ...at(constant(id, position)) }])),
    ),
    edges: edges.map(({ of, ...about }) => ({ ...about, points: graph.edge(of).points.map(turn) })),
  };
}

const box = (id) => `box ${id}`;
const circle = (id) => `op ${id}`;
const constant = (id, position) => `constant ${position} ${id}`;
const wide = (label) => Math.min(Math.max(BOX.width, label.length * 7.6 + 16), 220);
