// The sound of the wall: a tone made by code while an urgent alarm waits for somebody; still for some minutes when muted.

const NOTES = [880, 660, 880]; // Hertz, one after another.
const NOTE_S = 0.22;

/** Makes a wall sound; `call(waiting, fresh)` says how many urgent alarms wait and whether one of them is new. */
export function sound(wall) {
  const every = Number(wall.dataset.soundEvery) * 1000;
  const told = document.getElementById("wall-sound");
  const [on, mute] = [wall.querySelector("button[data-sound]"), wall.querySelector("button[data-mute]")];
  let context = null;
  let waiting = 0;
  let mutedUntil = 0;
  let last = 0;

  function state() {
    if (!("AudioContext" in globalThis)) return "none";
    if (context?.state !== "running") return "off";
    return Date.now() < mutedUntil ? "muted" : "on";
  }

  function tell() {
    const now = state();
    const until = new Date(mutedUntil).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
    const text = { off: wall.dataset.soundOff, on: wall.dataset.soundOn, muted: wall.dataset.soundMuted.replace("#", until), none: wall.dataset.soundNone }[now];
    if (told.textContent !== text) told.textContent = text;
    wall.dataset.sound = now;
    on.hidden = now !== "off";
    mute.hidden = now !== "on";
  }

  function tone() {
    last = Date.now();
    const gain = context.createGain();
    gain.gain.value = 0.25;
    gain.connect(context.destination);
    const horn = context.createOscillator();
    horn.type = "triangle";
    for (const [place, note] of NOTES.entries()) horn.frequency.setValueAtTime(note, context.currentTime + place * NOTE_S);
    horn.connect(gain);
    horn.addEventListener("ended", () => gain.disconnect(), { once: true });
    horn.start();
    horn.stop(context.currentTime + NOTES.length * NOTE_S);
    wall.dataset.tones = String(Number(wall.dataset.tones ?? 0) + 1);
  }

  function sing(fresh) {
    tell();
    if (waiting && state() === "on" && (fresh || Date.now() - last >= every)) tone();
  }

  // Browsers let a page sound only after a hand touched it, unless the wall's own browser is set to allow it.
  if ("AudioContext" in globalThis) {
    context = new AudioContext();
    context.addEventListener("statechange", () => sing(false));
  }
  on.addEventListener("click", () => context.resume().then(() => sing(true)));
  mute.addEventListener("click", () => silence());
  function silence() {
    if (state() === "on") mutedUntil = Date.now() + Number(wall.dataset.mute) * 60_000;
    tell();
  }
  setInterval(() => sing(false), 1000);
  tell();
  return {
    call(count, fresh) {
      waiting = count;
      sing(fresh);
    },
    mute: silence,
  };
}
