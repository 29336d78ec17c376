// form[data-send-keys]: Ctrl+Enter (Cmd on a Mac) presses the button that is shown. The text box's hint follows the kind.
// [data-audience] says how many people an answer goes to, as soon as it is more than the requester.
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
    const audience = form.querySelector("[data-audience]");
    if (audience) followAudience(form, audience);
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

function followAudience(form, line) {
  const count = () => {
    const ticked = form.querySelectorAll("[name=cc][type=checkbox]:checked").length;
    const fields = form.querySelectorAll("[name=cc][type=text], [name=bcc]");
    const typed = [...fields].flatMap((field) => field.value.split(/[,;\s]+/)).filter((word) => word.includes("@")).length;
    const words = [line.dataset.people.replace("#", 1 + ticked + typed)];
    if (typed) words.push(line.dataset.new.replace("#", typed));
    line.hidden = ticked + typed === 0;
    line.querySelector("span").textContent = words.join(", ");
  };
  form.addEventListener("input", count);
  count();
}
