/** Blocks whose weights are read when they compute: for models that are larger than memory. */
import { useBackend } from "@gpt/tensor";
import type { PackedParts, Tensor, Weight } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { BlockContext } from "./block-context.ts";
import { Block } from "./block.ts";
import type { BlockConfig, GPTConfig } from "./config.ts";
import type { Initialization } from "./initialization.ts";
import { matrixShape } from "./layout.ts";
import { weightBytesOf } from "./model.ts";
import type { GPTInitialization, MakeBlock } from "./model.ts";
import { slotsOf } from "./slots.ts";
import { writeRows } from "./weight-source.ts";

/** Where the weights of blocks come from. */
export interface BlockReader {
  /** What it reads, for messages. */
  readonly name: string;
  /**
   * The weights of a layer's block in the order of its slots, as these are stored; valid until the next call. The thread waits
   * until they are read. Throws `read-failed` and `invalid-file`.
   */
  read(layer: number): readonly PackedParts[];
  /** The weights that `read` gave are no longer used: the next layer may be read ahead. */
  done(): void;
  /** Lets go of its files. Nothing happens where it was done before. */
  close(): void;
}

/**
 * A block of a layer that has shapes and no weights (they are on the backend `meta`): one in memory, which all blocks of this
 * configuration share, is given the layer's weights and computes.
 */
class StreamedBlock extends Block {
  readonly #stream: BlockStream;
  readonly #layer: number;

  constructor(config: BlockConfig, dim: number, initial: Initialization, layer: number, stream: BlockStream) {
    super(config, dim, initial);
    this.#layer = layer;
    this.#stream = stream;
  }

  override forward(x: Tensor, context: BlockContext): Tensor {
    return this.#stream.blockOf(this.#layer).forward(x, context);
  }

  override dispose(): void {
    super.dispose();
    this.#stream.dispose();
  }
}

/** A block in memory, and the layer whose weights it has. */
interface Place {
  readonly block: Block;
  layer: number | undefined;
}

/** The blocks in memory of a model whose blocks are read when they compute: one for each configuration. */
export class BlockStream {
  readonly #reader: BlockReader;
  readonly #places = new Map<string, Place>();
  readonly #placeOf: Place[] = [];

  constructor(reader: BlockReader) {
    this.#reader = reader;
  }

  /** See `GPTInitialization.makeBlock`. */
  readonly makeBlock: MakeBlock = (config, dim, initial, layer) => {
    const key = keyOf(config);
    const place = this.#places.get(key) ?? { block: new Block(config, dim, initial).eval(), layer: undefined };
    // The tape would hold weights that the next layer overwrites.
    for (const parameter of place.block.parameters()) parameter.requiresGrad = false;
    this.#places.set(key, place);
    this.#placeOf[layer] = place;
    return useBackend(meta(), () => new StreamedBlock(config, dim, initial, layer, this));
  };

  /** A block with the weights of a layer. */
  blockOf(layer: number): Block {
    const place = this.#placeOf[layer];
    if (place.layer !== layer) {
      place.layer = undefined;
      const all = this.#reader.read(layer);
      const weights = new Map(place.block.namedWeights());
      [...slotsOf(place.block)].forEach((slot, index) => {
        const matrix = matrixShape(slot);
        const what = `${this.#reader.name}: blocks.${layer}.${slot.path}`;
        writeRows(weights.get(slot.path) as Weight, matrix, { start: 0, count: matrix[0] }, all[index], what);
      });
      place.layer = layer;
      this.#reader.done();
    }
    return place.block;
  }

  dispose(): void {
    this.#reader.close();
    for (const { block } of this.#places.values()) block.dispose();
  }
}

function keyOf(config: BlockConfig): string {
  return JSON.stringify(config);
}

/**
 * Bytes of the weights that are in the backend's memory where a model's blocks are read when they compute: those outside of
 * blocks, and one block of each configuration.
 */
export function streamedBytesOf(config: GPTConfig, dtype?: GPTInitialization["dtype"]): number {
  const distinct = new Map(config.blocks.map((block) => [keyOf(block), block]));
  return weightBytesOf({ ...config, blocks: [...distinct.values()] }, dtype);
}
