// form[data-bulk]: what to do with the ticked rows. Shift-click ticks a range, "x" the row that has the focus,
// [data-bulk-all] all of the page. "b" goes from the rows to the bar, Escape back to them, and there it unticks all.
// The bar is there only while something is ticked.
export function bindBulk(root) {
  for (const bar of root.querySelectorAll("form[data-bulk]")) bind(bar);
}

function bind(bar) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][form="${bar.id}"][name]`)];
  const all = document.querySelector("[data-bulk-all]");
  const count = bar.querySelector("[data-bulk-count]");
  let last = null;

  function show() {
    const ticked = boxes.filter((box) => box.checked).length;
    bar.classList.toggle("is-open", ticked > 0);
    count.textContent = ticked ? count.dataset.bulkCount.replace("{n}", ticked) : "";
    if (!all) return;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  function tickAll(value) {
    for (const box of boxes) box.checked = value;
    show();
  }

  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      if (event.shiftKey && from >= 0) for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      last = box;
      show();
    });
    box.closest("label")?.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  }
  all?.addEventListener("change", () => tickAll(all.checked));
  bar.querySelector("[data-bulk-clear]")?.addEventListener("click", () => tickAll(false));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = event.target.closest?.("[data-ticket-row]");
    const isTicked = bar.classList.contains("is-open");
    if (event.key === "x" && row) row.querySelector(`[form="${bar.id}"]`)?.click();
    if (event.key === "b" && isTicked && (row || event.target === all)) {
      event.preventDefault(); // the letter must not choose an option of the list it goes to
      bar.querySelector("select, button")?.focus();
    }
    if (event.key !== "Escape" || !isTicked) return;
    if (bar.contains(event.target)) (last?.checked ? last : boxes.find((box) => box.checked)).focus();
    else if (row || event.target === all) tickAll(false);
  });
  window.addEventListener("pageshow", show);
  show();
}
