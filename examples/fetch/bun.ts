import { fetch } from "./app.ts";

declare const Bun: {
  serve(options: { fetch(request: Request): Promise<Response>; port: number; hostname: string }): { readonly port: number };
};

const { port } = Bun.serve({ fetch, port: Number(process.env["PORT"] ?? 3000), hostname: "127.0.0.1" });
console.log(`http://127.0.0.1:${port}`);
