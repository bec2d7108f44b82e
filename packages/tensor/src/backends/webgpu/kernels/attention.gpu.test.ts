import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dense } from "../../../contract/index.ts";
import { attendSequence, expectWorkOfBand } from "../../../../test/window-work.ts";
import type { Pass } from "../../../../test/window-work.ts";
import { requestDevice } from "../runtime/device.ts";
import { Engine } from "../runtime/engine.ts";
import { u32, writes } from "../runtime/program.ts";
import type { Dispatch } from "../runtime/program.ts";
import { attention } from "./attention.ts";

let engine: Engine;
beforeAll(async () => {
  engine = new Engine(await requestDevice({}));
});
afterAll(() => engine.dispose());

/** The loops of kernels over tiles. */
const tileLoops = /for \(var tile = .*\{/g;

/** How many tiles go past all workgroups of the kernels that `run` calls. */
async function tilesOf(run: (engine: Engine) => void): Promise<number> {
  const counts: Dense[] = [];
  /** A call of the same kernel, in which each workgroup counts in an element that no other one uses. */
  const counting = (dispatch: Dispatch): void => {
    const [x, y = 1, z = 1] = dispatch.workgroups;
    const length = x * y * z;
    const tiles: Dense = { buffer: engine.allocate(4 * length), offset: 0, shape: [length], strides: [1], dtype: "f32" };
    engine.write(tiles, new Float32Array(length));
    counts.push(tiles);
    engine.run({
      ...dispatch,
      operands: { ...dispatch.operands, tiles: writes(tiles) },
      values: { ...dispatch.values, groups_x: u32(x), groups_y: u32(y) },
      source: (of) => {
        const place = of.tiles("(group.z * values.groups_y + group.y) * values.groups_x + group.x");
        const source = dispatch.source(of).replace(tileLoops, (loop) => `${loop} if (local == 0u) { ${place} += 1.0; }`);
        // All bindings are to be used.
        return source.replace(/fn main\([^]*?\) \{/, (start) => `${start} _ = ${of.tiles("0")};`);
      },
    });
  };
  const { maxBindingElements } = engine;
  const withScratch: Engine["withScratch"] = (length, use) => engine.withScratch(length, use);
  run({ maxBindingElements, run: counting, withScratch } as Engine);
  let all = 0;
  for (const tiles of counts) for (const count of await engine.read(tiles)) all += count;
  expect(all).toBeGreaterThan(0);
  return all;
}

test.each<Pass>(["attention", "attentionGradient"])("in a window, no tiles of other keys go past in %s", (pass) =>
  expectWorkOfBand((tokens, window) =>
    tilesOf((counting) => attendSequence(attention(counting), pass, tokens, window, engine)),
  ),
);
