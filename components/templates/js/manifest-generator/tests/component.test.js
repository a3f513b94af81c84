import assert from "node:assert/strict";
import test from "node:test";

import { generate } from "../src/component.js";

const artifact = {
  fileName: "tool.zip",
  url: "https://tool.example/tool.zip",
  size: 10n,
  digests: [{ algorithm: "sha-256", value: new Uint8Array(32) }],
};

test("a release becomes one page", () => {
  const release = { name: "tool", version: "1.2.3", artifacts: [artifact] };
  const { deliveries } = generate(release, new Map(), new Map());
  assert.equal(deliveries[0].val[0].path, "tool/1.2.3.md");
});

test("a release without files is refused", () => {
  const release = { name: "tool", version: "1.2.3", artifacts: [] };
  assert.throws(
    () => generate(release, new Map(), new Map()),
    ([diagnostic]) => diagnostic.code === "no-artifact",
  );
});
