// Living parts of a page: an element with an id and data-live="Type Type" is fetched again when such an entity changes.
import { follow } from "./feed.js";

const parts = document.querySelectorAll("[data-live][id]");
const lean = document.querySelector("meta[name=live-lean]")?.content;
let waiting = false;
let again = false;

/** Whether the reader is in the middle of something in this part: then it waits. */
function busy(part) {
  const field = document.activeElement;
  if (part.querySelector("details[open] form, dialog[open]")) return true;
  return part.contains(field) && field.matches("input:not([type=hidden]), textarea, select");
}

function put(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const row = focused?.closest("[data-row]")?.id;
  const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  part.replaceChildren(...document.importNode(fresh, true).childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  const target = (focused?.id && document.getElementById(focused.id)) || (row && document.querySelector(`#${CSS.escape(row)} a`));
  target?.focus({ preventScroll: true });
  part.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
}

/** Fetches the living parts anew; after a change of the feed only those that a page with a lean form puts into it. */
async function refresh(changes) {
  if (waiting) {
    again = true;
    return;
  }
  waiting = true;
  try {
    const answer = await fetch((Array.isArray(changes) && lean) || location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && !busy(part)) put(part, fresh);
      else if (fresh) part.addEventListener("focusout", () => setTimeout(refresh, 300), { once: true });
    }
    document.documentElement.dataset.fresh = String(Date.now());
  } catch {
    // The banner of the feed tells that the connection is lost.
  } finally {
    waiting = false;
    if (again) {
      again = false;
      setTimeout(refresh, 300, changes);
    }
  }
}

function banner() {
  const box = document.getElementById("live-lost");
  document.addEventListener("feed", ({ detail }) => {
    box.hidden = detail.state === "live";
    if (detail.state === "live") return;
    const time = detail.since.toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false });
    const text = detail.state === "lost" ? box.dataset.lost.replace("{since}", time) : box.dataset.signedOut;
    const words = box.querySelector("p");
    if (words.textContent !== text) words.textContent = text;
  });
}

const types = [...new Set([...parts].flatMap((part) => part.dataset.live.split(/\s+/)))].filter(Boolean);
banner();
if (types.length) follow(types, refresh);
document.addEventListener("ask-fresh", refresh); // A page that wants its figures sooner than every minute.
setInterval(refresh, 60_000); // Ages ("3 phút trước") grow even when nothing changes.
