// The report form without a line: what cannot be sent is kept in this browser and sends itself later.
import "./outbox.js";

const { outbox } = self;
const form = document.querySelector("form[data-report]");
const PROBE_MS = 4000;

/** Whether the server answers now; a line that is up says little on a phone. */
async function reachable() {
  if (!navigator.onLine) return false;
  try {
    const options = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) };
    return (await fetch("/manifest.webmanifest", options)).ok;
  } catch {
    return false;
  }
}

async function messenger() {
  const worker = await navigator.serviceWorker?.ready;
  if (worker && "sync" in worker) await worker.sync.register("outbox").catch(() => {});
}

async function leave(event) {
  event.preventDefault();
  const cached = document.querySelector("meta[name=cached-copy]"); // Its token is nobody's: only the outbox can send it.
  if (!cached && (await reachable())) {
    await outbox.remove(form.elements.key.value);
    form.submit();
    return;
  }
  await outbox.add(form);
  await messenger();
  location.assign("/report/waiting");
}

/** A fresh key for each form that is opened, since a kept copy of the page would give the same one twice. */
function freshKey() {
  if (!document.querySelector("[data-focus], [name=kept]")) form.elements.key.value = outbox.newKey();
}

/** What was refused stands in the form again, under its own key. */
async function refill(key) {
  const report = await outbox.get(key);
  if (!report?.fields) return;
  form.elements.key.value = key;
  for (const [name, value] of report.fields) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
  const files = new DataTransfer();
  report.photos.forEach((photo, n) => files.items.add(new File([photo], `${n + 1}.jpg`, { type: photo.type })));
  form.elements.photos.files = files.files;
}

async function tell() {
  const note = document.querySelector("[data-unsent]");
  if (!note) return;
  const waiting = (await outbox.list()).filter((report) => report.state !== "sent").length;
  note.hidden = waiting === 0;
  note.querySelector("[data-count]").textContent = String(waiting);
}

function row(template, report, words) {
  const item = template.content.cloneNode(true);
  const part = (name) => item.querySelector(`[data-part=${name}]`);
  const description = report.fields?.find(([name]) => name === "description")?.[1] ?? "";
  part("name").textContent = report.name;
  part("words").textContent = description.slice(0, 120);
  part("time").textContent = new Date(report.at).toLocaleString(document.documentElement.lang);
  part("state").textContent = words[report.state];
  part("detail").textContent = report.detail ?? "";
  part("code").hidden = report.state !== "sent";
  part("code").textContent = report.code ?? "";
  part("follow").hidden = report.state !== "sent";
  part("follow").href = `/follow/${report.code ?? ""}`;
  part("mend").hidden = report.state !== "refused";
  part("mend").href = `/report?${report.page ?? ""}&waiting=${report.key}`;
  part("remove").addEventListener("click", () => outbox.remove(report.key));
  return item;
}

async function show() {
  const box = document.getElementById("outbox");
  if (!box) return;
  const reports = await outbox.list();
  const waiting = reports.filter((report) => report.state !== "sent").length;
  const first = document.querySelector("[data-outbox-first]");
  first.textContent = waiting ? `${first.dataset.waiting} ${waiting}` : first.dataset[reports.length ? "sent" : "none"];
  const words = { waiting: box.dataset.waiting, sent: box.dataset.sent, refused: box.dataset.refused };
  box.replaceChildren(...reports.map((report) => row(document.getElementById("outbox-row"), report, words)));
  document.querySelector("[data-send]").hidden = waiting === 0;
}

async function refresh() {
  await Promise.all([tell(), show()]);
}

async function sendAll() {
  if (navigator.onLine) await outbox.send();
  await refresh();
}

if ("indexedDB" in self && "locks" in navigator) {
  navigator.serviceWorker?.register("/worker.js").catch(() => {});
  outbox.channel.addEventListener("message", refresh);
  addEventListener("outbox", refresh);
  addEventListener("online", sendAll);
  document.addEventListener("visibilitychange", () => document.hidden || sendAll());
  document.querySelector("[data-send]")?.addEventListener("click", sendAll);
  if (form) {
    freshKey();
    addEventListener("pageshow", (event) => event.persisted && freshKey());
    form.addEventListener("submit", leave);
    const key = new URLSearchParams(location.search).get("waiting");
    if (key) refill(key);
  }
  sendAll();
}
