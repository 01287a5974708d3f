"use strict";
(() => {
  const field = (id) => document.getElementById(id);
  const text = new WeakMap();
  const words = (item) => {
    if (!text.has(item)) text.set(item, item.textContent.toLowerCase());
    return text.get(item);
  };
  const has = (item, name, wanted) => !wanted || (item.dataset[name] || "").split(" ").includes(wanted);
  const filter = () => {
    const form = field("find");
    if (!form) return;
    form.hidden = false;
    const wanted = field("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [state, verdict, waits] = [field("state").value, field("verdict").value, field("waiting").checked];
    let shown = 0, all = 0;
    for (const item of document.querySelectorAll("[data-states]")) {
      const fits = has(item, "states", state) && has(item, "verdicts", verdict)
        && (!waits || "waits" in item.dataset) && wanted.every((word) => words(item).includes(word));
      item.hidden = !fits;
      if (item.localName === "tr") { all += 1; shown += fits ? 1 : 0; }
    }
    field("count").textContent = shown === all ? `All ${all} runs are shown.` : `${shown} of ${all} runs are shown.`;
  };
  const ours = (event) => event.target.closest && event.target.closest("#find");
  document.addEventListener("input", (event) => { if (ours(event)) filter(); });
  document.addEventListener("submit", (event) => { if (ours(event)) event.preventDefault(); });
  document.addEventListener("reset", (event) => { if (ours(event)) setTimeout(filter); });
  // The page was brought up to date.
  document.addEventListener("board", filter);
  // A link to a run that the filter hides shows it.
  addEventListener("hashchange", () => {
    const target = field(decodeURIComponent(location.hash.slice(1)));
    if (target && target.hidden) { field("find").reset(); setTimeout(() => target.scrollIntoView()); }
  });
  filter();
})();
