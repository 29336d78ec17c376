// [data-flash] with a [data-dismiss] button: put away by hand, never by a clock, so nobody misses it.
export function bindFlashes(root) {
  for (const button of root.querySelectorAll("[data-dismiss]")) {
    button.addEventListener("click", () => button.closest("[data-flash]")?.remove());
  }
}
