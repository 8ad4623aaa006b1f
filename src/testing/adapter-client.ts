import { request } from "node:http";
import { connect } from "node:net";

/** The status line and the headers of a response, as they came. */
export interface Head {
  readonly status: number;
  readonly message: string;
  /** In the order and the spelling of the response. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A whole response. */
export interface Answer extends Head {
  readonly body: string;
}

/** What may be said of a request. */
export interface VisitOptions {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request on its way. */
export interface Visit {
  /** True once the headers have come. */
  readonly arrived: boolean;
  /** The informational responses (1xx) so far. */
  readonly informational: readonly Head[];
  /** Resolves as soon as the headers have come, and no later. */
  readonly head: Promise<Head>;
  /** Resolves when the body has ended. */
  readonly answer: Promise<Answer>;
  /** Cuts the connection. */
  abort(): void;
}

/** A client with a cookie jar, each of whose requests has its own connection. Attributes are not looked at, but for expiry. */
export class Visitor {
  readonly #port: number;
  readonly #jar = new Map<string, string>();

  constructor(port: number, cookies = "") {
    this.#port = port;
    for (const pair of cookies.split("; ").filter(Boolean)) this.#keep(pair);
  }

  /** The jar as a `Cookie` header: empty without cookies. */
  get cookies(): string {
    return [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Asks, and waits for the whole response. */
  async get(path: string, options: VisitOptions = {}): Promise<Answer> {
    return this.visit(path, options).answer;
  }

  /** Asks, and gives the parts of the response as they come. */
  visit(path: string, { method = "GET", headers = {} }: VisitOptions = {}): Visit {
    const { cookies } = this;
    const sent = request({
      host: "127.0.0.1",
      port: this.#port,
      path,
      method,
      agent: false,
      headers: { ...headers, ...(cookies && { cookie: cookies }) },
    });
    const head = Promise.withResolvers<Head>();
    const answer = Promise.withResolvers<Answer>();
    const informational: Head[] = [];
    const state = { arrived: false };
    const lost = (error: Error): void => {
      head.reject(error);
      answer.reject(error);
    };
    // A rule that cuts its connection does not ask what became of the response.
    head.promise.catch(() => {});
    answer.promise.catch(() => {});
    sent.on("error", lost);
    sent.on("information", (info) => informational.push(headOf(info.statusCode, info.statusMessage, info.rawHeaders)));
    sent.on("response", (response) => {
      state.arrived = true;
      const got = headOf(response.statusCode, response.statusMessage, response.rawHeaders);
      for (const cookie of linesOf(got, "set-cookie")) this.#keep(cookie);
      head.resolve(got);
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (body += piece));
      response.on("error", lost);
      response.on("end", () => answer.resolve({ ...got, body }));
    });
    sent.end();
    return {
      get arrived() {
        return state.arrived;
      },
      informational,
      head: head.promise,
      answer: answer.promise,
      abort: () => void sent.destroy(),
    };
  }

  #keep(setCookie: string): void {
    const [pair = "", ...attributes] = setCookie.split("; ");
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    const over = attributes.some((text) => /^max-age=(0|-)/i.test(text));
    if (over) this.#jar.delete(name);
    else this.#jar.set(name, pair.slice(at + 1));
  }
}

/** The values of a header, one for each line. */
export function linesOf(head: Head, name: string): string[] {
  return head.headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** The value of a header, its lines joined, or undefined. */
export function headerOf(head: Head, name: string): string | undefined {
  const all = linesOf(head, name);
  return all.length === 0 ? undefined : all.join(", ");
}

/** Sends text over one connection and gives all that comes back until the server closes it. */
export function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => (received += piece));
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
    socket.write(text);
  });
}

function headOf(status = 0, message = "", raw: readonly string[]): Head {
  const headers = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as const] : []));
  return { status, message, headers };
}
