// form[data-track-changes]: the save bar names the fields that differ from what is stored; leaving then asks first.
// form[data-unsaved]: leaving with words in its text box asks first.
function labelOf(field) {
  return field.labels?.[0]?.firstChild?.textContent.trim() || field.name;
}

function differs(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") {
    const initial = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
    return initial ? field.value !== initial.value : false;
  }
  return field.type !== "hidden" && field.value !== field.defaultValue;
}

function changedNames(form) {
  const fields = [...form.elements].filter((field) => field.name && field.type !== "submit" && differs(field));
  return [...new Set(fields.map(labelOf))];
}

function show(form) {
  const words = form.querySelector("[data-changes]");
  if (!words) return;
  const names = changedNames(form);
  words.textContent = names.length ? `${words.dataset.some} ${names.join(", ")}` : words.dataset.none;
  words.closest("[data-save-bar]")?.classList.toggle("is-changed", names.length > 0);
}

function askBeforeLeaving(form, isDirty) {
  let sending = false;
  form.addEventListener("submit", () => { sending = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!sending && isDirty()) event.preventDefault();
  });
}

export function bindChanges(root) {
  for (const form of root.querySelectorAll("form[data-track-changes]")) {
    form.addEventListener("input", () => show(form));
    show(form);
    askBeforeLeaving(form, () => changedNames(form).length > 0);
  }
  for (const form of root.querySelectorAll("form[data-unsaved]")) {
    askBeforeLeaving(form, () => [...form.querySelectorAll("textarea")].some((area) => area.value.trim() && differs(area)));
  }
}
