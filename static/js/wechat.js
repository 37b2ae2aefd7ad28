/* Inside WeChat: has it ask its person to pay. What the bridge answers only chooses the words and
   buttons on the page: whether the order is paid, the server asks WeChat Pay itself. */
(() => {
  "use strict";
  const area = document.querySelector("[data-bridge]");
  if (!area) return;
  const PATIENCE = 3000; // ms until we say that there is no bridge
  const button = area.querySelector("[data-bridge-pay]");
  const say = (what) => area.querySelectorAll("[data-bridge-says]").forEach((words) => {
    words.hidden = words.dataset.bridgeSays !== what;
  });
  const paidThere = () => {
    document.querySelectorAll("[data-until-paid]").forEach((part) => { part.hidden = true; });
    document.querySelectorAll("[data-once-paid]").forEach((part) => { part.hidden = false; });
    window.htmx?.trigger(".waiting", "returned");
  };
  const ready = () => { button.hidden = false; say(""); };

  if (window.WeixinJSBridge) ready();
  else {
    document.addEventListener("WeixinJSBridgeReady", ready, { once: true });
    setTimeout(() => { if (!window.WeixinJSBridge) say("none"); }, PATIENCE);
  }

  button.addEventListener("click", () => {
    button.disabled = true;
    say("");
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(area.dataset.bridge), (answer) => {
      const said = String(answer && answer.err_msg);
      if (said.endsWith(":ok")) { paidThere(); return; }
      button.disabled = false;
      say(said.endsWith(":cancel") ? "cancel" : "fail");
    });
  });
})();
