import { isGptError } from "@gpt/common";
import { Hub } from "@gpt/testing/hub";
import { mutations } from "@gpt/testing/mutate";
import { expect, test } from "vitest";
import { chooseGGUF } from "./gguf/choose.ts";
import { isRepositoryPath } from "./hub-names.ts";
import { readRepository } from "./hub-repository.ts";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 1000;
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const split = { "Q8_0/m-Q8_0-00001-of-00002.gguf": "x", "Q8_0/m-Q8_0-00002-of-00002.gguf": "x", "m-F16.gguf": "x", "mmproj-F16.gguf": "x" };
const quantized = new Hub({ "a/b": split }).describe("a/b");
const answer = new Hub({ "a/b": { "config.json": "{}", "sub/model.safetensors": "x" } }).describe("a/b") as Record<string, object>;
const [config, weights] = answer.siblings as object[];

test("what the hub says of a repository is read", () => {
  const { commit, files } = readRepository(encode(answer), "a/b", "x");
  expect(commit).toBe("607a30d783dfa663caf39e06633721c8d4cfcd7e");
  expect([...files.values()]).toEqual([
    // git hash-object, sha256sum
    { path: "config.json", size: 2, hash: { kind: "git-sha1", hex: "9e26dfeeb6e641a33dae4961196235bdb965b21b" } },
    { path: "sub/model.safetensors", size: 1, hash: { kind: "sha256", hex: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" } },
  ]);
});

test.each<[object, string]>([
  [[], "expected an object"],
  [{ ...answer, sha: "main" }, "the answer names no commit; check HF_ENDPOINT"],
  [{ siblings: [] }, "the answer names no commit"],
  [{ ...answer, siblings: {} }, "expected an array"],
  [{ ...answer, siblings: [{ ...config, rfilename: undefined }] }, "a file has no name"],
  [{ ...answer, siblings: [{ ...config, size: undefined }] }, 'the file "config.json" has no size'],
  [{ ...answer, siblings: [{ ...config, size: -1 }] }, 'the file "config.json" has no size'],
  [{ ...answer, siblings: [{ ...config, size: 1e300 }] }, 'the file "config.json" has no size'],
  [{ ...answer, siblings: [{ ...config, blobId: null }] }, 'the file "config.json" has no hash'],
  [{ ...answer, siblings: [{ ...config, blobId: "../x" }] }, 'the file "config.json" has no hash'],
  [{ ...answer, siblings: [{ ...weights, lfs: { sha256: "../../x", size: 1 } }] }, "has no hash"],
  [{ ...answer, siblings: [config, config] }, 'the file "config.json" appears twice'],
])("%#: an answer that lacks something is refused", (changed, message) => {
  expect(() => readRepository(encode(changed), "a/b", "x")).toThrow(message);
});

test.each([
  "../x", "a/../x", "/etc/passwd", "", "a//b", "./a", "a/.", "a\\b", "C:x", "a\0", "a\nb", "a/b.", "nul", "a/COM1.txt", `${"a/".repeat(40)}b`, "a".repeat(201),
])("the path %j is refused", (path) => {
  expect(isRepositoryPath(path)).toBe(false);
  expect(() => readRepository(encode({ ...answer, siblings: [{ ...config, rfilename: path }] }), "a/b", "x")).toThrow("is no path of a file");
});

test(`${fuzzCount} answers that were changed are read, or refused with a word`, () => {
  for (const input of mutations([encode(answer), encode({ ...answer, siblings: [weights] }), encode(quantized)], fuzzCount, 1)) {
    try {
      const { commit, files } = readRepository(input, "a/b", "x");
      expect(commit).toMatch(/^[0-9a-f]{40}$/);
      for (const { path, size, hash } of files.values()) {
        if (!isRepositoryPath(path) || !Number.isSafeInteger(size) || !/^[0-9a-f]+$/.test(hash.hex)) throw new Error(path);
      }
      for (const choice of [undefined, { quantization: "Q8_0" }, { path: "m.gguf" }]) {
        const parts = chooseGGUF(new Set(files.keys()), choice);
        if (parts && !(parts.length > 0 && parts.every(isRepositoryPath))) throw new Error(parts.join());
      }
    } catch (error) {
      if (!isGptError(error)) throw error;
      if (!/^[^\n]{10,2000}$/.test(error.message)) throw error;
    }
  }
});
