import { open, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { openTokenFile } from "./token-file.ts";
import type { OpenTokenFileOptions } from "./token-file.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** Numbers as little-endian bytes. */
function little(tokens: readonly number[], tokenBytes: 2 | 4): Uint8Array {
  const view = new DataView(new ArrayBuffer(tokens.length * tokenBytes));
  tokens.forEach((token, i) => {
    if (tokenBytes === 2) view.setUint16(2 * i, token, true);
    else view.setUint32(4 * i, token, true);
  });
  return new Uint8Array(view.buffer);
}

/** A file in llm.c's form, with whatever its header says. */
function llmc(header: readonly number[], tokens: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1024 + tokens.length);
  bytes.set(little(header, 4));
  bytes.set(tokens, 1024);
  return bytes;
}

async function readAll(contents: Uint8Array, options?: OpenTokenFileOptions): Promise<number[]> {
  await using file = await openTokenFile(await temporary.file(contents), options);
  return [...(await file.read(0, file.length))];
}

describe("openTokenFile", () => {
  const tokens = [0, 1, 50_256, 65_535];

  test("reads uint16, uint32 and llm.c's two forms", async () => {
    expect(await readAll(little(tokens, 2))).toEqual(tokens);
    expect(await readAll(little([...tokens, 199_997], 4), { dtype: "uint32" })).toEqual([...tokens, 199_997]);
    expect(await readAll(llmc([20240520, 1, 4], little(tokens, 2)))).toEqual(tokens);
    expect(await readAll(llmc([20240801, 7, 4], little(tokens, 4)))).toEqual(tokens);
  });

  test("reads any part, several at once", async () => {
    const all = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 65_536);
    await using file = await openTokenFile(await temporary.file(little(all, 2)));
    expect(file).toMatchObject({ length: 3000, tokenBytes: 2 });
    let maxAtOnce = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2999), fc.nat(3000)), { maxLength: 20, size: "max" }), async (parts) => {
        maxAtOnce = Math.max(maxAtOnce, parts.length);
        await Promise.all(
          parts.map(async ([start, count]) => {
            const inside = Math.min(count, 3000 - start);
            expect([...(await file.read(start, inside))]).toEqual(all.slice(start, start + inside));
          }),
        );
      }),
    );
    expect(maxAtOnce).toBeGreaterThan(10);
  });

  test("a file that says it is uint16 may begin with llm.c's magic number", async () => {
    const contents = llmc([20240520, 1, 4], little(tokens, 2));
    expect(await readAll(contents, { dtype: "uint16" })).toHaveLength(512 + 4);
  });

  test.each<[string, Uint8Array, OpenTokenFileOptions, string]>([
    ["an empty file", new Uint8Array(), {}, "is empty; give a file with tokens"],
    ["half a token", Uint8Array.of(1, 2, 3), {}, "has 3 bytes, which are not whole tokens of 2 bytes; it is cut off"],
    ["a part of a token", new Uint8Array(10), { dtype: "uint32" }, "10 bytes, which are not whole tokens of 4 bytes"],
    ["a file cut off", llmc([20240520, 1, 9], little(tokens, 2)), {}, "the header promises 9 tokens, the file has 4"],
    [
      "a header that lies",
      llmc([20240520, 1, 2 ** 32 - 1], little(tokens, 2)),
      {},
      "promises -1 tokens, the file has 4",
    ],
    [
      "another version",
      llmc([20240520, 2, 4], little(tokens, 2)),
      {},
      "version 2 of llm.c's format is not known; version 1",
    ],
  ])("refuses %s", async (_, contents, options, message) => {
    const path = await temporary.file(contents);
    await expect(openTokenFile(path, options)).rejects.toThrow(message);
    await expect(openTokenFile(path, options)).rejects.toThrow(path);
  });

  test("refuses a missing file and a folder", async () => {
    const folder = await temporary.folder();
    await expect(openTokenFile(join(folder, "no.bin"))).rejects.toMatchObject({ code: "missing-file" });
    await expect(openTokenFile(folder)).rejects.toMatchObject({ code: "read-failed" });
  });

  test("says so where the file shrinks while it is in use", async () => {
    const path = await temporary.file(new Uint8Array(100));
    await using file = await openTokenFile(path);
    await truncate(path, 50);
    await expect(file.read(20, 10)).rejects.toMatchObject({
      code: "read-failed",
      message: `${path} had 100 bytes and ends at byte 50 now; let its writer finish, then try again`,
    });
  });
});

describe("numbers that say nothing about themselves", () => {
  /** Ids below a size, as language has them: few of them often. */
  const ids = (vocabSize: number, count = 2000): number[] =>
    Array.from({ length: count }, (_, i) => Math.floor(vocabSize * (((i * 2_654_435_761) % 2 ** 32) / 2 ** 32) ** 3));
  const sixtyFour = (tokens: readonly number[]): Uint8Array =>
    new Uint8Array(BigUint64Array.from(tokens, BigInt).buffer);
  const swapped = (bytes: Uint8Array, width: 2 | 4): Uint8Array => {
    const copy = Buffer.from(bytes);
    return width === 2 ? copy.swap16() : copy.swap32();
  };

  test.each([2, 65, 256, 50_257, 65_536])("up to 65,536 entries are 16 bits wide, or evidently 32: %i", async (vocabSize) => {
    const tokens = ids(vocabSize);
    for (const width of [2, 4] as const) {
      expect(await readAll(little(tokens, width), { vocabSize })).toEqual(tokens);
      // Without a vocabulary as well.
      expect(await readAll(little(tokens, width))).toEqual(tokens);
    }
  });

  test.each([65_537, 100_277, 199_998, 201_088])("%i entries are 32 bits wide", async (vocabSize) => {
    const tokens = ids(vocabSize);
    expect(await readAll(little(tokens, 4), { vocabSize })).toEqual(tokens);
    expect(await readAll(little(tokens, 4))).toEqual(tokens);
    await expect(readAll(little(ids(50_257), 2), { vocabSize })).rejects.toMatchObject({
      code: "token-out-of-range",
      message: expect.stringContaining("read as 16-bit numbers, all ids would be below: write the file as uint32") as string,
    });
  });

  test("a short file, and one of zeros, has what the vocabulary asks for", async () => {
    expect(await readAll(little([5, 0, 6, 0], 2), { vocabSize: 50 })).toEqual([5, 0, 6, 0]);
    expect(await readAll(new Uint8Array(400), { vocabSize: 50 })).toHaveLength(200);
    expect(await readAll(little([5, 6], 4), { vocabSize: 100_277 })).toEqual([5, 6]);
  });

  test.each<[string, Uint8Array, OpenTokenFileOptions, string, string]>([
    ["64 bits", sixtyFour(ids(50_257)), { vocabSize: 50_257 }, "unsupported-data", "holds 64-bit numbers, as it seems"],
    ["64 bits, vocabulary unknown", sixtyFour(ids(300)), {}, "unsupported-data", "holds 64-bit numbers, as it seems"],
    ["64 bits, large vocabulary", sixtyFour(ids(100_277)), { vocabSize: 100_277 }, "unsupported-data", "64-bit numbers"],
    [
      "16 bits the other way round", swapped(little(ids(65), 2), 2), { vocabSize: 65 }, "token-out-of-range",
      "read as 16-bit numbers, the most significant byte first, all ids would be below: write the file as uint16",
    ],
    [
      "32 bits the other way round", swapped(little(ids(100_277), 4), 4), { vocabSize: 100_277 }, "token-out-of-range",
      "read as 32-bit numbers, the most significant byte first",
    ],
    [
      "floating-point numbers", new Uint8Array(Float32Array.from(ids(50_257)).buffer), { vocabSize: 50_257 },
      "token-out-of-range", "was tokenised with another tokenizer, or is no uint16",
    ],
    ["bytes", Uint8Array.from(ids(65)).map((id) => id + 10), { vocabSize: 75 }, "token-out-of-range", "is no uint16"],
    [
      "ids of another tokenizer", little([...ids(50_257), 50_257], 2), { vocabSize: 50_257 }, "token-out-of-range",
      "token 2000 is 50257, but the model's vocabulary has 50257 entries; the data was tokenised with another tokenizer",
    ],
    [
      "numbers that are not what is said", little(ids(100_277), 4), { vocabSize: 50_257, dtype: "uint32" },
      "token-out-of-range", "but the model's vocabulary has 50257 entries",
    ],
    ["ids in llm.c's form that are too large", llmc([20240520, 1, 1], little([300], 2)), { vocabSize: 300 }, "token-out-of-range", "token 0 is 300"],
    ["text", new TextEncoder().encode("She sells sea shells — 字. ".repeat(9)), {}, "unsupported-data", "holds text, not token ids"],
    ["gzip", Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), Buffer.alloc(60, 200)]), {}, "unsupported-data", "is compressed with gzip, not token ids"],
    ["a NumPy file", Buffer.from("\x93NUMPY\x01\x00v\x00{'descr': '<u2', 'shape': (9,)}", "latin1"), {}, "unsupported-data", 'a NumPy array, not token ids; write the ids alone: numpy.load(…).astype("uint16").tofile("ids.bin")'],
  ])("are refused where they are %s", async (_, contents, options, code, message) => {
    const path = await temporary.file(contents);
    const error: unknown = await openTokenFile(path, options).catch((error: unknown) => error);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect((error as Error).message.startsWith(path)).toBe(true);
  });

  test("are looked at from the first to the last of a large file", async () => {
    const size = 3_000_000;
    const path = await temporary.file(new Uint8Array(little(ids(65, size / 2), 2)));
    const at = async (token: number, options: OpenTokenFileOptions): Promise<unknown> => {
      const file = await open(path, "r+");
      await file.write(Uint8Array.of(65, 0), 0, 2, 2 * token);
      await file.close();
      const result: unknown = await openTokenFile(path, options).then((tokens) => tokens.close(), (error: unknown) => error);
      return result;
    };
    await (await openTokenFile(path, { vocabSize: 65 })).close();
    expect(await at(size / 2 - 1, { vocabSize: 65 })).toMatchObject({ message: expect.stringContaining("token 1499999 is 65") as string });
    expect(await at(0, { vocabSize: 65 })).toMatchObject({ message: expect.stringContaining("token 0 is 65") as string });
  });

  test("options of another type are refused", async () => {
    const path = await temporary.file(little([1, 2], 2));
    await expect(openTokenFile(path, { dtype: "int64" as "uint16" })).rejects.toThrow('dtype must be one of "uint16", "uint32", not "int64"');
    await expect(openTokenFile(path, { vocabSize: "9" as unknown as number })).rejects.toThrow('vocabSize must be a whole number from 1, not "9"');
    for (const path of ["", 3, undefined]) {
      await expect(openTokenFile(path as string)).rejects.toThrow("path must be the path of a file or folder");
    }
  });
});
