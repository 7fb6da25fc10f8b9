// Find in the chat: "/" goes to the box, Enter and Shift+Enter to the next and the one before, Esc back to the chat.
//
// Places are painted by the highlight registry, which leaves the transcript's own marks as they are; a browser that
// has none still jumps from message to message.

const box = document.getElementById("find");
const count = document.getElementById("find-count");
const texts = [...document.querySelectorAll("#talk .said-text")];
let places = [];
let at = -1;

/** Letters alike in small and capital, full and half width; code unit by code unit, so that places stay true. */
function folded(text) {
  return [...Array(text.length).keys()].map((i) => {
    const unit = text[i].normalize("NFKC").toLowerCase();
    return unit.length === 1 ? unit : text[i];
  }).join("");
}

/** The range of characters from-to of an element's text, which may lie in several text nodes. */
function rangeOf(element, from, to) {
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let begin = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const end = begin + node.length;
    if (from >= begin && from < end) range.setStart(node, from - begin);
    if (to > begin && to <= end) {
      range.setEnd(node, to - begin);
      return range;
    }
    begin = end;
  }
  return range;
}

function placesOf(element, word) {
  const text = folded(element.textContent);
  const found = [];
  for (let from = text.indexOf(word); from >= 0; from = text.indexOf(word, from + word.length)) {
    found.push(rangeOf(element, from, from + word.length));
  }
  return found;
}

function paint() {
  if (!("highlights" in CSS)) return;
  CSS.highlights.set("found", new Highlight(...places));
  CSS.highlights.set("found-here", new Highlight(...(at < 0 ? [] : [places[at]])));
}

function tell() {
  count.textContent = box.value === "" ? "" : `${at + 1}/${places.length}`;
  box.classList.toggle("is-vain", box.value !== "" && places.length === 0);
}

function show(index) {
  at = places.length === 0 ? -1 : (index + places.length) % places.length;
  if (at >= 0) places[at].startContainer.parentElement.scrollIntoView({ block: "center" });
  paint();
  tell();
}

function search() {
  const word = folded(box.value);
  places = word === "" ? [] : texts.flatMap((one) => placesOf(one, word));
  show(0);
}

box.addEventListener("input", (event) => { if (!event.isComposing) search(); });
box.addEventListener("compositionend", search);
box.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    show(at + (event.shiftKey ? -1 : 1));
  } else if (event.key === "Escape") {
    event.preventDefault();
    box.value = "";
    search();
    document.getElementById("talk").focus();
  }
});
document.getElementById("find-key").addEventListener("click", () => box.select());
