// The review queue: filters send themselves, rows are walked by J and K, ticks are counted.

const rows = [...document.querySelectorAll("[data-row]")];
const ticks = rows.map((row) => row.querySelector("input[name=ticked]")).filter(Boolean);
const all = document.getElementById("tick-all");
const told = document.getElementById("ticked");
const untold = told?.textContent;

/** Send a form without its empty fields, so that the address holds what is chosen and nothing else. */
function sendBare(form) {
  for (const field of form.elements) {
    if (field.name && !field.value) field.disabled = true;
  }
  form.submit();
}

for (const form of document.querySelectorAll("[data-sends-itself]")) {
  form.closest("main").classList.add("scripted");
  form.addEventListener("change", () => sendBare(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendBare(form);
  });
}

function walk(step) {
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  next?.querySelector("[data-open]").focus();
}

function count() {
  const number = ticks.filter((tick) => tick.checked).length;
  all.checked = number > 0 && number === ticks.length;
  all.indeterminate = number > 0 && number < ticks.length;
  told.textContent = number === 0 ? untold : number === 1 ? told.dataset.one : told.dataset.many.replace("{n}", number);
}

if (all) {
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    count();
  });
  for (const tick of ticks) tick.addEventListener("change", count);
  count();
}

const labels = document.getElementById("queue-list")?.dataset;
if (labels) {
  qa.register("j", labels.down, () => walk(1));
  qa.register("k", labels.up, () => walk(-1));
  if (all) {
    qa.register("x", labels.tick, () => {
      const row = rows.find((one) => one.contains(document.activeElement));
      row?.querySelector("input[name=ticked]").click();
      row?.querySelector("[data-open]").focus();
    });
  }
}
