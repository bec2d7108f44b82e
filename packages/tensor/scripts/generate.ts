/**
 * Compiles the kernels of `assembly/` once for each build into `src/generated/`, those of `native` apart: a module that holds
 * the binary as base64, which every bundler and runtime imports alike; the binary itself, for `wasmUrl`; and the TypeScript
 * type of what the kernels export. Bundles the workers' scripts: modules that hold them as strings, and the scripts themselves,
 * for `workerUrl`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { main as compile } from "assemblyscript/asc";
import { build as bundle } from "tsup";

const root = join(import.meta.dirname, "..");
const generated = join(root, "src", "generated");
const features = { relaxed: ["simd", "relaxed-simd"], simd: ["simd"] };

await mkdir(join(generated, "wasm"), { recursive: true });
for (const [build, enabled] of Object.entries(features)) {
  const wasm = await compileKernels("index", enabled);
  await writeFile(join(generated, `wasm-${build}.ts`), moduleOf(wasm.binary));
  await writeFile(join(generated, "wasm", `wasm-${build}.wasm`), wasm.binary);
  await writeFile(join(generated, "wasm-exports.ts"), exportsInterface("WasmExports", wasm.declarations));
  const native = await compileKernels("native", enabled, await heapBaseOf(wasm.binary));
  await writeFile(join(generated, `native-${build}.ts`), moduleOf(native.binary));
  await writeFile(join(generated, "native-exports.ts"), exportsInterface("NativeExports", native.declarations));
}
await embedWorker("wasm-worker", "runtime/worker.ts", "worker-script.ts");
await embedWorker("native-worker", "native/worker.ts", "native-worker-script.ts");

interface Compiled {
  readonly binary: Uint8Array<ArrayBuffer>;
  readonly declarations: string;
}

/** Compiles a file of `assembly/`; its data lie from `base` on. */
async function compileKernels(file: string, enabled: readonly string[], base = 0): Promise<Compiled> {
  const written = new Map<string, string | Uint8Array>();
  let problems = "";
  const { error } = await compile(
    [
      `assembly/${file}.ts`, "--baseDir", root, "--memoryBase", String(base), "--outFile", "kernels.wasm", "--bindings", "raw",
      "--runtime", "stub", "--importMemory", "--noExportMemory", "--maximumMemory", "65536", "--noAssert",
      "--optimizeLevel", "3", "--shrinkLevel", "0", ...enabled.flatMap((feature) => ["--enable", feature]),
    ],
    {
      stderr: { write: (text) => void (problems += text.toString()) },
      writeFile: (name, contents) => void written.set(name, contents),
    },
  );
  const binary = written.get("kernels.wasm");
  const declarations = written.get("kernels.d.ts");
  if (error || problems || !(binary instanceof Uint8Array) || typeof declarations !== "string") {
    throw new Error(`the kernels do not compile without problems:\n${problems}`, { cause: error });
  }
  return { binary: Uint8Array.from(binary), declarations };
}

/** Where the memory begins that a module leaves to others. */
async function heapBaseOf(binary: BufferSource): Promise<number> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  return Number((instance.exports.heapBase as WebAssembly.Global).value);
}

function moduleOf(binary: Uint8Array): string {
  return `export const base64: string =\n  "${Buffer.from(binary).toString("base64")}";\n`;
}

/** A script of workers, which runs as a module and as none, and a module that holds it. */
async function embedWorker(name: string, source: string, module: string): Promise<void> {
  await bundle({
    entry: { [name]: join(root, "src", "backends", "wasm", source) },
    outDir: join(generated, "wasm"),
    outExtension: () => ({ js: ".js" }),
    format: "iife",
    target: "es2023",
    platform: "neutral",
    minify: true,
    config: false,
    silent: true,
  });
  const script = await readFile(join(generated, "wasm", `${name}.js`), "utf8");
  await writeFile(join(generated, module), `export const script: string = ${JSON.stringify(script)};\n`);
}

/** The compiler's declarations as an interface of the raw exports. */
function exportsInterface(name: string, declarations: string): string {
  const functions = [...declarations.matchAll(/export function (\w+)(\(.*\)): (\w+);/g)].map(
    ([, name, parameters, result]) => `  readonly ${name}: ${parameters} => ${result};`,
  );
  const globals = [...declarations.matchAll(/export const (\w+): \{/g)].map(
    ([, name]) => `  readonly ${name}: WebAssembly.Global;`,
  );
  const members = [...functions, ...globals].join("\n");
  return `/** What the compiled kernels export. */\nexport interface ${name} {\n${members}\n}\n`;
}
