// Officials' lists by keyboard: j and k move, Enter opens, / finds; quick find compares without marks (dien finds điện).
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐÐð]/g, "d").toLowerCase();
}

function rows() {
  return [...document.querySelectorAll("[data-list] > [data-row]:not([hidden])")];
}

function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
  next?.querySelector("a")?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  else if (event.key === "/") document.querySelector("[data-find] input, main input[type=search]")?.focus();
  else return;
  event.preventDefault();
});

function find(box) {
  const list = document.getElementById(box.dataset.find);
  const input = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const run = () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    let seen = 0;
    for (const row of document.getElementById(box.dataset.find)?.children ?? []) {
      const text = fold(row.textContent);
      row.hidden = !words.every((word) => text.includes(word));
      seen += row.hidden ? 0 : 1;
    }
    status.textContent = seen ? "" : status.dataset.none;
  };
  if (!list) return;
  box.hidden = false;
  input.addEventListener("input", run);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      run();
      input.blur();
    }
  });
  document.addEventListener("fresh", run);
}

for (const box of document.querySelectorAll("[data-find]")) find(box);
