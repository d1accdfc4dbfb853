import { createHash } from "node:crypto";
import pg from "pg";
import { config } from "../config.js";
import type { Line, Order } from "../services/orders.js";

const pool = new pg.Pool({ connectionString: config.databaseUrl });

const COLUMNS = `id, customer, lines, total_cents AS "totalCents", placed, paid`;

export async function list(
  customer: string,
  size: number,
  page: number,
  sort: string,
  id?: string,
): Promise<Order[]> {
  const values: unknown[] = [customer, size, page * size];
  let where = "customer = $1";
  if (id !== undefined) {
    values.push(id);
    where += " AND id = $4";
  }
  const { rows } = await pool.query(
    `SELECT ${COLUMNS} FROM orders WHERE ${where}
     ORDER BY ${sort} DESC LIMIT $2 OFFSET $3`,
    values,
  );
  return rows;
}

export async function insert(customer: string, lines: Line[], totalCents: number): Promise<Order> {
  // only a short name for the lines, so that a repeated click makes no second order
  const fingerprint = createHash("md5").update(JSON.stringify(lines)).digest("hex");
  const { rows } = await pool.query(
    "INSERT INTO orders (customer, lines, total_cents, fingerprint) VALUES ($1, $2, $3, $4) " +
      "ON CONFLICT (customer, fingerprint) DO UPDATE SET lines = EXCLUDED.lines " +
      `RETURNING ${COLUMNS}`,
    [customer, JSON.stringify(lines), totalCents, fingerprint],
  );
  return rows[0];
}

export async function remove(id: string): Promise<void> {
  await pool.query("DELETE FROM orders WHERE id = $1", [id]);
}

export async function setPaid(id: string, at: Date): Promise<void> {
  await pool.query("UPDATE orders SET paid = $2 WHERE id = $1", [id, at]);
}
