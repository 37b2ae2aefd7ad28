/* What WeChat puts into every page that its browser opens, as far as paying goes: WeixinJSBridge with
   getBrandWCPayRequest. Its person presses in a sheet at the bottom; /__wechat__/ leads to the
   simulator (browser.py), as WeChat talks to its servers beside the page. */
(() => {
  "use strict";
  if (window.top !== window) return;
  const element = (name, text, style, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    made.style.cssText = style;
    parent.append(made);
    return made;
  };
  const sheet = (order, answer) => {
    const shade = element("div", "", "position:fixed;inset:0;z-index:9999;background:#0008", document.body);
    const box = element("div", "", "position:fixed;inset:auto 0 0;padding:24px;background:#fff;color:#111;text-align:center;border-radius:12px 12px 0 0", shade);
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "微信支付 WeChat Pay");
    element("p", `${order.description} · 模拟器 Simulator`, "margin:0 0 8px", box);
    element("p", `¥${(order.total / 100).toFixed(2)}`, "margin:0 0 16px;font-size:32px;font-weight:600", box);
    const button = (id, text, style, act) => {
      const made = element("button", text, `display:block;width:100%;min-height:44px;margin:8px 0 0;border:0;border-radius:8px;${style}`, box);
      made.id = id;
      made.addEventListener("click", () => { shade.remove(); act(); });
      return made;
    };
    button("wechat-pay", "确认支付 Pay", "background:#07c160;color:#fff", () => answer(true)).focus();
    button("wechat-cancel", "取消 Cancel", "background:#eee;color:#111", () => answer(false));
  };
  const invoke = async (name, values, done) => {
    const say = (how) => done({ err_msg: `get_brand_wcpay_request:${how}` });
    if (name !== "getBrandWCPayRequest") { done({ err_msg: "system:function_not_exist" }); return; }
    const shown = await fetch(`/__wechat__/jsapi/pay?${new URLSearchParams(values)}`);
    if (!shown.ok) { say("fail"); return; }
    sheet(await shown.json(), async (agreed) => {
      if (!agreed) { say("cancel"); return; }
      const paid = await fetch("/__wechat__/jsapi/pay", { method: "POST", body: JSON.stringify(values) });
      say(paid.ok ? "ok" : "fail");
    });
  };
  document.addEventListener("DOMContentLoaded", () => {
    window.WeixinJSBridge = { invoke };
    document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  });
})();
