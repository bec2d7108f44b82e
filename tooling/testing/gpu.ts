import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browserDirectory } from "./browser.ts";

/**
 * Whether WebGPU runs on SwiftShader in tests, which computes on the processor and comes with Chrome and Chromium: so
 * it is on Linux, unless `GPT_GPU=1` asks for the machine's own GPU and driver; elsewhere that is what Dawn takes.
 */
export const onSwiftShader = process.platform === "linux" && process.env.GPT_GPU !== "1";

/**
 * What Dawn is to do without on SwiftShader: with it the driver writes zeroes to the memory of workgroups, and SwiftShader
 * compiles them to a store for each element, which is most of what it compiles; without it Dawn adds a loop to kernels.
 */
const slowFeature = "use_vulkan_zero_initialize_workgroup_memory_extension";

/** The flags with which Chromium has WebGPU there. */
export const gpuFlags: readonly string[] = [
  "--enable-unsafe-webgpu",
  ...(onSwiftShader
    ? ["--use-webgpu-adapter=swiftshader", `--disable-dawn-features=${slowFeature}`]
    : ["--enable-features=Vulkan"]),
];

/** The environment of a Node process in which Dawn, the npm package `webgpu`, finds the same adapter. */
export async function gpuEnvironment(): Promise<NodeJS.ProcessEnv> {
  if (!onSwiftShader) return process.env;
  const directory = await browserDirectory();
  const driver = join(directory, "vk_swiftshader_icd.json");
  for (const file of [join(directory, "libvulkan.so.1"), driver]) {
    if (existsSync(file)) continue;
    throw new Error(
      `${file} is missing, which Chromium of Debian and of Playwright and Google Chrome ship: install one of them, ` +
        "or set GPT_GPU=1 to run WebGPU on this machine's own GPU",
    );
  }
  const runtime = process.env.XDG_RUNTIME_DIR ?? tmpdir();
  const drivers = { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
  const hooks = ["patient-dawn.mjs", `dawn-without.mjs?${slowFeature}`];
  const imports = hooks.map((hook) => `--import=${new URL(hook, import.meta.url).href}`);
  const options = [process.env.NODE_OPTIONS, ...imports].filter(Boolean).join(" ");
  return { ...process.env, ...drivers, LD_LIBRARY_PATH: directory, XDG_RUNTIME_DIR: runtime, NODE_OPTIONS: options };
}
