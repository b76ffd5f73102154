// The map island: Vietnam from our own outlines, the sea empty, both archipelagos at the start view; points from GeoJSON.
import { Map, Marker, NavigationControl, AttributionControl, Popup } from "../vendor/maplibre-gl/maplibre-gl.mjs";
import { onTheme, token } from "./theme.js";
import { follow } from "./feed.js";

const COUNTRY = [[102.0, 7.5], [116.5, 23.6]]; // West-south, east-north: the mainland, Hoàng Sa and Trường Sa.
const PINS_MAX = 300; // Beyond this, points are drawn on the canvas instead of as buttons.
const APART_PX = [58, 34]; // A pin with its value is wider than high.
const KINDS = ["good", "watch", "bad", "note", "grey"];
const NOTHING = { type: "FeatureCollection", features: [] };

function loadStyles() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../vendor/maplibre-gl/maplibre-gl.css", import.meta.url).href;
  document.head.prepend(link); // Before our own, so that our colours stand.
}

async function fetchJson(address) {
  const answer = await fetch(address, { headers: { Accept: "application/geo+json, application/json" } });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.json();
}

/** The layers in the colours of the shown theme. */
function layers(language) {
  const name = language === "en" ? ["get", "nameEn"] : ["get", "short"];
  const text = { "text-color": token("--map-label"), "text-halo-color": token("--map-land"), "text-halo-width": 1.5 };
  const face = ["Be Vietnam Pro"];
  const size = ["interpolate", ["linear"], ["zoom"], 4, 10, 8, 14];
  const priority = ["case", ["==", ["get", "kind"], "thành phố"], 1, 2]; // Cities keep their names first.
  return [
    { id: "sea", type: "background", paint: { "background-color": token("--map-sea") } },
    { id: "land", type: "fill", source: "outlines", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": token("--map-land") } },
    { id: "edges", type: "line", source: "outlines", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": token("--map-edge"), "line-width": ["interpolate", ["linear"], ["zoom"], 4, 0.6, 10, 1.6] } },
    { id: "areas", type: "fill", source: "areas", paint: { "fill-color": token("--bad"), "fill-opacity": 0.15 } },
    { id: "area-edges", type: "line", source: "areas", paint: { "line-color": token("--bad"), "line-width": 2, "line-dasharray": [3, 2] } },
    { id: "units", type: "symbol", source: "units", minzoom: 8.5, layout: { "text-field": language === "en" ? ["get", "nameEn"] : ["get", "name"], "text-font": face, "text-size": 11, "text-padding": 6, "text-max-width": 7, "text-anchor": "top", "text-offset": [0, 0.3] }, paint: { ...text, "text-color": token("--ink-soft") } },
    { id: "points", type: "circle", source: "points", paint: { "circle-radius": 5, "circle-color": ["match", ["get", "kind"], ...KINDS.flatMap((kind) => [kind, token(`--${kind}`)]), token("--ink")], "circle-stroke-width": 1.5, "circle-stroke-color": token("--sheet") } },
    { id: "names", type: "symbol", source: "outlines", filter: ["==", ["get", "of"], "province"], layout: { "text-field": name, "text-font": face, "text-size": size, "text-padding": 3, "text-max-width": 7, "symbol-sort-key": priority }, paint: text },
    { id: "archipelagos", type: "symbol", source: "outlines", filter: ["==", ["get", "of"], "archipelago"], layout: { "text-field": name, "text-font": face, "text-size": size, "text-max-width": 7, "text-allow-overlap": true }, paint: text },
  ];
}

/** The country in a corner of a map of a part of it: both archipelagos are on every map, and one sees where one is. */
function inset(map, outlines, language) {
  const [[west, south], [east, north]] = COUNTRY;
  const at = ([lon, lat]) => [lon - west, north - lat];
  const line = (ring) => `M${ring.filter((_, n) => n % 4 === 0).map((place) => at(place).map((n) => n.toFixed(2)).join(" ")).join("L")}Z`;
  const rings = ({ type, coordinates }) => (type === "Polygon" ? coordinates : type === "MultiPolygon" ? coordinates.flat() : []);
  const make = (name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };
  const svg = make("svg", { viewBox: `0 0 ${east - west} ${north - south}`, "aria-hidden": "true" });
  const land = outlines.features.filter((feature) => feature.properties.role === "province");
  svg.append(make("path", { d: land.flatMap((feature) => rings(feature.geometry).map(line)).join("") }));
  for (const { properties, geometry } of outlines.features) {
    if (properties.role !== "label" || properties.of !== "archipelago") continue;
    const [x, y] = at(geometry.coordinates);
    const name = language === "en" ? properties.nameEn.replace(/ Archipelago.*/, "") : properties.short.replace(/^Quần đảo | \(.*/g, "");
    svg.append(...[-0.3, 0, 0.3].map((shift) => make("circle", { cx: x + shift, cy: y + shift * shift, r: 0.1 })));
    const middle = Math.min(x, east - west - 3);
    const [first, second] = y > north - south - 3 ? [y - 1.9, y - 0.8] : [y + 1.4, y + 2.5];
    svg.append(make("text", { x: middle, y: first }, name), make("text", { x: middle, y: second }, "(Việt Nam)"));
  }
  const view = make("rect", { rx: 0.1 });
  const follow = () => {
    const bounds = map.getBounds();
    const [x, y] = at([bounds.getWest(), bounds.getNorth()]);
    const size = { x, y, width: Math.max(bounds.getEast() - bounds.getWest(), 0.4), height: Math.max(bounds.getNorth() - bounds.getSouth(), 0.4) };
    for (const [key, value] of Object.entries(size)) view.setAttribute(key, value);
    box.hidden = map.getZoom() < 6.5; // The map itself shows the archipelagos then.
  };
  const box = document.createElement("div");
  box.className = "map-inset";
  svg.append(view);
  box.append(svg);
  map.getContainer().append(box);
  map.on("move", follow);
  map.on("resize", follow);
  follow();
}

function unitPoints(units) {
  const placed = units.filter((unit) => unit.lon !== null);
  return { type: "FeatureCollection", features: placed.map((unit) => ({ type: "Feature", properties: { name: unit.name, nameEn: unit.nameEn }, geometry: { type: "Point", coordinates: [unit.lon, unit.lat] } })) };
}

function drawing(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", new URL(`../icons.svg#${name}`, import.meta.url).href);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A link or button for one point with its value, or for several that lie on each other: then it says how many. */
function pin(group, many = "#") {
  const { name, href, value, kind = "note", icon = "place" } = group[0].properties;
  const alone = group.length === 1;
  const element = document.createElement(alone && href ? "a" : "button");
  if (alone && href) element.href = href;
  else element.type = "button";
  element.className = `map-pin ${kind}`;
  const label = alone ? name : `${group.length}: ${group.map((one) => one.properties.name).join("; ")}`;
  element.title = label;
  element.setAttribute("aria-label", label);
  element.append(...(alone ? [drawing(icon), value ?? ""] : [many.replace("#", group.length)]));
  element.classList.toggle("many", !alone);
  return element;
}

function telling(group) {
  const box = document.createElement("div");
  for (const { properties: { name, text, href } } of group) {
    const line = document.createElement("p");
    const title = document.createElement(href ? "a" : "strong");
    if (href) title.href = href;
    title.textContent = name;
    line.append(title);
    if (text) line.append(document.createElement("br"), text);
    box.append(line);
  }
  return new Popup({ offset: [0, -34], maxWidth: "20rem" }).setDOMContent(box);
}

/** Points that lie closer than a finger's width go together, the most pressing first. */
function grouped(map, features) {
  const pressing = ["bad", "watch", "note", "good", "grey"];
  const rank = (feature) => (pressing.indexOf(feature.properties.kind) + pressing.length) % pressing.length;
  const groups = [];
  for (const feature of [...features].sort((one, other) => rank(one) - rank(other))) {
    const at = map.project(feature.geometry.coordinates);
    const near = groups.find((group) => Math.abs(group.at.x - at.x) < APART_PX[0] && Math.abs(group.at.y - at.y) < APART_PX[1]);
    if (near) near.features.push(feature);
    else groups.push({ at, features: [feature] });
  }
  return groups.map((group) => group.features);
}

/** Draws one [data-map]; the returned map carries show(collection) and every marker is a link or a button. */
async function draw(box) {
  const settings = box.dataset;
  const language = document.documentElement.lang;
  const [outlines, units] = await Promise.all([
    fetchJson(settings.outlines),
    settings.units ? fetchJson(`/api/units/${settings.units}/communes`).then((found) => unitPoints(found.units)) : NOTHING,
    document.fonts.load('16px "Be Vietnam Pro"', "Đặc khu Hoàng Sa ưở"),
  ]);
  box.replaceChildren();
  const start = settings.start?.split(",").map(Number);
  const point = (data) => ({ type: "geojson", data });
  const map = new Map({
    container: box,
    style: { version: 8, sources: { outlines: point(outlines), units: point(units), points: point(NOTHING), areas: point(NOTHING) }, layers: layers(language) },
    ...(start ? { center: start.slice(0, 2), zoom: start[2] } : { bounds: COUNTRY, fitBoundsOptions: { padding: 8 } }),
    maxZoom: 17, minZoom: 2, renderWorldCopies: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    attributionControl: false, cooperativeGestures: false, fadeDuration: 0,
    locale: { "Map.Title": settings.canvas, "NavigationControl.ZoomIn": settings.zoomIn, "NavigationControl.ZoomOut": settings.zoomOut, "Popup.Close": settings.close },
  });
  map.scrollZoom.disable(); // The page scrolls; the map zooms by its buttons, keys or pinching.
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new AttributionControl({ compact: false, customAttribution: settings.attribution }), "bottom-right");
  inset(map, outlines, language);
  box.map = map; // For islands of other pages, and for tests.
  map.once("idle", () => (box.dataset.ready = "yes"));
  onTheme(() => map.setStyle({ ...map.getStyle(), layers: layers(language) }));
  return map;
}

function showPoints(map, box) {
  const pins = [];
  let features = [];
  const put = () => {
    const held = pins.findIndex((marker) => marker.getElement() === document.activeElement);
    for (const old of pins.splice(0)) old.remove();
    for (const group of features.length > PINS_MAX ? [] : grouped(map, features)) {
      const marker = new Marker({ element: pin(group, box.dataset.many), anchor: "bottom" }).setLngLat(group[0].geometry.coordinates);
      if (group.length > 1 || !group[0].properties.href) marker.setPopup(telling(group));
      pins.push(marker.addTo(map));
    }
    pins[held]?.getElement().focus({ preventScroll: true });
  };
  map.on("zoomend", put);
  return async () => {
    const found = await fetchJson(box.dataset.markers);
    map.getSource("areas")?.setData({ ...found, features: found.features.filter((feature) => feature.geometry?.type.endsWith("Polygon")) });
    const fresh = found.features.filter((feature) => feature.geometry?.type === "Point");
    if (JSON.stringify(fresh) === JSON.stringify(features) && box.dataset.points) return;
    features = fresh;
    map.getSource("points")?.setData(features.length > PINS_MAX ? found : NOTHING);
    if (!document.querySelector(".maplibregl-popup")) put(); // What somebody reads stays until it is closed.
    box.dataset.points = String(features.length);
  };
}

/** The reader chooses a place: a click, or Enter for the middle of the map, fills two fields (longitude, latitude). */
function pickPlace(map, box) {
  const [lon, lat] = box.dataset.pick.split(",").map((id) => document.getElementById(id));
  const marker = new Marker({ element: pin([{ properties: { name: box.dataset.picked ?? "", kind: "bad" } }]), anchor: "bottom" });
  const choose = ({ lng, lat: north }) => {
    lon.value = lng.toFixed(6);
    lat.value = north.toFixed(6);
    marker.setLngLat([lng, north]).addTo(map);
    box.dispatchEvent(new CustomEvent("pick", { bubbles: true, detail: { lon: lng, lat: north } }));
  };
  map.on("click", (event) => choose(event.lngLat));
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") choose(map.getCenter());
  });
  if (lon.value && lat.value) choose({ lng: Number(lon.value), lat: Number(lat.value) });
}

async function begin(box) {
  try {
    const map = await draw(box);
    map.on("click", "points", ({ features, lngLat }) => telling(features.slice(0, 20)).setLngLat(lngLat).addTo(map));
    if (box.dataset.pick) pickPlace(map, box);
    if (!box.dataset.markers) return;
    const show = showPoints(map, box);
    await map.once("load");
    await show();
    if (box.dataset.liveTypes) follow(box.dataset.liveTypes.split(" "), show);
  } catch (error) {
    console.info("The map cannot be drawn:", error.message);
    const text = document.createElement("p");
    text.className = "loading";
    text.textContent = box.dataset.lost;
    box.replaceChildren(text);
    box.dataset.ready = "no";
  }
}

loadStyles();
for (const box of document.querySelectorAll("[data-map]")) begin(box);
