/**
 * Compiles the kernels of `assembly/` once for each build into `src/generated/`: a module that holds the binary as
 * base64, which every bundler and runtime imports alike; the binary itself, for `wasmUrl`; and the TypeScript type of
 * what the kernels export. Bundles the workers' script: a module that holds it as a string, and the script itself, for
 * `workerUrl`.
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
const script = await bundleWorker();
await writeFile(join(generated, "worker-script.ts"), `export const script: string = ${JSON.stringify(script)};\n`);

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

/** The workers' script, which runs as a module and as none. */
async function bundleWorker(): Promise<string> {
  await bundle({
    entry: { "wasm-worker": join(root, "src", "backends", "wasm", "runtime", "worker.ts") },
    outDir: join(generated, "wasm"),
    outExtension: () => ({ js: ".js" }),
    format: "iife",
    target: "es2023",
    platform: "neutral",
    minify: true,
    config: false,
    silent: true,
  });
  return readFile(join(generated, "wasm", "wasm-worker.js"), "utf8");
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
