import type { Backend } from "../contract/index.ts";
import { bytesPerElement } from "../dtype.ts";

/**
 * A buffer of a backend, shared by tensors, views of them and the tape, and freed when the last of them lets go.
 * `version` counts in-place writes, so that a gradient computed from overwritten values is an error, not a wrong
 * number.
 */
export class Storage {
  readonly backend: Backend;
  readonly buffer: number;
  version = 0;
  #references = 1;

  /** Allocates room for `length` elements, contents unspecified. */
  constructor(backend: Backend, length: number) {
    this.backend = backend;
    this.buffer = backend.allocate(length * bytesPerElement);
  }

  /** How many handles and tape entries hold this storage. */
  get references(): number {
    return this.#references;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.backend.free(this.buffer);
  }
}
