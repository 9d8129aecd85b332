// A page that lies open asks how long its session lasts, warns before the end, and then covers
// itself: what it showed is taken out of the page. Asking does not keep the session.
"use strict";
(() => {
  const { session, signIn } = document.currentScript.dataset;
  const ASK_EVERY_MS = 15_000;
  const WARN_SECONDS = 60;
  let endsAt = Infinity;
  let warning = null;
  let isCovered = false;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function cover() {
    if (isCovered) return;
    isCovered = true;
    const link = element("a", "noc-cover-link", "Sign in again");
    link.href = `${signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
    const box = element("main", "noc-cover", "");
    box.append(element("h1", "", "Your session has ended"), link);
    document.body.replaceChildren(box);
    document.title = "Signed out";
    link.focus();
  }

  function warn(seconds) {
    if (!warning) {
      warning = element("div", "noc-warning", "");
      warning.setAttribute("role", "alert");
      const stay = element("button", "noc-stay", "Stay signed in");
      stay.type = "button";
      stay.addEventListener("click", () => ask("POST"));
      warning.append(element("span", "", ""), stay);
      document.body.append(warning);
    }
    warning.firstChild.textContent = `You will be signed out in ${seconds} s.`;
  }

  function tick() {
    const seconds = Math.ceil((endsAt - Date.now()) / 1000);
    if (seconds <= 0) {
      // Another tab may have kept the session: the last word is the server's, if it answers.
      ask("GET", cover);
    } else if (seconds <= WARN_SECONDS) {
      warn(seconds);
    } else if (warning) {
      warning.remove();
      warning = null;
    }
  }

  async function ask(method, otherwise = () => {}) {
    if (isCovered) return;
    const headers = {};
    if (method === "POST") {
      headers["X-CSRF-Token"] = document.querySelector("[name=csrfmiddlewaretoken]").value;
    }
    try {
      const answer = await fetch(session, { method, headers, cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const { seconds } = await answer.json();
      if (seconds <= 0) return cover();
      endsAt = Date.now() + seconds * 1000;
      tick();
    } catch {
      otherwise();
    }
  }

  const askIfSeen = () => document.hidden || ask("GET");
  setInterval(tick, 1000);
  setInterval(askIfSeen, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", askIfSeen);
  // A page that the browser kept from before the end may come back by its button.
  window.addEventListener("pageshow", askIfSeen);
})();
