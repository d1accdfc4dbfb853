import { createHash, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { User } from "../middleware/auth.js";
import { findUser, type StoredUser } from "../repositories/users.js";

const derive = promisify(scrypt) as (password: string, salt: string, length: number) => Promise<Buffer>;

/** Accounts from the old shop keep their hash until the next change of password. */
function legacyHash(password: string): Buffer {
  return createHash("sha1").update(password).digest();
}

async function hashOf(password: string, user: StoredUser): Promise<Buffer> {
  if (user.legacy) return legacyHash(password);
  return derive(password, user.salt, user.hash.length);
}

export async function checkPassword(email: string, password: string): Promise<User | null> {
  const user = await findUser(email);
  if (user === null) return null;
  const hash = await hashOf(password, user);
  if (hash.length !== user.hash.length || !timingSafeEqual(hash, user.hash)) return null;
  return { id: user.id, role: user.role };
}
