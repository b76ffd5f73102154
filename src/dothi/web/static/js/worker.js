// The service worker: the report form without a line, and the outbox's messenger. In its cache it keeps pages of nobody in
// particular only; pages of the centre at work are sealed for their person (sealed.js).
// The server puts DIGEST and SHELL before this text (web/pages/citizens/offline.py); a new digest is a new worker.
/* global DIGEST, SHELL */
importScripts(`/static/${DIGEST}/js/outbox.js`, `/static/${DIGEST}/js/sealed.js`);

const CACHE = `dothi-${DIGEST}`;
const FORM = "/report/offline";
const WAITING = "/report/waiting";
const HERE = self.location.origin;

/** A page as somebody without any cookie gets it: what is kept is never a person's own page. */
const anonymous = (address) => new Request(address, { credentials: "omit", cache: "no-cache" });

async function keep(cache, address) {
  const answer = await fetch(anonymous(address));
  if (answer.ok && !answer.redirected) await cache.put(address, answer);
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await Promise.all(SHELL.map((address) => keep(cache, address)));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith("dothi-") && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

/** Static files of this version never change: the kept copy first. */
async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.status === 200) await cache.put(request, answer.clone());
  return answer;
}

const find = async (cache, address) => cache.match(address, { ignoreVary: true });

/** The network's page; without a line the kept form for the report page, and the list of what waits for any other. */
async function page(event, url) {
  try {
    const answer = await watched(event, url);
    if (url.pathname === "/report" && url.search) event.waitUntil(keepForm(FORM + url.search));
    return answer;
  } catch (lost) {
    const sealed = self.sealed.keeps(url) && (await self.sealed.keptPage(url).catch(() => undefined));
    if (sealed) return sealed;
    const cache = await caches.open(CACHE);
    const form = url.pathname === "/report" && ((await find(cache, FORM + url.search)) ?? (await find(cache, FORM)));
    const kept = form || (await find(cache, WAITING));
    if (kept) return kept;
    throw lost;
  }
}

/** The network's answer; a page of the centre at work is kept, sealed, on its way. */
async function watched(event, url) {
  const answer = await fetch(event.request);
  const page = answer.ok && !answer.redirected && (answer.headers.get("content-type") ?? "").startsWith("text/html");
  if (page && self.sealed.keeps(url)) event.waitUntil(self.sealed.keepPage(url, answer.clone()).catch(() => {}));
  return answer;
}

/** The form of a province that was looked at, once. */
async function keepForm(address) {
  const cache = await caches.open(CACHE);
  if ((await find(cache, address)) || (await cache.keys()).length > 80) return;
  await keep(cache, address).catch(() => {});
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin === HERE && event.request.method === "POST" && url.pathname === "/logout") event.waitUntil(self.sealed.close());
  if (event.request.method !== "GET" || url.origin !== HERE) return;
  if (url.pathname.startsWith(`/static/${DIGEST}/`)) event.respondWith(asset(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event, url));
  else if (self.sealed.keeps(url) && event.request.headers.get("accept") === "text/html") event.respondWith(watched(event, url));
});

self.addEventListener("sync", (event) => {
  if (event.tag === "outbox") event.waitUntil(self.outbox.send());
});
