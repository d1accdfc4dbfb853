import { search, sum } from "./api";
import type { Invoice } from "./types";

function row(invoice: Invoice): HTMLTableRowElement {
  const line = document.createElement("tr");
  for (const text of [String(invoice.id), invoice.customer, invoice.total]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  line.classList.toggle("open", !invoice.isPaid);
  return line;
}

export async function show(customer: string, table: HTMLTableElement, note: HTMLElement): Promise<void> {
  try {
    const invoices = await search(customer);
    table.replaceChildren(...invoices.map(row));
    note.innerHTML = `<b>${customer}</b>: ${sum(invoices)}`;
  } catch (error) {
    note.textContent = error instanceof Error ? error.message : "the list could not be loaded";
  }
}

export function watch(input: HTMLInputElement, table: HTMLTableElement, note: HTMLElement): void {
  input.addEventListener("change", () => {
    void show(input.value, table, note);
  });
}
