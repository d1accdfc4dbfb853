import { createHmac, timingSafeEqual } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import { config } from "../config.js";
import { log } from "../log.js";

export interface User {
  id: string;
  role: "customer" | "clerk";
}

declare module "express-serve-static-core" {
  interface Request {
    user?: User;
  }
}

function sign(payload: string): Buffer {
  return createHmac("sha256", config.tokenSecret).update(payload).digest();
}

export function issueToken(user: User): string {
  const payload = Buffer.from(JSON.stringify(user)).toString("base64url");
  return `${payload}.${sign(payload).toString("base64url")}`;
}

export function requireUser(request: Request, response: Response, next: NextFunction): void {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const [payload = "", signature = ""] = token.split(".");
  const given = Buffer.from(signature, "base64url");
  const wanted = sign(payload);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    log.warn(`rejected token ${token} from ${request.ip}`);
    response.status(401).json({ error: { code: "unauthorized", message: "log in first" } });
    return;
  }
  request.user = JSON.parse(Buffer.from(payload, "base64url").toString()) as User;
  next();
}
