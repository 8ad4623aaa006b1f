import type { IncomingMessage, ServerResponse } from "node:http";
import type { Sessions } from "sojourn";
import { nodeSession, type NodeListener } from "sojourn/node";
import { page } from "./page.ts";

/** What this application keeps for a visitor. */
export interface Visit {
  count?: number;
}

/** The application, whatever its sessions are kept in and however many processes serve it. */
export function counterApp(sessions: Sessions<Visit>): NodeListener {
  /** The tutorial's view: counts, exactly, however many requests run at once. */
  async function counter(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const count = await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
    answer(req, res, count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
  }

  /** What the cookie stands for: the stored session, decoded. */
  async function show(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const session = sessions.of(req);
    await session.load();
    const stored = session.id === null ? null : await sessions.find(session.id);
    answer(req, res, stored === null ? "There is no session yet." : JSON.stringify(stored, null, 2));
  }

  async function logout(req: IncomingMessage, res: ServerResponse): Promise<void> {
    await sessions.of(req).logout();
    res.writeHead(303, { Location: "/" }).end();
  }

  const routes: Readonly<Record<string, typeof counter>> = {
    "GET /": counter,
    "GET /session": show,
    "POST /logout": logout,
  };

  return nodeSession(sessions).wrap((req, res) => {
    const view = routes[`${req.method} ${req.url?.split("?", 1)[0]}`];
    if (view !== undefined) return view(req, res);
    res.writeHead(404, { "Content-Type": "text/plain" }).end("There is nothing here.\n");
  });
}

function answer(req: IncomingMessage, res: ServerResponse, text: string): void {
  const asksForHtml = req.headers.accept?.includes("text/html") === true;
  res.setHeader("Content-Type", `text/${asksForHtml ? "html" : "plain"}; charset=utf-8`);
  res.end(asksForHtml ? page(text) : `${text}\n`);
}
