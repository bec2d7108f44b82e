import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { main as compile } from "assemblyscript/asc";
import { beforeAll, expect, test } from "vitest";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import { attendSequence, expectWorkOfBand } from "../../../../test/window-work.ts";
import type { Pass } from "../../../../test/window-work.ts";
import { createMemory, Engine } from "../runtime/engine.ts";
import { attention } from "./attention.ts";

const root = join(import.meta.dirname, "../../../..");

/** Kernels that count what the tile products of attention multiply: the start of a function, and what is put behind it. */
const counters: Readonly<Record<string, readonly [start: RegExp, counter: string]>> = {
  "assembly/matmul.ts": [/^export function multiplyTile\(.*$/m, "work += <f64>inner;"],
  "assembly/attention-gradient.ts": [/^function addTile\(.*$/m, "work += tileColumns;"],
};
const sources: Readonly<Record<string, string>> = {
  "assembly/work.ts": "export let work: f64 = 0;",
  "assembly/counting.ts": 'export * from "./index";\nexport { work } from "./work";',
};

async function countingSource(name: string): Promise<string | null> {
  if (name in sources) return sources[name];
  const source = await readFile(join(root, name), "utf8").catch(() => null);
  if (!(name in counters) || source === null) return source;
  const [start, counter] = counters[name];
  expect(source).toMatch(start);
  return `import { work } from "./work";\n${source.replace(start, (line) => `${line}\n${counter}`)}`;
}

async function compileCounting(): Promise<BufferSource> {
  const written = new Map<string, string | Uint8Array>();
  const { error } = await compile(
    ["assembly/counting.ts", "--outFile", "out.wasm", "--runtime", "stub", "--importMemory", "--noExportMemory", "--enable", "simd"],
    { readFile: countingSource, writeFile: (name, contents) => void written.set(name, contents) },
  );
  if (error) throw error;
  return written.get("out.wasm") as BufferSource;
}

let binary: BufferSource;
beforeAll(async () => {
  binary = await compileCounting();
});

test.each<Pass>(["attention", "attentionGradient"])("in a window, %s multiplies no tiles of other keys", (pass) =>
  expectWorkOfBand(async (tokens, window) => {
    const memory = createMemory(false);
    const { module, instance } = await WebAssembly.instantiate(binary, { env: { memory } });
    const exports = instance.exports as unknown as WasmExports & { readonly work: WebAssembly.Global };
    const engine = new Engine({ module, memory, exports });
    attendSequence(attention(engine), pass, tokens, window, engine);
    return Number(exports.work.value);
  }),
);
