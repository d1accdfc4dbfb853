import type { Failure, Invoice } from "./types";

export class RequestError extends Error {}

async function get<T>(path: string): Promise<T> {
  const token = localStorage.getItem("billdesk.session");
  const response = await fetch(`/api${path}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  if (!response.ok) {
    const failure = (await response.json()) as Failure;
    throw new RequestError(failure.message);
  }
  return (await response.json()) as T;
}

export function invoice(id: number): Promise<Invoice> {
  return get<Invoice>(`/invoices/${id}`);
}

export function search(customer: string): Promise<Invoice[]> {
  return get<Invoice[]>(`/invoices?customer=${encodeURIComponent(customer)}`);
}

/** The sum of some invoices, as a text with two decimals. */
export function sum(invoices: Invoice[]): string {
  return invoices.reduce((total, one) => total + Number.parseFloat(one.total), 0).toFixed(2);
}
