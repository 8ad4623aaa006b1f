import autocannon from "autocannon";
import { cookieOf } from "./server.mjs";
import { garbled } from "./workloads.mjs";

const VISITORS = 64;

/** The cookies of visitors, each prepared by this path, who came back once: the first visit of a new cookie may cost more. */
export async function visitors(url, { fill, garbage }) {
  if (fill === undefined) return [undefined];
  return Promise.all(
    Array.from({ length: VISITORS }, async () => {
      const answer = await fetch(url + fill);
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a visitor got ${answer.status}`);
      const first = cookieOf(answer.headers.getSetCookie());
      if (first === "") throw new Error("a visitor got no cookie");
      const again = await fetch(url + "/c", { headers: { cookie: first } });
      await again.arrayBuffer();
      const cookie = cookieOf(again.headers.getSetCookie()) || first;
      return garbage === undefined ? cookie : garbled(cookie, garbage);
    }),
  );
}

/** Lets each connection send the cookie that it was given last, and none but its own. */
function keepingCookies(jar) {
  return (client) => {
    client.setHeaders({ cookie: jar.pop() ?? "" });
    client.on("headers", ({ headers }) => {
      const lines = headers.filter((_value, at) => at % 2 === 1 && /^set-cookie$/i.test(headers[at - 1]));
      if (lines.length > 0) client.setHeaders({ cookie: cookieOf(lines) });
    });
  };
}

/** Lets each connection begin with another visitor, so that no two are at the same one at once. */
function rotating(requests) {
  let connections = 0;
  return (client) => {
    const first = (connections++ * 7) % requests.length;
    client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
  };
}

/** Sends requests for so many seconds. Gives what came of it for each. */
export async function slice(server, { path, own }, jar, { duration, connections }) {
  const requests = jar.map((cookie) => ({ path, headers: cookie === undefined ? {} : { cookie } }));
  const before = await server.cpu();
  const result = await autocannon({
    ...{ url: server.url + path, connections, duration, sampleInt: 100 },
    ...(own ? { setupClient: keepingCookies([...jar]) } : { requests, setupClient: rotating(requests) }),
  });
  const after = await server.cpu();
  const answered = result["2xx"];
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers that are not 200, ${result.errors} errors`);
  return {
    perSecond: answered / result.duration,
    user: (after.user - before.user) / answered,
    latency: { p50: result.latency.p50, p99: result.latency.p99, p999: result.latency.p99_9 },
  };
}
