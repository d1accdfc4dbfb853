import request from "supertest";
import { beforeEach, expect, test, vi } from "vitest";

process.env.NODE_ENV = "test";
process.env.DATABASE_URL = "postgres://test:test@localhost/test";
process.env.WEBHOOK_SECRET = "whsec_test_1234567890";
process.env.TOKEN_SECRET = "only-for-tests";

vi.mock("../src/repositories/orders.js", () => ({
  list: vi.fn(async () => []),
  insert: vi.fn(async (customer: string, lines: unknown[], totalCents: number) => ({
    id: "o1", customer, lines, totalCents, placed: new Date(0), paid: null,
  })),
  remove: vi.fn(),
  setPaid: vi.fn(),
}));

const { app } = await import("../src/server.js");
const { issueToken } = await import("../src/middleware/auth.js");
const bearer = `Bearer ${issueToken({ id: "u1", role: "customer" })}`;

beforeEach(() => {
  vi.stubGlobal("fetch", vi.fn(async () => new Response("{}")));
});

test("the service is healthy", async () => {
  expect((await request(app).get("/health")).body).toEqual({ ok: true });
});

test("orders are listed", async () => {
  const answer = await request(app).get("/orders?size=5000").set("authorization", bearer);
  expect(answer.body).toEqual({ orders: [] });
});

test("an order is placed", async () => {
  const lines = [{ sku: "nut", quantity: 3, priceCents: 125 }];
  const answer = await request(app).post("/orders").set("authorization", bearer).send({ lines });
  expect(answer.status).toBe(201);
  expect(answer.body.totalCents).toBe(375);
});

test("an order is cancelled", async () => {
  expect((await request(app).delete("/orders/o1").set("authorization", bearer)).status).toBe(204);
});

test("there is no receipt for an order that is not there", async () => {
  const answer = await request(app).get("/orders/o9/receipt").set("authorization", bearer);
  expect(answer.status).toBe(404);
});

test("a login without a password is refused", async () => {
  expect((await request(app).post("/sessions").send({ email: "a@shop.example" })).status).toBe(400);
});

test("a payment with a wrong signature is refused", async () => {
  const answer = await request(app).post("/webhooks/payments").set("x-signature", "00").send("{}");
  expect(answer.status).toBe(401);
});
