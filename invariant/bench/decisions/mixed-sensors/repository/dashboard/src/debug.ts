const wanted = new URLSearchParams(location.search).has("debug");

/** Tells a developer who asked for it. */
export function debug(...values: unknown[]): void {
  if (wanted) console.debug("[greenhouse]", ...values);
}
