import { keep, tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";

/** Masks on the device of tokens that may be chosen: sequences that suppress the same tokens share one. */
export class SuppressionMasks {
  readonly #vocabSize: number;
  readonly #backend: Backend;
  readonly #masks = new Map<string, { readonly allowed: Tensor; users: number }>();

  constructor(vocabSize: number, backend: Backend) {
    this.#vocabSize = vocabSize;
    this.#backend = backend;
  }

  /** 1 for each token that may be chosen, else 0, `[vocabSize]`; undefined where all may. It is to be given back. */
  take(suppressed: readonly number[]): Tensor | undefined {
    if (suppressed.length === 0) return undefined;
    const key = suppressed.join();
    let mask = this.#masks.get(key);
    if (!mask) {
      const allowed = new Float32Array(this.#vocabSize).fill(1);
      for (const id of suppressed) allowed[id] = 0;
      mask = { allowed: keep(tensor(allowed, { backend: this.#backend })), users: 0 };
      this.#masks.set(key, mask);
    }
    mask.users++;
    return mask.allowed;
  }

  giveBack(suppressed: readonly number[]): void {
    const key = suppressed.join();
    const mask = this.#masks.get(key);
    if (!mask || --mask.users > 0) return;
    mask.allowed.dispose();
    this.#masks.delete(key);
  }
}
