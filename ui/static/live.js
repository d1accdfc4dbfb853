"use strict";
// A run's progress as it happens. The browser itself comes back after a lost connection, and says what it had last.

const progress = document.querySelector("[data-live]");
const source = new EventSource(progress.dataset.live);

source.addEventListener("progress", (event) => {
  const told = JSON.parse(event.data);
  progress.innerHTML = told.html;
  document.querySelector("[data-state]").innerHTML = told.state;
  progress.dispatchEvent(new CustomEvent("shown", { bubbles: true }));
  progress.dataset.seen = `${progress.dataset.seen ?? ""} ${event.lastEventId}`.trim();
  if (told.is_final) {
    source.close();
    location.reload();
  }
});
source.addEventListener("error", () => {
  // Refused for good: the page says why.
  if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
});
