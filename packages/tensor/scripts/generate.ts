/**
 * Compiles the kernels of `assembly/` once for each build into `src/generated/`: a module that holds the binary as
 * base64, which every bundler and runtime imports alike; the binary itself, for `wasmUrl`; and the TypeScript type of
 * what the kernels export. Bundles the workers' scripts: modules that hold them as strings, and the scripts themselves,
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
  const { binary, declarations } = await compileKernels(enabled);
  const module = `export const base64: string =\n  "${Buffer.from(binary).toString("base64")}";\n`;
  await writeFile(join(generated, `wasm-${build}.ts`), module);
  await writeFile(join(generated, "wasm", `wasm-${build}.wasm`), binary);
  await writeFile(join(generated, "wasm-exports.ts"), exportsInterface(declarations));
}
await embedWorker("wasm-worker", "runtime/worker.ts", "worker-script.ts");
await embedWorker("native-worker", "native/worker.ts", "native-worker-script.ts");

async function compileKernels(enabled: readonly string[]): Promise<{ binary: Uint8Array; declarations: string }> {
  const written = new Map<string, string | Uint8Array>();
  let problems = "";
  const { error } = await compile(
    [
      "assembly/index.ts", "--baseDir", root, "--outFile", "kernels.wasm", "--bindings", "raw",
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
  return { binary, declarations };
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
function exportsInterface(declarations: string): string {
  const functions = [...declarations.matchAll(/export function (\w+)(\(.*\)): (\w+);/g)].map(
    ([, name, parameters, result]) => `  readonly ${name}: ${parameters} => ${result};`,
  );
  const globals = [...declarations.matchAll(/export const (\w+): \{/g)].map(
    ([, name]) => `  readonly ${name}: WebAssembly.Global;`,
  );
  const members = [...functions, ...globals].join("\n");
  return `/** What the compiled kernels export. */\nexport interface WasmExports {\n${members}\n}\n`;
}
