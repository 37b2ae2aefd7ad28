/* Smoothness only: every page works without it. No inline handlers, no eval (strict CSP). */
(() => {
  "use strict";

  // --- A button that starts work is busy until the answer is there; pressing it again does nothing.
  // (The server does the same by form tokens; this is only for the eye.) data-busy="off": downloads.
  const free = (form) => {
    delete form.dataset.pressed;
    form.querySelectorAll(".is-busy").forEach((button) => {
      button.classList.remove("is-busy");
      button.removeAttribute("aria-disabled");
    });
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented && !form.matches("[hx-post],[hx-get]")) return;
    if (form.dataset.pressed) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    if (form.dataset.busy === "off" || form.target === "_blank") return;
    form.dataset.pressed = "yes";
    if (event.submitter) {
      event.submitter.classList.add("is-busy");
      event.submitter.setAttribute("aria-disabled", "true");
    }
  }, true);
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(free));
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest("form");
    if (form) free(form);
  });

  // --- The network failed: say so in words that the page brought along, in its own language, until
  // the same element is answered: a page that asks every few seconds is not out of reach for ever.
  let unanswered = null;
  const tell = (id, event) => {
    const words = document.getElementById(id);
    const place = document.getElementById("messages");
    if (!words || !place) return;
    place.replaceChildren(words.content.cloneNode(true));
    unanswered = event.detail.elt;
  };
  document.addEventListener("htmx:sendError", (event) => tell("words-offline", event));
  document.addEventListener("htmx:responseError", (event) => tell("words-failed", event));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || event.detail.elt !== unanswered) return;
    document.getElementById("messages").replaceChildren();
    unanswered = null;
  });

  // --- Keys. data-key="F2" on a link or button presses it, on a field goes there.
  // Single characters can be switched off (WCAG 2.1.4), and never fire while somebody types.
  const typing = (node) => node.matches?.("input, textarea, select, [contenteditable]");
  const remembered = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const presses = (key) => [...document.querySelectorAll("[data-key]")]
    .find((node) => node.dataset.key.split(" ").includes(key) && node.checkVisibility?.() !== false);
  const press = (key) => {
    const target = presses(key);
    if (!target) return key === "F9" && document.querySelector("[data-printable]") ? window.print() ?? true : false;
    if (typing(target)) { target.focus(); target.select?.(); } else target.click();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const single = event.key.length === 1;
    if (single && (typing(event.target) || remembered("keys") === "off")) return;
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
      const found = event.target.closest("[data-search]")?.querySelector(".found");
      if (found) found.replaceChildren();
      return;
    }
    if (!single && !/^F\d+$/.test(event.key)) return;
    // A key that is held down, from the page before too, presses nothing again.
    if (event.repeat ? presses(event.key) : press(event.key)) event.preventDefault();
  });

  // ↑ ↓ through a list of links: data-list names the list from the box, data-row marks the links.
  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const letters = { j: "ArrowDown", k: "ArrowUp" };
    const letter = !typing(event.target) && remembered("keys") !== "off" && letters[event.key];
    const step = { ArrowDown: 1, ArrowUp: -1 }[letter || event.key];
    const area = event.target.closest("[data-search]") || (letter && document.querySelector("[data-rows]"))
      || event.target.closest("[data-rows]");
    if (!step || !area || event.target.matches("select, textarea, [type=number], [type=radio]")) return;
    const rows = [...area.querySelectorAll("a[data-row]")];
    if (!rows.length) return;
    event.preventDefault();
    const next = rows.indexOf(event.target) + step;
    if (next < 0 && event.target.matches("a")) area.querySelector("input")?.focus();
    else rows[Math.min(Math.max(next, 0), rows.length - 1)].focus();
  });

  // --- Clocks that tick. The server wrote the words for a screen reader; only the figures move.
  const two = (number) => String(number).padStart(2, "0");
  const tick = () => document.querySelectorAll("time[data-due]").forEach((clock) => {
    const left = Math.round((Date.parse(clock.dateTime) - Date.now()) / 1000);
    const span = Math.abs(left);
    const near = Number(clock.dataset.near || 14400);
    clock.closest(".clock").dataset.state = left < 0 ? "over" : left < near ? "near" : "calm";
    clock.textContent = (left < 0 ? "−" : "") + Math.floor(span / 3600) + ":" + two(Math.floor(span / 60) % 60)
      + ":" + two(span % 60);
  });
  if (document.querySelector("time[data-due]")) { tick(); setInterval(tick, 1000); }

  // --- Copy buttons say that it is done. Where there is no clipboard (a page without https) the old
  // way may work; if not, the text stays selected for a finger.
  const copyFrom = (button) => {
    const source = document.querySelector(button.dataset.copy);
    const field = source.matches("input, textarea");
    const text = button.dataset.copyText || (field ? source.value : source.textContent.trim());
    const byHand = () => {
      if (field) source.select(); else window.getSelection().selectAllChildren(source);
      if (!document.execCommand("copy")) throw new Error("not copied");
    };
    const show = (done) => {
      button.querySelector("[data-copy-word]").hidden = done;
      button.querySelector("[data-copy-done]").hidden = !done;
    };
    (navigator.clipboard ? navigator.clipboard.writeText(text).catch(byHand) : Promise.resolve().then(byHand))
      .then(() => { show(true); setTimeout(() => show(false), 3000); }, () => {});
  };
  document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });

  // --- Small services: copy, print, jump to the error summary, switch the keys, close open menus.
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) copyFrom(copy);
    if (event.target.closest("[data-print]")) window.print();
    const keys = event.target.closest("[data-keys-switch]");
    if (keys) {
      const off = remembered("keys") !== "off";
      try { localStorage.setItem("keys", off ? "off" : "on"); } catch { return; }
      keys.setAttribute("aria-pressed", String(!off));
    }
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.querySelectorAll("[data-keys-switch]").forEach((keys) =>
    keys.setAttribute("aria-pressed", String(remembered("keys") !== "off")));
  document.querySelector(".error-summary")?.focus();
})();
