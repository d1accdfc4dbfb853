// SPDX-License-Identifier: MIT
// Copyright (c) the spanner contributors

/**
 * Thrown when a text is no span.
 *
 * @example
 * try { parse("soon"); } catch (error) { error instanceof SpanError; } // → true
 */
export class SpanError extends Error {
  override readonly name = "SpanError";
}
