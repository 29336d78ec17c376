// [data-refresh="seconds"]: looks again while the page is seen, and puts the new [data-refresh-part] elements (by id)
// in place of the old ones. Without scripts there is a link that reloads.
export function bindRefresh(root) {
  for (const area of root.querySelectorAll("[data-refresh]")) wait(area);
}

function wait(area) {
  setTimeout(() => look(area), Number(area.dataset.refresh) * 1000);
}

async function look(area) {
  if (!area.isConnected) return;
  if (!document.hidden) await renew(area).catch(() => {}); // the desk may be restarting; it is asked again
  wait(area);
}

async function renew(area) {
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of area.querySelectorAll("[data-refresh-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceChildren(...fresh.childNodes);
  }
  area.dataset.refresh = page.querySelector("[data-refresh]")?.dataset.refresh ?? area.dataset.refresh;
}
