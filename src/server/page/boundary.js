// The plane as the network sees it: each spot in the colours of the classes, by their probabilities, with the data on top.

import { post } from "./api.js";

const SIDE = 56;
const COLOURS = ["--one", "--two", "--three", "--four"];

/** A colour of CSS as [r, g, b]. */
function rgb(colour, canvas) {
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  return [1, 3, 5].map((at) => parseInt(context.fillStyle.slice(at, at + 2), 16));
}

const named = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colours of classes; past the fourth they turn around the circle of hues. */
export const palette = (count) =>
  Array.from({ length: count }, (_, i) => (i < COLOURS.length ? named(COLOURS[i]) : `hsl(${i * 47} 70% 50%)`));

export class Boundary {
  constructor(canvas) {
    this.canvas = canvas;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.set && this.draw());
  }

  /** Shows these data along columns `across` and `up`, without a network yet. */
  show(set, across, up) {
    Object.assign(this, { set, across, up, probabilities: undefined });
    const ends = (column) => {
      const values = set.x.map((row) => row[column]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const margin = (high - low || 1) * 0.12;
      return [low - margin, high + margin];
    };
    this.ends = [ends(across), ends(up)];
    this.draw();
  }

  /** Asks what the network says all over the plane; columns that are not shown stay at their mean. */
  async evaluate(mlp) {
    const { set, across, up } = this;
    const means = set.columns.map((_, column) => set.x.reduce((sum, row) => sum + row[column], 0) / set.x.length);
    const x = Array.from({ length: SIDE * SIDE }, (_, i) => {
      const row = [...means];
      row[up] = this.ends[1][1] - ((Math.floor(i / SIDE) + 0.5) / SIDE) * (this.ends[1][1] - this.ends[1][0]);
      row[across] = this.ends[0][0] + (((i % SIDE) + 0.5) / SIDE) * (this.ends[0][1] - this.ends[0][0]);
      return row;
    });
    const { outputs } = await post("v1/evaluate", { mlp, data: { x } });
    if (set !== this.set || across !== this.across || up !== this.up) return;
    this.probabilities = outputs.map(softmax);
    this.draw();
  }

  draw() {
    const { canvas, set } = this;
    const context = canvas.getContext("2d");
    const ground = rgb(named("--ground"), canvas);
    const colours = palette(set.classes.length).map((colour) => rgb(colour, canvas));
    context.fillStyle = `rgb(${ground})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (this.probabilities) {
      const image = new ImageData(SIDE, SIDE);
      this.probabilities.forEach((probabilities, i) => {
        // Half way to the ground, so that the points stand out.
        const mixed = [0, 1, 2].map((k) => 0.45 * ground[k] + 0.55 * probabilities.reduce((sum, p, c) => sum + p * colours[c][k], 0));
        image.data.set([...mixed, 255], 4 * i);
      });
      const small = new OffscreenCanvas(SIDE, SIDE);
      small.getContext("2d").putImageData(image, 0, 0);
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
    }
    const at = (value, [low, high], size) => ((value - low) / (high - low)) * size;
    set.x.forEach((row, i) => {
      context.beginPath();
      context.arc(at(row[this.across], this.ends[0], canvas.width), canvas.height - at(row[this.up], this.ends[1], canvas.height), 5, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${colours[set.y[i]]})`;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = `rgb(${ground})`;
      context.stroke();
    });
  }
}

function softmax(logits) {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
