// A choice in the head of a board takes effect at once; without scripts there is a button.

document.documentElement.classList.add("scripted");

for (const form of document.querySelectorAll("form.period")) {
  form.addEventListener("change", () => {
    for (const field of form.elements) field.disabled = field.name !== "" && field.value === "";
    form.requestSubmit();
  });
}
