import { parameter } from "@gpt/nn";
import { mul, scope, sum, tensor, useBackend } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { Muon } from "@gpt/train";
import type { MuonOptions } from "@gpt/train";
import { expect, test } from "vitest";
import { readJson } from "./fixtures.ts";

interface Fixture {
  readonly steps: number;
  readonly options: Omit<MuonOptions, "matrices">;
  readonly parameters: readonly {
    readonly name: string; readonly shape: number[]; readonly rows: number[] | null; readonly scale: number; readonly after: number[];
  }[];
}

const { steps, options, parameters } = readJson<Fixture>("muon.json");

/** The numbers of `make-muon.py`. */
function values(shape: readonly number[], of: number, step: number, scale = 1): Float32Array {
  const size = shape.reduce((product, length) => product * length);
  const value = (index: number): number => ((index * 7919 + of * 104729 + step * 1299709) % 2003) / 1001.5 - 1;
  return Float32Array.from({ length: size }, (_, index) => Math.fround(value(index)) * scale);
}

/** Whatever lies between two parameters, their order in the bucket is of no account. */
const orders = { "in order": [...parameters.keys()], "in another order": [...parameters.keys()].reverse() };

test.each([["cpu", cpu, "in order"], ["wasm", wasm, "in order"], ["cpu", cpu, "in another order"]] as const)(
  "Muon as in float64: %s, %s", async (_, start, order) => {
    useBackend(await start());
    const indices = orders[order];
    const named = indices.map((i): [string, Tensor] => {
      const { name, shape } = parameters[i];
      return [name, parameter(tensor(values(shape, i, 0), { shape }))];
    });
    const matrices = new Map(parameters.flatMap(({ name, rows }) => (rows ? [[name, rows] as const] : [])));
    const optimizer = new Muon(named, { ...options, matrices });
    for (let step = 1; step <= steps; step++) {
      optimizer.zeroGrad();
      scope(() => {
        for (const [k, i] of indices.entries()) {
          const { shape, scale } = parameters[i];
          sum(mul(named[k][1], tensor(values(shape, i, step, scale), { shape }))).backward();
        }
      });
      optimizer.step();
    }
    for (const [k, i] of indices.entries()) {
      const found = named[k][1].dataSync();
      const largest = parameters[i].after.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at])), 0);
      // Steps are of 0.01, and Newton-Schulz makes what rounding leaves of small singular values 485 times as large.
      expect(largest, parameters[i].name).toBeLessThan(2e-6);
    }
    expect([...optimizer.stateDict().keys()].filter((name) => name.startsWith("second"))).toEqual(
      ["secondMoments.embedding", "secondMoments.gain"],
    );
  },
);
