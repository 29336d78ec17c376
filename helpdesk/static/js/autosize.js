// textarea[data-autosize]: grows with its text where the browser does not do so by itself (field-sizing).
export function bindAutosize(root) {
  if (CSS.supports("field-sizing", "content") && !root.querySelector(".input--area[data-autosize]")) return;
  for (const area of root.querySelectorAll("textarea[data-autosize]")) {
    const fit = () => {
      if (area.scrollHeight > area.clientHeight) area.style.height = `${area.scrollHeight + 2}px`;
    };
    area.addEventListener("input", fit);
    fit();
  }
}
