// [data-fill='{"field": "words"}']: a link that fills fields of the form it stands in; without scripts it asks the desk to.
export function bindFill(root) {
  for (const link of root.querySelectorAll("[data-fill]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const form = link.closest("form");
      for (const [name, words] of Object.entries(JSON.parse(link.dataset.fill))) {
        form.elements[name].value = words;
        form.elements[name].dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  }
}
