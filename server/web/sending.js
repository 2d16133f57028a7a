// SPDX-License-Identifier: Apache-2.0
// A bar for what is being sent, and then for what is being waited for.

import { bytes, h } from "./dom.js";

export function sending(what, cancel) {
  const bar = h("progress", { max: 1, "aria-label": what });
  const text = h("p", { class: "soft" }, `${what} …`);
  const element = h("div", { class: "progress" }, text, bar, h("button", { type: "button", onclick: cancel }, "Cancel"));
  const progress = (sent, total) => {
    if (!total) return;
    if (sent < total) bar.value = sent / total;
    else bar.removeAttribute("value");
    text.textContent = sent < total ? `Sending: ${bytes(sent)} of ${bytes(total)}` : `${what} …`;
  };
  return { element, progress };
}
