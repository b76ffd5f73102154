// One stream of changes for the whole page (/live), shared by its parts; says when the connection is lost.
const listeners = new Map(); // Type of entity → functions to call.
let source = null;
let timer = 0;
let lastBeat = Date.now();
let lastSeq = document.querySelector("meta[name=live-after]")?.content ?? "";
const SILENCE_MS = 40_000; // Two heart-beats and a half.

function tell(state) {
  document.dispatchEvent(new CustomEvent("feed", { detail: { state, since: new Date(lastBeat) } }));
}

function heard(event) {
  lastBeat = Date.now();
  if (event.lastEventId) lastSeq = event.lastEventId;
  tell("live");
}

function changed(event) {
  heard(event);
  const { changes, more } = JSON.parse(event.data);
  const types = new Set([...changes.map((change) => change.type), ...more]);
  const called = new Set([...types].flatMap((type) => listeners.get(type) ?? []));
  for (const call of called) call(changes);
}

function open() {
  source?.close();
  const types = [...listeners.keys()].sort().join(",");
  const after = lastSeq ? `&after=${lastSeq}` : "";
  source = new EventSource(`/live?types=${encodeURIComponent(types)}${after}`);
  source.addEventListener("beat", heard);
  source.addEventListener("change", changed);
  source.addEventListener("signed-out", () => {
    source.close();
    clearInterval(timer);
    tell("signed-out");
  });
  source.addEventListener("error", () => {
    tell("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000); // The browser gave up; we do not.
  });
  clearInterval(timer);
  timer = setInterval(() => {
    if (Date.now() - lastBeat < SILENCE_MS) return;
    tell("lost");
    open();
  }, 5000);
}

/** Calls `call(changes)` when entities of one of these types change, as far as the reader may see them. */
export function follow(types, call) {
  const before = listeners.size;
  for (const type of types) listeners.set(type, [...(listeners.get(type) ?? []), call]);
  if (!source || listeners.size > before) queueMicrotask(open);
}

addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => event.persisted && listeners.size && open());
