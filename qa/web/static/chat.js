// The chat page: keys and mouse for verdicts and labels, places in the transcript, missed findings, the draft.
//
// The form is the truth: keys set its fields, the draft (localStorage) is a copy of them, and the score that shows is
// the server's, asked for whenever a verdict changes. Nothing typed is lost by an answer that refuses it, or by none.

const form = document.getElementById("review");
const talk = document.getElementById("talk");
const findings = [...document.querySelectorAll(".finding")];
const DRAFT_DAYS = 7;
const HOLD_MS = 300_000;
let active = -1;
let came = null; // the finding from which a place was jumped to

// --- places ----------------------------------------------------------------------------------------------------------

/** Show a message: scroll to it and let it light up. */
function jump(turn) {
  const message = document.getElementById(`t${turn}`);
  if (!message) return;
  talk.querySelectorAll(".said.here").forEach((one) => one.classList.remove("here"));
  message.classList.add("here");
  message.scrollIntoView({ block: "center" });
  history.replaceState(null, "", `#t${turn}`);
}

/** Make a finding the active one; its evidence stands out in the transcript, and comes into view. */
function activate(index, { place = true } = {}) {
  if (index < 0 || index >= findings.length) return;
  active = index;
  const { number } = findings[index].dataset;
  findings.forEach((one, at) => one.classList.toggle("active", at === index));
  for (const mark of talk.querySelectorAll(".ev")) mark.classList.toggle("strong", mark.dataset.numbers.split(" ").includes(number));
  for (const said of talk.querySelectorAll(".said")) said.classList.toggle("searched", said.dataset.searched.split(" ").includes(number));
  findings[index].scrollIntoView({ block: "nearest" });
  const mark = talk.querySelector(".ev.strong");
  if (place) came = index;
  if (place && mark) mark.scrollIntoView({ block: "center" });
  else if (place) talk.querySelector(".said.searched")?.scrollIntoView({ block: "nearest" });
}

function onClick(event) {
  const jumps = event.target.closest("[data-jump]");
  const mark = event.target.closest("mark.ev");
  const finding = event.target.closest(".finding");
  if (finding) activate(findings.indexOf(finding), { place: Boolean(event.target.closest(".number")) });
  if (jumps && jumps.dataset.jump !== "" && !jumps.classList.contains("number")) {
    event.preventDefault();
    came = finding ? findings.indexOf(finding) : came;
    jump(jumps.dataset.jump);
  } else if (mark && !window.getSelection().toString()) {
    activate(Number(mark.dataset.numbers.split(" ")[0]) - 1, { place: false });
  }
  // a button that the mouse pressed must not be pressed again by the Enter that submits
  const pressed = event.target.closest("button");
  if (event.detail > 0 && pressed && form?.contains(pressed)) pressed.blur();
}

document.addEventListener("click", onClick);
const linked = /^#t(\d+)$/.exec(location.hash);
if (linked) jump(linked[1]);
if (form) review();
else document.addEventListener("keydown", (event) => { if (event.key === "j" || event.key === "k") activate(active + (event.key === "j" ? 1 : -1)); });

// --- the review ------------------------------------------------------------------------------------------------------

function review() {
  const words = document.getElementById("keys").dataset;
  const key = `zhijian.draft.${form.dataset.user}.${form.dataset.draft}`;
  const dialog = document.getElementById("missed-dialog");
  const untouched = snapshot();
  let before = untouched;
  let past = [];
  let timer = 0;
  let sending = false;
  let heldAt = 0;

  // --- fields: read, set, remembered ---------------------------------------------------------------------------------

  function snapshot() {
    const fields = {};
    for (const one of form.elements) {
      if (!one.name || one.type === "hidden") continue;
      if (one.type === "radio" || one.type === "checkbox") {
        if (one.checked) fields[one.name] = one.value;
      } else if (one.value) {
        fields[one.name] = one.value;
      }
    }
    const missed = [...document.querySelectorAll("#missed .missed")].map((row) => ({
      value: row.querySelector("input").value,
      name: row.querySelector(".missed-name").textContent,
      quotes: [...row.querySelectorAll(".quote")].map((one) => [one.dataset.jump, one.lastElementChild.textContent]),
      note: row.querySelector(".missed-note").textContent,
    }));
    return JSON.stringify({ fields, missed });
  }

  function restore(text) {
    const { fields, missed } = JSON.parse(text);
    for (const one of form.elements) {
      if (!one.name || one.type === "hidden") continue;
      if (one.type === "radio" || one.type === "checkbox") one.checked = fields[one.name] === one.value;
      else one.value = fields[one.name] ?? "";
    }
    document.getElementById("missed").replaceChildren(...missed.map(rowOf));
    before = snapshot();
  }

  function changed({ typed = false } = {}) {
    const now = snapshot();
    if (now === before) return;
    if (!typed) past.push(before);
    before = now;
    keep();
    show();
    hold();
  }

  /** Claim the chat as soon as something is judged, and again while the work goes on, before the lease ends. */
  async function hold() {
    if (Date.now() - heldAt < HOLD_MS) return;
    heldAt = Date.now();
    try {
      const token = document.querySelector("meta[name=csrf-token]").content;
      const answer = await fetch(form.dataset.hold, { method: "POST", headers: { "X-CSRFToken": token, "HX-Request": "true" } });
      if (answer.status === 409) refuse(await answer.text());
    } catch { heldAt = 0; /* not reached: the next change tries again */ }
  }

  function refuse(html) {
    document.getElementById("refusal").innerHTML = html; // our own fragment, escaped by the server
    document.querySelector(".card-scroll").scrollTop = 0;
  }

  function show() {
    for (const one of findings) one.dataset.verdict = verdictOf(one) ?? "";
    clearTimeout(timer);
    timer = setTimeout(rescore, 60);
  }

  function rescore() {
    if (!document.getElementById("score")) return;
    const query = new URLSearchParams();
    for (const one of findings) if (verdictOf(one) === "overturn") query.append("o", one.dataset.finding);
    for (const one of form.querySelectorAll("#missed input")) {
      const { rule, places } = JSON.parse(one.value);
      query.append("m", `${rule}:${Math.max(places.length, 1)}`);
    }
    const open = document.querySelector("#score details")?.open;
    window.htmx.ajax("GET", `${form.dataset.score}?${query}`, { target: "#score", swap: "innerHTML" })
      .then(() => { if (open) document.querySelector("#score details").open = true; });
  }

  function undo() {
    const last = past.pop();
    if (last === undefined) {
      window.qa.toastTemplate("nothing", "info");
      return;
    }
    restore(last);
    keep();
    show();
    window.qa.toastTemplate("undone", "info");
  }

  // --- the draft -----------------------------------------------------------------------------------------------------

  function keep() {
    try {
      if (before === untouched) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify({ at: Date.now(), token: form.elements.token.value, reviewed: form.dataset.reviewed ?? "", form: before }));
    } catch { /* a full or forbidden store: the page itself still has everything */ }
  }

  function forget() {
    try { localStorage.removeItem(key); } catch { /* as above */ }
  }

  function takeUp() {
    let draft = null;
    try { draft = JSON.parse(localStorage.getItem(key) ?? "null"); } catch { /* not readable: none */ }
    if (!draft || Date.now() - draft.at > DRAFT_DAYS * 86_400_000) return forget();
    if ("refused" in form.dataset) return keep(); // the page already holds what was sent
    if (draft.form === untouched) return forget();
    form.elements.token.value = draft.token; // sent before and not answered? then it is the same submission
    restore(draft.form);
    show();
    window.qa.toastTemplate("restored", "info");
  }

  // --- verdicts ------------------------------------------------------------------------------------------------------

  function verdictOf(finding) {
    return finding.querySelector(".verdicts input:checked")?.value;
  }

  function undecided() {
    return findings.findIndex((one) => !verdictOf(one));
  }

  function judge(word) {
    if (active < 0) activate(Math.max(undecided(), 0));
    const finding = findings[active];
    if (!finding) return;
    finding.querySelector(`.verdicts input[value=${word}]`).checked = true;
    changed();
    if (word === "overturn") finding.querySelector(".because input").focus();
    else onwards();
  }

  /** Go to the next finding that is not judged, from here on and then from the top. */
  function onwards() {
    const open = findings.map((one, at) => (verdictOf(one) ? -1 : at)).filter((at) => at >= 0);
    const following = open.find((at) => at > active) ?? open[0];
    if (following !== undefined) activate(following);
  }

  function onReasonKey(event) {
    const input = event.target;
    if (!input.closest(".because") || event.isComposing) return;
    const chip = input.closest(".because").querySelectorAll("[data-reason]")[Number(event.key) - 1];
    if (input.value === "" && chip) {
      event.preventDefault();
      chip.click();
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.blur();
      if (input.value.trim()) onwards();
    } else if (event.key === "Escape") {
      input.blur();
    }
  }

  function onReasonClick(event) {
    const chip = event.target.closest("[data-reason]");
    if (!chip) return;
    const input = chip.closest(".because").querySelector("input");
    input.value = chip.dataset.reason;
    input.blur();
    changed();
    onwards();
  }

  function confirmAll() {
    for (const one of findings) if (!verdictOf(one)) one.querySelector(".verdicts input[value=confirm]").checked = true;
    changed();
    form.requestSubmit();
  }

  function label(task, digit) {
    const choice = form.querySelectorAll(`fieldset[data-task=${task}] input`)[digit - 1];
    choice.checked = true;
    changed();
    choice.closest("fieldset").scrollIntoView({ block: "nearest" }); // the field itself is hidden, its label shows
  }

  // --- sending -------------------------------------------------------------------------------------------------------

  function onSubmit(event) {
    const open = undecided();
    const silent = findings.findIndex((one) => verdictOf(one) === "overturn" && !one.querySelector(".because input").value.trim());
    if (open >= 0 || silent >= 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      activate(open >= 0 ? open : silent);
      window.qa.toastTemplate(open >= 0 ? "undecided" : "reason", "warning");
      if (open < 0) findings[silent].querySelector(".because input").focus();
    } else if (sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else {
      sending = true;
      keep();
    }
  }

  function onAnswer(event) {
    if (event.detail.elt !== form) return;
    const { status } = event.detail.xhr;
    if (status === 204) {
      forget();
      return;
    }
    sending = false;
    if (status !== 400 && status !== 409) return;
    refuse(event.detail.xhr.responseText);
  }

  function onLost(event) {
    if (event.detail.elt === form) sending = false;
  }

  // --- missed findings: chat_missed.js makes them, here they are rows of the form -----------------------------------

  function quoteOf([turn, quote]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quote";
    button.dataset.jump = turn;
    const where = document.createElement("span");
    where.className = "turn";
    where.textContent = `#${turn}`;
    const text = document.createElement("span");
    text.setAttribute("translate", "no");
    text.dir = "auto";
    text.textContent = quote;
    button.append(where, text);
    return button;
  }

  function rowOf({ value, name, quotes, note }) {
    const row = document.getElementById("missed-row").content.firstElementChild.cloneNode(true);
    row.querySelector("input").value = value;
    row.querySelector(".missed-name").textContent = name;
    row.querySelector(".quotes").replaceChildren(...quotes.map(quoteOf));
    row.querySelector(".missed-note").textContent = note;
    return row;
  }

  function addMissed(event) {
    const row = rowOf(event.detail);
    document.getElementById("missed").append(row);
    changed();
    row.scrollIntoView({ block: "nearest" });
  }

  // --- wiring --------------------------------------------------------------------------------------------------------

  /** Enter on a button or link presses it; only elsewhere it submits. */
  function guardEnter(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && !dialog.open) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.target.closest?.("button, a, summary")) {
      event.stopPropagation();
    }
  }

  form.addEventListener("submit", onSubmit, true);
  form.addEventListener("change", () => changed());
  form.addEventListener("input", (event) => { if (event.target.matches("textarea, input[type=text]")) changed({ typed: true }); });
  form.addEventListener("keydown", onReasonKey);
  form.addEventListener("click", onReasonClick);
  form.addEventListener("change", (event) => {
    if (event.target.value === "overturn" && event.target.checked) event.target.closest(".finding").querySelector(".because input").focus();
  });
  document.addEventListener("keydown", guardEnter, true);
  document.addEventListener("htmx:beforeOnLoad", onAnswer);
  document.addEventListener("htmx:sendError", onLost);
  document.addEventListener("htmx:timeout", onLost);
  document.addEventListener("qa:missed", addMissed);
  document.getElementById("undo").addEventListener("click", undo);
  document.getElementById("confirm-all")?.addEventListener("click", confirmAll);
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-drop]")) return;
    event.target.closest(".missed").remove();
    changed();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-forget]")) return;
    event.target.closest(".toast-line").remove();
    restore(untouched);
    past = [];
    keep();
    show();
  });
  form.elements.comment.addEventListener("keydown", (event) => { if (event.key === "Escape") event.target.blur(); });

  const { register } = window.qa;
  register("j", words.next, () => activate(Math.min(active + 1, findings.length - 1)));
  register("k", words.previous, () => activate(Math.max(active - 1, 0)));
  const digits = findings.slice(0, 9);
  const all = digits.length > 1 ? `1–${digits.length}` : "1";
  digits.forEach((one, at) => register(String(at + 1), words.digit, () => activate(at), at ? "" : all));
  if (findings.length) {
    register("c", words.confirmKey, () => judge("confirm"));
    register("x", words.overturn, () => judge("overturn"));
    register("d", words.unsure, () => judge("unsure"));
    register("a", words.all, confirmAll);
    register("b", words.back, () => activate(came ?? 0, { place: false }));
  }
  register("u", words.undo, undo);
  register("m", words.add, () => document.getElementById("add-missed").click());
  register("o", words.comment, () => form.elements.comment.focus());
  for (const [mark, letter] of [["excellent", "e"], ["typical", "p"]]) {
    register(letter, words[mark], () => { form.elements[mark].checked = !form.elements[mark].checked; changed(); });
  }
  for (const group of form.querySelectorAll("fieldset[data-task]")) {
    const letter = group.querySelector("kbd").textContent.toLowerCase();
    group.querySelectorAll("label").forEach((one, at) => {
      register(`${letter} ${at + 1}`, `${group.querySelector("legend").firstChild.textContent.trim()}: ${one.lastChild.textContent}`, () => label(group.dataset.task, at + 1));
    });
  }
  register("Enter", words.submit, () => form.requestSubmit());

  takeUp();
  show();
  if (findings.length && !linked) activate(Math.max(undecided(), 0));
}
