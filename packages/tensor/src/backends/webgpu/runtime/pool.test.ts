import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { Pool } from "./pool.ts";

const MiB = 2 ** 20;

/** A pool on a device whose buffers are nothing but sizes, of which it keeps count. */
function pool(maxBufferSize = 2 ** 30) {
  const held = new Set<{ size: number }>();
  let created = 0;
  const createBuffer = ({ size }: { size: number }) => {
    const buffer = { size, destroy: () => held.delete(buffer) };
    held.add(buffer);
    created++;
    return buffer;
  };
  const device = { limits: { maxBufferSize }, createBuffer };
  return {
    pool: new Pool(device as unknown as GPUDevice),
    heldBytes: () => [...held].reduce((sum, { size }) => sum + size, 0),
    created: () => created,
  };
}

test("a buffer has room for its bytes and at most an eighth more, or the least size, and is one that devices bind", () => {
  const { pool: sizes } = pool();
  assert(
    property(integer({ min: 1, max: 2 ** 30 }), (byteLength) => {
      const number = sizes.allocate(byteLength);
      const { size } = sizes.block(number).buffer;
      expect(size).toBeGreaterThanOrEqual(byteLength);
      expect(size).toBeLessThanOrEqual(Math.max(256, byteLength * 1.125 + 256));
      expect(size % 256).toBe(0);
      sizes.free(number);
    }),
    { examples: [[1], [256], [257], [2 ** 30], [2 ** 30 - 1], [2 ** 29 + 1]] },
  );
});

test("a buffer beyond the device's largest is refused at once, up to it there is one, however sizes are rounded", () => {
  const { pool: small } = pool(1000 * 256 + 100);
  expect(small.block(small.allocate(1000 * 256)).buffer.size).toBe(1000 * 256);
  expect(() => small.allocate(1000 * 256 + 1)).toThrowErrorMatchingInlineSnapshot(
    `[TensorError: webgpu: a buffer of 256001 bytes is beyond this device's largest, 256100 bytes; use smaller batches, or a smaller model]`,
  );
});

test("no block is lent twice, uses are counted, and what is held stays within half as much again as was needed", () => {
  const step = record({
    kind: constantFrom("allocate", "allocate", "free", "touch", "submit"),
    size: integer({ min: 1, max: 100 * MiB }),
    pick: integer({ min: 0, max: 1000 }),
  });
  let trimmed = 0;
  let maxLent = 0;
  assert(
    property(array(step, { maxLength: 100, size: "max" }), (steps) => {
      const { pool: subject, heldBytes } = pool();
      const lent: number[] = [];
      let batch = 0;
      let peak = 0;
      for (const { kind, size, pick } of steps) {
        if (kind === "allocate") lent.push(subject.allocate(size));
        if (kind === "free" && lent.length > 0) subject.free(lent.splice(pick % lent.length, 1)[0]);
        if (kind === "touch" && lent.length > 0) subject.block(lent[pick % lent.length]).lastBatch = batch;
        const live = lent.map((number) => subject.block(number));
        const liveBytes = live.reduce((sum, { buffer }) => sum + buffer.size, 0);
        peak = Math.max(peak, liveBytes);
        maxLent = Math.max(maxLent, lent.length);
        expect(new Set(live.map(({ id }) => id)).size).toBe(lent.length);
        expect(subject.use).toEqual({ liveBuffers: lent.length, liveBytes, peakBytes: peak });
        if (kind !== "submit") continue;
        subject.forget();
        const before = heldBytes();
        subject.trim(batch++);
        if (heldBytes() < before) trimmed++;
        expect(subject.isOverfull).toBe(false);
        expect(heldBytes()).toBeLessThanOrEqual(1.5 * peak + 64 * MiB);
      }
    }),
  );
  expect(trimmed).toBeGreaterThan(0);
  expect(maxLent).toBeGreaterThan(15);
});

test("what one step needed serves the next: no buffers are made any more, none are given back", () => {
  const { pool: subject, created, heldBytes } = pool();
  const parameters = subject.allocate(40 * MiB);
  const step = (batch: number) => {
    const activations = Array.from({ length: 50 }, (_, i) => subject.allocate((10 + (i % 7)) * MiB));
    for (const number of [parameters, ...activations]) subject.block(number).lastBatch = batch;
    for (const number of activations) subject.free(number);
    subject.forget();
    subject.trim(batch);
  };
  step(0);
  const [before, bytes] = [created(), heldBytes()];
  for (let batch = 1; batch < 300; batch++) step(batch);
  expect(created()).toBe(before);
  expect(heldBytes()).toBe(bytes);
});

test("what is not needed any more is given back, the blocks in a batch that is not submitted last", () => {
  const { pool: subject, heldBytes } = pool();
  const numbers = Array.from({ length: 10 }, () => subject.allocate(100 * MiB));
  numbers.forEach((number, i) => (subject.block(number).lastBatch = i));
  for (const number of numbers) subject.free(number);
  for (let batch = 0; batch < 500; batch++) subject.forget();
  expect(subject.trim(4)).toBe(true);
  expect(heldBytes()).toBeGreaterThanOrEqual(500 * MiB);
  expect(subject.trim(9)).toBe(true);
  expect(heldBytes()).toBeLessThanOrEqual(64 * MiB);
});

test("a buffer that was freed is unknown", () => {
  const { pool: subject } = pool();
  const number = subject.allocate(4);
  subject.free(number);
  expect(() => subject.free(number)).toThrowErrorMatchingInlineSnapshot(
    `[TensorError: webgpu: buffer 0 is not allocated, or was freed before]`,
  );
});
