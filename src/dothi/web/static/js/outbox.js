// Reports that could not be sent yet, kept in this browser's IndexedDB and sent once. Loaded by pages and by the worker.
const NAME = "dothi-outbox";
const STORE = "reports";
const LONGEST = 1600; // Pixels of a photo's longer side, as the server keeps it.
const QUALITY = 0.82;
const LATER = [408, 425, 429]; // And 5xx: the server asks for patience; any other 4xx asks for the person.
const NOT_CARRIED = ["csrf", "website", "kept", "shown", "back", "key", "photos", "province"];
const channel = new BroadcastChannel(NAME);

function request(deed) {
  return new Promise((resolve, reject) => {
    deed.onsuccess = () => resolve(deed.result);
    deed.onerror = () => reject(deed.error);
  });
}

async function store(mode, act) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "key" });
  const base = await request(opening);
  try {
    const deed = base.transaction(STORE, mode);
    const done = new Promise((resolve, reject) => {
      deed.oncomplete = resolve;
      deed.onabort = deed.onerror = () => reject(deed.error);
    });
    const result = await request(act(deed.objectStore(STORE)));
    await done;
    return result;
  } finally {
    base.close();
  }
}

/** Tell this page and all others; a channel does not hear itself. */
function changed() {
  channel.postMessage("changed");
  self.dispatchEvent(new Event("outbox"));
}

const list = async () => (await store("readonly", (reports) => reports.getAll())).sort((a, b) => a.at - b.at);
const get = (key) => store("readonly", (reports) => reports.get(key));

async function put(report) {
  await store("readwrite", (reports) => reports.put(report));
  changed();
}

async function remove(key) {
  await store("readwrite", (reports) => reports.delete(key));
  changed();
}

/** A key of 256 bits: makes a second sending harmless, and the report's secret code comes from it. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The photo upright, small and without its metadata; as it is when this browser cannot read it. */
async function small(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return (await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY))) ?? file;
  } catch {
    return file;
  }
}

/** Keep what a form holds; resolves when it is on this device. */
async function add(form) {
  const said = new FormData(form);
  const photos = said.getAll("photos").filter((file) => file.size > 0);
  const fields = [...said].filter(([name, value]) => typeof value === "string" && value && !NOT_CARRIED.includes(name));
  const chosen = form.querySelector("input[name=category]:checked")?.closest("label")?.querySelector("span");
  await put({
    key: said.get("key"),
    at: Date.now(),
    state: "waiting",
    name: chosen?.firstChild?.textContent?.trim() ?? "",
    page: new URLSearchParams({ province: said.get("province") ?? "" }).toString(),
    fields,
    photos: await Promise.all(photos.map(small)),
  });
}

function body(report) {
  const sent = new FormData();
  const category = report.fields.find(([name]) => name === "category")?.[1] ?? "";
  const answers = {};
  for (const [name, value] of report.fields) {
    if (name.startsWith("q-") && name.endsWith(`-${category}`)) answers[name.slice(2, -category.length - 1)] = value;
    else if (!name.startsWith("q-")) sent.append(name, value);
  }
  if (Object.keys(answers).length) sent.append("answers", JSON.stringify(answers));
  report.photos.forEach((photo, n) => sent.append("photos", photo, `${n + 1}.jpg`));
  return sent;
}

/** Send one; false when the line or the server is not there, so that the others wait too. */
async function sendOne(report) {
  let answer;
  try {
    const headers = { "Idempotency-Key": report.key };
    // Without cookies: a report is nobody's in particular, whoever is signed in.
    answer = await fetch("/api/reports", { method: "POST", body: body(report), headers, credentials: "omit" });
  } catch {
    return false;
  }
  if (answer.status >= 500 || LATER.includes(answer.status)) return false;
  const said = await answer.json().catch(() => ({}));
  const { key, at, name } = report;
  if (answer.ok) await put({ key, at, name, state: "sent", code: said.followCode }); // Words and photos leave this device.
  else await put({ ...report, state: "refused", detail: said.detail ?? "" });
  return true;
}

/** Send all that waits, one after the other; one sender at a time, page or worker. */
async function send() {
  await navigator.locks.request(NAME, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    for (const report of await list()) if (report.state === "waiting" && !(await sendOne(report))) return;
  });
}

self.outbox = { add, channel, get, list, newKey, put, remove, send, small };
