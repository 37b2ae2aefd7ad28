/* Billing's smoothness only: every page works without it (strict CSP: no inline handlers). */
(() => {
  "use strict";

  // --- A press adds a line to a text: data-add-line names the text, the button's value the line.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add-line]");
    const text = button && document.querySelector(button.dataset.addLine);
    if (!text) return;
    const lines = text.value.split(/\s+/).filter(Boolean);
    if (!lines.includes(button.value)) lines.push(button.value);
    text.value = lines.join("\n");
    button.setAttribute("aria-pressed", "true");
  });

  // --- What was typed at a meter survives a lost network, a closed page, an empty battery. A field
  // with data-draft keeps its text on the phone until the server says that it has it.
  const kept = (act) => { try { return act(window.localStorage); } catch { return null; } };
  const drafts = (area) => [...area.querySelectorAll("[data-draft]")];
  const note = (field) => {
    const unsaved = field.value.trim() !== (field.dataset.saved || "");
    field.closest("[data-meter-row]")?.toggleAttribute("data-unsaved", unsaved);
    kept((store) => (unsaved ? store.setItem(field.dataset.draft, field.value) : store.removeItem(field.dataset.draft)));
  };
  // The usage beside a figure as it is typed; the server says it again when it has saved it.
  const usage = (field) => {
    const row = field.closest("[data-meter-row]");
    const shown = row?.querySelector("[data-usage]");
    const figure = Number(field.value.normalize("NFKC").replace(/[,\s]/g, ""));
    if (!shown || !row.dataset.last) return;
    const used = field.value.trim() && Number.isFinite(figure) ? figure - Number(row.dataset.last) : NaN;
    shown.textContent = Number.isNaN(used) ? "" : `${Number(used.toFixed(3))} m³`.replace("-", "−");
  };
  const restore = (area) => drafts(area).forEach((field) => {
    const before = kept((store) => store.getItem(field.dataset.draft));
    if (before && !field.value) field.value = before;
    note(field);
    if (field.value.trim() !== (field.dataset.saved || "")) usage(field);
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-draft]")) return;
    note(event.target);
    usage(event.target);
  });
  document.addEventListener("htmx:afterSwap", () => restore(document));
  restore(document);

  // --- Enter goes to the next meter instead of sending the whole sheet.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("[data-draft]")) return;
    event.preventDefault();
    const fields = drafts(document);
    const next = fields[fields.indexOf(event.target) + 1];
    (next || document.querySelector("[data-save-all]"))?.focus();
    if (!next) event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
