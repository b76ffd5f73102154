// What a duty officer's browser keeps while the line is cut, sealed under a key of the person: deeds that wait, and pages
// to be read again. Loaded by pages and by the worker. At sign-out the key and the pages go; deeds stay, unreadable, until
// the same person signs in. Nothing here is readable by the next user of a shared machine.
(() => {
  const NAME = "dothi-duty";
  const DUTY = /^\/(situation|orders|order\/[^/]+|incidents|incident\/[^/]+(\/order)?)$/; // The pages that may be kept.
  const LASTS = 12 * 3600_000; // A page older than a shift is not shown any more.
  const PAGES_MAX = 40;
  const channel = new BroadcastChannel(NAME);
  const text = new TextEncoder();

  function request(deed) {
    return new Promise((resolve, reject) => {
      deed.onsuccess = () => resolve(deed.result);
      deed.onerror = () => reject(deed.error);
    });
  }

  async function store(name, mode, act) {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("keys", { keyPath: "name" });
      opening.result.createObjectStore("deeds", { keyPath: "key" });
      opening.result.createObjectStore("pages", { keyPath: "path" });
    };
    const base = await request(opening);
    try {
      const deed = base.transaction(name, mode);
      const done = new Promise((resolve, reject) => {
        deed.oncomplete = resolve;
        deed.onabort = deed.onerror = () => reject(deed.error);
      });
      const result = await request(act(deed.objectStore(name)));
      await done;
      return result;
    } finally {
      base.close();
    }
  }

  const held = () => store("keys", "readonly", (keys) => keys.get("now"));

  /** Whose things can be read in this browser now; "" nobody's. */
  async function user() {
    return (await held())?.user ?? "";
  }

  /** Open what this person sealed; `hex` is the person's key, which cannot be read out of the browser again. */
  async function open(person, hex) {
    const raw = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    if ((await user()) !== person) await close();
    await store("keys", "readwrite", (keys) => keys.put({ name: "now", user: person, key }));
    changed();
  }

  /** Seal everything: the key and the kept pages go. */
  async function close() {
    await store("keys", "readwrite", (keys) => keys.clear());
    await store("pages", "readwrite", (pages) => pages.clear());
    changed();
  }

  async function seal(value) {
    const { key } = await held();
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, text.encode(JSON.stringify(value))) };
  }

  async function unseal({ iv, data }, key) {
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data)));
  }

  function changed() {
    channel.postMessage("changed");
    self.dispatchEvent(new Event("duty"));
  }

  /** The deeds of who is signed in, in the order in which they were typed. */
  async function deeds() {
    const now = await held();
    if (!now) return [];
    const mine = (await store("deeds", "readonly", (kept) => kept.getAll())).filter((deed) => deed.user === now.user);
    mine.sort((a, b) => a.at - b.at || a.turn - b.turn);
    return Promise.all(mine.map(async (deed) => ({ ...deed, ...(await unseal(deed.sealed, now.key)), sealed: undefined })));
  }

  async function put({ key, at, turn, state, ...said }) {
    const sealed = await seal(said);
    await store("deeds", "readwrite", (kept) => kept.put({ key, at, turn, state, user: said.user, sealed }));
    changed();
  }

  async function remove(key) {
    await store("deeds", "readwrite", (kept) => kept.delete(key));
    changed();
  }

  const keeps = (url) => DUTY.test(url.pathname);

  /** Keep a page for reading without a line, when it is the page of the person whose key is here. */
  async function keepPage(url, answer) {
    const now = await held();
    const page = await answer.text();
    if (!now || page.match(/<meta name="duty-user" content="([^"]*)">/)?.[1] !== now.user) return;
    const policy = answer.headers.get("content-security-policy") ?? "default-src 'self'";
    const record = { path: url.pathname + url.search, user: now.user, at: Date.now(), sealed: await seal({ page, policy }) };
    await store("pages", "readwrite", (pages) => pages.put(record));
    await prune();
  }

  async function prune() {
    const kept = (await store("pages", "readonly", (pages) => pages.getAll())).sort((a, b) => b.at - a.at);
    const gone = kept.filter((one, n) => n >= PAGES_MAX || Date.now() - one.at > LASTS);
    for (const one of gone) await store("pages", "readwrite", (pages) => pages.delete(one.path));
  }

  /** The kept page, with the time of its figures said first; undefined when there is none that may be read. */
  async function keptPage(url) {
    const now = await held();
    const record = now && (await store("pages", "readonly", (pages) => pages.get(url.pathname + url.search)));
    if (!record || record.user !== now.user || Date.now() - record.at > LASTS) return undefined;
    const { page, policy } = await unseal(record.sealed, now.key);
    const notice = page.match(/<template id="duty-kept">([\s\S]*?)<\/template>/)?.[1] ?? "{time}";
    const time = new Date(record.at).toLocaleString("vi-VN", { hour: "2-digit", minute: "2-digit", day: "2-digit", month: "2-digit", year: "numeric" });
    const whole = page
      .replace("<head>", () => `<head><meta name="duty-copy" content="${record.at}">`)
      .replace(/<main[^>]*>/, (main) => main + notice.replace("{time}", time));
    return new Response(whole, { headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy } });
  }

  self.sealed = { channel, close, deeds, keepPage, keeps, keptPage, open, put, remove, user };
})();
