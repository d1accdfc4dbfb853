const ALLOWED = new Set(["B", "I", "EM", "STRONG", "P", "UL", "OL", "LI", "BR", "CODE"]);

/** Markup without attributes and without elements that are not in the list. */
export function sanitize(html: string): string {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const element of Array.from(parsed.body.querySelectorAll("*"))) {
    if (!ALLOWED.has(element.tagName)) {
      element.replaceWith(parsed.createTextNode(element.textContent ?? ""));
      continue;
    }
    for (const name of element.getAttributeNames()) {
      element.removeAttribute(name);
    }
  }
  return parsed.body.innerHTML;
}
