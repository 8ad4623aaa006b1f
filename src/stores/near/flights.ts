import type { SessionHandle } from "../../core/id.ts";

/** A load under way. */
export interface Flight {
  /** True when its record was changed since it began: what it brings may be from before, and must not be kept. */
  changed: boolean;
  /** True when some user's epoch was. */
  usersChanged: boolean;
}

/**
 * The loads under way. Each is entered before it is sent: a change that is reported later but was made after the load read marks it,
 * and one that was reported earlier was made before the load was sent, so that the load has seen it.
 */
export class Flights {
  readonly #flights = new Map<SessionHandle, Set<Flight>>();

  begin(handle: SessionHandle): Flight {
    const flight: Flight = { changed: false, usersChanged: false };
    const flights = this.#flights.get(handle) ?? new Set();
    this.#flights.set(handle, flights.add(flight));
    return flight;
  }

  end(handle: SessionHandle, flight: Flight): void {
    const flights = this.#flights.get(handle);
    flights?.delete(flight);
    if (flights?.size === 0) this.#flights.delete(handle);
  }

  changed(handle: SessionHandle): void {
    for (const flight of this.#flights.get(handle) ?? []) flight.changed = true;
  }

  /** A load under way has not said yet whose session it brings. */
  usersChanged(): void {
    for (const flights of this.#flights.values()) for (const flight of flights) flight.usersChanged = true;
  }

  allChanged(): void {
    for (const flights of this.#flights.values()) for (const flight of flights) flight.changed = true;
  }
}
