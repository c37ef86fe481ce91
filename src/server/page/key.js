// The API key, where the server asks for one: in this tab's session storage and nowhere else.

import { byId } from "./dom.js";

const PLACE = "gradd-key";

/** The key, or an empty string. */
export const key = () => sessionStorage.getItem(PLACE) ?? "";

/** Shows the field, because the server wants a key or does not know this one. */
export function askForKey() {
  byId("key").open = true;
  byId("key-text").focus();
}

/** Ties the field to the storage; `changed` is called with each new key. */
export function keyField(changed) {
  const field = byId("key-text");
  field.value = key();
  field.addEventListener("change", () => {
    sessionStorage.setItem(PLACE, field.value.trim());
    byId("key").open = false;
    changed();
  });
  field.form.addEventListener("submit", (event) => event.preventDefault());
  byId("key").addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("key").open = false;
  });
}
