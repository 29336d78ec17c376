// textarea[data-mentions]: while a note is written, "@" offers the names of the team in the list named by aria-controls. The
// arrows choose, Enter or Tab takes, Escape closes. Typing the whole name does the same.
const MOST = 6;
const BEFORE = /(?:^|[\s(])@([^\n@]{0,40})$/;

export function bindMentions(root) {
  for (const area of root.querySelectorAll("textarea[data-mentions]")) {
    const list = document.getElementById(area.getAttribute("aria-controls"));
    if (list) offer(area, list, JSON.parse(area.dataset.mentions));
  }
}

function offer(area, list, names) {
  let chosen = 0;
  const isNote = () => area.form.querySelector("[name=kind][value=note]")?.checked;
  const begun = () => area.value.slice(0, area.selectionStart).match(BEFORE)?.[1];
  const options = () => [...list.children];

  const close = () => {
    list.hidden = true;
    area.removeAttribute("aria-activedescendant");
  };
  const mark = (index) => {
    chosen = (index + options().length) % options().length;
    options().forEach((option, place) => option.setAttribute("aria-selected", place === chosen));
    area.setAttribute("aria-activedescendant", options()[chosen].id);
  };
  const take = (name) => {
    const start = area.selectionStart - begun().length;
    area.setRangeText(`${name} `, start, area.selectionStart, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    area.focus();
  };
  const show = () => {
    const word = isNote() ? begun() : undefined;
    const found = word === undefined ? [] : names.filter((name) => isMeant(name, word)).slice(0, MOST);
    if (!found.length || found.some((name) => word === `${name} `)) return close();
    list.replaceChildren(...found.map((name, place) => optionOf(list, name, place, take)));
    list.hidden = false;
    mark(0);
  };

  area.addEventListener("input", show);
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown") mark(chosen + 1);
    else if (event.key === "ArrowUp") mark(chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") take(options()[chosen].textContent);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function isMeant(name, word) {
  const typed = word.toLowerCase();
  const whole = name.toLowerCase();
  return whole.startsWith(typed) || whole.split(" ").some((part) => part.startsWith(typed));
}

function optionOf(list, name, place, take) {
  const option = document.createElement("li");
  option.id = `${list.id}-${place}`;
  option.setAttribute("role", "option");
  option.className = "mentions__name";
  option.textContent = name;
  option.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the text box keeps the focus
    take(name);
  });
  return option;
}
