// Drawers and dialogs are popovers and need no script. This closes what floats when the window becomes wide enough to show
// it in place, closes [data-menu] when the reader turns elsewhere, and puts the focus on [data-focus] (errors, test results).
// Where panes scroll on their own, the newest entry of a conversation, [data-newest], comes into sight, and the row
// of its ticket in the list; so does the entry one is at, in a bar that scrolls sideways on phones, [data-bar].
const WIDE = matchMedia("(min-width: 48.01rem)");

export function bindDrawers(root) {
  if (root === document) {
    window.addEventListener("resize", closeDrawers);
    document.addEventListener("click", (event) => closeMenus(event.target));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") closeMenus(null);
    });
    if (WIDE.matches) document.querySelector(".ticket-row--current")?.scrollIntoView({ block: "nearest" });
    if (!location.hash && WIDE.matches) showNewest(document.querySelector(".main-pane [data-newest]"));
    for (const bar of document.querySelectorAll("[data-bar]")) showCurrent(bar);
  }
  root.querySelector("[data-focus]")?.focus();
}

function showNewest(entry) {
  if (!entry) return;
  entry.scrollIntoView({ block: "nearest" });
  const { top, bottom } = entry.getBoundingClientRect();
  const edge = (selector, side) => document.querySelector(selector)?.getBoundingClientRect()[side] ?? NaN;
  const covered = bottom + 12 - edge(".composer", "top"); // the editor is as high as it needs to be
  const room = top - 12 - edge(".ticket-head", "bottom"); // its beginning matters more than its end
  if (covered > 0 && room > 0) entry.closest("main").scrollBy(0, Math.min(covered, room));
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
