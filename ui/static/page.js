"use strict";
// What makes the pages quicker to use; without it they work by links and forms.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const near = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function local(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const instant = new Date(time.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    time.title = `${time.textContent} (${zone})`;
    time.textContent = near.format(instant);
    time.dataset.local = "";
  }
}

function copying(root) {
  for (const code of root.querySelectorAll("[data-copy]:not([data-copying])")) {
    code.dataset.copying = "";
    if (!navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    code.after(button);
  }
}

// Fields that belong to a choice are shown with it.
function choosing(form) {
  const kinds = form.querySelectorAll("input[name=kind]");
  if (!kinds.length) return;
  const show = () => {
    const chosen = form.querySelector("input[name=kind]:checked")?.value;
    for (const field of form.querySelectorAll("[data-for]")) {
      field.hidden = !field.dataset.for.split(" ").includes(chosen);
    }
  };
  for (const kind of kinds) kind.addEventListener("change", show);
  // A browser that goes back restores the choice after this.
  addEventListener("pageshow", show);
  show();
}

function dropping(input) {
  const field = input.closest(".field");
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      field.classList.toggle("over", type === "dragover");
      if (type !== "drop") return;
      const kind = input.form.querySelector("input[name=kind][value=upload]");
      kind.checked = true;
      kind.dispatchEvent(new Event("change"));
      input.files = event.dataTransfer.files;
    });
  }
}

function templates(root) {
  for (const link of root.querySelectorAll("[data-template]")) {
    link.addEventListener("click", (event) => {
      const text = document.querySelector("textarea[name=constitution]");
      if (!text) return;
      event.preventDefault();
      if (text.value.trim() && text.value !== text.dataset.given && !confirm("Replace what you have written?")) return;
      text.value = text.dataset.given = link.dataset.template;
      text.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
}

// Changes in one form would be lost by sending another.
function isChanged(form) {
  return [...form.querySelectorAll("input, select, textarea")].some((field) => field.type === "checkbox" ? field.checked !== field.defaultChecked
    : field.tagName === "SELECT" ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue && field.type !== "hidden");
}

document.addEventListener("submit", (event) => {
  const others = [...document.querySelectorAll("form[data-keep]")].filter((form) => form !== event.target);
  if (others.some(isChanged) && !confirm("There are changes on this page that were not saved. Go on without them?")) {
    event.preventDefault();
  }
});

// A form that takes its time is sent once.
function once(form) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
  addEventListener("pageshow", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  });
}

// What is not over is looked at again, unless somebody writes at this moment.
function reloading(element) {
  setInterval(() => {
    const isWriting = [...document.querySelectorAll("main input:not([type=hidden]), main textarea:not([hidden])")]
      .some((field) => field.value !== field.defaultValue || field === document.activeElement);
    if (!isWriting && !document.hidden) location.reload();
  }, 1000 * Number(element.dataset.reload));
}

// Who speaks to the machine, or types by mistake, can do without keys that act alone (WCAG 2.1.4).
const dialog = document.getElementById("shortcuts");
const single = dialog.querySelector("[data-single-keys]");
single.checked = localStorage.getItem("single-keys") !== "off";
single.addEventListener("change", () => localStorage.setItem("single-keys", single.checked ? "on" : "off"));
for (const button of document.querySelectorAll("[data-shortcuts]")) {
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}

const ways = { r: "/runs", p: "/repositories", f: "/figures", x: "/fixes", s: "/settings", o: "/operation" };
let going = 0;

function step(by) {
  const items = [...document.querySelectorAll("[data-item]")];
  if (!items.length) return;
  const place = items.indexOf(document.activeElement);
  items[Math.min(items.length - 1, Math.max(0, place + by))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!single.checked || event.target.closest("input, textarea, select, dialog")) return;
  const began = performance.now() - going < 1500;
  going = 0;
  if (began && ways[event.key]) location.assign(ways[event.key]);
  else if (event.key === "g") going = performance.now();
  else if (event.key === "n") location.assign("/runs/new");
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "?") dialog.showModal();
  else if (event.key === "/") {
    const filter = document.querySelector("[data-filter]");
    if (!filter) return;
    event.preventDefault();
    filter.focus();
  }
});

// A link to a criterion opens it.
function openLinked() {
  const item = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = item && item.querySelector("details");
  if (details) details.open = true;
}

addEventListener("hashchange", openLinked);
openLinked();
local(document);
copying(document);
templates(document);
document.querySelectorAll("form").forEach(choosing);
document.querySelectorAll("[data-drop]").forEach(dropping);
document.querySelectorAll("[data-once]").forEach(once);
document.querySelectorAll("[data-reload]").forEach(reloading);
for (const input of document.querySelectorAll("[data-zone]")) input.placeholder = zone;
document.addEventListener("shown", (event) => local(event.target));
document.addEventListener("htmx:load", (event) => { local(event.detail.elt); copying(event.detail.elt); });
