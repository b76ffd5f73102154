// The report form beside its plain self: the map that suggests a commune, and hints while one types. Nothing is sent by it.
const form = document.querySelector("[data-report]");

function fold(text) {
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐÐð]/g, "d").toLowerCase();
  return ` ${plain.replace(/[^a-z0-9]+/g, " ").trim()} `;
}

/** Phone numbers and card numbers, as the server hides them. */
const PERSONAL = /(?<!\d)\d(?:[ .-]?\d){11}(?!\d)|(?<![\d.,])(?:\+?84|0)(?:[ .-]?\d){9,10}(?!\d)|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/;

function hints() {
  const words = form.elements.description;
  const emergency = form.dataset.emergency.split("|");
  const numbers = document.getElementById("emergency");
  const personal = form.querySelector("[data-personal]");
  words.addEventListener("input", () => {
    const text = fold(words.value);
    const danger = emergency.some((word) => text.includes(` ${word} `));
    numbers.classList.toggle("bad", danger);
    numbers.classList.toggle("warning", !danger);
    if (danger) numbers.setAttribute("role", "alert");
    else numbers.removeAttribute("role");
    personal.hidden = !PERSONAL.test(words.value);
  });
}

async function suggest({ detail }) {
  const said = form.querySelector("[data-suggestion]");
  const answer = await fetch(`/api/resolve?lon=${detail.lon}&lat=${detail.lat}`);
  if (!answer.ok) return;
  const { unit, exact } = await answer.json();
  const known = unit && [...form.elements.unit.options].some((option) => option.value === unit.code);
  if (known) form.elements.unit.value = unit.code;
  const name = unit ? (document.documentElement.lang === "en" ? unit.nameEn : unit.name) : "";
  said.textContent = unit ? (exact ? said.dataset.exact : said.dataset.guess).replace("[unit]", name) : said.dataset.nothing;
}

if (form) {
  hints();
  const place = form.querySelector("[data-place-map]");
  place.hidden = false;
  place.addEventListener("pick", suggest);
  form.addEventListener("submit", () => {
    // A second click sends nothing: the key in the form would find the first report anyway.
    const button = form.querySelector("button[type=submit]");
    setTimeout(() => button.setAttribute("disabled", ""), 0);
  });
}
