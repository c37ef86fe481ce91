// Tabs by the pattern of the ARIA Authoring Practices; the address names the one that is shown.

/** Shows the tab of the address. `shown` is called with the name of each that is shown. */
export function tabs(shown) {
  const all = [...document.querySelectorAll('[role="tab"]')];
  const name = (tab) => tab.getAttribute("aria-controls");

  function show(tab) {
    for (const other of all) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      document.getElementById(name(other)).hidden = other !== tab;
    }
    shown(name(tab));
  }

  function go(tab) {
    history.replaceState(null, "", `#${name(tab)}`);
    show(tab);
  }

  const ofAddress = () => all.find((tab) => `#${name(tab)}` === location.hash) ?? all[0];

  all.forEach((tab, i) => {
    tab.addEventListener("click", () => go(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = all[(to + all.length) % all.length];
      next.focus();
      go(next);
    });
  });
  addEventListener("hashchange", () => show(ofAddress()));
  show(ofAddress());
}
