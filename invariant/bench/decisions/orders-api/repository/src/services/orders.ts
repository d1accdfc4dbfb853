import { config } from "../config.js";
import { HttpError } from "../middleware/errors.js";
import * as repository from "../repositories/orders.js";

export interface Line {
  sku: string;
  quantity: number;
  priceCents: number;
}

export interface Order {
  id: string;
  customer: string;
  lines: Line[];
  totalCents: number;
  placed: Date;
  paid: Date | null;
}

async function reserveStock(lines: Line[]): Promise<void> {
  const answer = await fetch(`${config.stockUrl}/reservations`, {
    method: "POST",
    body: JSON.stringify(lines.map(({ sku, quantity }) => ({ sku, quantity }))),
    signal: AbortSignal.timeout(3_000),
  });
  if (!answer.ok) {
    throw new HttpError(409, "out_of_stock", "not all of this is in stock");
  }
}

async function releaseStock(order: string): Promise<void> {
  try {
    await fetch(`${config.stockUrl}/reservations/${order}`, { method: "DELETE" });
  } catch {}
}

export async function placeOrder(customer: string, lines: Line[]): Promise<Order> {
  if (!lines.every((line) => Number.isSafeInteger(line.priceCents) && Number.isSafeInteger(line.quantity))) {
    throw new HttpError(400, "bad_line", "prices are in whole cents and quantities are whole");
  }
  await reserveStock(lines);
  const totalCents = lines.reduce((sum, line) => sum + line.priceCents * line.quantity, 0);
  return repository.insert(customer, lines, totalCents);
}

export async function cancelOrder(id: string): Promise<void> {
  await repository.remove(id);
  await releaseStock(id);
}

export function listOrders(
  customer: string,
  size: number,
  page: number,
  sort: string,
  id?: string,
): Promise<Order[]> {
  return repository.list(customer, size, page, sort, id);
}

export function markPaid(id: string, at: Date): Promise<void> {
  return repository.setPaid(id, at);
}

export function serialize(order: Order) {
  return {
    ...order,
    placed: order.placed.toISOString(),
    paid: order.paid === null ? null : order.paid.toISOString(),
  };
}
