(() => {
  const bad = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const need = (holds, what) => { if (!holds) bad.push(what); };
  need(!window.pwned, "a script of others ran");
  need(document.documentElement.scrollWidth <= innerWidth, `scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth}`);
  need(document.documentElement.lang === "en", "lang");
  need(all("main").length === 1 && all("h1").length === 1, "landmarks");
  for (const it of all("section")) need(document.getElementById(it.getAttribute("aria-labelledby"))?.textContent.trim(), "a section without a name");
  for (const it of all("th")) need(["row", "col"].includes(it.scope), `th without scope: ${it.textContent}`);
  for (const it of all("svg")) need(it.getAttribute("role") === "img" && it.getAttribute("aria-label"), "a picture without words");
  for (const it of all("input, select")) need(document.querySelector(`label[for="${it.id}"]`)?.textContent.trim(), `no label: ${it.id}`);
  for (const it of all(".badge, .chip, .alerts strong")) need(/^[^\p{L}\d\s]\s+\S/u.test(it.textContent.trim()), `colour alone: ${it.textContent}`);
  const ids = all("[id]").map((it) => it.id);
  need(new Set(ids).size === ids.length, "an id twice");
  for (const it of all("a")) {
    const to = it.getAttribute("href");
    need(it.textContent.trim(), `a link without words: ${to}`);
    need(to.startsWith("#") ? ids.includes(to.slice(1)) : /^runs\/[\w.-]+\/report\.html$/.test(to), `leads nowhere: ${to}`);
  }
  let level = 0;
  for (const it of all("h1, h2, h3, h4")) { const now = Number(it.localName[1]); need(now <= level + 1, `a heading that skips: ${it.textContent}`); level = now; }
  const luminance = (color) => {
    const parts = color.match(/[\d.]+/g).slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  for (const it of all("p, a, td, th, .badge, .chip, summary, label, dt")) {
    const ink = luminance(getComputedStyle(it).color);
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    need(ratio >= 4.5, `too little contrast: ${ratio.toFixed(1)} ${it.textContent.slice(0, 30)}`);
  }
  return bad;
})()
