import type { RotaryKernels } from "../../contract/index.ts";
import { alter } from "./mutation.ts";
import type { MutantsOf } from "./mutation.ts";

export const rotaryMutants: MutantsOf<RotaryKernels> = {
  rotary: {
    "turned the other way": (kernel) => (call) => kernel({ ...call, inverse: !call.inverse }),
    "never inverse": (kernel) => (call) => kernel({ ...call, inverse: false }),
    "positions in order": (kernel, memory) => (call) => {
      const positions = memory.read(call.positions);
      const [entries] = call.table.shape;
      memory.write(call.positions, positions.map((position, i) => (position >= 0 && position < entries ? i % entries : position)));
      kernel(call);
      memory.write(call.positions, positions);
    },
    "the columns behind not copied": (kernel, memory) => (call) => {
      kernel(call);
      const columns = call.x.shape[1];
      alter(memory, call.out, (value, i) => (i % columns < call.heads * call.headDim ? value : 0));
    },
    "the last head not turned": (kernel) => (call) => kernel({ ...call, heads: Math.max(0, call.heads - 1) }),
    "pairs of neighbours": (_, { read, write }) => (call) => {
      const { heads, headDim, inverse } = call;
      const [x, table, positions] = [read(call.x), read(call.table), read(call.positions)];
      const columns = call.x.shape[1];
      write(call.out, x.map((value, i) => {
        const column = i % columns;
        if (column >= heads * headDim) return value;
        const pair = Math.floor((column % headDim) / 2);
        const row = positions[Math.floor(i / columns)] * headDim;
        const [cos, sin] = [table[row + pair], table[row + headDim / 2 + pair] * (inverse ? -1 : 1)];
        return column % 2 === 0 ? value * cos - x[i + 1] * sin : value * cos + x[i - 1] * sin;
      }));
    },
  },
};
