// form[data-seen]: whoever looks at a ticket has seen what he was told of it; said to the desk once, without a word to the reader.
export function bindSeen(root) {
  for (const form of root.querySelectorAll("form[data-seen]")) {
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual", keepalive: true }).catch(() => {});
  }
}
