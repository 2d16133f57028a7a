// SPDX-License-Identifier: Apache-2.0
// The layout beside the page, which stays usable meanwhile.

import { layoutTree } from "./layout.js";

addEventListener("message", ({ data }) => {
  try {
    postMessage({ id: data.id, tree: layoutTree(data.tree) });
  } catch (error) {
    postMessage({ id: data.id, failed: error.message });
  }
});
