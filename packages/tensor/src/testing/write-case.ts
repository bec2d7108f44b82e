import type { Backend, Kernels, View } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import type { AnyTensor } from "../core/tensor.ts";
import { viewOf } from "../ops/operands.ts";
import type { Capabilities, Check } from "./case.ts";
import { compare, compareBits } from "./compare.ts";
import type { ArraysOf, Input, Inputs, TensorsOf } from "./inputs.ts";
import { arraysOf, largestSize, placeInputs } from "./inputs.ts";
import type { NdArray } from "./reference/array.ts";

/** Something that writes to tensors it is given. */
interface WriteCase<I extends Inputs> {
  readonly name: string;
  readonly inputs: I;
  /** What the tensors that are written hold afterwards. All other memory is unchanged. */
  expected(arrays: ArraysOf<I>): { readonly [Name in keyof I]?: NdArray };
  /** In norm; default 2e-6. 0 asks for equal bits. */
  readonly tolerance?: number;
  readonly needs?: keyof Capabilities;
  readonly without?: keyof Capabilities;
}

export type ViewsOf<I extends Inputs> = {
  readonly [Name in keyof I]: I[Name] extends Input<infer D> ? View<D> : never;
};

/** A kernel called directly: for layouts, aliases and auxiliary outputs that no public op brings about. */
export interface KernelCase<I extends Inputs> extends WriteCase<I> {
  run(kernels: Required<Kernels>, views: ViewsOf<I>): void;
}

/** An op that changes tensors in place. */
export interface InPlaceCase<I extends Inputs> extends WriteCase<I> {
  run(tensors: TensorsOf<I>): void;
}

export function kernel<const I extends Inputs>(subject: KernelCase<I>): Check {
  const check = writing(subject, ({ kernels }, tensors) => {
    const views = Object.entries<AnyTensor>(tensors).map(([name, tensor]) => [name, viewOf(tensor, tensor)]);
    subject.run(new Proxy(kernels, { get: presentKernel }) as Required<Kernels>, Object.fromEntries(views) as ViewsOf<I>);
  });
  const run: Check["run"] = async (backend, capabilities) => {
    await check.run(backend, capabilities).catch((error: unknown) => {
      // What a backend leaves to a composition is checked through its op.
      if (!(error instanceof MissingKernel)) throw error;
    });
  };
  return { ...check, run };
}

class MissingKernel extends Error {}

function presentKernel(kernels: Kernels, name: string): unknown {
  const kernel = kernels[name as keyof Kernels];
  if (!kernel) throw new MissingKernel(`there is no kernel ${name}`);
  return kernel;
}

export function inPlace<const I extends Inputs>(subject: InPlaceCase<I>): Check {
  return writing(subject, (_, tensors) => scope(() => subject.run(tensors)));
}

type Run<I extends Inputs> = (backend: Backend, tensors: TensorsOf<I>) => void;

/** Checks what is written, that nothing else is, and that a second run gives equal bits. */
function writing<I extends Inputs>(subject: WriteCase<I>, run: Run<I>): Check {
  const { name, needs, without, inputs, tolerance = 2e-6 } = subject;
  return {
    name,
    needs,
    without,
    size: largestSize(inputs),
    async run(backend) {
      const arrays = arraysOf(inputs);
      const expected = subject.expected(arrays) as Readonly<Record<string, NdArray>>;
      const first = await written(backend, inputs, arrays, run, expected);
      const second = await written(backend, inputs, arrays, run, expected);
      for (const [output, wanted] of Object.entries(expected)) {
        compare(output, first[output], wanted, tolerance);
        compareBits(output, first[output], second[output], wanted.shape);
      }
    },
  };
}

/** Runs once and returns what was written to the tensors that are named in `expected`. */
async function written<I extends Inputs>(
  backend: Backend,
  inputs: I,
  arrays: ArraysOf<I>,
  run: Run<I>,
  expected: Readonly<Record<string, NdArray>>,
): Promise<Record<string, Float64Array>> {
  const { tensors, placed, dispose } = placeInputs(backend, inputs, arrays);
  try {
    run(backend, tensors);
    const outputs: Record<string, Float64Array> = {};
    for (const [name, { initial, positions, read }] of Object.entries(placed)) {
      const now = await read();
      const isOutput = name in expected;
      if (isOutput) outputs[name] = Float64Array.from(positions, (position) => now[position]);
      const mayChange = new Set(isOutput ? positions : []);
      const changed = now.findIndex((value, i) => !mayChange.has(i) && !Object.is(value, initial[i]));
      if (changed >= 0) {
        const what = isOutput ? `memory around ${name}` : `the input ${name}`;
        throw new Error(`${what} was changed: buffer element ${changed}: ${initial[changed]} → ${now[changed]}`);
      }
    }
    return outputs;
  } finally {
    dispose();
  }
}
