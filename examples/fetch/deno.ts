import { fetch } from "./app.ts";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { readonly port: number }): void },
    handler: (request: Request) => Promise<Response>,
  ): unknown;
};

const port = Number(process.env["PORT"] ?? 3000);
Deno.serve(
  { port, hostname: "127.0.0.1", onListen: (address) => console.log(`http://127.0.0.1:${address.port}`) },
  (request) => fetch(request),
);
