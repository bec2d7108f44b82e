import { toJsonNumber } from "./program.ts";
import type { Arguments, JsonNumber, Program, Step } from "./program.ts";
import type { Random } from "./random.ts";

/** What a program has computed so far, as far as its writer must know. */
export interface Slot {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32";
  /** Whether a gradient flows to it or through it. */
  readonly onTape: boolean;
  readonly isLeaf: boolean;
  /** Views of one tensor share it. */
  readonly storage: number;
  /** Whether several elements share a place in memory. */
  readonly isExpanded: boolean;
}

interface Emitted {
  readonly dtype?: "f32" | "i32";
  /** The op shares the memory of this input. */
  readonly viewOf?: Slot;
  readonly isExpanded?: boolean;
  /** No gradient flows through the op. */
  readonly isConstant?: boolean;
}

/** Which numbers a program is given: mostly plain ones. */
export type Flavour = "plain" | "wide" | "special";

const specialNumbers = [
  0, -0, Infinity, -Infinity, NaN, 1, -1, 2 ** -149, -(2 ** -149), 2 ** -126, 3.4028234663852886e38, -3e38, 1e30, -1e30,
  1e20, 1e-20, -1e-30, 88, -88, 104, 0.5, -2,
];

/** Writes a program step by step, and keeps to what is legal: in gradients, views and writes in place. */
export class Writer {
  readonly random: Random;
  readonly flavour: Flavour;
  /** How many elements a tensor may have. */
  readonly largest: number;
  /** Whether steps are written for noGrad. */
  noGrad = false;
  readonly #steps: Step[] = [];
  readonly #slots: (Slot | undefined)[] = [];
  /** Slots whose tape was used by a backward pass, or that depend on such ones. */
  readonly #spent = new Set<number>();

  constructor(random: Random, flavour: Flavour, largest: number) {
    this.random = random;
    this.flavour = flavour;
    this.largest = largest;
  }

  program(seed: number): Program {
    return { seed, steps: this.#steps };
  }

  get length(): number {
    return this.#steps.length;
  }

  emit(op: string, inputs: readonly Slot[], args: Arguments, shape: readonly number[], emitted: Emitted = {}): Slot {
    const { dtype = "f32", viewOf, isConstant } = emitted;
    const id = this.#steps.length;
    const flows = inputs.some((input) => input.onTape) && !this.noGrad && !isConstant && dtype === "f32";
    this.#steps.push(step(op, inputs, args, this.noGrad));
    const slot: Slot = {
      id,
      shape,
      dtype,
      onTape: flows || args.grad === true,
      isLeaf: args.grad === true,
      storage: viewOf?.storage ?? id,
      isExpanded: emitted.isExpanded ?? viewOf?.isExpanded ?? false,
    };
    this.#slots.push(slot);
    if (flows && inputs.some((input) => this.#spent.has(input.id))) this.#spent.add(id);
    return slot;
  }

  /** A step that has no result. */
  act(op: string, inputs: readonly Slot[], args: Arguments = {}): void {
    this.#steps.push(step(op, inputs, args, this.noGrad));
    this.#slots.push(undefined);
  }

  /** Goes backward from a tensor: its tape is used up, and what depends on that. */
  backward(root: Slot, seed?: Slot): void {
    this.act("backward", seed ? [root, seed] : [root]);
    const used = new Set([root.id]);
    for (let id = root.id; id >= 0; id--) {
      const slot = this.#slots[id];
      if (!used.has(id) || !slot?.onTape || slot.isLeaf) continue;
      this.#spent.add(id);
      for (const input of this.#steps[id].in) used.add(input);
    }
    for (const slot of this.#slots) {
      if (!slot?.onTape || slot.isLeaf) continue;
      if (this.#steps[slot.id].in.some((id) => this.#spent.has(id))) this.#spent.add(slot.id);
    }
  }

  /** Tensors to use where a gradient may be recorded. */
  usable(dtype: "f32" | "i32" = "f32"): Slot[] {
    return this.#slots.filter(
      (slot): slot is Slot => slot?.dtype === dtype && (this.noGrad || !this.#spent.has(slot.id)),
    );
  }

  /** Tensors from which to go backward. */
  roots(): Slot[] {
    return this.usable().filter(({ onTape, isLeaf }) => onTape && !isLeaf);
  }

  leaves(): Slot[] {
    return this.#slots.filter((slot): slot is Slot => slot?.isLeaf === true);
  }

  /** Tensors that may be written to: no tape that is still to be used has read their memory. */
  writable(): Slot[] {
    const hot = new Set<number>();
    for (const slot of this.#slots) {
      if (!slot?.onTape || slot.isLeaf || this.#spent.has(slot.id)) continue;
      for (const id of [slot.id, ...this.#steps[slot.id].in]) hot.add(this.#slots[id]!.storage);
    }
    return this.#slots.filter(
      (slot): slot is Slot =>
        slot?.dtype === "f32" && !hot.has(slot.storage) && !slot.isExpanded && (slot.isLeaf || !slot.onTape),
    );
  }

  /** Some f32 tensor; sometimes a new one. */
  any(accepts: (slot: Pick<Slot, "shape">) => boolean = () => true): Slot {
    const choices = this.usable().filter(accepts);
    // Recent ones more often, so that programs grow in depth.
    const recent = choices.slice(-4);
    if (recent.length > 0 && this.random.chance(0.6)) return this.random.pick(recent);
    if (choices.length > 0 && this.random.chance(0.8)) return this.random.pick(choices);
    for (;;) {
      const shape = this.shape();
      if (accepts({ shape })) return this.fresh(shape);
    }
  }

  /** An f32 tensor of a shape. */
  shaped(shape: readonly number[]): Slot {
    const choices = this.usable().filter((slot) => sameShape(slot.shape, shape));
    return choices.length > 0 && this.random.chance(0.7) ? this.random.pick(choices) : this.fresh(shape);
  }

  /** An f32 tensor that broadcasts with a shape, to no more than the largest size. */
  broadcasting(shape: readonly number[]): Slot {
    const choices = this.usable().filter((slot) => {
      const common = broadcast(slot.shape, shape);
      return common && sizeOf(common) <= this.largest;
    });
    if (choices.length > 0 && this.random.chance(0.6)) return this.random.pick(choices);
    const start = this.random.chance(0.3) ? this.random.whole(0, shape.length) : 0;
    return this.fresh(shape.slice(start).map((size) => (this.random.chance(0.3) ? 1 : size)));
  }

  /** A shape of up to four axes; sometimes one of size 0. */
  shape(rank = this.random.pick([0, 1, 1, 2, 2, 2, 3, 3, 4]), largest = this.largest): number[] {
    for (;;) {
      const shape = Array.from({ length: rank }, () => this.size());
      if (sizeOf(shape) <= largest) return shape;
    }
  }

  /** The length of an axis. */
  size(): number {
    const { random } = this;
    if (random.chance(0.01)) return 0;
    if (this.largest > 1000 && random.chance(0.5)) return random.whole(10, 200);
    return random.pick([1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 16, 17]);
  }

  /** A new f32 tensor, mostly one that wants a gradient. */
  fresh(shape: readonly number[], numbers = this.#numbers()): Slot {
    const grad = !this.noGrad && this.random.chance(0.75);
    if (sizeOf(shape) > 2000) return this.#large(shape, grad);
    const data = Array.from({ length: sizeOf(shape) }, () => toJsonNumber(Math.fround(numbers())));
    return this.emit("input", [], { shape, data, ...(grad ? { grad } : {}) }, shape);
  }

  /** Too many numbers to write down: uniform ones, moved about zero. */
  #large(shape: readonly number[], grad: boolean): Slot {
    const key = { seed: [this.random.whole(0, 2 ** 31), 0], stream: [0, 0] };
    const uniform = this.emit("uniform", [], { shape, key, ...(grad ? { grad } : {}) }, shape);
    const centred = this.emit("sub", [uniform], { number: 0.5, side: "right" }, shape);
    return this.emit("mul", [centred], { number: this.random.pick([2, 4, 8]), side: "right" }, shape);
  }

  /** Ids from 0 to `count − 1`. */
  ids(shape: readonly number[], count: number, ignored?: number): Slot {
    const data = Array.from({ length: sizeOf(shape) }, () =>
      ignored !== undefined && this.random.chance(0.15) ? ignored : this.random.whole(0, count - 1),
    );
    return this.emit("input", [], { shape, data, dtype: "i32" }, shape, { dtype: "i32" });
  }

  /** A number to compute with. */
  number(): JsonNumber {
    const { random, flavour } = this;
    if (flavour === "special" && random.chance(0.3)) return toJsonNumber(Math.fround(random.pick(specialNumbers)));
    return toJsonNumber(random.pick([0, 1, -1, 0.5, 2, -2, 3, 0.125, -1.5, 10, Math.fround(0.1), Math.fround(1 / 3)]));
  }

  /** Draws of one kind. */
  #numbers(): () => number {
    const { random, flavour } = this;
    const normal = (): number => (random.next() + random.next() + random.next() + random.next() - 2) * 1.7;
    const wide = (): number => (random.chance(0.5) ? 1 : -1) * 10 ** (random.next() * 76 - 38);
    const kinds: (() => number)[] = [
      () => random.whole(-32, 32) / 8,
      () => Math.round(normal() * 1024) / 1024,
      () => Math.round(normal() * 1024) / 1024,
      () => Math.round(normal() * 2 ** 20) / 2 ** 20,
      () => random.whole(1, 64) / 16,
    ];
    const plain = random.pick(kinds);
    if (flavour === "wide" && random.chance(0.6)) return wide;
    if (flavour === "plain" || random.chance(0.4)) return plain;
    return () => (random.chance(0.2) ? random.pick(specialNumbers) : plain());
  }
}

function step(op: string, inputs: readonly Slot[], args: Arguments, noGrad: boolean): Step {
  return {
    op,
    in: inputs.map(({ id }) => id),
    ...(Object.keys(args).length > 0 ? { args } : {}),
    ...(noGrad ? { noGrad } : {}),
  };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** The shape that two broadcast to, as NumPy does it. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return left === right || right === 1 ? left : left === 1 ? right : NaN;
  });
  return shape.some(Number.isNaN) ? undefined : shape;
}
