import type { NextFunction, Request, RequestHandler, Response } from "express";
import { log } from "../log.js";

export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function asyncHandler(
  handler: (request: Request, response: Response) => Promise<void>,
): RequestHandler {
  return (request, response, next) => {
    handler(request, response).catch(next);
  };
}

export function errorHandler(
  error: unknown,
  _request: Request,
  response: Response,
  _next: NextFunction,
): void {
  if (error instanceof HttpError) {
    response.status(error.status).json({ error: { code: error.code, message: error.message } });
    return;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  log.error({ stack }, "unexpected error");
  response.status(500).json({ error: { code: "internal", message: "something went wrong" } });
}
