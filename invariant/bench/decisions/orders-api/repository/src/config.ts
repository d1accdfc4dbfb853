function required(name: string): string {
  const value = process.env[name];
  if (value == null || value === "") {
    throw new Error(`environment variable ${name} is not set`);
  }
  return value;
}

export const config = {
  port: Number(process.env.PORT ?? 3000),
  databaseUrl: required("DATABASE_URL"),
  webhookSecret: required("WEBHOOK_SECRET"),
  tokenSecret: required("TOKEN_SECRET"),
  // evaluated once at start, never again
  allowedOrigins: (process.env.ALLOWED_ORIGINS ?? "https://shop.example").split(","),
  stockUrl: process.env.STOCK_URL ?? "http://stock.internal:8080",
};
