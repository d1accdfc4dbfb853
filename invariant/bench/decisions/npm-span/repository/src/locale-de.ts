/* SPDX-License-Identifier: MIT */

import { format } from "./index.js";

const WORDS: Record<string, [string, string]> = {
  d: ["Tag", "Tage"],
  h: ["Stunde", "Stunden"],
  m: ["Minute", "Minuten"],
  s: ["Sekunde", "Sekunden"],
};

declare global {
  interface Number {
    toGerman(): string;
  }
}

Number.prototype.toGerman = function (this: number): string {
  return german(this.valueOf());
};

/** A span in German words. */
export function german(ms: number): string {
  const txt = format(ms, { smallest: "s" });
  return txt
    .split(" ")
    .map((part) => {
      const amount = Number.parseInt(part, 10);
      const [one, many] = WORDS[part.replace(/[\d-]/g, "")]!;
      return `${amount} ${Math.abs(amount) === 1 ? one : many}`;
    })
    .join(", ");
}
