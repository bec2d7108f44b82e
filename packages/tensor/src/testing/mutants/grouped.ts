import type { Dense, GroupedKernels } from "../../contract/index.ts";
import { alter } from "./mutation.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

/** Runs a kernel with other ids. */
function withIds(memory: Memory, ids: Dense<"i32">, change: (id: number, row: number) => number, run: () => void): void {
  const before = memory.read(ids);
  if (before.length > 0) memory.write(ids, before.map(change));
  run();
  if (before.length > 0) memory.write(ids, before);
}

const isInside = (id: number, layers: number): boolean => id >= 0 && id < layers;

export const groupedMutants: MutantsOf<GroupedKernels> = {
  groupedLinear: {
    "all by the first layer": (kernel, memory) => (call) => {
      const [layers] = call.weight.shape;
      withIds(memory, call.ids, (id) => (isInside(id, layers) ? 0 : id), () => kernel(call));
    },
    "no bias": (kernel) => (call) => kernel({ ...call, bias: null }),
    "the bias of the first layer": (kernel, memory) => (call) => {
      kernel(call);
      if (!call.bias) return;
      const [bias, ids] = [memory.read(call.bias), memory.read(call.ids)];
      const [, outputs] = call.out.shape;
      alter(memory, call.out, (y, i) => y - bias[ids[Math.floor(i / outputs)] * outputs + (i % outputs)] + bias[i % outputs]);
    },
    "rows in the order of their layers": (kernel, memory) => (call) => {
      kernel(call);
      const [out, ids, outputs] = [memory.read(call.out), memory.read(call.ids), call.out.shape[1]];
      const order = [...ids.keys()].sort((a, b) => ids[a] - ids[b] || a - b);
      alter(memory, call.out, (_, i) => out[order[Math.floor(i / outputs)] * outputs + (i % outputs)]);
    },
    "ids outside clamped": (kernel, memory) => (call) => {
      const [layers] = call.weight.shape;
      withIds(memory, call.ids, (id) => Math.max(0, Math.min(id, layers - 1)), () => kernel(call));
    },
  },
  groupedLinearGradient: {
    "all by the first layer": (kernel, memory) => (call) => withIds(memory, call.ids, () => 0, () => kernel(call)),
    "the last row left out": (kernel, memory) => (call) => {
      kernel(call);
      const [rows, inputs] = call.out.shape;
      alter(memory, call.out, (g, i) => (i < (rows - 1) * inputs ? g : 0));
    },
  },
  groupedLinearWeightGradient: {
    "not added": (kernel, memory) => (call) => {
      alter(memory, call.gradWeight, () => 0);
      if (call.gradBias) alter(memory, call.gradBias, () => 0);
      kernel(call);
    },
    "all for the first layer": (kernel, memory) => (call) => withIds(memory, call.ids, () => 0, () => kernel(call)),
    "the bias' left out": (kernel) => (call) => kernel({ ...call, gradBias: null }),
  },
};
