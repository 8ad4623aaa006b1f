// node --conditions=sojourn:source examples/fetch/server.ts
// bun --conditions=sojourn:source examples/fetch/bun.ts
// deno run --conditions=sojourn:source --allow-net --allow-env --allow-read --allow-write examples/fetch/deno.ts
import { serve } from "@hono/node-server";
import { fetch } from "./app.ts";

const port = Number(process.env["PORT"] ?? 3000);
serve({ fetch, port, hostname: "127.0.0.1" }, (address) => {
  console.log(`http://127.0.0.1:${address.port}`);
});
