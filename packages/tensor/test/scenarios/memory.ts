import { webgpu } from "../../src/backends/webgpu/index.ts";
import { adamwStep, crossEntropy, linear, reshape, scope, slice, tensor, rand, useBackend, zeros } from "../../src/index.ts";
import { failureOf, isLong, pause, seenGPU, vector } from "./devices.ts";

const MiB = 2 ** 20;
/** The largest buffer that comes and goes: large enough that one of each size were too many. */
const max = 32 * MiB;

/** What a device holds, and how many buffers were made for it. */
class Held {
  bytes = 0;
  maxBytes = 0;
  made = 0;

  /** Follows a device's buffers from now on. */
  watch(device: GPUDevice): void {
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      let isHeld = true;
      buffer.destroy = () => {
        if (isHeld) this.bytes -= descriptor.size;
        isHeld = false;
        return destroy();
      };
      this.made++;
      this.bytes += descriptor.size;
      this.maxBytes = Math.max(this.maxBytes, this.bytes);
      return buffer;
    };
  }
}

/** The same sizes in every run. */
function* sizes(max: number): Generator<number, never> {
  for (let i = 1; ; i = (i * 48_271) % 2_147_483_647) yield 4 * Math.ceil(((i / 2_147_483_647) * max) / 4);
}

/** What is held where buffers of random sizes come and go, at most five at a time. */
async function churn(count: number, use: (backend: Awaited<ReturnType<typeof webgpu>>, buffer: number) => void): Promise<unknown> {
  const held = new Held();
  const backend = await webgpu({ gpu: await seenGPU((device) => held.watch(device)) });
  const before = held.bytes;
  const buffers: number[] = [];
  const random = sizes(max);
  // While programs compile, nothing can be given back.
  const first = backend.allocate(4);
  use(backend, first);
  await backend.read(vector(first, 1));
  backend.free(first);
  for (let i = 0; i < count; i++) {
    const buffer = backend.allocate(random.next().value);
    use(backend, buffer);
    buffers.push(buffer);
    if (buffers.length > 5) backend.free(buffers.splice(i % 5, 1)[0]);
    if (i % 50 === 0) await pause(0);
  }
  const { peakBytes } = backend.memory;
  const isBounded = held.maxBytes - before <= 1.5 * peakBytes + 64 * MiB + max;
  for (const buffer of buffers) backend.free(buffer);
  const { liveBuffers, liveBytes } = backend.memory;
  const problem = await failureOf(() => backend.read(vector(backend.allocate(4), 1)));
  backend.dispose();
  return { isBounded, liveBuffers, liveBytes, problem };
}

const [inputs, classes] = [12, 8];
const size = inputs * classes + classes;

/** Steps of a small model, as the trainer does them. */
function train(from: number, to: number, state: ReturnType<typeof start>): void {
  for (let step = from; step < to; step++) {
    scope(() => {
      const leaf = state.parameters.detach();
      leaf.requiresGrad = true;
      const weight = reshape(slice(leaf, 0, 0, inputs * classes), [classes, inputs]);
      const bias = slice(leaf, 0, inputs * classes, size);
      const x = rand([6, inputs], { key: { seed: [1, 2], stream: [step, 0] } });
      const targets = tensor(Int32Array.from({ length: 6 }, (_, i) => (i + step) % classes));
      crossEntropy(linear(x, weight, bias, { activation: "gelu" }), targets).backward();
      const { grad } = leaf;
      if (!grad) throw new Error("there is no gradient");
      adamwStep({
        ...state, gradients: grad, step: step + 1, ranges: [{ start: 0, end: size, weightDecay: 0.1 }],
        learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8,
      });
      grad.dispose();
    });
  }
}

function start() {
  return {
    parameters: rand([size], { key: { seed: [3, 4], stream: [0, 0] } }),
    firstMoments: zeros([size]),
    secondMoments: zeros([size]),
    gradScale: tensor(1),
  };
}

/** That memory is bounded, whatever a program does. */
export const memory = {
  "buffers that come and go unused": () => churn(isLong ? 5000 : 100, () => undefined),

  "buffers that come and go in use": () =>
    churn(100, (backend, buffer) => backend.kernels.fill({ value: 1, out: vector(buffer, 1) })),

  "many training steps": async () => {
    const held = new Held();
    const backend = await webgpu({ gpu: await seenGPU((device) => held.watch(device)) });
    const state = useBackend(backend, start);
    const steps = async (from: number, to: number) => {
      useBackend(backend, () => train(from, to, state));
      await state.parameters.data();
      return { ...backend.memory, heldBytes: held.bytes, made: held.made };
    };
    const before = await steps(0, 50);
    const after = await steps(50, isLong ? 1050 : 150);
    for (const tensor of Object.values(state)) tensor.dispose();
    const { liveBuffers } = backend.memory;
    const values = [before, after].map(({ made, ...rest }) => ({ ...rest, made: made - before.made }));
    backend.dispose();
    return { before: values[0], after: values[1], liveBuffers };
  },
};
