// Orders and notes while the line is cut: what cannot be sent waits in this browser, sealed, and goes out by itself, once
// each and in order, with the time at which it was typed. Forms say data-outbox (what it is) and data-api (where it goes).
import "./outbox.js";
import "./sealed.js";

const { outbox, sealed } = self;
const PROBE_MS = 4000;
const SEND_MS = 60_000; // Photos over a bad line.
const AGAIN_MS = 3000;
const SHOWN_MS = 12 * 3600_000; // What was sent stays in the list for a shift.
const LATER = [408, 425, 429];
const NOT_CARRIED = ["csrf", "key", "version", "then", "back", "hours"];
const me = document.querySelector("meta[name=duty-user]")?.content ?? "";
const copy = document.querySelector("meta[name=duty-copy]");
const box = document.getElementById("duty-outbox");
let signIn = false;
let turn = 0;

/** Whether the server answers now; a line that is up says little. */
async function reachable() {
  if (!navigator.onLine) return false;
  try {
    const options = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) };
    return (await fetch("/manifest.webmanifest", options)).ok;
  } catch {
    return false;
  }
}

/** Have the key of who is signed in; what somebody else sealed stays sealed. */
async function unlock() {
  if (!me || (await sealed.user()) === me) return;
  const answer = await fetch("/duty/seal", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { user, key } = await answer.json();
  if (user !== me) return;
  await sealed.open(user, key);
}

/** The worker keeps what it hands over: ask once for the page that came before the worker or the key was there. */
async function keepThisPage() {
  if (copy || !navigator.serviceWorker) return;
  await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller) {
    await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  }
  await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => {});
}

async function packed(file) {
  const ready = file.type.startsWith("image/") ? await outbox.small(file) : file;
  const bytes = new Uint8Array(await ready.arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768) text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return { name: file.name, type: ready.type, bytes: btoa(text) };
}

function unpacked({ name, type, bytes }) {
  return new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type });
}

/** Keep what a form holds; resolves when it lies on this machine. */
async function keep(form) {
  const said = new FormData(form);
  const at = Date.now();
  const fields = [...said].filter(([name, value]) => typeof value === "string" && value && !NOT_CARRIED.includes(name));
  const hours = Number(said.get("hours"));
  if (hours) fields.push(["finishBy", new Date(at + hours * 3600_000).toISOString()]);
  const files = [...said].filter(([, value]) => value instanceof File && value.size > 0);
  await sealed.put({
    key: outbox.newKey(),
    at,
    turn: (turn += 1),
    state: "waiting",
    user: me,
    kind: form.dataset.outbox,
    what: form.dataset.what ?? String(said.get("title") ?? ""),
    api: form.dataset.api,
    lists: (form.dataset.lists ?? "").split(" "),
    multipart: form.enctype === "multipart/form-data",
    fields,
    files: await Promise.all(files.map(async ([name, file]) => [name, await packed(file)])),
  });
}

/** What is left of a form that was kept: the next step of an order, an empty note. */
function after(form) {
  const steps = form.closest("[data-steps]");
  if (!steps) {
    form.reset();
    return;
  }
  const next = steps.querySelector(`template[data-after="${form.dataset.outbox}"]`);
  form.replaceWith(...(next ? [next.content.cloneNode(true)] : []));
  next?.remove();
}

function body(deed) {
  const typedAt = new Date(deed.at).toISOString();
  if (deed.multipart) {
    const sent = new FormData();
    for (const [name, value] of deed.fields) sent.append(name, value);
    sent.append("typedAt", typedAt);
    for (const [name, file] of deed.files) sent.append(name, unpacked(file));
    return [sent, {}];
  }
  const said = { typedAt };
  for (const [name, value] of deed.fields) {
    if (deed.lists.includes(name)) (said[name] ??= []).push(value);
    else said[name] = value;
  }
  return [JSON.stringify(said), { "Content-Type": "application/json" }];
}

/** Send one; false when the line, the server or the sign-in is not there, so that the others wait behind it. */
async function sendOne(deed, csrf) {
  const [sent, type] = body(deed);
  const headers = { "Idempotency-Key": deed.key, "X-CSRF-Token": csrf, Accept: "application/json", ...type };
  let answer;
  try {
    answer = await fetch(deed.api, { method: "POST", body: sent, headers, signal: AbortSignal.timeout(SEND_MS) });
  } catch {
    return false;
  }
  if (answer.status >= 500 || LATER.includes(answer.status)) return false;
  if (answer.status === 401) {
    signIn = true; // The person has to sign in again: nothing is lost.
    return false;
  }
  const { key, at, turn: order, user, kind, what } = deed;
  if (answer.ok) await sealed.put({ key, at, turn: order, user, kind, what, state: "sent", sentAt: Date.now() });
  else {
    const said = await answer.json().catch(() => ({}));
    await sealed.put({ ...deed, turn: order, state: "refused", status: answer.status, now: said.state ?? "", detail: said.detail ?? "" });
  }
  return true;
}

/** Send all that waits, one after the other; one sender at a time, whichever page it is. */
async function send() {
  await navigator.locks.request("dothi-duty", { ifAvailable: true }, async (lock) => {
    if (!lock || (await sealed.user()) !== me) return;
    const waiting = (await sealed.deeds()).filter((deed) => deed.state === "waiting");
    if (!waiting.length) return;
    const who = await fetch("/api/me", { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) }).catch(() => null);
    if (!who || who.status >= 500) return;
    const { id, csrf } = who.ok ? await who.json() : {};
    signIn = !who.ok || id !== me || !csrf;
    if (signIn) return;
    for (const deed of waiting) if (!(await sendOne(deed, csrf))) return;
  });
}

async function sendAll() {
  if (navigator.onLine) await send();
  await show();
}

/** Whether this browser can seal for this person; without it a form goes as it would without JavaScript. */
async function sealedFor() {
  return (await sealed.user()) === me;
}

function submitted(event) {
  const form = event.target.closest?.("form[data-outbox]");
  if (!form || form.dataset.online) return;
  event.preventDefault();
  if (form.dataset.busy) return; // A second tap of a hurried finger.
  form.dataset.busy = "yes";
  handled(form, event.submitter).finally(() => delete form.dataset.busy);
}

async function handled(form, button) {
  await sendAll();
  const behind = (await sealed.deeds()).some((deed) => deed.state === "waiting"); // In order: it waits behind them.
  if (!(await sealedFor()) || (!copy && !behind && (await reachable()))) {
    form.dataset.online = "yes";
    form.requestSubmit(button);
    return;
  }
  await keep(form);
  after(form);
  await show();
  box?.scrollIntoView({ block: "nearest" });
  await sendAll();
}

const time = (at) => new Date(at).toLocaleString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", day: "2-digit", month: "2-digit" });

function stateOf(deed) {
  if (deed.state === "sent") return box.dataset.sent.replace("{time}", time(deed.sentAt));
  return deed.state === "refused" ? box.dataset.refused : box.dataset.queued;
}

const said = (deed, field) => deed.fields?.find(([name]) => name === field)?.[1] ?? "";
const camel = (name) => name[0].toUpperCase() + name.slice(1);

function row(template, deed) {
  const item = template.content.cloneNode(true);
  const part = (name) => item.querySelector(`[data-part=${name}]`);
  part("what").textContent = [box.dataset[`do${camel(deed.kind)}`] ?? deed.kind, deed.what].filter(Boolean).join(": ");
  part("state").textContent = `– ${stateOf(deed)}`;
  part("words").textContent = [said(deed, "words"), said(deed, "counter")].filter(Boolean).join(" – ");
  part("time").textContent = box.dataset.typed.replace("{time}", time(deed.at));
  const now = deed.now && box.dataset[`state${camel(deed.now)}`];
  part("detail").textContent = now ? box.dataset.conflict.replace("{state}", now) : (deed.detail ?? "");
  part("remove").hidden = deed.state === "waiting";
  part("remove").addEventListener("click", () => sealed.remove(deed.key));
  item.querySelector("li").dataset.state = deed.state;
  return item;
}

async function show() {
  if (!box) return;
  const mine = (await sealed.user()) === me ? await sealed.deeds() : [];
  const shown = mine.filter((deed) => deed.state !== "sent" || Date.now() - deed.sentAt < SHOWN_MS);
  for (const deed of mine) if (!shown.includes(deed)) await sealed.remove(deed.key);
  const waiting = shown.filter((deed) => deed.state === "waiting").length;
  box.hidden = shown.length === 0;
  const first = waiting ? `${signIn ? box.dataset.signin : box.dataset.waiting} ${waiting}` : box.dataset.none;
  const line = box.querySelector("[data-first]");
  if (line.textContent !== first) line.textContent = first;
  box.querySelector("[data-send]").hidden = waiting === 0;
  const template = box.querySelector("[data-row]");
  box.querySelector("[data-rows]").replaceChildren(...shown.map((deed) => row(template, deed)));
}

/** Send again while something waits; a kept copy makes way for the page itself once the line is back. */
async function retry() {
  if (box && !box.querySelector("[data-send]").hidden) await sendAll();
  else if (copy && !typing() && (await reachable())) location.reload();
}

const typing = () => [...document.querySelectorAll("main textarea, main input[type=text]")].some((field) => field.value !== field.defaultValue);

async function start() {
  navigator.serviceWorker?.register("/worker.js").catch(() => {});
  sealed.channel.addEventListener("message", show);
  addEventListener("duty", show);
  addEventListener("submit", submitted);
  addEventListener("online", sendAll);
  addEventListener("pageshow", (event) => event.persisted && document.querySelectorAll("form[data-online]").forEach((form) => delete form.dataset.online));
  document.addEventListener("visibilitychange", () => document.hidden || sendAll());
  document.addEventListener("feed", ({ detail }) => detail.state === "signed-out" && sealed.close());
  box?.querySelector("[data-send]").addEventListener("click", sendAll);
  setInterval(retry, AGAIN_MS);
  await unlock();
  await sendAll();
  await keepThisPage();
}

if (me && "indexedDB" in self && "locks" in navigator && crypto.subtle) start();
