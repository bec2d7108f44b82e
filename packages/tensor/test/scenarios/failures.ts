import { requestDevice } from "../../src/backends/webgpu/runtime/device.ts";
import { Engine } from "../../src/backends/webgpu/runtime/engine.ts";
import { webgpu } from "../../src/backends/webgpu/index.ts";
import type { WebGPUBackend } from "../../src/backends/webgpu/index.ts";
import { reads, writes } from "../../src/backends/webgpu/runtime/program.ts";
import type { Dispatch } from "../../src/backends/webgpu/runtime/program.ts";
import { failureOf, pause, seenGPU, startSeen, vector } from "./devices.ts";

/** What comes of every use of a backend. */
async function usesOf(backend: WebGPUBackend, buffer: number): Promise<string[]> {
  const x = vector(buffer, 4);
  const uses = [
    () => backend.allocate(16),
    () => backend.write(x, new Float32Array(4)),
    () => backend.kernels.fill({ value: 1, out: x }),
    () => backend.kernels.norm({ x, out: vector(buffer, 1) }),
    () => backend.read(x),
    () => backend.profile(),
  ];
  return [...new Set(await Promise.all(uses.map((use) => failureOf(use))))];
}

/** Whether a backend that is started now computes. */
async function startsAgain(): Promise<boolean> {
  const backend = await webgpu();
  const x = vector(backend.allocate(16), 4);
  backend.kernels.fill({ value: 3, out: x });
  const data = await backend.read(x);
  backend.dispose();
  return data.every((value) => value === 3);
}

/** What comes of a backend in whose midst something ends it: of reads that wait, and of every use afterwards. */
async function endedBy(end: (backend: WebGPUBackend, device: GPUDevice) => unknown, isWarm: boolean): Promise<unknown> {
  const { backend, device } = await startSeen();
  const x = vector(backend.allocate(16), 4);
  backend.write(x, new Float32Array(4));
  if (isWarm) {
    backend.kernels.fill({ value: 1, out: x });
    await backend.read(x);
  }
  const reading = [1, 2].map((value) => {
    backend.kernels.fill({ value, out: x });
    return failureOf(() => backend.read(x));
  });
  backend.kernels.fill({ value: 3, out: x });
  end(backend, device);
  const pending = [...new Set(await Promise.all(reading))];
  await pause();
  const later = await usesOf(backend, x.buffer);
  backend.free(x.buffer);
  backend.dispose();
  backend.dispose();
  backend.free(x.buffer);
  return { pending, later, disposed: await usesOf(backend, x.buffer), startsAgain: await startsAgain() };
}

/** What a read says after a call of a kernel, on an engine of its own. */
async function refusalOf(call: (operands: Dispatch["operands"]) => Dispatch): Promise<string> {
  const engine = new Engine(await requestDevice({}));
  const [x, out] = [16, 16].map((byteLength) => vector(engine.allocate(byteLength), 4));
  const problem = await failureOf(async () => {
    engine.run(call({ x: reads(x), out: writes(out) }));
    await engine.read(out);
  });
  const again = await failureOf(() => engine.allocate(4));
  engine.dispose();
  return problem === again || again === "none" ? problem : `${problem}, and then: ${again}`;
}

function kernel(operands: Dispatch["operands"], body: string, size = 1): Dispatch {
  return {
    name: "wrong",
    operands,
    values: {},
    source: (of) => `@compute @workgroup_size(${size}) fn main() { ${body} ${of.out("0u")} = ${of.x("0u")}; }`,
    workgroups: [1],
  };
}

/** What a program is told when something goes wrong, and that it can go on. */
export const failures = {
  "a device that is destroyed": () => endedBy((_, device) => device.destroy(), true),
  "a device that is destroyed while programs compile": () => endedBy((_, device) => device.destroy(), false),

  "a device that is lost": async () => {
    let lose: (info: Pick<GPUDeviceLostInfo, "reason" | "message">) => void = () => undefined;
    const lost = new Promise((resolve) => (lose = resolve));
    const gpu = await seenGPU((device) => Object.defineProperty(device, "lost", { value: lost }));
    const backend = await webgpu({ gpu });
    const buffer = backend.allocate(16);
    lose({ reason: "unknown", message: "the driver was reset" });
    await pause(0);
    const uses = await usesOf(backend, buffer);
    backend.dispose();
    return { uses, startsAgain: await startsAgain() };
  },

  "a backend that is disposed of": () => endedBy((backend) => backend.dispose(), true),
  "a backend that is disposed of while programs compile": () => endedBy((backend) => backend.dispose(), false),

  "a buffer beyond the largest": async () => {
    const { backend, device } = await startSeen();
    const { maxBufferSize } = device.limits;
    const problem = await failureOf(() => backend.allocate(maxBufferSize + 1));
    const x = vector(backend.allocate(16), 4);
    backend.write(x, Float32Array.of(1, 2, 3, 4));
    const goesOn = [...(await backend.read(x))];
    backend.dispose();
    return { problem: problem.replaceAll(String(maxBufferSize + 1), "N + 1").replaceAll(String(maxBufferSize), "N"), goesOn };
  },

  "more memory than there is": async () => {
    const { backend, device } = await startSeen();
    const { maxBufferSize } = device.limits;
    let problem = "none";
    for (let i = 0; i < 1000 && problem === "none"; i++) {
      problem = await failureOf(async () => {
        const buffer = backend.allocate(maxBufferSize);
        backend.kernels.fill({ value: i, out: vector(buffer, 4) });
        await backend.read(vector(buffer, 4));
      });
    }
    const again = await failureOf(() => backend.allocate(4));
    backend.dispose();
    return { problem: problem.replace(String(maxBufferSize), "N"), isSame: problem === again, startsAgain: await startsAgain() };
  },

  "source that is not WGSL": () => refusalOf((operands) => kernel(operands, "let y = nothing;")),
  "a program beyond the device's limits": () => refusalOf((operands) => kernel(operands, "", 65_536)),
  "a call of more workgroups than there may be": () =>
    refusalOf((operands) => ({ ...kernel(operands, ""), workgroups: [1, 65_536] })),
  "more operands than a device binds": () =>
    refusalOf((operands) => {
      const more = Array.from({ length: 16 }, (_, i) => [`x${i}`, operands.x] as const);
      return kernel({ ...operands, ...Object.fromEntries(more) }, "");
    }),

  "a browser without WebGPU": async () => {
    Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
    const problem = await failureOf(() => webgpu());
    Reflect.deleteProperty(navigator, "gpu");
    return { problem, startsAgain: await startsAgain() };
  },

  "no timestamps": async () => {
    let isDestroyed = false;
    const gpu = await seenGPU((device) => void device.lost.then(() => (isDestroyed = true)), ["timestamp-query"]);
    const problem = await failureOf(() => webgpu({ gpu, profile: true }));
    await pause();
    return { problem, isDestroyed };
  },

  "bindings of no use": async () => {
    const found: string[] = [];
    for (const maxBindingBytes of [0, -1, NaN, 1023, 2 ** 60]) found.push(await failureOf(() => webgpu({ maxBindingBytes })));
    return found.map((problem) => problem.replace(/the \d+ that/, "the N that"));
  },
};
