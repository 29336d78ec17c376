// input[data-complete]: the address being typed, the last one of several, is completed from a list below the field (ARIA's
// combobox with a list). Arrows choose, Enter takes, Escape closes; typing on, or without scripts, it is a plain field.
const PAUSE_MS = 150;
const LEAST = 2;
let made = 0;

export function bindComplete(root) {
  for (const field of root.querySelectorAll("input[data-complete]")) new Completion(field);
}

class Completion {
  constructor(field) {
    this.field = field;
    this.active = -1;
    this.list = document.createElement("ul");
    this.list.id = `complete-${++made}`;
    this.list.className = "complete__list";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", field.dataset.completeLabel);
    field.after(this.list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", this.list.id]]) field.setAttribute(name, value);
    field.addEventListener("input", () => this.later());
    field.addEventListener("keydown", (event) => this.onKey(event));
    field.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.take(option);
    });
  }

  typed() {
    return this.field.value.split(/[,;]/).pop().trim();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE_MS);
  }

  async ask() {
    const typed = this.typed();
    this.running?.abort();
    if (typed.length < LEAST) return this.close();
    this.running = new AbortController();
    try {
      const answer = await fetch(`${this.field.dataset.complete}?q=${encodeURIComponent(typed)}`, {
        headers: { Accept: "application/json" }, signal: this.running.signal,
      });
      if (answer.ok && !answer.redirected) this.show(await answer.json(), typed);
    } catch {
      this.close(); // without suggestions it is a plain field
    }
  }

  show(people, typed) {
    const taken = this.field.value.toLowerCase().split(/[,;\s]+/);
    const fresh = people.filter((one) => !taken.includes(one.email.toLowerCase()));
    if (!fresh.length || typed !== this.typed() || document.activeElement !== this.field) return this.close();
    this.list.replaceChildren(...fresh.map((one, at) => this.option(one, at)));
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.activate(-1);
  }

  option(one, at) {
    const option = document.createElement("li");
    option.id = `${this.list.id}-${at}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.email = one.email;
    const [name, email] = [document.createElement("span"), document.createElement("small")];
    name.textContent = one.name || one.email;
    email.textContent = one.name ? one.email : "";
    option.append(name, email);
    return option;
  }

  activate(at) {
    const options = [...this.list.children];
    this.active = options.length ? (at + options.length + 1) % (options.length + 1) : -1; // one place beyond: the field itself
    if (at < 0 || this.active === options.length) this.active = at === -2 ? options.length - 1 : -1;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.active)));
    const chosen = options[this.active];
    if (chosen) {
      this.field.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.field.removeAttribute("aria-activedescendant");
  }

  onKey(event) {
    if (this.list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown") this.activate(this.active + 1);
    else if (event.key === "ArrowUp") this.activate(this.active === -1 ? -2 : this.active - 1);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && this.active >= 0 && !event.ctrlKey && !event.metaKey) this.take(this.list.children[this.active]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  take(option) {
    const several = "completeSeveral" in this.field.dataset;
    const before = this.field.value.slice(0, this.field.value.length - this.field.value.split(/[,;]/).pop().length);
    const rest = several ? ", " : "";
    this.field.value = `${before}${before && !before.endsWith(" ") ? " " : ""}${option.dataset.email}${rest}`;
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    clearTimeout(this.timer);
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.activate(-1);
  }
}
