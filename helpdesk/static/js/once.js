// form[data-once]: a second press while the first is on its way does nothing. Coming back by the Back button frees it again.
export function bindOnce(root) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      event.submitter?.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", () => {
      delete form.dataset.sent;
      form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
    });
  }
  for (const button of root.querySelectorAll("button[data-disabled]")) {
    button.addEventListener("click", (event) => event.preventDefault());
  }
}
