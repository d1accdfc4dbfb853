// The project on Railway: PostgreSQL, api, worker and ui, in the environments `production` and `staging`.
// `railway config plan` shows what it would change, `railway config apply` changes it.
// https://docs.railway.com/infrastructure-as-code
import { defineRailway, github, postgres, preserve, project, service } from "railway/iac";

// Yours, where it was forked.
const repository = process.env.INVARIANT_REPOSITORY ?? "dysruption/invariant";
// A drain that Railway cuts off loses nothing, but every run that is cut off begins anew: ten seconds more than CVA_DRAIN_SECONDS.
const drain = 20;
const draining = drain + 10;

export default defineRailway((ctx) => {
  const isProduction = ctx.isEnvironment("production");
  const source = github(repository, { branch: isProduction ? "main" : "staging" });
  const database = postgres("postgres");

  // Made once for the environment, in its shared variables: `openssl rand -hex 32` makes one.
  const shared = {
    CVA_PRODUCTION: "true",
    CVA_API_TOKEN: ctx.shared.CVA_API_TOKEN,
    CVA_PUBLIC_URL: ctx.shared.CVA_PUBLIC_URL,
  };
  const work = {
    ...shared,
    DATABASE_URL: database.env.DATABASE_URL,
    CVA_ADMINS: ctx.shared.CVA_ADMINS,
    CVA_CALLBACK_SECRET: ctx.shared.CVA_CALLBACK_SECRET,
    CVA_GITHUB_WEBHOOK_SECRET: ctx.shared.CVA_GITHUB_WEBHOOK_SECRET,
    CVA_GITHUB_LOGINS: "true",
    // The image has none otherwise.
    RAILPACK_DEPLOY_APT_PACKAGES: "git",
  };

  const api = service("invariant-api", {
    source,
    start: "bash start.sh",
    healthcheck: "/ready",
    healthcheckTimeout: 300,
    deploy: { drainingSeconds: 15, overlapSeconds: 15, restartPolicyType: "ON_FAILURE" },
    // A private address needs to be known beforehand.
    env: { ...work, PORT: "8001", CVA_APPLY_MIGRATIONS: "true" },
  });

  const worker = service("invariant-worker", {
    source,
    start: "bash start.sh worker",
    healthcheck: "/ready",
    healthcheckTimeout: 300,
    replicas: isProduction ? 2 : 1,
    deploy: { drainingSeconds: draining, restartPolicyType: "ALWAYS" },
    env: {
      ...work,
      PORT: "8002",
      CVA_WORKER_PORT: "8002",
      CVA_DRAIN_SECONDS: String(drain),
      RAILWAY_DEPLOYMENT_DRAINING_SECONDS: String(draining),
      // Given in the dashboard, and left as they are: at least one of them.
      OPENAI_API_KEY: preserve(),
      ANTHROPIC_API_KEY: preserve(),
      GOOGLE_API_KEY: preserve(),
      DEEPSEEK_API_KEY: preserve(),
      CVA_GITHUB_APP_ID: preserve(),
      CVA_GITHUB_PRIVATE_KEY: preserve(),
    },
  });

  const ui = service("invariant-ui", {
    source,
    // What the pages take from npm is no part of the repository.
    build: "bash start.sh assets",
    start: "bash start.sh ui",
    healthcheck: "/health",
    healthcheckTimeout: 120,
    deploy: { overlapSeconds: 15, restartPolicyType: "ON_FAILURE" },
    env: {
      ...shared,
      CVA_BACKEND_URL: "http://invariant-api.railway.internal:8001",
      CVA_UI_SECRET: ctx.shared.CVA_UI_SECRET,
      CVA_UI_ALLOW: ctx.shared.CVA_UI_ALLOW,
      GITHUB_CLIENT_ID: preserve(),
      GITHUB_CLIENT_SECRET: preserve(),
      GOOGLE_CLIENT_ID: preserve(),
      GOOGLE_CLIENT_SECRET: preserve(),
    },
  });

  return project("invariant", { environments: ["production", "staging"], resources: [database, api, worker, ui] });
});
