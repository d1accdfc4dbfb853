// SPDX-License-Identifier: MIT
// Copyright (c) the spanner contributors

import { SpanError } from "./_errors.js";

export interface Token {
  amount: number;
  unit: string;
}

const SPACE = /^\s+/;
const NUMBER = /^\d+/;
const WORD = /^[a-z]+/;

/** Amounts with their units, from left to right. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const amount = NUMBER.exec(rest)?.[0];
    if (amount === undefined) {
      throw new SpanError(`expected a number at position ${text.length - rest.length}`);
    }
    rest = rest.slice(amount.length).replace(SPACE, "");
    const unit = WORD.exec(rest)?.[0] ?? "ms";
    rest = rest.slice(unit === "ms" && !rest.startsWith("ms") ? 0 : unit.length).replace(SPACE, "");
    tokens.push({ amount: Number(amount), unit });
  }
  return tokens;
}

/** Whether a text looks like a span, without reading it. */
export function looksLikeSpan(text: string): boolean {
  return /^(\s*\d+\s*[a-z]*)+$/.test(text);
}
