// The theme switch without a reload: auto, light, dark, kept in a cookie that the server reads; tells maps and charts.
const NEXT = { auto: "light", light: "dark", dark: "auto" };

/** The theme that is shown now: "light" or "dark". */
export function shown() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen !== "auto") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The value of a design token, e.g. token("--map-land"). */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Calls `redraw` now-and-then: whenever the shown theme changes. */
export function onTheme(redraw) {
  document.addEventListener("theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

// The server's own switch is a link that reloads the page; where the page has nothing to lose, follow the link.
for (const link of document.querySelectorAll("[data-theme-switch]")) {
  link.addEventListener("click", (event) => {
    if (!document.querySelector("form textarea, form input[type=file]")) return;
    event.preventDefault();
    const root = document.documentElement;
    root.dataset.theme = NEXT[root.dataset.theme];
    document.cookie = `dothi_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    document.dispatchEvent(new Event("theme"));
  });
}

// After a form came back with errors, the summary of errors is where reading goes on.
document.querySelector("[data-focus]")?.focus();

// A menu closes when one goes on elsewhere or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("header details[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("header details[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
