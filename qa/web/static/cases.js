// The case library: rows are walked by J and K, print buttons print.

const rows = [...document.querySelectorAll("[data-row]")];
const list = document.getElementById("case-list");

function walk(step) {
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  next?.querySelector("[data-open]").focus();
}

if (list) {
  qa.register("j", list.dataset.down, () => walk(1));
  qa.register("k", list.dataset.up, () => walk(-1));
}
for (const button of document.querySelectorAll("[data-prints]")) button.addEventListener("click", () => window.print());
