// The picture of a computation: boxes with label, data and grad, circles with ops, as in micrograd's draw_dot.

import { svg } from "./dom.js";
import { place } from "./layout.js";
import { short } from "./numbers.js";
import { sign } from "./signs.js";

/** Smaller than this the letters cannot be read; the picture scrolls instead. */
const SMALLEST = 0.7;

export class Picture {
  /** In `place`. `pointed` is called with the edge that is pointed at, and with nothing when none is any more. */
  constructor(place, pointed) {
    this.place = place;
    this.pointed = pointed;
    this.shape = "";
    new ResizeObserver(() => this.fit()).observe(place);
  }

  /** Shows a trace. `grads` has those to be shown, by id; others are hidden. */
  show(trace, grads) {
    const shape = JSON.stringify(trace.map(({ id, label, op, inputs }) => [id, label, op, inputs]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.draw(trace);
    }
    for (const { id, data } of trace) {
      const { dataText, gradText, group, name } = this.boxes.get(id);
      const grad = grads.has(id) ? short(grads.get(id), 4) : "?";
      dataText.textContent = `data ${short(data, 4)}`;
      gradText.textContent = `grad ${grad}`;
      group.setAttribute("aria-label", `${name}: data ${short(data, 4)}, grad ${grad === "?" ? "not reached yet" : grad}`);
    }
  }

  /** Marks the op that makes `id` with its result and operands, or nothing. */
  mark(id) {
    for (const element of this.place.querySelectorAll(".active")) element.classList.remove("active");
    if (id === undefined) return;
    this.boxes.get(id)?.group.classList.add("active");
    this.circles.get(id)?.classList.add("active");
    for (const { edge, element } of this.edges) if (edge.to === id && edge.from) element.classList.add("active");
  }

  draw(trace) {
    const laid = place(trace);
    this.size = laid;
    this.boxes = new Map();
    this.circles = new Map();
    this.edges = laid.edges.map((edge) => ({ edge, element: this.edge(edge) }));
    this.root = svg(
      "svg",
      { class: "graph", viewBox: `0 ${laid.top} ${laid.width} ${laid.height}`, role: "group", "aria-label": "Computation graph" },
      ...this.edges.map(({ element }) => element),
      ...trace.filter(({ id }) => laid.circles.has(id)).map((node) => this.circle(node, laid.circles.get(node.id))),
      ...trace.map((node) => this.box(node, laid.boxes.get(node.id))),
    );
    this.place.replaceChildren(this.root);
    this.fit();
  }

  fit() {
    if (!this.root?.isConnected) return;
    const scale = Math.min(Math.max((this.place.clientWidth - 18) / this.size.width, SMALLEST), 1.25);
    this.root.setAttribute("width", this.size.width * scale);
    this.root.setAttribute("height", this.size.height * scale);
  }

  box({ id, label }, { x, y, width, height }) {
    const name = label ?? id;
    const text = (className, row) => svg("text", { class: className, x, y: y - height / 2 + 17 + row * 17 });
    const [nameText, dataText, gradText] = [text("label", 0), text("data", 1), text("grad", 2)];
    nameText.textContent = name.length > 26 ? `${name.slice(0, 25)}…` : name;
    const frame = svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 4 });
    const group = svg("g", { class: "box", role: "img" }, frame, nameText, dataText, gradText);
    this.boxes.set(id, { dataText, gradText, group, name });
    return group;
  }

  circle(node, { x, y, width, height }) {
    const written = sign(node);
    const text = svg("text", { x, y: y + (written.length === 1 ? 6 : 4) }, written);
    if (written.length === 1) text.classList.add("sign");
    const frame = svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: height / 2 });
    const group = svg("g", { class: "op", role: "img", "aria-label": `${node.op}: ${written}` }, frame, text);
    this.circles.set(node.id, group);
    return group;
  }

  edge(edge) {
    const d = curve(edge.points);
    const parts = [svg("path", { class: "hit", d }), svg("path", { d }), arrow(edge.points)];
    // Only what leads into an op has a derivative.
    if (edge.from === undefined) return svg("g", { class: "edge" }, ...parts);
    const about = `From ${edge.from} into ${edge.to}`;
    const element = svg("g", { class: "edge", tabindex: 0, role: "img", "aria-label": about }, ...parts);
    for (const event of ["pointerenter", "focus"]) element.addEventListener(event, () => this.pointed(edge, element));
    for (const event of ["pointerleave", "blur"]) element.addEventListener(event, () => this.pointed());
    return element;
  }
}

/** A smooth line through `points`: it bends around the inner ones. */
function curve(points) {
  const [first, ...rest] = points;
  const last = rest.pop();
  const middle = (a, b) => `${(a.x + b.x) / 2} ${(a.y + b.y) / 2}`;
  const bends = rest.map((point, i) => `Q ${point.x} ${point.y} ${i + 1 < rest.length ? middle(point, rest[i + 1]) : `${last.x} ${last.y}`}`);
  return `M ${first.x} ${first.y} ${bends.join(" ") || `L ${last.x} ${last.y}`}`;
}

function arrow(points) {
  const [before, tip] = points.slice(-2);
  const angle = (Math.atan2(tip.y - before.y, tip.x - before.x) * 180) / Math.PI;
  return svg("path", { class: "head", d: "M 0 0 L -8 -4 L -8 4 Z", transform: `translate(${tip.x} ${tip.y}) rotate(${angle})` });
}
