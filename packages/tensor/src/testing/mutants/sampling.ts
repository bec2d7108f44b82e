import type { SamplingKernels } from "../../contract/index.ts";
import type { RowSampling } from "../../sampling.ts";
import { alter } from "./mutation.ts";
import type { Memory, MutantsOf } from "./mutation.ts";

type Sample = SamplingKernels["sample"];

/** Draws from rows in another order of their elements, with the random numbers turned round as well where asked for. */
function reordering(sample: Sample, memory: Memory, order: (row: Float32Array) => number[], turned: boolean): Sample {
  return (call) => {
    const [rows, width] = call.logits.shape;
    const [logits, uniforms] = [memory.read(call.logits), memory.read(call.uniforms)];
    const rowAt = (row: number): Float32Array => logits.subarray(row * width, (row + 1) * width);
    const orders = Array.from({ length: rows }, (_, row) => order(rowAt(row)));
    memory.write(call.logits, Float32Array.from(orders.flatMap((ids, row) => ids.map((id) => rowAt(row)[id]))));
    if (turned) alter(memory, call.uniforms, (u) => 1 - u);
    sample(call);
    memory.write(call.out, memory.read(call.out).map((place, row) => orders[row][place]));
    memory.write(call.logits, logits);
    memory.write(call.uniforms, uniforms);
  };
}

const ascending = (row: Float32Array): number[] => Array.from(row, (_, id) => id);

/** With other settings. */
function changing(change: (setting: RowSampling, width: number) => RowSampling): (sample: Sample) => Sample {
  return (sample) => (call) => {
    const [, width] = call.logits.shape;
    sample({ ...call, settings: call.settings.map((setting) => change(setting, width)) });
  };
}

export const samplingMutants: MutantsOf<SamplingKernels> = {
  sample: {
    "the temperature ignored": changing(({ temperature, ...rest }) => ({ ...rest, temperature: temperature && 1 })),
    "topK ignored": changing((setting, width) => ({ ...setting, topK: width })),
    "one more than topK": changing((setting) => ({ ...setting, topK: setting.topK + 1 })),
    "topP ignored": changing((setting) => ({ ...setting, topP: 1 })),
    "topP in the place of topK": changing((setting, width) => ({ ...setting, topK: setting.topP < 1 ? width : setting.topK })),
    "minP ignored": changing((setting) => ({ ...setting, minP: 0 })),
    "minP before the temperature": changing((setting) => ({ ...setting, minP: setting.minP ** (1 / setting.temperature) })),
    "the settings of the first row for all": (sample) => (call) => sample({ ...call, settings: call.settings.slice(0, 1) }),
    "the settings of the next row": (sample) => (call) => {
      const [first, ...others] = call.settings;
      sample({ ...call, settings: [...others, first] });
    },
    "a low temperature in the place of 0": changing((setting) => ({ ...setting, temperature: setting.temperature || 2 ** -20 })),
    "at the temperature 0 any of the largest": (sample) => (call) => {
      // Their weights are 1, the others' 0.
      const lowest = ({ temperature, ...rest }: RowSampling): RowSampling =>
        temperature === 0 ? { temperature: 2 ** -100, topK: call.logits.shape[1], topP: 1, minP: 0 } : { temperature, ...rest };
      sample({ ...call, settings: call.settings.map(lowest) });
    },
    "the random number of the first row for all": (sample, memory) => (call) => {
      const uniforms = memory.read(call.uniforms);
      alter(memory, call.uniforms, () => uniforms[0]);
      sample(call);
      memory.write(call.uniforms, uniforms);
    },
    "random numbers a little too large": (sample, memory) => (call) => {
      const uniforms = memory.read(call.uniforms);
      alter(memory, call.uniforms, (u) => u * 1.02);
      sample(call);
      memory.write(call.uniforms, uniforms);
    },
    "of equal weights the last ones stay": (sample, memory) =>
      reordering(sample, memory, (row) => ascending(row).reverse(), true),
    "in order of weight": (sample, memory) =>
      reordering(sample, memory, (row) => ascending(row).sort((a, b) => row[b] - row[a]), false),
    "no index where there is NaN": (sample, memory) => (call) => {
      const { shape } = call.logits;
      const logits = memory.read(call.logits);
      sample(call);
      const poisoned = (row: number): boolean =>
        logits.subarray(row * shape[1], (row + 1) * shape[1]).some((x) => Number.isNaN(x));
      memory.write(call.out, memory.read(call.out).map((id, row) => (poisoned(row) ? -1 : id)));
    },
    "no index where nothing is above −∞": (sample, memory) => (call) => {
      const [, width] = call.logits.shape;
      const logits = memory.read(call.logits);
      sample(call);
      const lowest = (row: number): boolean =>
        logits.subarray(row * width, (row + 1) * width).every((x) => x === -Infinity);
      memory.write(call.out, memory.read(call.out).map((id, row) => (lowest(row) ? width : id)));
    },
  },
};
