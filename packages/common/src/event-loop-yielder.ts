/** How long a loop computes before it lets the event loop run: long beside a timer's delay, short for a person. */
const interval = 50;

/** Lets the event loop run now and then, so that signals, timers and input are served during long computations. */
export class EventLoopYielder {
  #last = performance.now();

  /** Waits for the event loop where the last time was a while ago, and tells whether it did. */
  async pause(): Promise<boolean> {
    if (performance.now() - this.#last < interval) return false;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
    return true;
  }
}
