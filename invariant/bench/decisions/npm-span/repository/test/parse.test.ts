import assert from "node:assert/strict";
import { test } from "node:test";
import { between, format, parse, SpanError } from "../src/index.js";

test("parts add up", () => {
  assert.equal(parse("1d 2h"), 93_600_000);
});

test("a number alone is milliseconds", () => {
  assert.equal(parse("250"), 250);
});

test("an unknown unit is refused", () => {
  assert.throws(() => parse("3 fortnights"), SpanError);
});

test("what is formatted can be parsed", () => {
  assert.equal(parse(format(5_025_000)), 5_025_000);
});

test("ends belong to a range unless they do not", () => {
  assert.equal(between("1h", "1h", "2h"), true);
  assert.equal(between("1h", "1h", "2h", false), false);
});
