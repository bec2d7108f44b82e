import type { Engine } from "./engine.ts";
import { fits, overlap, relaid, span } from "./split-bindings.ts";
import type { Reach } from "./split-bindings.ts";
import type { Dispatch, Operand } from "./program.ts";

/**
 * All operands in a buffer that is written share one binding. Of those that it does not reach together, the name of one far
 * from what is written, that a copy can take the place of: what is written there must not lie between what else is.
 */
export function farOperand(reach: Reach, operands: Dispatch["operands"]): string | undefined {
  const all = Object.entries(operands);
  for (const [near, { view, writes }] of all) {
    if (!writes) continue;
    const others = all.filter(([name, other]) => name !== near && other.view.buffer === view.buffer);
    if (fits(reach, others.reduce((whole, [, other]) => span(whole, other.view), view))) continue;
    const movable = others.filter(([name, other]) => {
      return !other.writes || all.every(([rival, { view, writes }]) => rival === name || !writes || !overlap(view, other.view));
    });
    const lengths = movable.map(([, other]) => span(view, other.view).shape[0]);
    if (lengths.length > 0) return movable[lengths.indexOf(Math.max(...lengths))][0];
  }
  return undefined;
}

/** Runs a call on a copy of an operand's memory, which is copied back if it is written. */
export function runOnCopy(engine: Engine, dispatch: Dispatch, name: string): void {
  const operand = dispatch.operands[name];
  const whole = span(operand.view, operand.view);
  engine.withScratch(whole.shape[0], (scratch) => {
    const own: Operand = { ...operand, view: relaid(operand.view, { buffer: scratch.buffer, offset: 0 }) };
    engine.copy(whole, scratch);
    engine.run({ ...dispatch, operands: { ...dispatch.operands, [name]: own } });
    if (operand.writes) engine.copy(scratch, whole);
  });
}
