// form[data-send-keys]: Ctrl+Enter (Cmd on a Mac) presses the button that is shown. The text box's hint follows the kind.
export function bindComposer(root) {
  for (const form of root.querySelectorAll("form[data-send-keys]")) {
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      const shown = [...form.querySelectorAll("button[type=submit]:not([name]):not([tabindex='-1'])")].find((b) => b.offsetParent);
      form.requestSubmit(shown ?? undefined);
    });
    const area = form.querySelector("[data-placeholder-note]");
    if (area) followKind(form, area);
  }
}

function followKind(form, area) {
  const forReply = area.placeholder;
  const follow = () => {
    const isNote = form.querySelector("[name=kind][value=note]")?.checked;
    area.placeholder = isNote ? area.dataset.placeholderNote : forReply;
  };
  form.addEventListener("change", follow);
  follow();
}
