/** A moment on two clocks. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

export function moment(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/**
 * Milliseconds since a moment, by the clock that says more: the steady one cannot be set back, and the other goes on while a machine
 * sleeps.
 */
export function elapsedMs({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Date.now() - wall);
}
