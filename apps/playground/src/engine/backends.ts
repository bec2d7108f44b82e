import type { Backend } from "@gpt/tensor";
import { useBackend } from "@gpt/tensor";
import type { BackendChoice, BackendReport, Obstacle, Places } from "./api/backend.ts";
import { chooseBackend } from "./choose-backend.ts";

/** What this Worker can compute on. */
export async function findPlaces(): Promise<Places> {
  return { webgpu: await findAdapter(), threads: findThreads() };
}

async function findAdapter(): Promise<Places["webgpu"]> {
  const { gpu } = navigator as { readonly gpu?: GPU };
  if (!gpu) return { obstacle: "no-webgpu" };
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return { obstacle: "no-adapter" };
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const name = [vendor, architecture, description].filter(Boolean).join(" ");
  return { adapter: name, isSoftware: isFallbackAdapter || /swiftshader|llvmpipe|warp|software/i.test(name) };
}

function findThreads(): Places["threads"] {
  if (!crossOriginIsolated) return { obstacle: "not-isolated" };
  if (typeof SharedArrayBuffer === "undefined") return { obstacle: "no-threads" };
  return navigator.hardwareConcurrency > 1 ? { count: navigator.hardwareConcurrency } : { obstacle: "one-core" };
}

export interface Started {
  readonly backend: Backend;
  readonly report: BackendReport;
}

/** Starts what a choice comes to. A GPU that does not start gives way to threads. */
export async function startBackend(choice: BackendChoice): Promise<Started> {
  const places = await findPlaces();
  const { take, obstacles } = chooseBackend(choice, places);
  if (take !== "webgpu") return startWasm(take === "single", obstacles);
  try {
    return await startWebGPU();
  } catch (error) {
    const { report, backend } = await startWasm("obstacle" in places.threads, ["failed"]);
    return { backend, report: { ...report, detail: (error as Error).message } };
  }
}

async function startWebGPU(): Promise<Started> {
  const { webgpu } = await import("@gpt/tensor/webgpu");
  const backend = await webgpu();
  useBackend(backend);
  return { backend, report: { kind: "webgpu", threads: 1, adapter: backend.adapter, obstacles: [] } };
}

async function startWasm(single: boolean, obstacles: readonly Obstacle[]): Promise<Started> {
  const { wasm } = await import("@gpt/tensor/wasm");
  const backend = await wasm(single ? { threads: 1 } : {});
  useBackend(backend);
  return { backend, report: { kind: "wasm", threads: backend.threads, obstacles, detail: backend.obstacle } };
}
