import { strongest } from "../../engine/api/inside.ts";
import type { Inspection } from "../../engine/api/inside.ts";
import { partIndex } from "../../engine/parts.ts";
import type { Part } from "../../engine/parts.ts";
import { shortName } from "../../ui/readable.ts";

export interface Neuron {
  /** Of the block, or of its expert. */
  readonly number: number;
  readonly expert: number | undefined;
  readonly activation: number;
}

/** What a model computed of a text, by names. */
export class Seen {
  readonly #inspection: Inspection;
  /** Tokens, as far as they are looked at. */
  readonly count: number;
  readonly names: readonly string[];

  constructor(inspection: Inspection) {
    this.#inspection = inspection;
    this.count = inspection.tokens.length;
    this.names = inspection.tokens.map(({ bytes }) => shortName(bytes));
  }

  get config(): Inspection["config"] {
    return this.#inspection.config;
  }

  get width(): number {
    return this.#inspection.width;
  }

  get parts(): Inspection["tokens"] {
    return this.#inspection.tokens;
  }

  get ids(): number[] {
    return this.#inspection.tokens.map(({ id }) => id);
  }

  norm(part: Part, token: number): number {
    return this.#inspection.norms[this.#place(part, token)];
  }

  /** The first numbers of a token's vector. */
  vector(part: Part, token: number): Float32Array {
    const { vectors, width } = this.#inspection;
    const place = this.#place(part, token);
    return vectors.subarray(place * width, (place + 1) * width);
  }

  /** `[tokens, tokens]`: how much each query looks at each key. */
  pattern(block: number, head: number): Float32Array {
    const { config, patterns } = this.#inspection;
    const before = config.blocks.slice(0, block).reduce((sum, { attention }) => sum + attention.heads, 0);
    const size = this.count ** 2;
    return patterns.subarray((before + head) * size, (before + head + 1) * size);
  }

  /** How much a query looks at each key: by one head, or by the mean of all. */
  looks(block: number, head: number | "mean", query: number): number[] {
    const { heads } = this.config.blocks[block].attention;
    const chosen = head === "mean" || head >= heads ? Array.from({ length: heads }, (_, i) => i) : [head];
    const rows = chosen.map((each) => this.pattern(block, each).subarray(query * this.count, (query + 1) * this.count));
    return Array.from({ length: this.count }, (_, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length);
  }

  neurons(block: number, token: number): Neuron[] {
    const { neurons, activations, config } = this.#inspection;
    const { mlp } = config.blocks[block];
    const first = (block * this.count + token) * strongest;
    return Array.from(neurons.subarray(first, first + strongest)).flatMap((number, i): Neuron[] => {
      if (number < 0) return [];
      const activation = activations[first + i];
      if (mlp.type !== "experts") return [{ number, expert: undefined, activation }];
      const { hiddenDim } = mlp.expert;
      return [{ number: number % hiddenDim, expert: Math.floor(number / hiddenDim), activation }];
    });
  }

  /** The experts that a token was sent to, with their shares; none where the block has no experts. */
  experts(block: number, token: number): { readonly expert: number; readonly share: number }[] {
    const { experts, shares, config } = this.#inspection;
    const most = experts.length / (config.blocks.length * this.count);
    const first = (block * this.count + token) * most;
    return Array.from(experts.subarray(first, first + most)).flatMap((expert, i) => (expert < 0 ? [] : [{ expert, share: shares[first + i] }]));
  }

  /** The share of all choices that fell on each expert of a block. */
  loads(block: number): number[] {
    const { mlp } = this.config.blocks[block];
    if (mlp.type !== "experts") return [];
    const loads = new Array<number>(mlp.count).fill(0);
    for (let token = 0; token < this.count; token++) {
      for (const { expert } of this.experts(block, token)) loads[expert] += 1 / (this.count * mlp.active);
    }
    return loads;
  }

  #place(part: Part, token: number): number {
    return partIndex(part, this.config.blocks.length) * this.count + token;
  }
}
