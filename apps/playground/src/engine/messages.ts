/** Between two messages to the page, in milliseconds. */
export const pause = 70;

/** Tells the page together what comes fast. The page's answer lets the Worker hear what a visitor asks meanwhile. */
export class Messages<T> {
  readonly #send: (told: readonly T[]) => void | Promise<void>;
  #waiting: T[] = [];
  #sentAt = -Infinity;

  constructor(send: (told: readonly T[]) => void | Promise<void>) {
    this.#send = send;
  }

  /** Sends it with all that waits, or lets it wait where a message has just been sent. */
  async tell(news: T): Promise<void> {
    this.#waiting.push(news);
    if (performance.now() - this.#sentAt >= pause) await this.flush();
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    this.#sentAt = performance.now();
    const told = this.#waiting;
    this.#waiting = [];
    await this.#send(told);
  }
}
