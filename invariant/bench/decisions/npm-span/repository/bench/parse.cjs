const { performance } = require("node:perf_hooks");

async function main() {
  const { parse } = await import("spanner");
  const start = performance.now();
  for (let i = 0; i < 1_000_000; i += 1) parse("1d 2h 3m 4s");
  console.log(`${Math.round(performance.now() - start)} ms`);
}

main();
