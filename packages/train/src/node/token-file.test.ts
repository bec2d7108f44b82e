import { truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { TemporaryFiles } from "./testing/temporary-files.ts";
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
    expect(await readAll(little([...tokens, 199_997], 4), { format: "uint32" })).toEqual([...tokens, 199_997]);
    expect(await readAll(llmc([20240520, 1, 4], little(tokens, 2)))).toEqual(tokens);
    expect(await readAll(llmc([20240801, 7, 4], little(tokens, 4)))).toEqual(tokens);
  });

  test("reads any part, several at once", async () => {
    const all = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 65_536);
    await using file = await openTokenFile(await temporary.file(little(all, 2)));
    expect(file).toMatchObject({ length: 3000, tokenBytes: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2999), fc.nat(3000)), { maxLength: 5 }), async (parts) => {
        await Promise.all(
          parts.map(async ([start, count]) => {
            const inside = Math.min(count, 3000 - start);
            expect([...(await file.read(start, inside))]).toEqual(all.slice(start, start + inside));
          }),
        );
      }),
    );
  });

  test("a file that says it is uint16 may begin with llm.c's magic number", async () => {
    const contents = llmc([20240520, 1, 4], little(tokens, 2));
    expect(await readAll(contents, { format: "uint16" })).toHaveLength(512 + 4);
  });

  test.each<[string, Uint8Array, OpenTokenFileOptions, string]>([
    ["an empty file", new Uint8Array(), {}, "is empty; give a file with tokens"],
    ["half a token", Uint8Array.of(1, 2, 3), {}, "has 3 bytes, which are not whole tokens of 2 bytes; it is cut off"],
    ["a part of a token", new Uint8Array(10), { format: "uint32" }, "10 bytes, which are not whole tokens of 4 bytes"],
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
    await expect(openTokenFile(folder)).rejects.toMatchObject({ code: "unreadable-file" });
  });

  test("says so where the file shrinks while it is in use", async () => {
    const path = await temporary.file(new Uint8Array(100));
    await using file = await openTokenFile(path);
    await truncate(path, 50);
    await expect(file.read(20, 10)).rejects.toMatchObject({
      code: "invalid-token-file",
      message: `${path} ends at byte 50; it was shortened while in use`,
    });
  });
});
