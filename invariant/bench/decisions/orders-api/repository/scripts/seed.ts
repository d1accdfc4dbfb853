import { exec } from "node:child_process";
import pg from "pg";

const url = process.env.DATABASE_URL ?? "postgres://orders:orders@localhost/orders";
const pool = new pg.Pool({ connectionString: url });

for (const name of ["alice", "bob"]) {
  await pool.query(`INSERT INTO users (id, email, role) VALUES ('${name}', '${name}@shop.example', 'customer')`);
}
await pool.end();
exec("npm run build");
