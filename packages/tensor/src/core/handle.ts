/**
 * What holds memory until `dispose()`, or to the end of a block with `using`, and is shown as its `toString` says. The keys
 * are here, and not in each class, since a bundler keeps whole classes with such keys even where nothing uses them.
 */
export abstract class Handle {
  abstract dispose(): void;
  abstract toString(): string;

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
