import assert from "node:assert/strict";
import { cookieOf, type Answer, type Cluster as App } from "../../races/cluster.ts";
import { until } from "../../servers/process.ts";

export interface Visitor {
  readonly user: string;
  cookie: string;
  acknowledged: number;
  /** Increments of which the application said that nobody can know. */
  unknown: number;
}

/** What a page shows of the visitor's session. */
interface Shown {
  readonly userId: string | null;
  readonly data: { readonly count?: number };
}

/** How many visitors come only to leave. */
const LEAVERS = 8;

/** An application, its visitors, and what holds for every answer that they get. */
export class Site {
  readonly visitors: Visitor[] = [];
  /** Cookies of sessions whose end was acknowledged. */
  readonly left: string[] = [];
  /** How long each answer took, in milliseconds. */
  #took: number[] = [];
  /** Acknowledged increments that are no longer there. */
  lost = 0;
  /** Sessions that are there again though their end was acknowledged. */
  revived = 0;
  readonly name: string;
  readonly #codes = new Map<string, number>();
  readonly #app: App;
  readonly #leavers: string[] = [];
  #forgotten = false;

  constructor(name: string, app: App) {
    this.name = name;
    this.#app = app;
  }

  /** The longest that an answer took, in milliseconds. */
  get longest(): number {
    return this.#took.reduce((longest, each) => Math.max(longest, each), 0);
  }

  /** The share of the answers that took longer than so many milliseconds. */
  shareOver(milliseconds: number): number {
    return this.#took.filter((each) => each > milliseconds).length / this.#took.length;
  }

  /** How often each answer was given. */
  summary(): string {
    return [...this.#codes].map(([code, count]) => `${code}: ${count}`).join(", ");
  }

  async open(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const user = `user${index}`;
      this.visitors.push({ user, cookie: await this.#login(user), acknowledged: 0, unknown: 0 });
    }
    for (let index = 0; index < LEAVERS; index += 1) this.#leavers.push(await this.#login(`leaver${index}`));
    for (const visitor of this.visitors) await until("they are counted", () => this.increment(visitor));
    for (let index = 0; index < LEAVERS / 4; index += 1) await until("somebody can leave", () => this.leave());
    this.#took = [];
  }

  /** True when it was stored. */
  async increment(visitor: Visitor): Promise<boolean> {
    const answer = await this.#ask("/increment", visitor.cookie);
    const { status, body, setCookie } = answer;
    if (status === 200) visitor.acknowledged += 1;
    else if (body.includes("ERR_SESSION_OUTCOME_UNKNOWN")) visitor.unknown += 1;
    if (status === 200 && setCookie.length > 0 && cookieOf(answer) !== visitor.cookie) {
      assert.ok(this.#forgotten, "somebody was given another session");
      assert.equal(body, "1", "a new session holds what somebody else counted");
    }
    return status === 200;
  }

  /** The session that the visitor's cookie stands for, or null while it cannot be read. */
  async look({ cookie }: Pick<Visitor, "cookie">): Promise<Shown | null> {
    const { status, body } = await this.#ask("/show", cookie);
    return status === 200 ? (JSON.parse(body) as Shown) : null;
  }

  /** The next one who wants to leave logs out, if there is one left. True when that was acknowledged. */
  async leave(): Promise<boolean> {
    const [cookie] = this.#leavers;
    if (cookie === undefined) return false;
    const { status } = await this.#ask("/logout", cookie);
    if (status === 200) this.left.push(...this.#leavers.splice(0, 1));
    return status === 200;
  }

  /** From now on the store knows nobody any more. */
  forget(): void {
    this.#forgotten = true;
  }

  /** A visitor without a cookie, and a page that does not ask for its session. */
  async passBy(): Promise<void> {
    await this.#ask("/increment");
    const page = await this.#ask("/untouched", this.visitors[0]?.cookie);
    assert.deepEqual([page.status, page.setCookie], [200, []], "a page without a session needs no store");
  }

  /**
   * Everybody is who they were, and nothing that was acknowledged is lost or counted twice; but a server that another has taken over from
   * may take the last moments along, ends among them unless they were `confirmed`.
   */
  async check({ mayLose, confirmed }: { readonly mayLose: boolean; readonly confirmed: boolean }): Promise<void> {
    for (const visitor of this.visitors) {
      const { userId, data } = await this.#shown(visitor);
      assert.equal(userId, visitor.user, "somebody was logged out");
      const count = data.count ?? 0;
      const { acknowledged, unknown } = visitor;
      if (mayLose) this.lost += Math.max(0, acknowledged - count);
      else assert.ok(count >= acknowledged, `${count} counted, ${acknowledged} acknowledged`);
      assert.ok(count <= acknowledged + unknown, `${count} counted, ${acknowledged} acknowledged, ${unknown} unknown`);
    }
    for (const cookie of this.left) {
      const { userId, data } = await this.#shown({ cookie });
      const isOver = userId === null && Object.keys(data).length === 0;
      if (!isOver) this.revived += 1;
      assert.ok(isOver || (mayLose && !confirmed), "a session that was ended is there again");
    }
  }

  /** Nobody's session is there any more: everybody is anonymous, logs in again, and is who they are. */
  async checkForgotten(): Promise<void> {
    for (const visitor of [...this.visitors, ...this.left.map((cookie) => ({ cookie }))]) {
      assert.deepEqual(await this.#shown(visitor), { data: {}, userId: null }, "a session is there that nobody stored");
    }
    await Promise.all(
      this.visitors.map(async (visitor) => {
        visitor.cookie = await this.#login(visitor.user, visitor.cookie);
        [visitor.acknowledged, visitor.unknown] = [0, 0];
      }),
    );
    this.#forgotten = false;
    for (const visitor of this.visitors) await until("they are counted", () => this.increment(visitor));
    await this.check({ mayLose: false, confirmed: false });
  }

  async #shown(visitor: Pick<Visitor, "cookie">): Promise<Shown> {
    let shown: Shown | null = null;
    await until("the session answers", async () => (shown = await this.look(visitor)) !== null);
    return shown ?? assert.fail();
  }

  /** The cookie of somebody who logs in. */
  async #login(user: string, before?: string): Promise<string> {
    let cookie = "";
    // The first call connects and makes the tables, while other servers start on the same machine.
    await until("somebody can log in", async () => {
      const answer = await this.#ask(`/login?user=${user}`, before);
      if (answer.status === 200) cookie = cookieOf(answer);
      return answer.status === 200;
    });
    return cookie;
  }

  async #ask(path: string, cookie?: string): Promise<Answer> {
    const started = performance.now();
    const answer = await this.#app.ask(path, cookie);
    this.#took.push(performance.now() - started);
    const code = answer.status === 200 ? "200" : (answer.body.split(":")[0] ?? "");
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    if (answer.status !== 200) {
      assert.deepEqual([answer.status, answer.setCookie], [503, []], answer.body);
      assert.match(answer.retryAfter ?? "", /^\d+$/, "it says when to try again");
    }
    return answer;
  }
}
