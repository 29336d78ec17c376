// form[data-mail-text]: names are put in where the cursor is, and the mail in the frame follows what is typed.
// Without scripts the names are typed, and the button "Preview" shows the mail in the frame.
import { bindMailFrames } from "./mail-frame.js";

const PAUSE_MS = 700;

function insert(field, words, isAlone) {
  const [start, end] = [field.selectionStart, field.selectionEnd];
  const [before, after] = [field.value.slice(0, start), field.value.slice(end)];
  if (isAlone && field.tagName === "TEXTAREA") {
    const above = before && !before.endsWith("\n\n") ? (before.endsWith("\n") ? "\n" : "\n\n") : "";
    const below = after && !after.startsWith("\n") ? "\n\n" : "";
    words = `${above}${words}${below}`;
  }
  field.setRangeText(words, start, end, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// A new frame each time: the old one is seen until the new one is there, and the Back button leads away from the page.
function freshFrame(place, number) {
  const old = place.querySelector("iframe");
  const frame = old.cloneNode();
  frame.name = `mail-preview-${number}`;
  frame.classList.add("is-coming");
  frame.style.height = old.style.height;
  place.append(frame);
  frame.addEventListener("load", () => {
    for (const other of place.querySelectorAll("iframe")) if (other !== frame) other.remove();
    frame.classList.remove("is-coming");
    bindMailFrames(place);
  }, { once: true });
  return frame;
}

function send(form, action, target) {
  const copy = document.createElement("form");
  Object.assign(copy, { method: "post", action, target, hidden: true });
  for (const [name, value] of new FormData(form)) {
    const field = document.createElement("textarea");
    Object.assign(field, { name, value });
    copy.append(field);
  }
  document.body.append(copy);
  copy.submit();
  copy.remove();
}

export function bindMailTexts(root) {
  for (const form of root.querySelectorAll("form[data-mail-text]")) {
    const button = form.querySelector("[data-preview]");
    const place = form.parentElement.querySelector(".mail-text__frame");
    let number = 0, timer = 0, last = form.elements.words;
    const show = () => send(form, button.formAction, freshFrame(place, ++number).name);
    button.addEventListener("click", (event) => {
      event.preventDefault();
      show();
      place.scrollIntoView({ block: "nearest" }); // on phones it is below the words
    });
    form.addEventListener("focusin", (event) => {
      if (event.target === form.elements.words || event.target === form.elements.subject) last = event.target;
    });
    for (const name of form.querySelectorAll("[data-insert]")) {
      name.addEventListener("click", () => {
        const isAlone = "alone" in name.dataset;
        insert(isAlone ? form.elements.words : last, name.dataset.insert, isAlone);
      });
    }
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(show, PAUSE_MS);
    });
    show();
  }
}
