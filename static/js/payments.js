/* Sums while bills are ticked, and change while cash is counted. For the eye only: the server
   counts again from its own rows. Fen as integers, so that no fraction is lost. */
(() => {
  "use strict";
  const fen = (text) => {
    const plainly = (text || "").normalize("NFKC").replace(/,(?=\d{3}(?:\D|$))/g, "");
    const match = /^\s*(\d{1,10})(?:\.(\d{0,2}))?\s*$/.exec(plainly);
    return match ? Number(match[1]) * 100 + Number((match[2] || "").padEnd(2, "0")) : null;
  };
  const plain = (n) => `${Math.floor(n / 100)}.${String(n % 100).padStart(2, "0")}`;
  const yuan = (n) => "¥" + plain(n).replace(/\B(?=(\d{3})+(?=\.))/g, ",");

  // As in payments.css.
  const narrow = window.matchMedia("(max-width: 47.99rem)");

  // At the counter a key chooses, and only what was counted is taken: F2 and F3 lead to the figure or
  // the button; Enter goes on to it from elsewhere, and takes there. A key held down does nothing.
  const till = (form, { amount, tendered }) => {
    const take = form.querySelector("[data-take]");
    const byCard = () => form.querySelector("[name=method][value=card]").checked;
    const next = () => (fen(amount.value) === null && amount.type !== "hidden" ? amount : byCard() ? take : tendered);
    form.addEventListener("click", (event) => {
      if (!event.target.closest("label[for^=tender_]")) return;
      // After the label's own doing, which checks its button and goes there.
      window.setTimeout(() => { next().focus(); next().select?.(); });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.target.matches("a, summary")) return;
      const [asked, given] = [fen(amount.value), fen(tendered.value)];
      const missing = !byCard() && (!given || (asked !== null && given < asked));
      if (event.target.matches("[data-take]") && !missing && !event.repeat) return;
      if (event.target === tendered && !missing && !byCard() && !event.repeat) return;
      event.preventDefault();
      if (!event.repeat) next().focus();
    });
    // The form's own number in the address: Back from the receipt leads to the receipt again.
    const address = new URL(window.location.href);
    address.searchParams.set("form", form.elements.token.value);
    window.history.replaceState(null, "", address);
    window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  };

  document.querySelectorAll("form[data-sum]").forEach((form) => {
    const bills = [...form.querySelectorAll("input[name=bill], input[name=unbilled]")];
    const offers = [...form.querySelectorAll("[data-off]")];
    const total = form.querySelector("[data-total]");
    const amount = form.querySelector("input[name=amount]");
    const tendered = form.querySelector("input[name=tendered]");
    const change = form.querySelector("[data-change]");
    const payers = form.querySelectorAll("[data-needs-bill]");

    const count = () => {
      const ticked = new Set(bills.filter((bill) => bill.checked).map((bill) => bill.value));
      const owed = bills.filter((bill) => bill.checked).reduce((all, bill) => all + fen(bill.dataset.yuan), 0);
      const earned = offers.filter((offer) => offer.dataset.offBills.split(",").every((bill) => ticked.has(bill)));
      const sum = Math.max(earned.reduce((all, offer) => all - fen(offer.dataset.off), owed), 0);
      if (total) total.textContent = yuan(sum);
      payers.forEach((button) => { button.disabled = !sum; });
      return sum;
    };
    const giveBack = () => {
      if (!change) return;
      const [asked, given] = [fen(amount.value), fen(tendered.value)];
      change.textContent = asked !== null && given !== null && given >= asked ? yuan(given - asked) : "—";
    };
    bills.forEach((bill) => bill.addEventListener("change", () => {
      const sum = count();
      if (amount) amount.value = sum ? plain(sum) : "";
      giveBack();
    }));
    [amount, tendered].forEach((field) => field?.addEventListener("input", giveBack));
    form.querySelectorAll("[data-narrow]").forEach((field) => {
      form.addEventListener("submit", () => { field.value = narrow.matches ? "yes" : ""; });
    });
    if (form.matches("[data-till]")) till(form, { amount, tendered });
    const begin = () => { count(); giveBack(); };
    begin();
    // Going back, the browser ticks again what was ticked, after this has run.
    window.addEventListener("pageshow", begin);
  });
})();
