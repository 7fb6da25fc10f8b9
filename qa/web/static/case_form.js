// Making a case: notes are bound to a message, or to the words selected in it. What is typed is sent once.

const form = document.getElementById("case-form");
const area = document.getElementById("lines");
const lines = [...document.querySelectorAll("[data-line]")];
let changed = false;

/** The selected part of a message as offsets in code points, or null. */
function selectedIn(line) {
  const selection = document.getSelection();
  const text = line.querySelector(".line-text");
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(text);
  before.setEnd(range.startContainer, range.startOffset);
  const start = [...before.toString()].length;
  return { start, end: start + [...range.toString()].length };
}

function showQuote(row) {
  const [start, end] = ["start", "end"].map((part) => row.querySelector(`[name=note-${part}]`).value);
  const text = row.closest("[data-line]").querySelector(".line-text").textContent;
  const quote = row.querySelector(".note-quote");
  quote.hidden = start === "";
  quote.textContent = start === "" ? "" : [...text].slice(Number(start), Number(end)).join("");
}

function addNote(line) {
  const row = document.getElementById("note-row").content.firstElementChild.cloneNode(true);
  const place = selectedIn(line);
  row.querySelector("[name=note-turn]").value = line.dataset.line;
  row.querySelector("[name=note-start]").value = place?.start ?? "";
  row.querySelector("[name=note-end]").value = place?.end ?? "";
  row.querySelector("[name=note-good]").value = form.elements.kind.value === "typical" ? "0" : "1";
  line.querySelector(".note-rows").append(row);
  showQuote(row);
  paint(row);
  row.querySelector("textarea").focus();
  changed = true;
}

function paint(row) {
  row.classList.toggle("is-bad", row.querySelector("[name=note-good]").value === "0");
}

function here() {
  const node = document.getSelection().anchorNode;
  const selected = node && !document.getSelection().isCollapsed ? (node.nodeType === 1 ? node : node.parentElement).closest("[data-line]") : null;
  return selected ?? document.activeElement.closest?.("[data-line]");
}

function walk(step) {
  const at = lines.indexOf(here());
  const next = lines[at < 0 ? 0 : Math.min(Math.max(at + step, 0), lines.length - 1)];
  document.getSelection().removeAllRanges();
  next?.focus();
}

area.addEventListener("click", (event) => {
  const adds = event.target.closest("[data-adds-note]");
  const drops = event.target.closest("[data-drops]");
  if (adds) {
    addNote(adds.closest("[data-line]"));
  } else if (drops) {
    const line = drops.closest("[data-line]");
    drops.closest("[data-note]").remove();
    line.focus();
    changed = true;
  }
});
area.addEventListener("mousedown", (event) => {
  if (event.target.closest("[data-adds-note]")) event.preventDefault(); // keeps what is selected
});
area.addEventListener("change", (event) => {
  if (event.target.name === "note-good") paint(event.target.closest("[data-note]"));
});
area.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("textarea")) event.target.closest("[data-line]").focus();
});
form.addEventListener("input", () => { changed = true; });
form.addEventListener("submit", () => { changed = false; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    document.getElementById("save").click();
  }
});
for (const row of area.querySelectorAll(".note-rows [data-note]")) {
  showQuote(row);
  paint(row);
}
qa.register("j", area.dataset.down, () => walk(1));
qa.register("k", area.dataset.up, () => walk(-1));
qa.register("m", area.dataset.adds, () => { const line = here(); if (line) addNote(line); });
