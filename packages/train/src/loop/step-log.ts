import { add, copyInto, keep, mul, reshape, scope, slice, zeros } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { TrainError } from "../errors.ts";

/**
 * The losses and gradient norms of the last steps, kept on the backend, so that nothing has to be read back at each
 * step.
 */
export class StepLog {
  readonly #losses: Tensor;
  readonly #norms: Tensor;
  /** Steps before the first row. */
  #before: number;
  #rows = 0;

  constructor(capacity: number, stepsBefore: number, backend: Backend) {
    const columns = scope(() => [zeros([capacity], { backend }), zeros([capacity], { backend })]);
    [this.#losses, this.#norms] = columns.map(keep);
    this.#before = stepsBefore;
  }

  /** Steps since the last `clear`. */
  get length(): number {
    return this.#rows;
  }

  /** Adds `weight · loss` to the loss of the running step. */
  addLoss(loss: Tensor, weight: number): void {
    scope(() => {
      const cell = this.#cell(this.#losses);
      copyInto(cell, add(cell, mul(loss.detach(), weight)));
    });
  }

  /** Ends the running step. */
  endStep(gradientNorm: Tensor): void {
    scope(() => copyInto(this.#cell(this.#norms), gradientNorm));
    this.#rows++;
  }

  /** The losses and norms of all steps since `clear`. Throws `non-finite-loss` where one is not a finite number. */
  async read(): Promise<{ losses: Float32Array; gradientNorms: Float32Array }> {
    const losses = (await this.#losses.data()).subarray(0, this.#rows);
    const gradientNorms = (await this.#norms.data()).subarray(0, this.#rows);
    for (let row = 0; row < this.#rows; row++) {
      if (!Number.isFinite(losses[row])) throw notFinite("loss", losses[row], this.#before + row + 1);
      if (!Number.isFinite(gradientNorms[row])) {
        throw notFinite("gradient norm", gradientNorms[row], this.#before + row + 1);
      }
    }
    return { losses, gradientNorms };
  }

  /** Forgets all steps. */
  clear(): void {
    scope(() => copyInto(this.#losses, zeros(this.#losses.shape, { backend: this.#losses.backend })));
    this.#before += this.#rows;
    this.#rows = 0;
  }

  dispose(): void {
    this.#losses.dispose();
    this.#norms.dispose();
  }

  #cell(column: Tensor): Tensor {
    return reshape(slice(column, 0, this.#rows, this.#rows + 1), []);
  }
}

function notFinite(what: string, value: number, step: number): TrainError {
  return new TrainError(
    "non-finite-loss",
    `the ${what} at step ${step} is ${value}: the training diverged; try a lower learning rate, more warm-up steps, ` +
      "or a smaller clip. Checkpoints from before it are kept",
  );
}
