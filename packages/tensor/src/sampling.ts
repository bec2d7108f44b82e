/** Which weights may be drawn. The filters apply in the order of this list; of equal weights the first ones stay. */
export interface Filters {
  /** How many of the largest are kept: a whole number from 1. */
  readonly topK: number;
  /** Of these only the smallest set of largest ones that has this share of their sum: above 0, at most 1. */
  readonly topP: number;
  /** Of these only what is at least so large: from 0 to 1, the largest weight being 1. */
  readonly minP: number;
}

/** How an index is drawn from a row of logits. */
export interface RowSampling extends Filters {
  /** From 2⁻¹⁰⁰ to 2¹⁰⁰, or 0: then the first of the largest is taken, whatever the filters are. */
  readonly temperature: number;
}

/**
 * Draws an index in proportion to weights from 0 to 1: the first one at which the running sum of those that may be
 * drawn exceeds `uniform` times their total; the last of them where rounding leaves none. The others become 0. Weights
 * of NaN give any index.
 */
export function drawIndex(weights: Float32Array, filters: Filters, uniform: number): number {
  const { smallest, ties } = borderOf(weights, filters);
  let equals = 0;
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i];
    if (weight < smallest || (weight === smallest && ++equals > ties)) weights[i] = 0;
    else total += weight;
  }
  let rest = uniform * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return last;
}

/** Where the largest weights end: what is larger than `smallest` belongs to them, and the first `ties` equal to it. */
interface Border {
  readonly smallest: number;
  readonly ties: number;
}

function borderOf(weights: Float32Array, { topK, topP, minP }: Filters): Border {
  let border: Border = { smallest: 0, ties: Infinity };
  if (topK < weights.length || topP < 1) {
    const ranking = new Ranking(weights);
    const kept = ranking.largest(topK, Infinity);
    border = topP < 1 ? ranking.largest(topK, topP * kept.sum) : kept;
  }
  return minP > border.smallest ? { smallest: minP, ties: Infinity } : border;
}

/**
 * Bits of a weight that do not tell its bucket. Of floats from 0 to 1, which are ordered as their bits are, the others
 * are an exponent and three bits of the fraction.
 */
const lowerBits = 20;
/** The bits of 1, the largest weight, are 0x3f800000. */
const buckets = (0x3f80_0000 >>> lowerBits) + 1;

/** Weights in buckets of similar ones: finds the largest of many by sorting those of one bucket alone. */
class Ranking {
  readonly #weights: Float32Array;
  readonly #bits: Int32Array;
  readonly #counts = new Int32Array(buckets);
  readonly #sums = new Float64Array(buckets);

  constructor(weights: Float32Array) {
    this.#weights = weights;
    this.#bits = new Int32Array(weights.buffer, weights.byteOffset, weights.length);
    for (let i = 0; i < weights.length; i++) {
      const bucket = this.#bits[i] >>> lowerBits;
      this.#counts[bucket]++;
      this.#sums[bucket] += weights[i];
    }
  }

  /** The border behind `maxCount` of the largest weights, or behind as few as sum to `enough`; and what they sum to. */
  largest(maxCount: number, enough: number): Border & { readonly sum: number } {
    let count = 0;
    let sum = 0;
    for (let bucket = buckets - 1; bucket >= 0; bucket--) {
      const [size, total] = [this.#counts[bucket], this.#sums[bucket]];
      if (count + size < maxCount && sum + total < enough) {
        count += size;
        sum += total;
        continue;
      }
      const members = this.#membersOf(bucket, size);
      for (const [i, smallest] of members.entries()) {
        count++;
        sum += smallest;
        if (count >= maxCount || sum >= enough) return { smallest, ties: i + 1 - members.indexOf(smallest), sum };
      }
    }
    return { smallest: 0, ties: Infinity, sum };
  }

  /** The weights of a bucket, the largest first. */
  #membersOf(bucket: number, size: number): Float32Array {
    const members = new Float32Array(size);
    let count = 0;
    for (let i = 0; i < this.#bits.length; i++) {
      if (this.#bits[i] >>> lowerBits === bucket) members[count++] = this.#weights[i];
    }
    return members.sort().reverse();
  }
}
