// form[data-draft]: what is written is saved on the server every few seconds, files at once; one text per kind. A page whose
// session has ended keeps the text, says so, and saves again as soon as somebody has signed in in another tab.
import { type } from "./markdown.js";

const PAUSE_MS = 2000;
const RETRY_MS = 10000;
const PATIENCE_MS = 4000;

export function bindDrafts(root) {
  for (const form of root.querySelectorAll("form[data-draft]")) new Draft(form);
}

class Draft {
  constructor(form) {
    this.form = form;
    this.area = form.querySelector("textarea[name=body]");
    this.state = form.querySelector("[data-draft-state]");
    this.kind = this.chosenKind();
    this.texts = { [this.kind]: this.area.value, [this.otherKind()]: this.area.dataset.other ?? "" };
    this.saved = this.snapshot();
    this.timer = null;
    this.running = null;
    form.addEventListener("input", (event) => event.target.type === "file" || this.later());
    form.addEventListener("change", (event) => (event.target.name === "kind" ? this.turn() : event.target.type !== "file" && this.later()));
    form.addEventListener("files-added", (event) => {
      event.preventDefault(); // from now on they are the draft's
      this.sendFiles(event.detail);
    });
    form.addEventListener("pictures-added", (event) => this.sendPictures(event.detail));
    form.addEventListener("click", (event) => this.onClick(event));
    form.addEventListener("submit", (event) => this.onSubmit(event), { capture: true });
    window.addEventListener("focus", () => this.isSignedOut && this.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  chosenKind() {
    return this.form.querySelector("[name=kind]:checked")?.value ?? "note";
  }

  otherKind() {
    return this.kind === "note" ? "reply" : "note";
  }

  // The other kind: its own text comes into the editor; where it has none, what is written goes along.
  async turn() {
    const before = this.kind;
    this.texts[before] = this.area.value;
    this.kind = this.chosenKind();
    if (this.kind === before) return;
    const [left, own] = [this.texts[before], this.texts[this.kind]];
    this.area.focus();
    if (own.trim()) {
      this.area.value = own;
      this.form.querySelector("[data-kept-files]").replaceChildren();
      await this.save({ kind: before, text: left });
      await this.save({ kind: this.kind, text: this.area.value });
    } else if (left.trim()) {
      this.texts[before] = "";
      await this.save();
      await this.save({ kind: before, text: "" });
    }
  }

  snapshot() {
    const cc = [...this.form.querySelectorAll("[name=to], [name=cc], [name=bcc]")].filter((field) => field.type !== "checkbox" || field.checked);
    return [this.kind, this.area.value, ...cc.map((field) => field.value)].join("\u0000");
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE_MS);
  }

  // One save at a time; what changes meanwhile is saved after it.
  async save(chosen = null, files = [], pictures = []) {
    clearTimeout(this.timer);
    if (this.isSending) return;
    if (this.running) await this.running;
    const now = this.snapshot();
    if (!chosen && !files.length && !pictures.length && now === this.saved && !this.isSignedOut) return;
    this.running = this.post(chosen ?? { kind: this.kind, text: this.area.value }, files, pictures);
    const done = await this.running;
    this.running = null;
    if (done && !chosen) this.saved = now;
    if (done) this.area.defaultValue = this.area.value; // leaving the page loses nothing
    if (!done && !this.isConflicting && !this.isSending) this.timer = setTimeout(() => this.save(), RETRY_MS);
    return done;
  }

  async sendFiles(files) {
    this.say(this.form.dataset.draftSaving);
    const done = await this.save(null, files);
    if (!done) this.form.querySelector("[data-upload]").dispatchEvent(new CustomEvent("files-back", { detail: files }));
  }

  // They are shown where the caret is, as soon as the desk has them.
  async sendPictures(pictures) {
    this.say(this.form.dataset.draftSaving);
    await this.save(null, [], pictures);
  }

  async post({ kind, text }, files, pictures = [], isRetry = false) {
    const data = new FormData(this.form);
    data.delete("attachments");
    data.delete("pictures");
    data.set("kind", kind);
    data.set("body", text);
    if (kind !== this.kind) data.delete("file");
    for (const file of files) data.append("attachments", file);
    for (const picture of pictures) data.append("pictures", picture);
    let answer;
    try {
      answer = await fetch(this.form.dataset.draft, {
        method: "POST", body: data, headers: { Accept: "application/json" }, keepalive: !files.length && !pictures.length && text.length < 15000,
      });
    } catch {
      this.say(this.form.dataset.draftFailed);
      return false;
    }
    if (answer.status === 400 || answer.status === 401) {
      if (!isRetry && (await this.renewToken())) return this.post({ kind, text }, files, pictures, true);
      this.saySignedOut();
      return false;
    }
    this.isSignedOut = false;
    return this.read(answer, kind);
  }

  async read(answer, kind) {
    const told = await answer.json().catch(() => null);
    if (!told || (!answer.ok && !told.message)) {
      this.say(this.form.dataset.draftFailed);
      return false;
    }
    if ("revision" in told) this.form.querySelector(`[name=revision_${kind}]`).value = told.revision;
    if (!answer.ok) {
      this.say(told.message);
      if (answer.status === 409) this.showRival(told.rival);
      return false;
    }
    this.isConflicting = false;
    if (kind !== this.kind) return true;
    this.say(told.note);
    this.form.querySelector("[data-kept-files]").innerHTML = told.files;
    this.form.querySelector("[data-discard]").hidden = !told.revision;
    if (told.pictures?.length) this.place(told.pictures);
    return true;
  }

  place(marks) {
    const { value, selectionStart: start } = this.area;
    const before = !start || value[start - 1] === "\n" ? "" : "\n";
    this.area.hidden = false;
    type(this.area, `${before}${marks.join("\n")}\n`, start, start);
    this.later();
  }

  // Another window has saved: both texts are shown, and this one is not saved again until its writer goes on.
  showRival(text) {
    this.isConflicting = true;
    const box = this.form.querySelector("[data-rival]");
    box.querySelector("[data-rival-text]").textContent = text;
    box.hidden = false;
  }

  onClick(event) {
    if (event.target.closest("[data-rival-take]")) {
      const box = this.form.querySelector("[data-rival]");
      this.area.value = [box.querySelector("[data-rival-text]").textContent, this.area.value].filter((text) => text.trim()).join("\n\n");
      box.hidden = true;
      this.later();
      this.area.focus();
    }
    const remove = event.target.closest("button[name=remove]");
    if (!remove) return;
    event.preventDefault();
    this.removeFile(remove);
  }

  async removeFile(button) {
    if (this.running) await this.running;
    const data = new FormData(this.form);
    data.delete("attachments");
    data.delete("pictures");
    data.set("remove", button.value);
    this.running = fetch(this.form.dataset.draft, { method: "POST", body: data, headers: { Accept: "application/json" } })
      .then((answer) => this.read(answer, this.kind), () => this.say(this.form.dataset.draftFailed));
    await this.running;
    this.running = null;
    this.form.querySelector("#composer-files").focus();
  }

  // Sending waits a moment for a save that is on its way, so that the draft it has made goes with the answer.
  onSubmit(event) {
    clearTimeout(this.timer);
    if (this.running && !this.waited) {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.waited = true;
      const go = () => this.form.requestSubmit(event.submitter);
      Promise.race([this.running, new Promise((done) => setTimeout(done, PATIENCE_MS))]).then(go, go);
      return;
    }
    this.isSending = true;
    window.addEventListener("pageshow", () => { this.isSending = this.waited = false; }, { once: true });
  }

  // The page's token belongs to the session that made it; a new session has another.
  async renewToken() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return false;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const token = page.querySelector("#composer [name=csrf_token]")?.value;
      if (token) for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = token;
      return Boolean(token);
    } catch {
      return false;
    }
  }

  saySignedOut() {
    this.isSignedOut = true;
    const link = document.createElement("a");
    link.href = "/sign-in";
    link.target = "_blank";
    link.textContent = this.form.dataset.draftSignIn;
    this.state.replaceChildren(`${this.form.dataset.draftSignedOut} `, link);
  }

  say(text) {
    this.state.textContent = text ?? "";
  }
}
