import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browserDirectory } from "./browser.ts";

/**
 * Whether WebGPU runs on SwiftShader in tests, which computes on the processor and comes with Chrome and Chromium: so
 * it is on Linux, unless `GPT_GPU=1` asks for the machine's own GPU and driver; elsewhere that is what Dawn takes.
 */
export const onSwiftShader = process.platform === "linux" && process.env.GPT_GPU !== "1";

/** The flags with which Chromium has WebGPU there. */
export const gpuFlags: readonly string[] = [
  "--enable-unsafe-webgpu",
  onSwiftShader ? "--use-webgpu-adapter=swiftshader" : "--enable-features=Vulkan",
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
  const patience = `--import=${pathToFileURL(join(import.meta.dirname, "patient-dawn.mjs")).href}`;
  const options = [process.env.NODE_OPTIONS, patience].filter(Boolean).join(" ");
  return { ...process.env, ...drivers, LD_LIBRARY_PATH: directory, XDG_RUNTIME_DIR: runtime, NODE_OPTIONS: options };
}
