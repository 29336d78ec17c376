// iframe[data-mail-frame]: as high as the mail inside. The frame runs no scripts; it is of our own origin only so that
// this page may measure it.
const TALLEST = 4000;

export function bindMailFrames(root) {
  for (const frame of root.querySelectorAll("iframe[data-mail-frame]")) {
    frame.addEventListener("load", () => fit(frame));
    frame.closest("details")?.addEventListener("toggle", () => fit(frame));
    fit(frame);
  }
  for (const link of root.querySelectorAll("a[data-show-pictures]")) {
    link.addEventListener("click", () => tellShown(link)); // the link itself opens them in the frame
  }
}

function tellShown(link) {
  const line = link.closest(".pictures");
  line.querySelector("[data-pictures-asked]").hidden = true;
  const told = line.querySelector("[data-pictures-shown]");
  told.hidden = false;
  setTimeout(() => { // once the browser has followed the link
    told.focus();
    link.remove();
  });
}

function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (!page?.offsetHeight || !frame.offsetParent) return;
  const edge = page.scrollWidth > page.clientWidth ? 18 : 2; // our border, and a bar to scroll by where the mail is too wide
  frame.style.height = `${Math.min(page.offsetHeight + edge, TALLEST)}px`;
}
