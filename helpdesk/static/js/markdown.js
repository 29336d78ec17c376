// [data-markdown] is a toolbar over a textarea: its buttons and Ctrl+B, I, K put marks around what is selected; arrows go
// from button to button. The preview is asked of the desk, which alone knows what a text becomes. Pictures chosen, dropped
// or pasted ("pictures-added") are the draft's as soon as they are there, and stand where the caret is.
const KEYS = { b: "bold", i: "italic", k: "link" };
const AROUND = { bold: "**", italic: "*" };

export function bindMarkdown(root) {
  for (const bar of root.querySelectorAll("[data-markdown]")) new Toolbar(bar);
}

class Toolbar {
  constructor(bar) {
    this.form = bar.closest("form");
    this.area = document.getElementById(bar.dataset.markdown);
    this.buttons = [...bar.querySelectorAll("button")];
    this.previewButton = bar.querySelector("[data-preview-button]");
    this.preview = this.form.querySelector("[data-preview]");
    this.input = this.form.querySelector("[data-pictures]");
    bar.addEventListener("click", (event) => this.onClick(event));
    bar.addEventListener("keydown", (event) => this.onArrow(event));
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    this.input?.addEventListener("change", () => this.choose());
    this.stop(this.buttons[0]);
    if (!this.preview.hidden) this.show(false);
  }

  stop(chosen) {
    for (const button of this.buttons) button.tabIndex = button === chosen ? 0 : -1;
  }

  onArrow(event) {
    const at = this.buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = this.buttons[(to + this.buttons.length) % this.buttons.length];
    this.stop(next);
    next.focus();
  }

  onKey(event) {
    const mark = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey ? KEYS[event.key.toLowerCase()] : null;
    if (!mark) return;
    event.preventDefault();
    this.mark(mark);
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    this.stop(button);
    if (button === this.previewButton) {
      event.preventDefault();
      this.show(this.preview.hidden);
    } else if (button.dataset.mark === "picture") this.input.click();
    else this.mark(button.dataset.mark);
  }

  choose() {
    const files = [...this.input.files];
    this.input.value = "";
    if (files.length) this.area.dispatchEvent(new CustomEvent("pictures-added", { bubbles: true, detail: files }));
  }

  mark(name) {
    if (this.area.hidden) this.show(false);
    this.area.focus();
    if (name in AROUND) surround(this.area, AROUND[name]);
    else if (name === "link") link(this.area);
    else if (name === "code") code(this.area);
    else lines(this.area, name);
  }

  async show(isWanted) {
    this.previewButton.setAttribute("aria-pressed", String(isWanted));
    this.preview.hidden = !isWanted;
    this.area.hidden = isWanted;
    if (isWanted) await this.fill();
    else this.area.focus({ preventScroll: true });
  }

  async fill() {
    const words = this.preview.querySelector("[data-preview-words]");
    const data = new FormData(this.form);
    for (const name of ["attachments", "files", "pictures"]) data.delete(name);
    try {
      const answer = await fetch(this.previewButton.formAction, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.message);
      words.innerHTML = told.html; // cleaned by the desk, under a policy that runs nothing
      if (!told.html) words.textContent = this.preview.dataset.empty;
    } catch (error) {
      words.textContent = error instanceof TypeError || error instanceof SyntaxError ? this.preview.dataset.failed : error.message;
    }
  }
}

// Typed in, so that Ctrl+Z takes it back; set where a browser knows no such thing.
export function type(area, text, from = area.selectionStart, to = area.selectionEnd) {
  area.focus();
  area.setSelectionRange(from, to);
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, from, to, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function surround(area, mark) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const isMarked = value.slice(start - mark.length, start) === mark && value.slice(end, end + mark.length) === mark;
  if (isMarked) {
    type(area, chosen, start - mark.length, end + mark.length);
    area.setSelectionRange(start - mark.length, end - mark.length);
    return;
  }
  const [, before, words, after] = /^(\s*)([^]*?)(\s*)$/.exec(chosen); // a mark stands at a letter, never at a space
  type(area, `${before}${mark}${words}${mark}${after}`);
  const from = start + before.length + mark.length;
  area.setSelectionRange(from, from + words.length);
}

function link(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const isAddress = /^(https?:\/\/|mailto:)\S+$/i.test(chosen);
  type(area, isAddress ? `[](${chosen})` : `[${chosen}](https://)`);
  if (isAddress || !chosen) area.setSelectionRange(start + 1, start + 1);
  else area.setSelectionRange(end + 3, end + 3 + "https://".length);
}

function code(area) {
  const chosen = area.value.slice(area.selectionStart, area.selectionEnd);
  if (chosen.includes("\n")) type(area, `\`\`\`\n${chosen.replace(/\n$/, "")}\n\`\`\`\n`);
  else surround(area, "`");
}

// Marks at the beginning of each chosen line; where all have them already they are taken off.
function lines(area, name) {
  const { value } = area;
  const start = value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const found = value.indexOf("\n", Math.max(area.selectionEnd - (area.selectionEnd > area.selectionStart ? 1 : 0), start));
  const end = found < 0 ? value.length : found;
  const chosen = value.slice(start, end).split("\n");
  const known = { list: /^[-*] /, numbers: /^\d+[.)] /, quote: /^> ?/ }[name];
  const mark = (line, at) => ({ list: "- ", numbers: `${at + 1}. `, quote: "> " })[name] + line;
  const isMarked = chosen.every((line) => known.test(line));
  const text = chosen.map((line, at) => (isMarked ? line.replace(known, "") : mark(line, at))).join("\n");
  type(area, text, start, end);
  if (chosen.length > 1) area.setSelectionRange(start, start + text.length);
}
