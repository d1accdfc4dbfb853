import pg from "pg";
import { config } from "../config.js";

export interface StoredUser {
  id: string;
  role: "customer" | "clerk";
  legacy: boolean;
  salt: string;
  hash: Buffer;
}

const pool = new pg.Pool({ connectionString: config.databaseUrl });

export async function findUser(email: string): Promise<StoredUser | null> {
  const { rows } = await pool.query(
    "SELECT id, role, legacy, salt, hash FROM users WHERE lower(email) = lower($1)",
    [email],
  );
  return rows[0] ?? null;
}
