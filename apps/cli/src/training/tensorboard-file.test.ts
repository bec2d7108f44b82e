import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/gpt.ts";
import { readEvents } from "../../test/tensorboard.ts";
import { crc32c, TensorBoardFile } from "./tensorboard-file.ts";

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
test.each<[string, Uint8Array, number]>([
  ["32 zeros", new Uint8Array(32), 0x8a91_36aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
  ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
  ["a SCSI read command", Uint8Array.of(1, 0xc0, ...Array<number>(14).fill(0), 0x14, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, ...Array<number>(7).fill(0), 2, ...Array<number>(7).fill(0)), 0xd996_3a56],
  ["123456789", new TextEncoder().encode("123456789"), 0xe306_9283],
  ["nothing", new Uint8Array(), 0],
])("the CRC-32C of %s", (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

test("a file has the numbers of events by tag, step and time", async () => {
  const directory = await temporaryFolder();
  const file = await TensorBoardFile.create(directory, undefined);
  const time = new Date("2026-11-30T12:00:00.250Z");
  await file.add("step", { step: 2 ** 40 + 5, loss: 0.1, lr: 3e-4, loads: [[1, 2]] }, time);
  await file.add("checkpoint", { step: 3, checkpoint: "x" }, time);
  await file.add("evaluation", { step: 300, valLoss: 2.5, tokens: 7, complete: true, accuracy: 1 }, time);
  await file.add("done", { step: 300, done: false, interrupted: true, loss: 1 }, time);
  await file.close();
  const [name] = await readdir(directory);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{13}\.gpt$/);
  const [header, ...events] = readEvents(await readFile(join(directory, name)));
  expect(header).toMatchObject({ step: 0, version: "brain.Event:2", values: {} });
  expect(events).toEqual([
    { seconds: 1_796_040_000.25, step: 2 ** 40 + 5, version: undefined, sessionStart: false, values: { "train/loss": Math.fround(0.1), "train/lr": Math.fround(3e-4) } },
    { seconds: 1_796_040_000.25, step: 300, version: undefined, sessionStart: false, values: { "validation/loss": 2.5, "validation/accuracy": 1 } },
  ]);
});
