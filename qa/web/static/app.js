// What every page has: keys, dialogs, the form token for htmx, and a word when the connection or the session is lost.
//
// An element with data-key is pressed by that key ("n", "?", or two in a row: "g h"), so whatever a key does the mouse
// does too; data-key-label is its line in the help dialog. For what is no button, a page's own module calls
//   qa.register("j", label, () => …);
// (window.qa and no export: the address of this file holds its hash, and imported by another one it would run twice.)

const registered = new Map();
const PAUSE_MS = 1200; // between the two keys of a sequence
let pending = "";
let timer = 0;

/** Bind a key (or two, "g h") to a function; the label comes from the page, in its language.
 *
 * `cap` is what the help shows as the key; "" leaves it out, for one of several that have a line together. */
function register(keys, label, action, cap = keys) {
  registered.set(keys, { label, action, cap });
  return () => registered.delete(keys);
}

/** Show a short message; `text` is put in as text, never as HTML. */
function toast(text, kind = "info") {
  const box = newToast(kind);
  box.append(text);
  return box;
}

function newToast(kind) {
  const box = document.createElement("div");
  box.className = `toast-line notice notice-${kind}`;
  document.getElementById("toasts").replaceChildren(box);
  setTimeout(() => box.remove(), 12000);
  return box;
}

/** Show the text of <template id="toast-NAME">, written by the server in the page's language. */
function toastTemplate(name, kind = "danger") {
  const template = document.getElementById(`toast-${name}`);
  if (template) newToast(kind).append(template.content.cloneNode(true));
}

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox],[type=radio],[type=button],[type=submit]), textarea, select, [contenteditable]");
}

function visible(element) {
  return element.getClientRects().length > 0 && !element.disabled;
}

function elementFor(keys) {
  const within = document.querySelector("dialog[open]") ?? document;
  return [...within.querySelectorAll("[data-key]")].find((one) => one.dataset.key === keys && visible(one));
}

function isPrefix(keys) {
  const starts = (other) => other.startsWith(`${keys} `);
  return [...registered.keys()].some(starts) || [...document.querySelectorAll("[data-key]")].some((one) => starts(one.dataset.key));
}

function perform(keys) {
  const element = elementFor(keys);
  if (element) {
    element.click();
    return true;
  }
  const bound = document.querySelector("dialog[open]") ? null : registered.get(keys);
  bound?.action();
  return Boolean(bound);
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "Shift") return;
  const keys = pending ? `${pending} ${key}` : key;
  clearTimeout(timer);
  pending = "";
  if (perform(keys)) {
    event.preventDefault();
  } else if (isPrefix(keys)) {
    pending = keys;
    timer = setTimeout(() => { pending = ""; }, PAUSE_MS);
    event.preventDefault();
  }
}

/** Every key that works now, with its label: first the page's own, then the ways to go elsewhere. */
function bindings() {
  const found = [...registered.values()].filter(({ cap }) => cap).map(({ cap, label }) => [cap, label]);
  for (const element of document.querySelectorAll("[data-key][data-key-label]")) {
    if (visible(element)) found.push([element.dataset.key, element.dataset.keyLabel]);
  }
  const unique = new Map(found.reverse());
  return [...unique].reverse().sort((one, other) => one[0].includes(" ") - other[0].includes(" "));
}

function fillKeys() {
  const rows = bindings().flatMap(([keys, label]) => {
    const term = document.createElement("dt");
    for (const key of keys.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap);
    }
    const text = document.createElement("dd");
    text.textContent = label;
    return [term, text];
  });
  document.getElementById("keys-list").replaceChildren(...rows);
}

function onClick(event) {
  const opens = event.target.closest?.("[data-opens]");
  const closes = event.target.closest?.("[data-closes]");
  const focuses = event.target.closest?.("[data-focuses]");
  if (opens) {
    if (opens.dataset.opens === "keys-dialog") fillKeys();
    document.getElementById(opens.dataset.opens).showModal();
  } else if (closes) {
    document.getElementById(closes.dataset.closes).close();
  } else if (focuses) {
    const field = document.getElementById(focuses.dataset.focuses);
    field.focus();
    field.select?.(); // what is typed next replaces what was looked for
  } else if (event.target instanceof HTMLDialogElement) {
    event.target.close(); // a click beside the sheet
  }
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.querySelector("dialog[data-opened]")?.showModal(); // a form that was refused: with what was typed
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
});
document.addEventListener("qa:signed-out", () => toastTemplate("signed-out"));
document.addEventListener("htmx:sendError", () => toastTemplate("offline"));
document.addEventListener("htmx:timeout", () => toastTemplate("offline"));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status !== 401 && status !== 409) toastTemplate("failed");
});

window.qa = Object.freeze({ register, toast, toastTemplate });
