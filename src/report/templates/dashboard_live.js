"use strict";
(() => {
  // What a page says but for the minute at which it was read.
  const EVERY = 5000;
  let known = null;
  const news = document.createElement("p");
  news.id = "news";
  news.setAttribute("role", "status");
  news.hidden = true;
  document.querySelector("main").append(news);
  const bring = async () => {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    const [now, next] = [document.getElementById("board"), page.getElementById("board")];
    if (!now || !next) return;
    const open = [...now.querySelectorAll("details[open]")].map((it) => it.id);
    const found = now.querySelector("#find"), fresh = next.querySelector("#find");
    // The form stays, with what was typed into it.
    if (found && fresh) fresh.replaceWith(found);
    now.replaceWith(next);
    for (const id of open) { const it = document.getElementById(id); if (it) it.open = true; }
    document.dispatchEvent(new Event("board"));
    news.hidden = false;
    news.textContent = "The page was brought up to date.";
  };
  const ask = async () => {
    try {
      const answer = await fetch("/state");
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.text();
      const held = document.activeElement && document.activeElement.closest("#board");
      if (known !== null && state !== known) {
        if (held) {
          news.hidden = false;
          news.textContent = "There is news; the page follows when nothing on it is in use.";
          return;
        }
        await bring();
      }
      known = state;
    } catch {
      news.hidden = false;
      news.textContent = "oci-agent serve does not answer any more; this page stays as it was.";
    }
  };
  setInterval(ask, EVERY);
  ask();
})();
