import { kept, keep, type Reading } from "./cache";
import { debug } from "./debug";

const INTERVAL_MS = 1_000;

/** <gh-gauge kind="temperature_c" low="5" high="35"></gh-gauge> */
export class Gauge extends HTMLElement {
  #timer = 0;
  readonly #onOnline = () => void this.refresh();

  connectedCallback(): void {
    window.addEventListener("online", this.#onOnline);
    this.#timer = window.setInterval(() => void this.refresh(), INTERVAL_MS);
  }

  disconnectedCallback(): void {
    window.removeEventListener("online", this.#onOnline);
    window.clearInterval(this.#timer);
  }

  async refresh(): Promise<void> {
    let readings: Reading[];
    try {
      readings = (await (await fetch("/readings?minutes=60")).json()) as Reading[];
      await keep(readings);
    } catch (error) {
      debug("no collector", error);
      readings = await kept();
    }
    const kind = this.getAttribute("kind");
    const latest = readings.filter((reading) => reading.kind === kind).at(-1);
    if (latest === undefined) return;
    const high = Number(this.getAttribute("high") ?? Infinity);
    const low = Number(this.getAttribute("low") ?? -Infinity);
    const state = latest.value > high ? "too high" : latest.value < low ? "too low" : "";
    this.className = state === "" ? "fine" : "alarm";
    this.textContent = `${latest.value} ${state}`;
  }
}

customElements.define("gh-gauge", Gauge);
