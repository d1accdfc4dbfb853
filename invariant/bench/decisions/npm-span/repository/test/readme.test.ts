import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as spanner from "../src/index.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!);

for (const block of blocks) {
  for (const line of block.split("\n")) {
    const [call, wanted] = line.split("; // → ");
    if (wanted === undefined) continue;
    test(call!, () => {
      const run = new Function("spanner", `with (spanner) { return ${call}; }`);
      assert.deepEqual(run(spanner), JSON.parse(wanted));
    });
  }
}
