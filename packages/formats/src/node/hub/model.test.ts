import type { ServerResponse } from "node:http";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commit, Hub } from "@gpt/testing/hub";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseGGUF } from "../../gguf/choose.ts";
import { downloadModel, isHubName, openRemoteGGUF } from "../../hub.ts";
import type { SnapshotOptions } from "../../hub.ts";

/** Names as publishers have them. */
const quantized = ["m-BF16.gguf", "m-IQ4_XS.gguf", "m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m-Q8_0.gguf", "mmproj-m-F16.gguf", "README.md"];
const split = ["Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf", "UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00001.gguf"];

let hub: Hub;
let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "hub-model-"));
  const filesOf = (paths: readonly string[]) => Object.fromEntries(paths.map((path) => [path, path]));
  hub = await Hub.start({
    "toys/quantized-GGUF": filesOf(quantized),
    "toys/split-GGUF": filesOf(split),
    "toys/one-GGUF": filesOf(["config.json", "m.gguf"]),
    "toys/both": filesOf(["config.json", "model.safetensors", "m-f16.gguf"]),
  });
});
afterEach(async () => {
  await hub.close();
  await rm(cache, { recursive: true });
});

const bring = (name: string, options: SnapshotOptions = {}): Promise<string> =>
  downloadModel(name, { cacheDirectory: cache, endpoint: hub.url, offline: false, ...options });
const pathIn = (name: string, file = ""): string => join(cache, `models--${name.replace("/", "--")}`, "snapshots", commit, file);

test.each([
  ["toys/quantized-GGUF:Q8_0", "m-Q8_0.gguf"],
  ["toys/quantized-GGUF:q4_k_m", "m-Q4_K_M.gguf"],
  ["toys/quantized-GGUF:BF16@main", "m-BF16.gguf"],
  ["toys/quantized-GGUF/m-IQ4_XS.gguf", "m-IQ4_XS.gguf"],
  [`toys/quantized-GGUF/mmproj-m-F16.gguf@${commit}`, "mmproj-m-F16.gguf"],
  ["toys/split-GGUF:Q8_0", "Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf"],
  ["toys/split-GGUF/Q8_0/m-Q8_0-00002-of-00002.gguf", "Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf"],
  ["toys/split-GGUF:UD-Q4_K_XL", "UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00001.gguf"],
  ["toys/one-GGUF", "m.gguf"],
  ["toys/both:f16", "m-f16.gguf"],
])("%s is the file %s, which alone is downloaded, with those that belong to it", async (text, file, ...others) => {
  const [name] = /^[^/]+\/[\w-]+/.exec(text)!;
  expect(isHubName(text)).toBe(true);
  expect(await bring(text)).toBe(pathIn(name, file));
  expect(await readFile(pathIn(name, file), "utf8")).toBe(file);
  const entries = await readdir(pathIn(name), { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name).sort()).toEqual([file, ...others].map((path) => path.split("/").at(-1)));
  const asked = hub.requests.length;
  expect(await bring(text, { offline: true })).toBe(pathIn(name, file));
  expect(hub.requests.length).toBe(asked);
});

test("a repository with weights in safetensors is a folder", async () => {
  expect(await bring("toys/both")).toBe(pathIn("toys/both"));
  expect(await readdir(pathIn("toys/both"))).toEqual(["config.json", "model.safetensors"]);
  expect(await bring("toys/both", { offline: true })).toBe(pathIn("toys/both"));
});

test.each<[string, string, string]>([
  ["toys/quantized-GGUF", "invalid-input", "toys/quantized-GGUF: it has several GGUF files; write one of these behind the name: :BF16, :IQ4_XS, :Q4_K_M, :Q4_K_S, :Q8_0"],
  ["toys/quantized-GGUF:Q5_K_M", "not-found", 'toys/quantized-GGUF: it has no GGUF file of "Q5_K_M"; write one of these behind the name: :BF16, :IQ4_XS, :Q4_K_M, :Q4_K_S, :Q8_0'],
  ["toys/quantized-GGUF:K", "not-found", 'it has no GGUF file of "K"'],
  ["toys/quantized-GGUF:m", "invalid-input", 'it has several GGUF files of "m"'],
  ["toys/quantized-GGUF/n.gguf", "not-found", "the model toys/quantized-GGUF has no file n.gguf"],
  ["toys/split-GGUF", "invalid-input", "write one of these behind the name: :Q8_0, :Q4_K_XL"],
])("%s is answered by what there is", async (name, code, message) => {
  await expect(bring(name)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
});

test("a GGUF file is read where it lies, by ranges, unless it is in the cache", async () => {
  const options = { cacheDirectory: cache, endpoint: hub.url, offline: false, retrySeconds: 0.01 };
  const remote = await openRemoteGGUF("toys/split-GGUF:Q8_0", options);
  expect(remote?.file).toBe(split[0]);
  for (const [path, from, length] of [[split[0], 0, 4], [split[1], 5, 9], [split[1], 0, split[1].length], [split[1], 3, 0]] as const) {
    const file = await remote!.folder.open(path);
    expect(new TextDecoder().decode(await file!.read(from, length))).toBe(path.slice(from, from + length));
    await expect(file!.read(from, path.length + 1)).rejects.toMatchObject({ code: "read-failed" });
  }
  expect(await remote!.folder.open("none")).toBeUndefined();
  expect(await readdir(cache)).toEqual([]);
  // A server without ranges, one that is busy, and one that gives others.
  const file = (await remote!.folder.open(split[0]))!;
  for (const once of [
    (response: ServerResponse) => response.end(split[0]), (response: ServerResponse) => response.writeHead(503).end(),
    (response: ServerResponse) => response.writeHead(206, { "content-range": `bytes 1-2/${split[0].length}` }).end("8_"),
  ]) {
    let count = 0;
    hub.interceptStorage = (_, response) => count++ === 0 && Boolean(once(response));
    expect(new TextDecoder().decode(await file.read(2, 5))).toBe(split[0].slice(2, 7));
  }
  await bring("toys/split-GGUF:Q8_0");
  expect(await openRemoteGGUF("toys/split-GGUF:Q8_0", options)).toBeUndefined();
  expect(await openRemoteGGUF("toys/both", options)).toBeUndefined();
  expect(await openRemoteGGUF("toys/quantized-GGUF:Q8_0", { ...options, offline: true })).toBeUndefined();
  await expect(openRemoteGGUF("toys/quantized-GGUF", options)).rejects.toMatchObject({ code: "invalid-input" });
});

test("of what is not in the cache that is said", async () => {
  await bring("toys/quantized-GGUF:Q8_0");
  const refusal = (name: string) => bring(name, { offline: true });
  await expect(refusal("toys/quantized-GGUF:BF16")).rejects.toThrow('toys/quantized-GGUF, in the cache: it has no GGUF file of "BF16"; write one of these behind the name: :Q8_0');
  await expect(refusal("toys/quantized-GGUF/m-BF16.gguf")).rejects.toThrow("the cache has toys/quantized-GGUF without its file m-BF16.gguf");
});

test.each(["a/b:", "a/b:x/y", "a/b:x:y", "a/b/c", "a/b/../c.gguf", "a/b//c.gguf", "a/b/.gguf/..", "a:b/c", "a/b:..@"])("%j is no name", async (name) => {
  await expect(bring(name)).rejects.toMatchObject({ code: "invalid-input" });
  expect(hub.requests).toEqual([]);
});

test("a long list is cut, and a hostile one takes no time", () => {
  const many = new Set(Array.from({ length: 20_000 }, (_, i) => `m-${i}-00001-of-99999.gguf`));
  const choose = () => chooseGGUF(many, undefined);
  expect(choose).toThrow(/^it has several GGUF files; .*: :0, :1, .*, :19, and 19980 more$/);
  expect(choose).toThrow(expect.objectContaining({ choices: Array.from({ length: 20 }, (_, i) => `:${i}`) }));
});
