import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPage } from "@gpt/testing/browser";
import type { OpenPage } from "@gpt/testing/browser";
import { Hub } from "@gpt/testing/hub";
import { collect } from "@gpt/testing/memory-folder";
import { isolation, serve } from "@gpt/testing/static-server";
import { entriesOf } from "@gpt/testing/zip";
import { CharacterTokenizer, tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { build } from "tsup";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { gpt2 } from "../architectures/gpt2.ts";
import { modelFiles } from "../folder/save.ts";
import { ggufModelChunks } from "../gguf.ts";
import { GPT } from "../model.ts";
import { collected, splitGGUF } from "../../test/gguf-files.ts";
import { sumsOf } from "../../test/sums.ts";
import type { Question, Reply } from "../../test/web-page.ts";

/** Weights of more than two blocks of 8 MiB. */
const config = { vocabSize: 33_500, contextLength: 16, layers: 1, heads: 2, dim: 128 };
const name = "toys/abc";
const ggufName = "toys/abc-GGUF";

let directory: string;
let files: Record<string, Uint8Array | string>;
let gguf: Record<string, Uint8Array>;
let expected: Reply["model"];
/** That of the small model, whose GGUF files are less than a block. */
let expectedSmall: Reply["model"];
let small: GPT;
let pairs: Tokenizer;
let weightBytes: number;
let hub: Hub;
let pages: Awaited<ReturnType<typeof serve>>;
let page: OpenPage;

beforeAll(async () => {
  useBackend(await cpu());
  const model = new GPT(config, { seed: 5 });
  expected = await sumsOf(model);
  files = { ...(await collect(modelFiles(model, [gpt2]))), ...Object.fromEntries(tokenizerFiles(CharacterTokenizer.fromText("abc"))) };
  pairs = await trainBPE(["to be, or not to be"], { vocabSize: 270 });
  small = new GPT({ ...config, vocabSize: 300 }, { seed: 6 });
  expectedSmall = await sumsOf(small);
  const [whole, ofSmall] = await Promise.all([model, small].map((model) =>
    collected(ggufModelChunks(model, { tokenizer: tokenizerToGGUF(pairs, { vocabSize: model.config.vocabSize }) }))));
  gguf = { "abc-F32.gguf": whole, "small.gguf": ofSmall, ...(await splitGGUF(ofSmall, "two/abc-S32")) };
  weightBytes = files["model.safetensors"].length;
  directory = await mkdtemp(join(tmpdir(), "gpt-web-"));
  await build({
    entry: [join(import.meta.dirname, "../../test/web-page.ts")],
    outDir: directory, format: "esm", target: "es2023", platform: "browser", config: false, silent: true, noExternal: [/./], splitting: true,
    esbuildOptions: (options) => void (options.conditions = ["@gpt/source"]),
  });
  await writeFile(join(directory, "index.html"), '<!doctype html><link rel="icon" href="data:," /><script type="module" src="web-page.js"></script>');
  pages = await serve(directory, isolation);
  page = await openPage(pages.url);
});
afterAll(async () => {
  await page.close();
  await pages.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  hub = await Hub.start({ [name]: files, [ggufName]: gguf, "toys/alone-GGUF": { "model.gguf": gguf["small.gguf"] }, "toys/broken": { "broken.gguf": new Uint8Array(100) } });
  hub.intercept = hub.interceptStorage = allow;
});
afterEach(async () => {
  for (const { url } of (await ask({ do: "list" })).value as { url: string }[]) await ask({ do: "remove", url });
  await hub.close();
});

/** What a server on another address has to say before a page may read from it. */
function allow(_: IncomingMessage, response: ServerResponse): false {
  response.setHeader("access-control-allow-origin", "*").setHeader("access-control-expose-headers", "content-range, etag, x-error-code, x-error-message");
  return false;
}

const noLimit = 1e9;
const usage = async (): Promise<number> => (await ask({ do: "usage" })).value as number;

const ask = (question: Question): Promise<Reply> => page.ask(question) as Promise<Reply>;
const load = (options: object = {}, more: object = {}): Promise<Reply> =>
  ask({ do: "load", source: name, options: { endpoint: hub.url, retrySeconds: 0.02, ...options }, ...more });
const rangesOf = (file: string): (string | undefined)[] =>
  hub.requests.filter(({ line }) => line === `GET /${name}/${file}`).map(({ range }) => range);

describe("a model behind an address", () => {
  test("is loaded with its tokenizer, kept, loaded again without a network, and removed", async () => {
    const first = await load();
    expect(first).toMatchObject({ model: expected, notes: [] });
    const { progress = [] } = first;
    expect(progress.length).toBeGreaterThan(5);
    expect(progress.every(({ bytes, totalBytes }, i) => bytes <= totalBytes && (i === 0 || bytes >= progress[i - 1].bytes))).toBe(true);
    expect(progress.at(-1)!.bytes).toBe(progress.at(-1)!.totalBytes);
    expect(rangesOf("model.safetensors").every((range) => /^bytes=\d+-\d+$/.test(range!))).toBe(true);
    expect(await ask({ do: "tokenize", source: name, text: "cab", options: { endpoint: hub.url } })).toEqual({ value: [2, 0, 1] });

    // The server is asked whether it has the same, for a byte each; no more is downloaded.
    const before = hub.requests.length;
    expect(await load()).toMatchObject({ model: expected });
    expect(hub.requests.slice(before).map(({ range }) => range)).not.toContain(expect.stringMatching(/^bytes=[^0]/));
    expect(rangesOf("model.safetensors").at(-1)).toBe("bytes=0-0");

    await hub.close();
    const again = await load();
    expect(again.model).toEqual(expected);
    expect(again.notes).toEqual([`the server cannot be reached; files of ${hub.url}/${name}/resolve/main/ are taken as they were downloaded last`]);
    expect(await load({ offline: true })).toMatchObject({ model: expected, notes: [] });
    const url = `${hub.url}/${name}/resolve/main/`;
    const { value } = await ask({ do: "list" });
    const [{ bytes }] = value as [{ bytes: number }];
    expect(value).toEqual([{ url, bytes }]);
    expect(bytes).toBeGreaterThan(weightBytes);
    expect(await ask({ do: "remove", url })).toEqual({ value: bytes });
    expect(await ask({ do: "list" })).toEqual({ value: [] });
    expect((await ask({ do: "remove", url })).error?.code).toBe("not-found");
    expect((await load({ offline: true })).error?.message).toContain("config.json is not all here from earlier, and `offline` forbids to download it");
  });

  test("goes on where it stopped", async () => {
    const stopped = await load({}, { stopAt: 10_000_000 });
    expect(stopped.error?.message).toBe("the page was closed");
    const before = rangesOf("model.safetensors").length;
    expect((await load()).model).toEqual(expected);
    const later = rangesOf("model.safetensors").slice(before);
    expect(later[0]).toBe("bytes=0-0");
    for (const range of later.slice(1)) expect(Number(/^bytes=(\d+)-/.exec(range!)![1])).toBeGreaterThanOrEqual(2 ** 23);
  });

  test("is planned without its weights, and what arrives of it is kept", async () => {
    const { value } = await ask({ do: "plan", source: name, options: { endpoint: hub.url } });
    expect(value).toEqual({ config: new GPT(config).config, dtypes: { embedding: "f32", matrix: "f32", experts: "f32", head: "f32" } });
    expect(rangesOf("model.safetensors")).toEqual([]);
    expect((await ask({ do: "plan", source: name, options: { endpoint: hub.url, dtype: "int8" } })).value).toMatchObject({ dtypes: { matrix: "int8" } });
    expect(hub.requests.map(({ range }) => range).at(-1)).toBe("bytes=0-0");
  });

  test("is loaded with an authorization, which the other server that it lies on does not get", async () => {
    hub.intercept = (request, response) => {
      allow(request, response);
      if (request.method !== "OPTIONS") return false;
      response.writeHead(204, { "access-control-allow-headers": "authorization" }).end();
      return true;
    };
    expect(await load({ headers: { authorization: "Bearer hf_secret" } })).toMatchObject({ model: expected, notes: [] });
    const asked = hub.requests.filter(({ line }) => line.startsWith("GET"));
    const byStorage = asked.filter(({ line }) => !line.includes("/resolve/"));
    expect(byStorage.length).toBeGreaterThan(1);
    for (const one of asked) expect(one.authorization).toBe(byStorage.includes(one) ? undefined : "Bearer hf_secret");
  });

  test("is repaired where the connection is cut, stalls, or the server is busy", async () => {
    let count = 0;
    hub.interceptStorage = (request, response, file) => {
      allow(request, response);
      switch (count++) {
        case 0:
          response.writeHead(503).end();
          return true;
        case 1:
          response.writeHead(206, { "content-range": `bytes 0-8388607/${weightBytes}`, "content-length": 8388608 });
          response.write(file!.subarray(0, 100_000), () => response.destroy());
          return true;
        case 2:
          return true;
      }
      return false;
    };
    expect(await load({ stallSeconds: 0.5 })).toMatchObject({ model: expected });
  });

  test("is loaded from a server without ranges, and one that does not say how long a file is", async () => {
    for (const says of [true, false]) {
      const url = `${hub.url}/${name}/resolve/main/`;
      hub.interceptStorage = (request, response, file) => {
        allow(request, response);
        if (says) response.setHeader("content-length", file!.length);
        else response.write(file!.subarray(0, 1));
        response.end(says ? file : file!.subarray(1));
        return true;
      };
      for (const keep of says ? [true, false] : [true]) expect(await load({ keep })).toMatchObject({ model: expected, notes: [] });
      expect(await load({ offline: true })).toMatchObject({ model: expected });
      await ask({ do: "remove", url });
    }
  });

  test("is loaded where the storage is full, and nothing wrong is kept", async () => {
    await page.limitStorage((await usage()) + 12_000_000);
    const { model, notes } = await load();
    expect(model).toEqual(expected);
    expect(notes).toEqual(["what arrives is not kept: the storage that the browser gives this page is full; free some, for instance by removeDownload()"]);
    await page.limitStorage(noLimit);
    expect(await load()).toMatchObject({ model: expected, notes: [] });
    expect(await load({ offline: true })).toMatchObject({ model: expected });
  });

  test("is downloaded again where it has changed", async () => {
    await load();
    const other = new GPT(config, { seed: 6 });
    const changed = await Hub.start({ [name]: { ...files, ...(await collect(modelFiles(other, [gpt2]))) } });
    try {
      changed.interceptStorage = (request, response) => allow(request, response);
      // The same address, behind which another file lies now.
      hub.intercept = (request, response) => {
        allow(request, response);
        if (!request.url!.endsWith("/model.safetensors")) return false;
        response.writeHead(302, { location: `${changed.url}${request.url}` }).end();
        return true;
      };
      changed.intercept = allow;
      expect((await load()).model).toEqual(await sumsOf(other));
      expect((await load({ offline: true })).model).toEqual(await sumsOf(other));
    } finally {
      await changed.close();
    }
  });

  test("and what cannot be had is said in one line", async () => {
    const answer = (status: number, headers: Record<string, string> = {}) => (request: IncomingMessage, response: ServerResponse): true => {
      allow(request, response);
      response.writeHead(status, headers).end();
      return true;
    };
    const [missing, gated] = [{ "x-error-code": "RepoNotFound" }, { "x-error-code": "GatedRepo" }];
    for (const [given, code, said] of [
      [answer(401, missing), "not-found", "the hub has no such repository, or it is private (401): check the name, or, where it is private, give { headers: {"],
      [answer(404, missing), "not-found", "the hub has no such repository, or it is private (404): check"],
      [answer(404, { "x-error-code": "RevisionNotFound" }), "not-found", "the hub has no such revision (404); check what is behind @"],
      [answer(401, gated), "access-denied", "the repository is gated (401): accept its conditions on its page, and give { headers: {"],
      [answer(403, { "x-error-message": "Access is disabled." }), "access-denied", 'the server answers 403 "Access is disabled."; check the address, or give'],
      [answer(429), "download-failed", "cannot be downloaded: the server has too many requests (429); try again later"],
      [answer(503), "download-failed", "cannot be downloaded: the server answers 503; try again later"],
    ] as const) {
      hub.intercept = given;
      const { error } = await load();
      expect(error?.code, said).toBe(code);
      expect(error?.message).toContain(said);
    }
    expect(await ask({ do: "list" })).toEqual({ value: [] });
    hub.intercept = () => false;
    const closed = await load();
    expect(closed.error).toMatchObject({ code: "download-failed", message: expect.stringContaining("check address and network, and that the server lets this page read it (CORS)") as string });
    expect((await ask({ do: "load", source: "ftp://x/" })).error?.code).toBe("invalid-input");
    expect((await ask({ do: "load", source: "./nothing" })).error).toMatchObject({ code: "missing-file" });
  });
});

const address = (file: string): string => `${hub.url}/${ggufName}/resolve/main/${file}`;
const open = (source: string, more: object = {}): Promise<Reply> => load({}, { source, ...more });

describe("a model in GGUF", () => {
  const tokenize = (source: string): Promise<Reply> => ask({ do: "tokenize", source, text: "to be", options: { endpoint: hub.url } });

  test("is loaded from its address with its tokenizer, kept, and loaded again without a network", async () => {
    const first = await open(address("abc-F32.gguf"));
    expect(first).toMatchObject({ model: expected, notes: [] });
    const { progress = [] } = first;
    expect(progress.every(({ bytes, totalBytes }, i) => bytes <= totalBytes && (i === 0 || bytes >= progress[i - 1].bytes))).toBe(true);
    expect(progress.at(-1)).toMatchObject({ bytes: gguf["abc-F32.gguf"].length, totalBytes: gguf["abc-F32.gguf"].length });
    const before = hub.requests.length;
    expect((await tokenize(address("abc-F32.gguf"))).value).toEqual(pairs.encode("to be"));
    expect((await ask({ do: "plan", source: address("abc-F32.gguf") })).value).toMatchObject({ config: { vocabSize: config.vocabSize, dim: config.dim } });
    expect(new Set(hub.requests.slice(before).map(({ range }) => range))).toEqual(new Set(["bytes=0-0"]));
    await hub.close();
    expect((await open(address("abc-F32.gguf"))).model).toEqual(expected);
    expect((await ask({ do: "list" })).value).toMatchObject([{ url: address("") }]);
  });

  test("goes on where it stopped", async () => {
    expect((await open(address("abc-F32.gguf"), { stopAt: 10_000_000 })).error?.message).toBe("the page was closed");
    const before = hub.requests.length;
    expect((await open(address("abc-F32.gguf"))).model).toEqual(expected);
    const later = hub.requests.slice(before).flatMap(({ line, range }) => (line.startsWith(`GET /${ggufName}/abc`) ? [range!] : []));
    for (const range of later.filter((range) => range !== "bytes=0-0")) expect(Number(/^bytes=(\d+)-/.exec(range)![1])).toBeGreaterThanOrEqual(2 ** 23);
  });

  test("is loaded by its name on the hub: how it is quantized, its path, or the repository's where it is alone", async () => {
    for (const source of [`${ggufName}:S32`, `${ggufName}/two/abc-S32-00001-of-00002.gguf@main`, "toys/alone-GGUF"]) {
      expect(await open(source), source).toMatchObject({ model: expectedSmall, notes: [] });
      expect((await tokenize(source)).value).toEqual(pairs.encode("to be"));
    }
    expect(await load({ offline: true }, { source: `${ggufName}:S32` })).toMatchObject({ model: expectedSmall, notes: [] });
    expect((await open(ggufName)).error).toMatchObject({
      code: "invalid-input", message: `${ggufName}: it has several GGUF files; write one of these behind the name: :F32, /small.gguf, :S32`,
    });
    expect((await open("toys/none:Q8_0")).error?.code).toBe("not-found");
    expect((await open(address("none.gguf"))).error).toMatchObject({ code: "missing-file", message: `${address("")} has no file "none.gguf"; check the path` });
  });

  test("is loaded as chosen files, one or all that it is split over", async () => {
    await ask({ do: "store", folder: "one", urls: [address("small.gguf")] });
    await ask({ do: "store", folder: "split", urls: [1, 2].map((part) => address(`two/abc-S32-0000${part}-of-00002.gguf`)) });
    for (const source of ["file:one", "files:one", "files:split"]) {
      const loaded = await open(source);
      expect(loaded, source).toMatchObject({ model: expectedSmall });
      expect(loaded.progress!.at(-1)).toMatchObject({ bytes: loaded.progress!.at(-1)!.totalBytes });
      expect((await tokenize(source)).value).toEqual(pairs.encode("to be"));
    }
    await ask({ do: "store", folder: "broken", urls: [`${hub.url}/toys/broken/resolve/main/broken.gguf`] });
    expect((await open("file:broken")).error).toMatchObject({ code: "invalid-file", message: expect.stringContaining("it is no GGUF file") as string });
    await ask({ do: "store", folder: "split", urls: [address("small.gguf")] });
    expect((await open("files:split")).error?.message).toContain("it has several GGUF files");
  });
});

test("what a tab has room for is told by the backend, and by the browser on small machines", async () => {
  const room = async (maxBytes: number, deviceMemory?: number) => (await ask({ do: "room", maxBytes, deviceMemory })).value;
  expect(await room(2 ** 32)).toBe(2 ** 32 - 100);
  expect(await room(2 ** 32, 2)).toBe(2 ** 31 - 100);
  expect(await room(2 ** 40, 8)).toBe(2 ** 40 - 100);
  expect(await room(50)).toBe(0);
});

describe("a model is saved", () => {
  test("into the browser's file system, and loaded from its folder and its files", async () => {
    await load();
    const extraFiles = Object.fromEntries(tokenizerFiles(CharacterTokenizer.fromText("abc")));
    expect(await ask({ do: "save", folder: "mine", extraFiles })).toEqual({ value: ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] });
    for (const source of ["opfs:mine", "files:mine"]) {
      const loaded = await ask({ do: "load", source });
      expect(loaded).toMatchObject({ model: expected, notes: [] });
      expect(loaded.progress!.at(-1)).toMatchObject({ bytes: loaded.progress!.at(-1)!.totalBytes });
      expect(await ask({ do: "tokenize", source, text: "cab" })).toEqual({ value: [2, 0, 1] });
    }
  });

  test("or not, where the storage is full: then the old one stays", async () => {
    await load({ keep: false });
    await ask({ do: "save", folder: "mine" });
    await page.limitStorage((await usage()) + 4_000_000);
    expect((await ask({ do: "save", folder: "mine" })).error).toMatchObject({ code: "write-failed", message: expect.stringContaining("the storage that the browser gives this page is full") as string });
    expect((await ask({ do: "load", source: "opfs:mine" })).model).toEqual(expected);
    expect((await ask({ do: "save", folder: "other" })).error?.code).toBe("write-failed");
    await page.limitStorage(noLimit);
    expect((await ask({ do: "load", source: "opfs:other" })).error).toMatchObject({ code: "missing-file" });
  });

  test("as a download: an archive that others unpack", async () => {
    await load({ keep: false });
    const [{ name: saved, path }] = await Promise.all([page.download(), ask({ do: "download", name: "my model ä" })]);
    expect(saved).toBe("my model ä.zip");
    const entries = entriesOf(await readFile(path));
    expect([...entries.keys()]).toEqual(["my model ä/model.safetensors", "my model ä/config.json"]);
    for (const [entry, content] of entries) expect(content.equals(files[entry.split("/")[1]] as Uint8Array), entry).toBe(true);
  });

  test("as GGUF: a download, or files of a folder", async () => {
    await open(address("small.gguf"));
    const [{ name: saved, path }] = await Promise.all([page.download(), ask({ do: "saveGGUF", name: "small-Q8_0.gguf" })]);
    expect(saved).toBe("small-Q8_0.gguf");
    const bytes = await readFile(path);
    expect(bytes.equals(await collected(ggufModelChunks(small, { dtype: "q8_0" })))).toBe(true);
    expect(await ask({ do: "saveGGUF", name: "small-Q8_0.gguf", folder: "gguf" })).toEqual({});
    expect(await ask({ do: "load", source: "file:gguf", options: { dtype: "f32" } })).toMatchObject({ model: [expectedSmall![0], expect.anything()] });
  });

  test("as an adapter: into a folder, from which it is loaded, and as a download", async () => {
    await load({ keep: false });
    const [{ name: saved, path }, { value, error }] = await Promise.all([page.download(), ask({ do: "adapt", name: "mine", folder: "adapter" })]);
    expect(error).toBeUndefined();
    const { layers, own, loaded } = value as { layers: string[]; own: number[]; loaded: number[] };
    expect(layers).toHaveLength(4);
    expect(loaded).toEqual(own);
    expect(saved).toBe("mine.zip");
    expect([...entriesOf(await readFile(path)).keys()]).toEqual(["mine/adapter_model.safetensors", "mine/adapter_config.json"]);
  });
});
