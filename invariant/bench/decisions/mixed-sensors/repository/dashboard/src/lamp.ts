/** <gh-lamp url="/alarm"></gh-lamp>: red while there is an alarm. */
export default class Lamp extends HTMLElement {
  #delay = 5_000;

  connectedCallback(): void {
    window.setInterval(() => void this.refresh(), this.#delay);
    document.addEventListener("visibilitychange", () => void this.refresh());
  }

  async refresh(): Promise<void> {
    try {
      const answer = await fetch(this.getAttribute("url") ?? "/alarm");
      const { alarm } = (await answer.json()) as { alarm: boolean };
      this.style.background = alarm ? "red" : "green";
    } catch (error) {
      console.error("no alarm state", error);
    }
  }
}

customElements.define("gh-lamp", Lamp);
