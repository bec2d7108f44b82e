import type { BackendChoice, Obstacle } from "../../engine/api/backend.ts";

export const backend = {
  label: "Computes on",
  loading: "Starting…",
  failed: "Engine stopped",
  webgpu: "GPU",
  wasm: (threads: string) => `CPU × ${threads}`,
  about: "Where the model computes. By default the fastest backend of this browser.",
  choices: {
    auto: "The fastest",
    webgpu: "GPU (WebGPU)",
    threads: "CPU, all cores (WebAssembly threads)",
    single: "CPU, one core (WebAssembly)",
  } satisfies Record<BackendChoice, string>,
  threads: (count: string) => `${count} threads`,
  obstacles: {
    "no-webgpu": "This browser has no WebGPU.",
    "no-adapter": "WebGPU finds no GPU here.",
    "software-adapter": "Here WebGPU is computed by the CPU, which is slower.",
    "not-isolated": "Threads need a page that is cross-origin isolated, and this host does not send the headers for it.",
    "no-threads": "This browser lends no memory to threads.",
    "one-core": "This machine has one core.",
    failed: "It did not start.",
  } satisfies Record<Obstacle, string>,
  isolate: "Let a service worker set the headers",
  isolateAbout: "It stays in this browser, for this page alone, until you turn it off. The page loads again.",
  restart: "Start again",
};
