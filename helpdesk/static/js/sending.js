// [data-countdown]: how many seconds an answer may still be taken back. When they are over, the conversation is fetched anew
// ([data-talk]) so that the answer stands there as sent; elsewhere ([data-toast]) the notice goes away.
const LOOK_AGAIN_MS = 2500;
const MOST_LOOKS = 20;

export function bindSending(root) {
  for (const clock of root.querySelectorAll("[data-countdown]")) countDown(clock);
}

function countDown(clock) {
  const endsAt = performance.now() + Number(clock.dataset.countdown) * 1000;
  const words = clock.querySelector("span");
  const tick = () => {
    if (!clock.isConnected) return;
    const left = Math.ceil((endsAt - performance.now()) / 1000);
    words.textContent = left > 0 ? clock.dataset.words.replace("#", left) : clock.dataset.now;
    if (left > 0) return setTimeout(tick, 250);
    clock.closest("article, [data-toast]")?.querySelector("[data-undo]")?.closest("form").remove();
    const toast = clock.closest("[data-toast]");
    if (toast) return setTimeout(() => toast.remove(), LOOK_AGAIN_MS);
    setTimeout(() => look(MOST_LOOKS), LOOK_AGAIN_MS);
  };
  tick();
}

// The conversation as it is now; tried again while an answer still waits.
async function look(left) {
  const talk = document.querySelector("[data-talk]");
  if (!talk || !left) return;
  const page = await fetchPage();
  const fresh = page?.querySelector("[data-talk]");
  if (!fresh || fresh.querySelector('[data-countdown="0"]')) return setTimeout(() => look(left - 1), LOOK_AGAIN_MS);
  talk.replaceChildren(...fresh.childNodes);
  for (const name of ["seen", "seen_reply"]) {
    const [own, theirs] = [document, page].map((one) => one.querySelector(`#composer [name=${name}]`));
    if (own && theirs) own.value = theirs.value; // what stands there now has been shown
  }
  const { bind } = await import("./app.js");
  bind(talk);
}

async function fetchPage() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    return answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null;
  }
}
