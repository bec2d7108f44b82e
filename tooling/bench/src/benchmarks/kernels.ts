import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { run } from "@gpt/testing/commands";
import { parseKernels } from "../compiler/radv.ts";
import type { CompiledKernel } from "../compiler/radv.ts";
import type { Section } from "../harness/report.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

/** The GPU that is compiled for: RDNA 2, as in Radeon RX 6800. */
const family = "NAVI21";
/** From so many multiply-adds in its hottest block on, a kernel is listed. */
const many = 8;

/** Where Mesa and the Vulkan loader are; `GPT_MESA` is a folder that Debian's packages were unpacked in. */
const root = process.env.GPT_MESA ?? "/";
const libraries = join(root, "usr/lib/x86_64-linux-gnu");
const driver = join(libraries, "libvulkan_radeon.so");
const loader = join(libraries, "libvulkan.so.1");
const headers = join(root, "usr/include");

/** What a GPU's compiler makes of the kernels, without that GPU. */
export async function kernels({ progress }: BenchmarkOptions): Promise<Section> {
  progress("kernels");
  const title = "WebGPU kernels as a GPU's compiler makes them";
  const missing = [driver, loader, join(headers, "vulkan/vulkan.h")].find((file) => !existsSync(file));
  if (missing !== undefined) {
    const notes = [`${missing} is missing: on Debian for x64, install mesa-vulkan-drivers and libvulkan-dev`];
    return { title, rows: [], notes };
  }
  return withTemporaryFolder(async (folder) => {
    const sources = join(import.meta.dirname, "../compiler");
    const shared = ["-shared", "-fPIC", "-O1", "-w", `-I${headers}`, "-Wl,-soname,libvulkan.so.1"];
    const library = join(folder, "libvulkan.so.1");
    await run("cc", [...shared, "-o", library, join(sources, "null-vulkan.c"), "-ldl"], folder);
    const manifest = join(folder, "radeon.json");
    const description = { file_format_version: "1.0.0", ICD: { library_path: driver, api_version: "1.3.0" } };
    writeFileSync(manifest, JSON.stringify(description));
    const environment = {
      ...process.env,
      LD_LIBRARY_PATH: `${folder}:${libraries}`,
      NULL_VULKAN_LOADER: loader,
      VK_DRIVER_FILES: manifest,
      VK_ICD_FILENAMES: manifest,
      XDG_RUNTIME_DIR: folder,
      RADV_FORCE_FAMILY: family,
      RADV_DEBUG: "shaders,shaderstats,nocache",
    };
    const { adapter, text } = await compile(join(sources, "compile-kernels.ts"), join(folder, "output.txt"), environment);
    return { title, ...sectionOf(adapter, parseKernels(text)) };
  });
}

/** Compiles the kernels in a process of their own: what the driver says goes into `output`. */
async function compile(file: string, output: string, env: NodeJS.ProcessEnv): Promise<{ adapter: string; text: string }> {
  const errors = openSync(output, "w"); // A pipe would not take it as it comes.
  const child = spawn(process.execPath, ["--conditions=@gpt/source", file], { env, stdio: ["ignore", "pipe", errors] });
  let adapter = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => (adapter += part));
  const [status] = (await once(child, "close")) as [number | null];
  closeSync(errors);
  const text = readFileSync(output, "utf8");
  if (status !== 0) throw new Error(`kernels were not compiled, status ${status}: ${text.slice(-2000)}`);
  return { adapter, text };
}

function sectionOf(adapter: string, all: readonly CompiledKernel[]): Omit<Section, "title"> {
  const listed = new Map<string, CompiledKernel>();
  for (const kernel of all) {
    const { name, scratch, hottest } = kernel;
    if (hottest.multiplyAdds < many && scratch === 0) continue;
    const other = listed.get(name);
    if (!other || kernel.registers > other.registers) listed.set(name, kernel);
  }
  const head = [
    "kernel", "registers", "scratch bytes", "workgroup's bytes", "waves", "instructions", "hottest block", "multiply-adds",
  ];
  const rows = [...listed.values()].map(({ name, registers, scratch, memory, waves, instructions, hottest }) => [
    name,
    ...[registers, scratch, memory, waves, instructions, hottest.instructions].map(String),
    `${((100 * hottest.multiplyAdds) / hottest.instructions).toFixed(0)}%`,
  ]);
  return {
    place: `compiled for ${adapter}, ${family}`,
    rows: [],
    details: [head, ...rows],
    notes: [
      `${all.length} programs of ${new Set(all.map(({ name }) => name)).size} kernels were compiled, of which those ` +
        "with many multiply-adds are listed, each in its largest form; nothing was run",
    ],
    failures: all.flatMap(({ name, scratch }) =>
      scratch > 0 ? [`${name} needs ${scratch} bytes of memory beside its registers`] : [],
    ),
  };
}
