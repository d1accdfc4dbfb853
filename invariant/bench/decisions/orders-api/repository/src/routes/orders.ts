import { Router } from "express";
import { requireUser } from "../middleware/auth.js";
import { asyncHandler, HttpError } from "../middleware/errors.js";
import { cancelOrder, listOrders, placeOrder, serialize } from "../services/orders.js";

export const orders = Router();

orders.get(
  "/",
  requireUser,
  asyncHandler(async (request, response) => {
    const size = Math.min(Number(request.query.size ?? 20), 100);
    const page = Number(request.query.page ?? 0);
    const mine = await listOrders(request.user!.id, size, page, String(request.query.sort ?? "placed"));
    response.json({ orders: mine.map(serialize) });
  }),
);

orders.post(
  "/",
  requireUser,
  asyncHandler(async (request, response) => {
    const lines = request.body.lines;
    if (!Array.isArray(lines) || lines.length == 0) {
      throw new HttpError(400, "no_lines", "an order needs at least one line");
    }
    const order = await placeOrder(request.user!.id, lines);
    response.status(201).json(serialize(order));
  }),
);

orders.delete(
  "/:id",
  asyncHandler(async (request, response) => {
    await cancelOrder(request.params.id!);
    response.status(204).end();
  }),
);

orders.get("/:id/receipt", requireUser, async (request, response) => {
  const [order] = await listOrders(request.user!.id, 1, 0, "placed", request.params.id);
  if (order == null) {
    response.status(404).send("no such order");
    return;
  }
  // 20 % for orders above 500.00, agreed with sales
  const discount = order.totalCents > 50_000 ? Math.round(order.totalCents / 5) : 0;
  response.json({ ...serialize(order), discountCents: discount });
});
