/** A run of units, free or in use, between its neighbours in memory. */
interface Block {
  readonly start: number;
  size: number;
  free: boolean;
  /** The blocks right before and behind it. */
  previous: Block | undefined;
  next: Block | undefined;
  /** Where it is free: its neighbours in the list of its size class. */
  previousFree: Block | undefined;
  nextFree: Block | undefined;
}

/** Size classes to each power of two, as a power of two. */
const classBits = 4;
const classesPerPower = 1 << classBits;
/** How many blocks of a request's own class are looked at: buffers of a training step come back in equal sizes. */
const spinsPerClock = 8;

/**
 * Gives out runs of consecutive units, and takes them back, in constant time but for its last resort: two-level
 * segregated fit (Masmano et al. 2004) with the book-keeping beside the memory instead of in it. Free runs are filed by
 * size class, sixteen to each power of two; neighbours that are free are one run.
 */
export class Allocator {
  readonly #blocks = new Map<number, Block>();
  readonly #lists: (Block | undefined)[] = new Array<Block | undefined>(32 * classesPerPower).fill(undefined);
  /** Bit p: whether a class of power p has free blocks. */
  #powers = 0;
  /** By power, bit c: whether class c has free blocks. */
  readonly #classes = new Uint32Array(32);
  #last: Block | undefined;
  #end: number;

  /** Starts without units; those that `extend` adds are numbered from `start`. */
  constructor(start: number) {
    this.#end = start;
  }

  /** Adds units at the end. */
  extend(size: number): void {
    const start = this.#end;
    this.#end += size;
    const previous = this.#last;
    if (previous?.free) {
      this.#unfile(previous);
      previous.size += size;
      this.#file(previous);
      return;
    }
    this.#last = createBlock(start, size, previous, undefined);
    this.#file(this.#last);
  }

  /** How many free units lie at the very end, where `extend` would join them. */
  get freeAtEnd(): number {
    return this.#last?.free ? this.#last.size : 0;
  }

  /** The start of `size` units, at least 1, or undefined where no free run is as long. */
  allocate(size: number): number | undefined {
    const block = this.#find(size);
    if (!block) return undefined;
    this.#unfile(block);
    if (block.size > size) this.#split(block, size);
    this.#blocks.set(block.start, block);
    return block.start;
  }

  /** Takes back what `allocate` gave out; returns its size, or undefined where nothing begins at `start`. */
  free(start: number): number | undefined {
    let block = this.#blocks.get(start);
    if (!block) return undefined;
    this.#blocks.delete(start);
    const { size } = block;
    if (block.next?.free) {
      this.#unfile(block.next);
      this.#absorbNext(block);
    }
    if (block.previous?.free) {
      block = block.previous;
      this.#unfile(block);
      this.#absorbNext(block);
    }
    this.#file(block);
    return size;
  }

  #find(size: number): Block | undefined {
    const own = classOf(size);
    let candidate = this.#lists[own];
    for (let look = 0; candidate && look < spinsPerClock; look++) {
      if (candidate.size >= size) return candidate;
      candidate = candidate.nextFree;
    }
    // In every larger class, each block is large enough.
    const next = own + 1;
    const power = next >> classBits;
    const classes = this.#classes[power] & (-1 << (next & (classesPerPower - 1)));
    if (classes !== 0) return this.#lists[(power << classBits) + lowestBit(classes)];
    const powers = this.#powers & (-2 << power);
    if (powers !== 0) {
      const larger = lowestBit(powers);
      return this.#lists[(larger << classBits) + lowestBit(this.#classes[larger])];
    }
    // The rest of its own class, rather than none.
    while (candidate && candidate.size < size) candidate = candidate.nextFree;
    return candidate;
  }

  /** Cuts a block that is not filed to `size`, and files the rest. */
  #split(block: Block, size: number): void {
    const rest = createBlock(block.start + size, block.size - size, block, block.next);
    if (!rest.next) this.#last = rest;
    block.size = size;
    this.#file(rest);
  }

  #absorbNext(block: Block): void {
    const absorbed = block.next;
    if (!absorbed) return;
    block.size += absorbed.size;
    block.next = absorbed.next;
    if (block.next) block.next.previous = block;
    else this.#last = block;
  }

  #file(block: Block): void {
    const index = classOf(block.size);
    block.free = true;
    block.previousFree = undefined;
    block.nextFree = this.#lists[index];
    if (block.nextFree) block.nextFree.previousFree = block;
    this.#lists[index] = block;
    const power = index >> classBits;
    this.#powers |= 1 << power;
    this.#classes[power] |= 1 << (index & (classesPerPower - 1));
  }

  #unfile(block: Block): void {
    const index = classOf(block.size);
    block.free = false;
    if (block.nextFree) block.nextFree.previousFree = block.previousFree;
    if (block.previousFree) {
      block.previousFree.nextFree = block.nextFree;
      return;
    }
    this.#lists[index] = block.nextFree;
    if (block.nextFree) return;
    const power = index >> classBits;
    this.#classes[power] &= ~(1 << (index & (classesPerPower - 1)));
    if (this.#classes[power] === 0) this.#powers &= ~(1 << power);
  }
}

/** A block between two others. */
function createBlock(start: number, size: number, previous: Block | undefined, next: Block | undefined): Block {
  const block: Block = { start, size, free: false, previous, next, previousFree: undefined, nextFree: undefined };
  if (previous) previous.next = block;
  if (next) next.previous = block;
  return block;
}

/** The size class of a size from 1 to 2³¹ − 1. Sizes below 16 have classes of their own. */
function classOf(size: number): number {
  if (size < classesPerPower) return size;
  const power = 31 - Math.clz32(size);
  return ((power - classBits + 1) << classBits) + ((size >> (power - classBits)) & (classesPerPower - 1));
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
