/** Repeated measurements of one thing, sorted: times in milliseconds, where nothing else is said. */
export class Sample {
  readonly values: readonly number[];

  /** At least one value, all of them finite. */
  constructor(values: readonly number[]) {
    if (values.length === 0 || !values.every(Number.isFinite)) {
      throw new RangeError(`a sample needs finite values, not [${values.join(", ")}]`);
    }
    this.values = values.toSorted((a, b) => a - b);
  }

  get median(): number {
    return this.quantile(0.5);
  }

  get min(): number {
    return this.values[0];
  }

  get max(): number {
    return this.values[this.values.length - 1];
  }

  /** The value below which a share `p` of the sample lies, between two values in proportion. */
  quantile(p: number): number {
    const position = p * (this.values.length - 1);
    const below = Math.floor(position);
    const next = this.values[Math.min(below + 1, this.values.length - 1)];
    return this.values[below] + (position - below) * (next - this.values[below]);
  }

  /** All values multiplied. */
  times(factor: number): Sample {
    return new Sample(this.values.map((value) => value * factor));
  }
}
