// SPDX-License-Identifier: MIT
// Copyright (c) the spanner contributors

// an enum would be shorter here, but it leaves code behind in the bundle
export type Unit = "d" | "h" | "m" | "s" | "ms";

/** Milliseconds of each unit, the largest first. */
export const UNITS: Readonly<Record<Unit, number>> = Object.freeze({
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
});
