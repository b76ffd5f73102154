// The form of a warning: corners drawn on the map by pointer or Enter go into the list of coordinates; the preview follows.
const form = document.getElementById("warning-form");
const drawing = form?.querySelector("[data-draw]");

/** The blocks of the list: [{ name, ring: [[lon, lat] …] }]; lines that are no place are left to the server to tell. */
function blocks(text) {
  return text.split(/\n\s*\n/).map((block) => {
    const lines = block.split("\n").map((line) => line.trim()).filter(Boolean);
    const ring = lines.map((line) => /^(-?\d+(?:\.\d+)?)[,;\s]+(-?\d+(?:\.\d+)?)$/.exec(line)).filter(Boolean).map(([, lat, lon]) => [Number(lon), Number(lat)]);
    return { name: lines.find((line) => !/^[-\d]/.test(line)) ?? "", ring };
  });
}

function shapes(text) {
  const features = blocks(text).filter(({ ring }) => ring.length).map(({ ring }) => {
    const closed = [...ring, ring[0]];
    const geometry = ring.length > 2 ? { type: "Polygon", coordinates: [closed] } : { type: "LineString", coordinates: closed };
    return { type: "Feature", properties: {}, geometry };
  });
  return { type: "FeatureCollection", features };
}

function draw(box) {
  const list = document.getElementById(box.dataset.draw);
  const status = box.querySelector("[role=status]");
  const map = box.querySelector("[data-map]");
  const show = () => {
    const drawn = shapes(list.value);
    map.map?.getSource("areas")?.setData(drawn);
    const last = blocks(list.value).at(-1);
    status.textContent = status.dataset.told.replace("#", last.ring.length);
  };
  const change = (text) => {
    list.value = text;
    list.dispatchEvent(new Event("input", { bubbles: true }));
  };
  box.hidden = false;
  map.addEventListener("pick", ({ detail: { lon, lat } }) => {
    const gap = list.value && !list.value.endsWith("\n") ? "\n" : "";
    change(`${list.value}${gap}${lat.toFixed(5)}, ${lon.toFixed(5)}`);
  });
  box.querySelector("[data-undo]").addEventListener("click", () => change(list.value.trimEnd().split("\n").slice(0, -1).join("\n")));
  box.querySelector("[data-next]").addEventListener("click", () => list.value.trim() && change(`${list.value.trimEnd()}\n\n`));
  list.addEventListener("input", show);
  const ready = new MutationObserver(() => map.dataset.ready && show());
  ready.observe(map, { attributes: true, attributeFilter: ["data-ready"] });
}

/** What SMS and loudspeaker will say, asked of the server a second after the last key. */
function previewing(panel) {
  let waiting;
  let asked = 0;
  const ask = async () => {
    const number = (asked += 1);
    const body = new URLSearchParams(new FormData(form));
    body.set("action", "preview");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-preview]");
      if (fresh && number === asked) panel.replaceChildren(...fresh.childNodes);
    } catch {
      // The line is cut: what stands stays, and the button asks again.
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 1000);
  });
  if (panel.dataset.preview !== "shown") ask();
}

if (drawing) draw(drawing);
if (form) previewing(form.querySelector("[data-preview]"));
