import { tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import type { BlockConfig, RotaryConfig, YaRNScaling } from "./config.ts";

/** By what the tokens of a forward pass are turned. */
export interface Rotation {
  /** Cosines, then sines, `[rows, headDim]`. */
  readonly table: Tensor;
  /** The row of each token. */
  readonly rows: Tensor<"i32">;
}

/** What each block turns tokens of these positions by, if it does; equal ones are made once. */
export function rotationsOf(
  blocks: readonly BlockConfig[], positions: readonly number[], backend: Backend,
): (Rotation | undefined)[] {
  const known = new Map<string, Rotation>();
  return blocks.map(({ attention: { headDim, rotary } }) => {
    if (!rotary) return undefined;
    const key = JSON.stringify([headDim, rotary]);
    const rotation = known.get(key) ?? rotationOf(positions, headDim, rotary, backend);
    known.set(key, rotation);
    return rotation;
  });
}

function rotationOf(positions: readonly number[], headDim: number, rotary: RotaryConfig, backend: Backend): Rotation {
  // A row for each position up to the last one, or for each token where these are fewer.
  const count = positions.reduce((count, position) => Math.max(count, position + 1), 0);
  const isShared = count <= positions.length;
  const entries = isShared ? Array.from({ length: count }, (_, position) => position) : positions;
  const rows = isShared ? positions : positions.map((_, token) => token);
  return {
    table: tensor(rotaryTable(entries, headDim, rotary), { shape: [entries.length, headDim], backend }),
    rows: tensor(Int32Array.from(rows), { backend }),
  };
}

/** Cosines, then sines, of the angles of positions, with the factor of queries and keys: row-major `[positions, headDim]`. */
export function rotaryTable(positions: readonly number[], headDim: number, rotary: RotaryConfig): Float32Array {
  const frequencies = frequenciesOf(headDim, rotary);
  const factor = rotary.scaling?.type === "yarn" ? attentionFactorOf(rotary.scaling) : 1;
  const table = new Float32Array(positions.length * headDim);
  positions.forEach((position, row) => {
    frequencies.forEach((frequency, i) => {
      table[row * headDim + i] = factor * Math.cos(position * frequency);
      table[row * headDim + headDim / 2 + i] = factor * Math.sin(position * frequency);
    });
  });
  return table;
}

/** Radians that each pair of columns is turned by from one token to the next. */
function frequenciesOf(headDim: number, { theta, scaling }: RotaryConfig): number[] {
  const frequencies = Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  if (!scaling) return frequencies;
  const { factor } = scaling;
  /** From 0 where a pair is stretched by the factor to 1 where it stays, by its number and its frequency. */
  let stays: (i: number, frequency: number) => number;
  if (scaling.type === "linear") {
    stays = () => 0;
  } else if (scaling.type === "llama3") {
    const { lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
    stays = (_, frequency) => ramp(low, high, (originalContext * frequency) / (2 * Math.PI));
  } else {
    const [first, last] = blendedPairs(headDim, theta, scaling);
    stays = (i) => 1 - ramp(first, last, i);
  }
  return frequencies.map((frequency, i) => {
    const share = stays(i, frequency);
    return share * frequency + ((1 - share) * frequency) / factor;
  });
}

/** The pairs, fractions of them too, that turn `betaFast` and `betaSlow` times in the original context. */
function blendedPairs(headDim: number, theta: number, { originalContext, betaFast, betaSlow, truncate }: YaRNScaling) {
  const pairOf = (turns: number): number =>
    (headDim * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const [from, to] = truncate ? [Math.floor(first), Math.ceil(last)] : [first, last];
  return [Math.max(from, 0), Math.min(to, headDim - 1)];
}

/** 0 up to `from`, 1 from `to` on, a straight line between them. */
function ramp(from: number, to: number, x: number): number {
  if (from === to) return x <= from ? 0 : 1;
  return Math.min(Math.max((x - from) / (to - from), 0), 1);
}

function attentionFactorOf({ factor, attentionFactor }: YaRNScaling): number {
  return attentionFactor ?? (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1);
}
