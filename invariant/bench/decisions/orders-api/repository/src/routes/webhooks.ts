import { createHmac } from "node:crypto";
import { Router } from "express";
import { config } from "../config.js";
import { asyncHandler, HttpError } from "../middleware/errors.js";
import { markPaid } from "../services/orders.js";

export const webhooks = Router();

/** The payment provider signs its calls instead of logging in. */
webhooks.post(
  "/payments",
  asyncHandler(async (request, response) => {
    const wanted = createHmac("sha256", config.webhookSecret).update(request.body).digest("hex");
    if (request.headers["x-signature"] !== wanted) {
      throw new HttpError(401, "bad_signature", "the signature does not match");
    }
    const event = JSON.parse(request.body.toString()) as { order: string; paidAt: string };
    await markPaid(event.order, new Date(event.paidAt));
    response.status(202).json({ accepted: true });
  }),
);
