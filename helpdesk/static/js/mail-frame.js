// iframe[data-mail-frame]: as high as the mail inside. The frame runs no scripts; it is of our own origin only so that
// this page may measure it.
const TALLEST = 4000;
const SMALLEST = 0.5; // a mail wider than twice its room is scrolled instead

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

// A letter 600 px wide in a column of 500 is read smaller rather than moved about.
function shrink(body, page) {
  body.style.zoom = "";
  const share = page.clientWidth / page.scrollWidth;
  if (share < 1 && share >= SMALLEST) body.style.zoom = `${share}`;
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
  shrink(frame.contentDocument.body, page);
  const edge = page.scrollWidth > page.clientWidth ? 18 : 2; // our border, and a bar to scroll by where the mail is too wide
  frame.style.height = `${Math.min(page.offsetHeight + edge, TALLEST)}px`;
}
