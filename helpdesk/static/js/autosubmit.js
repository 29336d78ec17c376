// form[data-autosubmit]: a changed list sends the form at once. Typing a date waits until the field is left.
export function bindAutosubmit(root) {
  for (const form of root.querySelectorAll("form[data-autosubmit]")) {
    form.addEventListener("change", (event) => {
      if (event.target.name && event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
    });
    for (const field of form.querySelectorAll("input[type=date], input[type=text], input[type=datetime-local]")) {
      let before = field.value;
      field.addEventListener("blur", () => {
        if (field.value === before || !field.checkValidity()) return;
        before = field.value;
        form.requestSubmit();
      });
    }
  }
}
