// SPDX-License-Identifier: MIT
// Copyright (c) the spanner contributors

import { SpanError } from "./_errors.js";
import { type Token, tokenize } from "./tokens.js";
import { UNITS, type Unit } from "./_units.js";

export { SpanError };
export type { Unit };

/** How {@link format} writes a span. */
export interface FormatOptions {
  /** The smallest unit that is written; the rest is cut off. */
  smallest?: Unit;
  /** What stands between two parts. */
  separator?: string;
}

function value(token: Token, text: string): number {
  const unit = UNITS[token.unit as Unit];
  if (unit === undefined) {
    throw new SpanError(`"${text}" has the unit "${token.unit}", which nobody knows`);
  }
  return token.amount * unit;
}

/**
 * Milliseconds of a text such as `1h 30m`.
 *
 * @example
 * parse("1h 30m"); // → 5400000
 */
export function parse(text: string): number {
  const tokens = tokenize(text);
  if (tokens.length === 0) {
    throw new SpanError(`"${text}" is no span`);
  }
  return tokens.reduce((sum, token) => sum + value(token, text), 0);
}

/**
 * The text of a number of milliseconds.
 *
 * @example
 * format(5_400_000); // → "1h 30m"
 */
export function format(ms: number, options: FormatOptions = {}): string {
  if (!Number.isFinite(ms)) {
    throw new Error(`"${ms}" cannot be written as a span`);
  }
  const { smallest = "ms", separator = " " } = options;
  let rest = Math.abs(ms);
  const parts: string[] = [];
  for (const [unit, size] of Object.entries(UNITS) as [Unit, number][]) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
    if (unit === smallest) break;
  }
  return (ms < 0 ? "-" : "") + (parts.join(separator) || `0${smallest}`);
}

/** Whether a span lies between two others. */
export function between(span: string, low: string, high: string, inclusive = true): boolean {
  const ms = parse(span);
  const [from, to] = [parse(low), parse(high)];
  return inclusive ? from <= ms && ms <= to : from < ms && ms < to;
}
