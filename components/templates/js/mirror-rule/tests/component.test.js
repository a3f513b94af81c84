import assert from "node:assert/strict";
import test from "node:test";

import { mapUrl } from "../src/component.js";

test("a file has a copy", () => {
  const [first] = mapUrl("https://downloads.example/pub/tool.zip", "");
  assert.equal(first.url, "https://mirror.example/pub/tool.zip");
});

test("another host is somebody else's", () => {
  assert.throws(() => mapUrl("https://elsewhere.example/pub/tool.zip", ""), { tag: "not-mine" });
});
