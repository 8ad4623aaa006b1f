import type { Session } from "./session.ts";

const ATTACHED = Symbol("sojourn.attached");

type AnySession = Session<never>;
type Carrier = object & { [ATTACHED]?: Attachment };

/** One session on a request, and those of other applications on the same request. Prints as nothing that is in it. */
class Attachment {
  readonly #owner: object;
  readonly #session: AnySession;
  readonly #next: Attachment | undefined;

  constructor(owner: object, session: AnySession, next: Attachment | undefined) {
    this.#owner = owner;
    this.#session = session;
    this.#next = next;
  }

  find(owner: object): AnySession | undefined {
    return this.#owner === owner ? this.#session : this.#next?.find(owner);
  }

  *owners(): Generator<object> {
    yield this.#owner;
    if (this.#next !== undefined) yield* this.#next.owners();
  }
}

// For the rare carrier that takes no property. A map of every request would keep the garbage collector busy.
const sealed = new WeakMap<object, Attachment>();

function attachmentOf(carrier: Carrier): Attachment | undefined {
  // What was attached since it takes no property has what was attached before behind it.
  return (Object.isExtensible(carrier) ? undefined : sealed.get(carrier)) ?? carrier[ATTACHED];
}

/** Attaches a session of `owner` to a request, or to whatever else a framework hands to its handlers. */
export function attach(carrier: object, owner: object, session: AnySession): void {
  const attachment = new Attachment(owner, session, attachmentOf(carrier));
  if (Object.isExtensible(carrier)) (carrier as Carrier)[ATTACHED] = attachment;
  else sealed.set(carrier, attachment);
}

/** The session of `owner` that is attached to a carrier. */
export function attached(carrier: object, owner: object): AnySession | undefined {
  return attachmentOf(carrier)?.find(owner);
}

const NOBODY: Iterable<object> = [];

/** Whose sessions are attached to a carrier. */
export function ownersOn(carrier: object): Iterable<object> {
  return attachmentOf(carrier)?.owners() ?? NOBODY;
}
