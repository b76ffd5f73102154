// The situation wall: its scenes and its sound, the clock, figures that grey by themselves, and the band when cut off.
import { scenes } from "./scenes.js";
import { sound } from "./sound.js";

const wall = document.querySelector("[data-wall]");
const ASK_MS = 10_000; // Figures are asked anew this often; what is urgent comes by the feed at once.
const shown = scenes(wall);
const horn = sound(wall);
let known = new Set();

/** Ids of urgent alarms that nobody has taken. */
function urgent() {
  return new Set((document.getElementById("wall-urgent")?.dataset.urgent ?? "").split(" ").filter(Boolean));
}

/** Something urgent that was not there: the situation at once, and the tone. */
function look() {
  const now = urgent();
  const fresh = [...now].some((id) => !known.has(id));
  known = now;
  shown.pin(now.size > 0, fresh);
  horn.call(now.size, fresh);
}

function grey() {
  const now = Date.now();
  for (const one of wall.querySelectorAll("[data-grey-at]")) if (now >= Number(one.dataset.greyAt)) one.classList.add("stale");
  const time = new Date(now).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
  const clock = document.getElementById("wall-clock");
  if (clock.textContent !== time) clock.textContent = time;
}

document.addEventListener("fresh", look);
document.addEventListener("feed", ({ detail }) => wall.classList.toggle("is-cut", detail.state !== "live"));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "m" || event.key === "M") horn.mute();
});
setInterval(grey, 1000);
setInterval(() => document.dispatchEvent(new Event("ask-fresh")), ASK_MS);
grey();
look();
wall.dataset.ready = "";
