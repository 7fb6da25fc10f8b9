// Adding what the rules missed: text selected in the transcript, a rule from the list, a note. What comes of it is told
// to chat.js by the event "qa:missed" ({value, name, quotes, note}); places count code points, as the store does.

const talk = document.getElementById("talk");
const dialog = document.getElementById("missed-dialog");
if (dialog) missed();

function missed() {
  const addHere = document.getElementById("add-here");
  const rules = document.getElementById("missed-rule");
  const asked = document.getElementById("missed-filter");
  const note = document.getElementById("missed-note");
  let selected = [];

  /** Places of the selection, one a message: [turn, start, end, quote]. */
  function selection() {
    const found = window.getSelection();
    if (!found.rangeCount || found.isCollapsed) return [];
    const range = found.getRangeAt(0);
    const places = [];
    for (const box of talk.querySelectorAll(".said-text")) {
      if (!range.intersectsNode(box)) continue;
      const inside = document.createRange();
      inside.selectNodeContents(box);
      if (range.compareBoundaryPoints(Range.START_TO_START, inside) > 0) inside.setStart(range.startContainer, range.startOffset);
      if (range.compareBoundaryPoints(Range.END_TO_END, inside) < 0) inside.setEnd(range.endContainer, range.endOffset);
      const ahead = document.createRange();
      ahead.selectNodeContents(box);
      ahead.setEnd(inside.startContainer, inside.startOffset);
      const quote = inside.toString();
      const start = [...ahead.toString()].length;
      if (quote) places.push([Number(box.dataset.turn), start, start + [...quote].length, quote]);
    }
    return places;
  }

  /** The button follows the selection. */
  function onSelect() {
    const places = dialog.open ? [] : selection();
    addHere.hidden = places.length === 0;
    if (!places.length) return;
    selected = places;
    const box = window.getSelection().getRangeAt(0).getBoundingClientRect();
    const pane = talk.getBoundingClientRect();
    addHere.style.left = `${Math.min(Math.max(box.left, pane.left + 8), pane.right - addHere.offsetWidth - 16)}px`;
    addHere.style.top = `${Math.max(Math.min(box.bottom + 6, pane.bottom - 44), pane.top + 8)}px`;
  }

  function quoteOf([turn, , , quote]) {
    const line = document.createElement("span");
    const text = document.createElement("span");
    line.className = "quote";
    text.textContent = quote;
    text.dir = "auto";
    line.append(`#${turn}`, text);
    return line;
  }

  function open() {
    const places = selection();
    selected = places.length ? places : addHere.hidden ? [] : selected;
    addHere.hidden = true;
    document.getElementById("missed-places").replaceChildren(...selected.map(quoteOf));
    document.getElementById("missed-everywhere").hidden = selected.length > 0;
    asked.value = "";
    note.value = "";
    filter();
    dialog.showModal();
    asked.focus();
  }

  function shown() {
    return [...rules.options].filter((one) => !one.hidden);
  }

  function filter() {
    const words = asked.value.trim().toLowerCase();
    for (const one of rules.options) one.hidden = !`${one.textContent} ${one.value}`.toLowerCase().includes(words);
    rules.value = shown()[0]?.value ?? "";
  }

  function onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const choices = shown();
    if (!step || !choices.length) return;
    event.preventDefault();
    const at = choices.indexOf(rules.selectedOptions[0]) + step;
    rules.value = choices[Math.min(Math.max(at, 0), choices.length - 1)].value;
  }

  function add(event) {
    if (!rules.value) {
      event.preventDefault();
      return;
    }
    const places = selected.map((one) => one.slice(0, 3));
    const detail = {
      value: JSON.stringify({ rule: rules.value, places, note: note.value.trim() }),
      name: rules.selectedOptions[0].textContent,
      quotes: selected.map(([turn, , , quote]) => [turn, quote]),
      note: note.value.trim(),
    };
    selected = [];
    window.getSelection().removeAllRanges();
    document.dispatchEvent(new CustomEvent("qa:missed", { detail }));
  }

  document.addEventListener("selectionchange", onSelect);
  document.getElementById("add-missed").addEventListener("click", open);
  addHere.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
  addHere.addEventListener("click", open);
  asked.addEventListener("input", filter);
  asked.addEventListener("keydown", onKey);
  dialog.querySelector("form").addEventListener("submit", add);
}
