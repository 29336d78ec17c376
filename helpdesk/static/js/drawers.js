// Drawers and dialogs are popovers and need no script. This closes what floats when the window becomes wide enough to show
// it in place, closes [data-menu] when the reader turns elsewhere, and puts the focus on [data-focus] (errors, test results).
// Where panes scroll on their own, the newest entry of a conversation, [data-newest], comes into sight; so does the entry
// one is at, in a bar that scrolls sideways on phones, [data-bar].
const WIDE = matchMedia("(min-width: 48.01rem)");

export function bindDrawers(root) {
  if (root === document) {
    window.addEventListener("resize", closeDrawers);
    document.addEventListener("click", (event) => closeMenus(event.target));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") closeMenus(null);
    });
    if (!location.hash && WIDE.matches) document.querySelector("[data-newest]")?.scrollIntoView({ block: "nearest" });
    for (const bar of document.querySelectorAll("[data-bar]")) showCurrent(bar);
  }
  root.querySelector("[data-focus]")?.focus();
}

function showCurrent(bar) {
  const entry = bar.querySelector("[aria-current]");
  if (entry) bar.scrollLeft += entry.getBoundingClientRect().left - (bar.clientWidth - entry.offsetWidth) / 2;
}

function closeDrawers() {
  for (const drawer of document.querySelectorAll(".drawer:popover-open")) drawer.hidePopover();
}

function closeMenus(target) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (target && menu.contains(target)) continue;
    menu.open = false;
    if (!target) menu.querySelector("summary").focus();
  }
}
