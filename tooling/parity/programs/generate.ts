import { draws } from "./draws.ts";
import type { Program } from "./program.ts";
import { Random } from "./random.ts";
import { sizeOf, Writer } from "./writer.ts";
import type { Flavour, Slot } from "./writer.ts";

export interface Sizes {
  /** How many ops there are about. */
  readonly ops: number;
  /** How many elements a tensor may have. */
  readonly elements: number;
}

const flavours: readonly Flavour[] = ["plain", "plain", "plain", "plain", "plain", "plain", "wide", "special"];
const total = Object.values(draws).reduce((sum, [weight]) => sum + weight, 0);

/** Writes a random program, a pure function of the seed and the sizes. */
export function generateProgram(seed: number, sizes: Sizes): Program {
  const random = new Random(seed);
  const writer = new Writer(random, random.pick(flavours), sizes.elements);
  for (let pass = random.whole(1, 3), ops = random.whole(1, sizes.ops); pass > 0; pass--) {
    for (let op = 0; op < Math.ceil(ops / pass); op++) {
      writer.noGrad = random.chance(0.08);
      drawOp(random)(writer);
      writer.noGrad = false;
    }
    for (let roots = random.whole(1, 2); roots > 0; roots--) goBackward(writer);
  }
  return writer.program(seed);
}

function drawOp(random: Random): (writer: Writer) => void {
  let rest = random.next() * total;
  const found = Object.values(draws).find(([weight]) => (rest -= weight) < 0);
  return (found ?? draws.add)[1];
}

/** Goes backward from one of the last tensors, of a scalar or from a random gradient. */
function goBackward(writer: Writer): void {
  const { random } = writer;
  const roots = writer.roots();
  if (roots.length === 0) return;
  const root: Slot = random.chance(0.7) ? roots[roots.length - 1] : random.pick(roots);
  writer.noGrad = true;
  const seed = sizeOf(root.shape) === 1 && random.chance(0.6) ? undefined : writer.fresh(root.shape);
  writer.noGrad = false;
  writer.backward(root, seed);
}
