import { onSwiftShader } from "@gpt/testing/gpu";
import { beforeAll, describe, expect, test } from "vitest";
import type { Scenario, Seen } from "../../../../test/scenarios/run.ts";
import { seenInChromium, seenInNode } from "../../../../test/scenarios/places.ts";

const destroyed =
  "backend-failure: webgpu: the device was destroyed, and its tensors with it; start another backend with `await webgpu()`";
const lost =
  "backend-failure: webgpu: the device was lost (the driver was reset), and its tensors with it; start another backend " +
  "with `await webgpu()`";
const disposed = "disposed: webgpu: this backend was disposed of; start another one";
const ended = { disposed: [disposed], startsAgain: true };
const one = (problem: string) => expect.stringMatching(problem) as string;

type Expected = Partial<Record<Scenario, unknown>>;

/** What is expected of scenarios, in the same words wherever they are made. */
const everywhere: Expected = {
  // What is recorded gives what would have been done at once.
  "random sequences": undefined,
  "random sequences while programs compile": undefined,
  "more commands than a batch has": { first: 1, last: 1 + (2500 * 2501) / 2, calls: 2500, submissionsUnasked: 4 },
  "more bytes than wait": { unasked: 2, isLast: true },
  "operands in one buffer": { 1: [4, 2, 6, 4], 16: [4, 2, 6, 4] },
  "two backends": { both: [[2, 2, 2, 2], [4, 4, 4, 4]], after: 9 },

  // Memory is bounded, whatever a program does.
  "buffers that come and go unused": { isBounded: true, liveBuffers: 0, liveBytes: 0, problem: "none" },
  "buffers that come and go in use": { isBounded: true, liveBuffers: 0, liveBytes: 0, problem: "none" },

  // What ends a device is told, and a program can go on with another one.
  "a device that is destroyed": { pending: [destroyed], later: [destroyed], ...ended },
  "a device that is destroyed while programs compile": { pending: [destroyed], later: [destroyed], ...ended },
  "a device that is lost": { uses: [lost], startsAgain: true },
  "a backend that is disposed of": { pending: [disposed], later: [disposed], ...ended },
  "a backend that is disposed of while programs compile": { pending: [disposed], later: [disposed], ...ended },
  "a buffer beyond the largest": {
    problem:
      "out-of-memory: webgpu: a buffer of N + 1 bytes is beyond this device's largest, N bytes; use smaller batches, or " +
      "a smaller model",
    goesOn: [1, 2, 3, 4],
  },

  // What a device refuses is told with the kernel and its operands, also where the device says it later.
  "source that is not WGSL": one("^backend-failure: webgpu: [^]*nothing[^]*wrong: x, out"),
  "a program beyond the device's limits": one("^backend-failure: webgpu: [^]*65536[^]*wrong: x, out"),
  "more operands than a device binds": one("^backend-failure: webgpu: [^]*wrong: x, out, x0, x1"),
  "a call of more workgroups than there may be":
    "out-of-memory: webgpu: wrong: 1 × 65536 × 1 workgroups are beyond the 65535 along an axis that devices run; use " +
    "smaller batches or fewer tokens at once",
  "no timestamps": {
    problem: "backend-failure: webgpu: this device has no timestamps: leave `profile` out",
    isDestroyed: true,
  },
  "bindings of no use": [0, -1, NaN, 1023, 2 ** 60].map(
    (bytes) =>
      `invalid-argument: webgpu: maxBindingBytes is ${bytes}, not from 1024 to the N that this device allows`,
  ),
};
const inBrowsers: Expected = {
  ...everywhere,
  "a browser without WebGPU": {
    problem:
      "backend-failure: webgpu: there is no WebGPU here: browsers have it on pages served by https or from localhost, in " +
      "versions from 2023 to 2025 on; use the backend `wasm` instead",
    startsAgain: true,
  },
};

function namesOf(expected: Expected): Scenario[] {
  return Object.keys(expected) as Scenario[];
}

/** Tests what `look` sees, which is called once, before the first of them. */
function describeSeen(title: string, expected: Expected, look: () => Promise<Seen>, more?: (seen: () => Seen) => void): void {
  describe(title, () => {
    let seen: Seen = {};
    beforeAll(async () => {
      seen = await look();
    });
    test.each(namesOf(expected))("%s", (name) => {
      expect(seen[name]?.problem).toBeUndefined();
      expect(seen[name]?.value).toEqual(expected[name]);
    });
    more?.(() => seen);
  });
}

const inNodeOnly: readonly Scenario[] = ["many training steps", "profile", "wide heads", "work beyond a binding", "more memory than there is"];

describeSeen("in Node on Dawn", everywhere, () => seenInNode([...namesOf(everywhere), ...inNodeOnly]), (seen) => {
  test("training steps leave nothing behind, and need no more than the first ones", () => {
    expect(seen()["many training steps"]?.problem).toBeUndefined();
    const { before, after, liveBuffers } = seen()["many training steps"]?.value as Record<"before" | "after", object> & {
      liveBuffers: number;
    };
    expect({ ...after, made: 0 }).toEqual(before);
    expect(liveBuffers).toBe(0);
  });

  test("wide heads keep to the limits that all devices have, and give what they give on the backend cpu", () => {
    const tiny = expect.closeTo(0, 5) as number;
    expect(seen()["wide heads"]).toEqual({ value: { 128: [tiny, tiny], ...(process.env.GPT_VERIFY && { 256: [tiny, tiny] }) } });
  });

  test("work beyond a binding gives what it gives on the backend cpu: bit for bit, but for the order of sums", () => {
    const tiny = expect.closeTo(0, 5) as number;
    expect(seen()["work beyond a binding"]).toEqual({
      value: {
        "a sum of two rows": 0,
        "the gradient of a row that is broadcast": tiny,
        "uniform numbers": 0,
        "dropout, of rows and of columns": 0,
        "operands far apart in one tensor": 0,
      },
    });
  });

  test("profiles count all calls, each once", () => {
    const calls = { fill: 1500, "binary add": 1 };
    expect(seen().profile).toEqual({
      value: [{ calls, work: 1501, areTimes: true }, { calls, work: 3002, areTimes: true }, 0],
    });
  });

  // SwiftShader has room for less than one buffer of the largest size; a GPU's owner may be using the rest of it.
  test.runIf(onSwiftShader)("more memory than there is: told as such, later, for good", () => {
    expect(seen()["more memory than there is"]).toEqual({
      value: {
        problem: one("^out-of-memory: webgpu: the device has no room left; use smaller batches or a smaller model, and start another"),
        isSame: true,
        startsAgain: true,
      },
    });
  });
});

/** Both look at once, each beside the other. */
let inChromium: ReturnType<typeof seenInChromium> | undefined;
const both = () => (inChromium ??= seenInChromium(namesOf(inBrowsers)));

describeSeen("in a page of Chromium, beside a Worker", inBrowsers, async () => (await both()).page);
describeSeen("in a Worker of Chromium, beside its page", inBrowsers, async () => (await both()).worker);
