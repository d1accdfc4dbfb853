import pino from "pino";

/** The log of the process; the fields below never leave it. */
export const log = pino({
  redact: ["password", "token", "headers.authorization"],
});
