// Scenes that rotate: one at a time, so many seconds each; pinned to the situation by what is urgent; stepped by keys.

/** Shows the scenes of a wall; `pin(on, fresh)` holds the situation while something urgent waits. */
export function scenes(wall) {
  const all = [...wall.querySelectorAll(".wall-scene")];
  const order = [...wall.querySelectorAll("[data-step]")];
  const said = document.getElementById("wall-said");
  const pause = wall.querySelector("[data-pause]");
  // Who asked the machine for less motion steps by hand, or sets the wall going with the button.
  let paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let pinned = false;
  let left = 0;
  let at = 0;

  const named = order.map((button) => button.textContent.trim());
  const inOrder = order.map((button) => all.find((scene) => scene.dataset.scene === button.dataset.step));

  function tell() {
    const rest = pinned ? wall.dataset.pinned : paused ? wall.dataset.paused : wall.dataset.next.replace("#", left);
    const text = `${at + 1}/${inOrder.length} ${named[at]} · ${rest}`;
    if (said.textContent !== text) said.textContent = text;
  }

  function show(number) {
    at = (number + inOrder.length) % inOrder.length;
    left = Number(inOrder[at].dataset.seconds);
    wall.dataset.now = at === 0 ? "situation" : "mapAlone" in inOrder[at].dataset ? "map" : "other";
    for (const scene of all) scene.classList.toggle("is-on", scene === inOrder[at]);
    for (const [place, button] of order.entries()) button.toggleAttribute("aria-current", place === at);
    tell();
  }

  function stop(on) {
    paused = on;
    pause.setAttribute("aria-pressed", String(on));
    tell();
  }

  function step(number) {
    pinned = false; // A hand wins, until the next urgent alarm.
    show(number);
  }

  for (const [place, button] of order.entries()) button.addEventListener("click", () => step(place));
  pause.addEventListener("click", () => stop(!paused));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("[data-map], input, textarea, select")) return;
    if (event.key === "ArrowRight") step(at + 1);
    else if (event.key === "ArrowLeft") step(at - 1);
    else if (event.key === "p" || event.key === "P") stop(!paused);
    else if (event.key >= "1" && event.key <= String(inOrder.length)) step(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
  setInterval(() => {
    if (paused || pinned || inOrder.length < 2) return;
    left -= 1;
    if (left <= 0) show(at + 1);
    else tell();
  }, 1000);

  wall.classList.add("has-scenes");
  wall.querySelector(".wall-scenes").hidden = false;
  stop(paused);
  show(0);
  return {
    pin(on, fresh) {
      if (fresh) {
        pinned = true;
        show(0);
      } else if (pinned && !on) {
        pinned = false;
        left = Number(inOrder[at].dataset.seconds);
        tell();
      }
    },
  };
}
