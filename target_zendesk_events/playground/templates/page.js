// Keeps a page as the server would write it now, without a reload: it asks again, and changes only what differs, so
// that focus, scrolling and what was opened stay. News is said politely, once.
"use strict";
(() => {
  const EVERY = 2000, SHOWN_FOR = 8000, PAUSE = 150;
  const KEPT = new Set(["open", "data-new", "data-dismissed"]);
  const news = document.getElementById("news");
  const main = document.querySelector("main[data-live]");
  let mark = null, asked = 0, fading;
  if (!main) return;

  // Escape puts an exact time away, as long as the pointer or the focus stays on it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const one of document.querySelectorAll(".when:hover, .when:focus")) {
      one.dataset.dismissed = "";
      for (const leaves of ["mouseleave", "blur"]) one.addEventListener(leaves, () => { delete one.dataset.dismissed; }, { once: true });
    }
  });

  function say(text, stays) {
    clearTimeout(fading);
    if (news.textContent !== text) news.textContent = text;
    if (!stays) fading = setTimeout(() => { news.textContent = ""; }, SHOWN_FOR);
  }

  // Makes `old` what `now` is, in place: elements are known by their id, or else by their place and name.
  function become(old, now, added) {
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
    const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    const wanted = new Set([...now.children].map((one) => one.id));
    for (const [id, one] of known) if (!wanted.has(id)) one.remove();
    let place = old.firstChild;
    for (const one of [...now.childNodes]) {
      const same = one.id ? known.get(one.id) : place && !place.id && place.nodeName === one.nodeName ? place : null;
      if (!same) {
        old.insertBefore(one, place);
        if (one.id) added.push(one);
        continue;
      }
      if (same === place) place = place.nextSibling;
      else old.insertBefore(same, place);
      if (same.nodeType === Node.ELEMENT_NODE) become(same, one, added);
      else if (same.nodeValue !== one.nodeValue) same.nodeValue = one.nodeValue;
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  function tell(before, added) {
    const number = Number(main.dataset.count) - before;
    if (number <= 0) return;
    for (const one of added) one.dataset.new = "";
    const said = added.flatMap((one) => [one, ...one.querySelectorAll("[data-said]")]).map((one) => one.dataset.said).filter(Boolean);
    const what = said.length === 1 && number === 1 ? `: ${said[0]}` : "";
    say(`${number} ${main.dataset.noun}${number === 1 ? "" : "s"}${main.dataset.end ?? ""}${what}`);
  }

  async function look(isSearch) {
    const turn = ++asked;
    let answer, text;
    try {
      answer = await fetch(location.href, { headers: mark ? { "If-None-Match": mark } : {}, cache: "no-store" });
      text = await answer.text();
    } catch {
      say("Nothing answers here any more: this is what was last shown.", true);
      return;
    }
    if (turn !== asked) return;
    if (news.textContent.startsWith("Nothing answers")) say("");
    if (answer.status !== 200) return;
    mark = answer.headers.get("ETag");
    const now = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    const held = document.activeElement, before = Number(main.dataset.count), added = [];
    become(main, now, added);
    if (held !== document.activeElement && held.isConnected) held.focus({ preventScroll: true });
    if (!isSearch) tell(before, added);
  }

  const form = document.querySelector("form[role=search]");
  if (form) {
    let waiting;
    const search = () => {
      const sought = form.elements.q.value.trim();
      history.replaceState(null, "", sought ? `/?${new URLSearchParams({ q: sought })}` : "/");
      look(true);
    };
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, PAUSE); });
    form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); search(); });
  }

  document.addEventListener("animationend", (event) => { delete event.target.dataset.new; });  // or it starts anew when moved
  setInterval(() => { if (!document.hidden) look(false); }, EVERY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(false); });
})();
