import { streams, uniformAt } from "./random.ts";

/** The numbers from 0 to `length − 1` in the order of an epoch: a permutation, the same for the same seed and epoch. */
export function shuffledOrder(length: number, seed: number, epoch: number): Uint32Array {
  return permutation(length, seed, streams.order, epoch);
}

/** The numbers from 0 to `length − 1` in an order of chance, a pure function of its arguments (Fisher & Yates). */
export function permutation(length: number, seed: number, stream: number, number: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const other = Math.floor(uniformAt(seed, stream, number, i) * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** Which of `length` examples comes at a position of a run: epoch after epoch, each in its own order. */
export class ExampleOrder {
  readonly #length: number;
  #key = "";
  #order: Uint32Array = new Uint32Array();

  constructor(length: number) {
    this.#length = length;
  }

  at(position: number, seed: number): number {
    const epoch = Math.floor(position / this.#length);
    const key = `${seed} ${epoch}`;
    if (key !== this.#key) this.#order = shuffledOrder(this.#length, seed, epoch);
    this.#key = key;
    return this.#order[position % this.#length];
  }
}
