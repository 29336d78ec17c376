// button[data-copy="#id"]: copies that element's text and says so.
export function bindCopy(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    const words = button.querySelector("span") ?? button;
    const before = words.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
      words.textContent = button.dataset.copied;
      setTimeout(() => { words.textContent = before; }, 2000);
    });
  }
}
