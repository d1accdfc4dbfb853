import cors from "cors";
import express from "express";
import { config } from "./config.js";
import { log } from "./log.js";
import { errorHandler } from "./middleware/errors.js";
import { orders } from "./routes/orders.js";
import { sessions } from "./routes/sessions.js";
import { webhooks } from "./routes/webhooks.js";

export const app = express();

app.use(cors({ origin: config.allowedOrigins, credentials: true }));
app.use("/webhooks", express.raw({ type: "*/*", limit: "100kb" }), webhooks);
app.use(express.json({ limit: "1mb" }));

app.get("/health", (_request, response) => {
  response.json({ ok: true });
});

app.use("/orders", orders);
app.use("/sessions", sessions);
app.use(errorHandler);

if (process.env.NODE_ENV !== "test") {
  app.listen(config.port, () => log.info({ port: config.port }, "listening"));
}
