// Rows of numbers by name: a slider, a field, and what is told of each.

import { el } from "./dom.js";
import { round, short } from "./numbers.js";

export class Inputs {
  /** In `place`; `changed` is called after each change. With `sliders` each number can be dragged. */
  constructor(place, changed, sliders = true) {
    this.place = place;
    this.changed = changed;
    this.sliders = sliders;
    // Values outlive their rows: a name that is being typed comes back with the number it had.
    this.values = new Map();
    this.rows = new Map();
  }

  get names() {
    return [...this.rows.keys()];
  }

  /** The numbers of the rows, by name. */
  get numbers() {
    return Object.fromEntries(this.names.map((name) => [name, this.values.get(name)]));
  }

  /** Rows for these names, in this order. */
  show(names) {
    if (names.join() === this.names.join()) return;
    const rows = names.map((name) => [name, this.rows.get(name) ?? this.row(name)]);
    this.rows = new Map(rows);
    const focused = document.activeElement;
    this.place.replaceChildren(this.place.querySelector("legend"), ...rows.map(([, row]) => row.element));
    if (this.place.contains(focused)) focused.focus();
  }

  set(name, value) {
    this.values.set(name, value);
    this.rows.get(name)?.put(value);
  }

  /** Tells a number of each row, such as its gradient. */
  tell(numbers) {
    for (const [name, row] of this.rows) row.told.value = name in numbers ? `grad ${short(numbers[name], 4)}` : "";
  }

  row(name) {
    const value = this.values.get(name) ?? 1;
    this.values.set(name, value);
    const id = `${this.place.id}-${name}`;
    const field = el("input", { type: "number", step: "any", id, value: String(value) });
    const slider = el("input", { type: "range", step: "any", ariaLabel: `${name}, to drag` });
    const told = el("output", { for: id });
    const put = (number) => {
      // The ends stay while one drags, and move when a number is typed that lies beyond them.
      const reach = Math.max(Number(slider.max) || 0, round(Math.max(Math.abs(number) * 1.25, 4)));
      if (Number.isFinite(reach)) Object.assign(slider, { min: -reach, max: reach });
      slider.value = number;
      if (Number(field.value) !== number) field.value = String(number);
    };
    const take = (number, source) => {
      if (!Number.isFinite(number)) return;
      this.values.set(name, number);
      if (source === slider) field.value = String(number);
      else put(number);
      this.changed();
    };
    put(value);
    field.addEventListener("input", () => field.value !== "" && take(field.valueAsNumber, field));
    slider.addEventListener("input", () => take(Number(slider.value), slider));
    const label = el("label", { htmlFor: id, title: name }, name);
    const parts = this.sliders ? [label, slider, field, told] : [label, field];
    return { element: el("div", { className: "input" }, ...parts), told, put };
  }
}
