// The public's page of warnings: looks again every minute, remembers the chosen place on this device, asks it where it is.
const EVERY_MS = 60_000;
const KEPT = "dothi.place";
const shown = document.querySelector("[data-again]");
const form = document.querySelector("form[data-place]");

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // A browser that keeps nothing.
  }
}

function keep(place) {
  try {
    if (place) localStorage.setItem(KEPT, place);
    else localStorage.removeItem(KEPT);
  } catch {
    // As above: the address of the page says the place all the same.
  }
}

async function again() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(shown.id);
    if (answer.ok && fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
    shown.classList.remove("old");
  } catch {
    shown.classList.add("old"); // The first line says as of when; the style says that it is not fresh.
  }
}

function near(button) {
  button.hidden = !navigator.geolocation;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const place = { lon: coords.longitude.toFixed(2), lat: coords.latitude.toFixed(2) };
        location.assign(`/alerts?${new URLSearchParams(place)}`);
      },
      () => (document.querySelector("[data-near-note]").textContent = button.dataset.refused),
      { timeout: 15_000, maximumAge: 600_000 },
    );
  });
}

if (form) {
  const place = form.dataset.place;
  const asked = new URLSearchParams(location.search);
  if (place) keep(place);
  else if (asked.has("unit")) keep("");
  else if (kept() && !asked.has("lost")) location.replace(`/alerts?unit=${encodeURIComponent(kept())}`);
  near(form.querySelector("[data-near]"));
}
if (shown) setInterval(again, EVERY_MS);
for (const box of document.querySelectorAll("[data-map-on-demand]")) {
  box.addEventListener("toggle", () => {
    const waiting = box.querySelector("template"); // A bad line need not load a map that nobody opens.
    waiting.replaceWith(waiting.content);
    import("./map.js");
  }, { once: true });
}
