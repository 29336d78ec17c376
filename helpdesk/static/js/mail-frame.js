// iframe[data-mail-frame]: as high as the mail inside. The frame runs no scripts; it is of our own origin only so that
// this page may measure it.
const TALLEST = 4000;

export function bindMailFrames(root) {
  for (const frame of root.querySelectorAll("iframe[data-mail-frame]")) {
    frame.addEventListener("load", () => fit(frame));
    frame.closest("details")?.addEventListener("toggle", () => fit(frame));
    fit(frame);
  }
}

function fit(frame) {
  const body = frame.contentDocument?.documentElement;
  if (body?.scrollHeight > 0 && frame.offsetParent) frame.style.height = `${Math.min(body.scrollHeight + 16, TALLEST)}px`;
}
