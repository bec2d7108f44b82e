import { expect, it } from "vitest";
import type { Places } from "./api/backend.ts";
import { chooseBackend } from "./choose-backend.ts";
import type { Decision } from "./choose-backend.ts";

const gpu = { adapter: "a card", isSoftware: false };
const inSoftware = { ...gpu, isSoftware: true };
const threads = { count: 4 };
const noGPU = { obstacle: "no-webgpu" } as const;
const noThreads = { obstacle: "not-isolated" } as const;

it.each<[string, Places, Decision]>([
  ["a GPU", { webgpu: gpu, threads }, { take: "webgpu", obstacles: [] }],
  ["a GPU in software", { webgpu: inSoftware, threads }, { take: "threads", obstacles: ["software-adapter"] }],
  ["no GPU", { webgpu: noGPU, threads }, { take: "threads", obstacles: ["no-webgpu"] }],
  ["a GPU and no threads", { webgpu: gpu, threads: noThreads }, { take: "webgpu", obstacles: [] }],
  ["neither", { webgpu: noGPU, threads: noThreads }, { take: "single", obstacles: ["no-webgpu", "not-isolated"] }],
])("chooses the fastest backend, and says why the others are out: %s", (_, places, decision) => {
  expect(chooseBackend("auto", places)).toEqual(decision);
});

it("takes what was chosen, a GPU in software too", () => {
  expect(chooseBackend("webgpu", { webgpu: inSoftware, threads })).toEqual({ take: "webgpu", obstacles: [] });
  expect(chooseBackend("threads", { webgpu: gpu, threads })).toEqual({ take: "threads", obstacles: [] });
  expect(chooseBackend("single", { webgpu: gpu, threads })).toEqual({ take: "single", obstacles: [] });
});

it("takes the next best where what was chosen is not to be had, and says so", () => {
  expect(chooseBackend("webgpu", { webgpu: noGPU, threads })).toEqual({ take: "threads", obstacles: ["no-webgpu"] });
  expect(chooseBackend("threads", { webgpu: gpu, threads: noThreads })).toEqual({ take: "single", obstacles: ["not-isolated"] });
});
