import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotDownload } from "@huggingface/hub";
import { isGptError } from "@gpt/common";
import { run } from "@gpt/testing/commands";
import { commit, Hub, serveRange } from "@gpt/testing/hub";
import type { Interception } from "@gpt/testing/hub";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { downloadSnapshot, listCachedModels, removeCachedModel } from "../../hub.ts";
import type { DownloadProgress, SnapshotOptions } from "../../hub.ts";
import { CachedRepository } from "./cache-layout.ts";

/** Larger than what one read gives, so that a download can break off within. */
const weights = new Uint8Array(400_000).map((_, i) => (i * i) >> 7);
const sha256 = createHash("sha256").update(weights).digest("hex");
const small = "toys/small";
const files = {
  "config.json": '{"model_type":"gpt2"}',
  "tokenizer.json": "{}",
  "additional_chat_templates/rag.jinja": "{{ messages }}",
  "model.safetensors": weights,
  "pytorch_model.bin": "never",
  "README.md": "# toy",
};
const index = { weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" } };

let hub: Hub;
let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "hub-"));
  hub = await Hub.start({
    [small]: files,
    "toys/sharded": {
      "config.json": "{}",
      "model.safetensors.index.json": JSON.stringify(index),
      "model-00001-of-00002.safetensors": "first",
      "model-00002-of-00002.safetensors": "second",
      "consolidated.safetensors": "the same again",
    },
    "toys/pickled": { "config.json": "{}", "pytorch_model.bin": "x" },
    "toys/empty": { "README.md": "x" },
    "toys/escaping": { "config.json": "{}", "model.safetensors.index.json": '{"weight_map":{"a":"../../../x"}}' },
  });
});
afterEach(async () => {
  await hub.close();
  await rm(cache, { recursive: true });
});

const bring = (name: string, options: SnapshotOptions = {}): Promise<string> =>
  downloadSnapshot(name, { cacheDirectory: cache, endpoint: hub.url, offline: false, retrySeconds: 0.01, stallSeconds: 0.3, ...options });

async function expectWeights(directory: string): Promise<void> {
  expect((await readFile(join(directory, "model.safetensors"))).equals(weights)).toBe(true);
}

/** Everything in the cache: contents, and for links where they lead. */
async function tree(directory = cache): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[path.slice(cache.length)] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) found[path.slice(cache.length)] = createHash("sha1").update(await readFile(path)).digest("hex");
  }
  return found;
}

/** What must hold whatever a server does: every blob is what its name says, and every link leads to one. */
async function expectSoundCache(): Promise<void> {
  for (const folder of await readdir(cache)) {
    const blobs = join(cache, folder, "blobs");
    for (const name of await readdir(blobs).catch(() => [])) {
      if (name.endsWith(".incomplete")) continue;
      const bytes = await readFile(join(blobs, name));
      const hash = name.length === 64
        ? createHash("sha256").update(bytes)
        : createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes);
      expect(hash.digest("hex")).toBe(name);
    }
    for (const entry of await readdir(join(cache, folder, "snapshots"), { recursive: true, withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) continue;
      expect(entry.isSymbolicLink()).toBe(true);
      expect((await stat(join(entry.parentPath, entry.name))).isFile()).toBe(true);
    }
  }
}

async function failure(work: Promise<unknown>): Promise<Error & { code: string }> {
  const error: unknown = await work.then(() => undefined, (error: unknown) => error);
  if (!isGptError(error)) throw error instanceof Error ? error : new Error("it did not fail");
  expect(error.message).toMatch(/^[^\n]{10,600}$/);
  return error;
}

const isWeights = ({ url }: IncomingMessage): boolean => url!.endsWith("/model.safetensors");
const rangesOfWeights = (): (string | undefined)[] =>
  hub.requests.filter(({ line }) => line === `GET /${small}/model.safetensors`).map(({ range }) => range);
const countOf = (text: string): number => hub.requests.filter(({ line }) => line.includes(text)).length;

/** For the first `count` requests of the weights. */
function atFirst(count: number, answer: Interception): Interception {
  return (request, response, file) => isWeights(request) && count-- > 0 && (answer(request, response, file) ?? true);
}

describe("a model is brought into the cache that other tools share", () => {
  test("with what a language model needs, as @huggingface/hub keeps it", async () => {
    const events: DownloadProgress[] = [];
    const directory = await bring(small, { onProgress: (event) => events.push(event) });
    expect(directory).toBe(join(cache, "models--toys--small", "snapshots", commit));
    expect((await readdir(directory, { recursive: true })).sort()).toEqual([
      "additional_chat_templates", "additional_chat_templates/rag.jinja", "config.json", "model.safetensors", "tokenizer.json",
    ]);
    const last = events.at(-1)!;
    expect(last).toMatchObject({ bytes: last.totalBytes, totalBytes: weights.length + 37 });
    expect(events.every(({ bytes }, i) => i === 0 || bytes >= events[i - 1].bytes)).toBe(true);
    await expectSoundCache();
    const ours = await tree();
    await rm(cache, { recursive: true });
    vi.spyOn(console, "debug").mockImplementation(() => undefined); // It tells of each file.
    await snapshotDownload({ repo: small, cacheDir: cache, hubUrl: hub.url, revision: "main" });
    expect(await tree()).toMatchObject(ours);
  });

  test("and found there by its next caller, who downloads nothing", async () => {
    const directory = await bring(small);
    const before = hub.requests.length;
    expect(await bring(small)).toBe(directory);
    expect(hub.requests.slice(before).map(({ line }) => line)).toEqual([`GET /api/models/${small}/revision/main?blobs=true`]);
    expect(await bring(`${small}@${commit}`)).toBe(directory);
    expect(await bring(small, { revision: "refs/pr/1" })).toBe(directory);
    expect(await readFile(join(cache, "models--toys--small/refs/refs/pr/1"), "utf8")).toBe(commit);
    expect(await bring(small, { offline: true })).toBe(directory);
    expect(await bring(`${small}@refs/pr/1`, { offline: true })).toBe(directory);
    expect(countOf("/resolve/")).toBe(4);
  });

  test("with all shards that the index names, and no others", async () => {
    const directory = await bring("toys/sharded");
    expect((await readdir(directory)).sort()).toEqual([
      "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
    ]);
  });

  test("three files at a time, each contents once, with progress that is the sum", async () => {
    const sizes = Array.from({ length: 8 }, (_, i) => 10_000 + i);
    const many = await Hub.start({ "toys/many": Object.fromEntries([...sizes, 10_000].map((size, i) => [`${i}.safetensors`, new Uint8Array(size)])) });
    let [open, most] = [0, 0];
    many.interceptStorage = (request, response, file) => {
      most = Math.max(most, ++open);
      setTimeout(() => (open--, serveRange(request, response, file!)), 50);
      return true;
    };
    const events: DownloadProgress[] = [];
    const options: SnapshotOptions = { endpoint: many.url, files: (paths) => [...paths], onProgress: (event) => events.push(event) };
    expect((await readdir(await bring("toys/many", options))).length).toBe(9);
    const before = many.requests.length;
    // The first failure ends the others, and what is there is there.
    await rm(cache, { recursive: true });
    many.intercept = ({ url }, response) => url!.endsWith("/1.safetensors") && Boolean(response.writeHead(418).end());
    many.interceptStorage = ({ url }) => !url!.endsWith("/0.safetensors");
    expect((await failure(bring("toys/many", { ...options, stallSeconds: 60 }))).message).toBe("file 1.safetensors of toys/many: the server answers 418");
    const after = many.requests.length - before;
    await many.close();
    expect(most).toBe(3);
    expect(before).toBe(1 + 2 * sizes.length);
    const bytes = [...sizes, 10_000].reduce((sum, size) => sum + size);
    expect(events.filter(({ bytes }, i) => i > 0 && bytes < events[i - 1].bytes).length).toBe(1);
    expect(events.find(({ totalBytes, bytes }) => bytes === totalBytes)).toMatchObject({ bytes });
    // The question, and at most the three and one behind the first, each led elsewhere.
    expect(after).toBeLessThanOrEqual(1 + 2 * 4);
    await expectSoundCache();
  });

  test("with other files, where the caller chooses", async () => {
    const directory = await bring(small, { files: () => ["README.md"] });
    expect(await readdir(directory)).toEqual(["README.md"]);
    expect(await failure(bring(small, { files: () => ["x.json"] }))).toMatchObject({ code: "not-found", message: "the model toys/small has no file x.json" });
  });

  test("by links to other names or by copies, where a disk has no links", async () => {
    await bring(small);
    const repository = new CachedRepository(cache, small);
    await rm(repository.snapshot(commit), { recursive: true });
    await repository.addFile(commit, "model.safetensors", sha256, () => Promise.reject(new Error("no links")));
    const file = join(repository.snapshot(commit), "model.safetensors");
    expect((await lstat(file)).isFile()).toBe(true);
    expect(await repository.hasFile(commit, "model.safetensors", sha256, weights.length)).toBe(true);
    await expectWeights(repository.snapshot(commit));
    const [model] = await listCachedModels({ cacheDirectory: cache });
    // What has two names is counted once.
    expect(model.bytes).toBe(weights.length + 37 + 40);
  });

  test("listed and removed", async () => {
    await bring(small);
    await bring("toys/sharded");
    await mkdir(join(cache, ".locks", "models--toys--small"), { recursive: true });
    await mkdir(join(cache, "datasets--x--y"));
    const models = await listCachedModels({ cacheDirectory: cache });
    expect(models.map(({ name, revisions }) => [name, revisions.map(({ commit, names }) => [commit, names])])).toEqual([
      ["toys/sharded", [[commit, ["main"]]]], [small, [[commit, ["main"]]]],
    ]);
    expect(await removeCachedModel(small, { cacheDirectory: cache })).toBe(models[1].bytes);
    expect((await readdir(cache)).sort()).toEqual([".locks", "datasets--x--y", "models--toys--sharded"]);
    expect(await failure(removeCachedModel(small, { cacheDirectory: cache }))).toMatchObject({ code: "not-found" });
    for (const name of ["../x", "a/../../b", "..", "a/b/c", ""]) {
      await failure(removeCachedModel(name, { cacheDirectory: cache }));
    }
    expect(await listCachedModels({ cacheDirectory: join(cache, "none") })).toEqual([]);
  });
});

describe("a download that goes wrong", () => {
  const cut: Interception = (request, response, file) => {
    response.setHeader("content-length", file!.length);
    response.write(file!.subarray(0, 150_000), () => response.destroy());
  };

  test("continues where it was cut, in the same call", async () => {
    hub.interceptStorage = atFirst(1, cut);
    await bring(small);
    const ranges = rangesOfWeights();
    expect(ranges).toHaveLength(2);
    expect(ranges[0]).toBeUndefined();
    expect(Number(/^bytes=(\d+)-$/.exec(ranges[1]!)![1])).toBeGreaterThan(0);
    await expectSoundCache();
  });

  test("and in the next one, after Ctrl-C", async () => {
    const end = new AbortController();
    const onProgress = ({ file, bytes }: DownloadProgress): void => {
      if (file === "model.safetensors" && bytes > 50_000) end.abort(new Error("enough"));
    };
    await expect(bring(small, { onProgress, signal: end.signal })).rejects.toThrow("enough");
    await expectSoundCache();
    await bring(small);
    expect(rangesOfWeights().at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
    await expectSoundCache();
  });

  test.each<[string, Interception]>([
    ["stalls", (_, response, file) => void response.setHeader("content-length", file!.length).write(file!.subarray(0, 50_000))],
    ["never answers", () => undefined],
    ["answers 500", (_, response) => void response.writeHead(500).end()],
    ["has no time", (_, response) => void response.writeHead(429, { "retry-after": "0" }).end()],
    ["lies about the length", (_, response, file) => void response.setHeader("content-length", 10).end(file!.subarray(0, 10))],
    ["gives more", (_, response, file) => void response.end(Buffer.concat([file!, file!]))],
    ["gives less", (_, response, file) => void response.end(file!.subarray(0, 100_000))],
    ["gives other bytes", (_, response, file) => void response.end(file!.map((byte) => byte ^ 1))],
    ["gives another range", (_, response, file) => void response.writeHead(206, { "content-range": `bytes 7-9/${file!.length}` }).end("abc")],
    ["has a range that is none", (_, response, file) => void response.writeHead(416, { "content-range": `bytes */${file!.length}` }).end()],
    ["has forgotten the address", (_, response) => void response.writeHead(403).end("expired")],
  ])("is repaired where the server %s once", async (_, answer) => {
    hub.interceptStorage = atFirst(1, answer);
    const directory = await bring(small);
    await expectWeights(directory);
    await expectSoundCache();
  });

  test.each<[string, Interception, string]>([
    ["stalls", () => undefined, "nothing arrived for 0.05 s; try again later"],
    ["answers 503", (_, response) => void response.writeHead(503).end(), "the server answers 503; try again later"],
    ["has no time", (_, response) => void response.writeHead(429, { "retry-after": "3600" }).end(), "too many requests (429); try again later"],
    ["lies about the hash", (_, response, file) => void response.end(file!.map((byte) => byte ^ 1)), "does not agree with its sha256"],
    ["gives less", (_, response, file) => void response.end(file!.subarray(0, 9)), "the server wants to give 9 bytes, where 400000 are missing"],
    ["gives less than it says it will", (_, response, file) => {
      response.write(file!.subarray(0, 9));
      response.end();
    }, "the answer ended after 9 of 400000 bytes"],
    ["gives more", (_, response, file) => {
      response.write(file);
      response.end(file);
    }, "gives more than the 400000 bytes"],
    ["cuts", (_, response) => void response.destroy(), "fails ("],
    ["leads astray", (request, response) => void response.writeHead(302, { location: request.url }).end(), "redirects more than 10 times"],
    ["leads to a file", (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end(), "which is not followed"],
    ["leads nowhere", (_, response) => void response.writeHead(302).end(), "which is not followed"],
    ["says no", (_, response) => void response.writeHead(418).end(), "the server answers 418"],
  ])("ends in one line where the server %s each time", async (_, answer, message) => {
    hub.intercept = (request, response, file) => isWeights(request) && !request.url!.startsWith("/api") && (answer(request, response, file) ?? true);
    expect((await failure(bring(small, { stallSeconds: 0.05 }))).message).toContain(message);
    await expectSoundCache();
    hub.intercept = () => false;
    await bring(small);
    await expectSoundCache();
  });

  test("waits as long as the server asks for", async () => {
    hub.interceptStorage = atFirst(1, (_, response) => void response.writeHead(429, { "retry-after": "1" }).end());
    const began = performance.now();
    await bring(small);
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test("is made good where a server knows no ranges", async () => {
    hub.interceptStorage = atFirst(2, (request, response, file) => {
      if (request.headers.range === undefined) return cut(request, response, file);
      response.end(file);
    });
    const directory = await bring(small);
    await expectWeights(directory);
  });

  test("is not continued with the bytes of a damaged beginning", async () => {
    hub.interceptStorage = atFirst(9, cut);
    await failure(bring(small));
    const blobs = join(cache, "models--toys--small/blobs");
    const [name] = (await readdir(blobs)).filter((name) => name.endsWith(".incomplete"));
    await writeFile(join(blobs, name), new Uint8Array(1000));
    await bring(small);
    await expectSoundCache();
    expect((await readdir(blobs)).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
  });

  test("because there is no network takes what is in the cache, with a word", async () => {
    const directory = await bring(small);
    const notes: string[] = [];
    const unused = createServer().listen(0);
    const endpoint = `http://127.0.0.1:${(unused.address() as AddressInfo).port}`;
    await new Promise((closed) => unused.close(closed));
    expect(await bring(small, { endpoint, onNote: (note) => notes.push(note) })).toBe(directory);
    expect(notes).toEqual(["the hub cannot be reached; toys/small is taken from the cache, as it was downloaded last"]);
    expect(await failure(bring("toys/sharded", { endpoint }))).toMatchObject({
      code: "download-failed", message: expect.stringMatching(/^model toys\/sharded at revision main cannot be downloaded: .* cannot be reached \(ECONNREFUSED\); check the network$/) as string,
    });
    expect(await failure(bring("toys/sharded", { offline: true }))).toMatchObject({
      code: "not-found", message: `the cache ${cache} has no model toys/sharded at revision main, and HF_HUB_OFFLINE or \`offline\` forbids to download it`,
    });
  });
});

describe("what cannot be had is said, with what to do", () => {
  const api = (status: number, headers: Record<string, string> = {}): Interception => (_, response) => {
    response.writeHead(status, headers).end();
    return true;
  };
  test.each<[string, Interception, SnapshotOptions, string, string]>([
    ["a gated repository", api(401, { "x-error-code": "GatedRepo" }), {}, "access-denied", "accept its conditions at {hub}/toys/small, and set HF_TOKEN to a token of that account"],
    ["a gated repository, with a token", api(403, { "x-error-code": "GatedRepo" }), { token: "hf_x" }, "access-denied", "with the account of the token that is used"],
    ["a private or missing one", api(401, { "x-error-code": "RepoNotFound" }), {}, "not-found", "{hub} has no model toys/small, or it is private (401): check the name, or, where it is private, set HF_TOKEN"],
    ["a missing one, with a token", api(404, { "x-error-code": "RepoNotFound" }), { token: "hf_x" }, "not-found", "the token that is used may not read it"],
    ["a wrong token", api(401), { token: "hf_x" }, "access-denied", "{hub} does not accept the token (401)"],
    ["a revision", api(404, { "x-error-code": "RevisionNotFound" }), { revision: "v9" }, "not-found", "{hub} has no model toys/small at revision v9 (404): check the name and the revision"],
    ["an answer that is no JSON", (_, response) => Boolean(response.end("<html>")), {}, "invalid-file", "expected an object"],
    ["an endless answer", (_, response) => {
      const chunk = Buffer.alloc(2 ** 20, " ");
      const more = (): void => void (response.write(chunk) ? setImmediate(more) : response.once("drain", more));
      more();
      return true;
    }, { stallSeconds: 9 }, "download-failed", "more than 67108864 bytes"],
  ])("%s", async (_, answer, options, code, message) => {
    hub.intercept = answer;
    const error = await failure(bring(small, options));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message.replace("{hub}", hub.url));
    expect((await readdir(cache, { recursive: true })).filter((name) => name.includes("blobs/"))).toEqual([]);
  });

  test("weights in other forms, or none", async () => {
    expect(await failure(bring("toys/pickled"))).toMatchObject({
      code: "unsupported-file",
      message: "toys/pickled: it has its weights in pytorch_model.bin, which is not read from the hub: look there for a revision or a repository with model.safetensors",
    });
    expect((await failure(bring("toys/empty"))).message).toBe("toys/empty: it has no weights: neither model.safetensors nor model.safetensors.index.json");
    expect((await failure(bring("toys/escaping"))).message).toContain('the shard "../../../x" is not a plain file name');
  });

  test.each(["gpt2", "a/b/c", "../x", "a/..", "a--b/c", "a/b.git", "/x", "", "a/b@", "a/b@../x", "a/b@x/../../y", "a/b@/etc"])("the name %j", async (name) => {
    expect(await failure(bring(name))).toMatchObject({ code: "invalid-input" });
    expect(hub.requests).toEqual([]);
    expect(await readdir(cache)).toEqual([]);
  });

  test.each([{ endpoint: "ftp://x" }, { token: "a\nb: c" }, { stallSeconds: 0 }, { cacheDirectory: "" }, { onProgress: 3 }, { files: 3 }, { revision: 3 }, { signal: {} }] as SnapshotOptions[])(
    "the options %j", async (options) => expect((await failure(bring(small, options))).code).toBe("invalid-input"),
  );

  test("a disk without room, before the download", async () => {
    const endless = Number.MAX_SAFE_INTEGER;
    hub.intercept = (request, response) => {
      if (!request.url!.startsWith("/api")) return false;
      const file = { rfilename: "model.safetensors", size: endless, blobId: "0".repeat(40), lfs: { sha256: "0".repeat(64), size: endless } };
      response.end(JSON.stringify({ sha: commit, siblings: [file] }));
      return true;
    };
    expect((await failure(bring(small))).message).toMatch(/9007199254740991 bytes are to be downloaded, and the disk has room for \d+; free some space/);
    expect(countOf("/resolve/")).toBe(0);
  });
});

test("the token goes to the hub, and to no other server", async () => {
  await bring(small, { token: "hf_secret" });
  const authorizations = hub.requests.map(({ line, authorization }) => [line.startsWith(`GET /${small}/model.safetensors`), authorization]);
  expect(authorizations).toHaveLength(6);
  for (const [isStorage, authorization] of authorizations) expect(authorization).toBe(isStorage ? undefined : "Bearer hf_secret");
});

describe("processes that download the same", () => {
  const script = (signalAt: number): string => `
    import { downloadSnapshot } from ${JSON.stringify(new URL("../../hub.ts", import.meta.url).href)};
    await downloadSnapshot("${small}", {
      cacheDirectory: ${JSON.stringify(cache)}, endpoint: "${hub.url}", offline: false, stallSeconds: 60,
      onProgress: ({ bytes }) => { if (bytes > ${signalAt}) process.kill(process.pid, "SIGKILL"); },
    });`;
  const start = (signalAt = Infinity): Promise<unknown> =>
    run(process.execPath, ["--conditions=@gpt/source", "--input-type=module", "-e", script(signalAt)], import.meta.dirname);

  test("do it once, and all have it", async () => {
    // Slowly, so that they meet.
    hub.interceptStorage = (request, response, file) => Boolean(setTimeout(() => serveRange(request, response, file!), 1500));
    const both = Promise.all([start(), start(), bring(small, { stallSeconds: 60 }), bring(small, { stallSeconds: 60 })]);
    await both;
    await expectSoundCache();
    expect((await readdir(join(cache, "models--toys--small/blobs"))).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
    // Were they to begin in the same moment, it would be more.
    expect(countOf(`GET /${small}/model.safetensors`)).toBeLessThanOrEqual(4);
  });

  test("go on where one was killed", async () => {
    await expect(start(50_000)).rejects.toThrow("failed with status null");
    await bring(small);
    expect(rangesOfWeights().at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
    await expectSoundCache();
  });

  test("leave alone what another machine may be writing, and take it when it is an hour old", async () => {
    const blobs = join(cache, "models--toys--small/blobs");
    await mkdir(blobs, { recursive: true });
    const foreign = join(blobs, `${sha256}.00000000-1-0123456789ab.incomplete`);
    await writeFile(foreign, weights.subarray(0, 100_000));
    await bring(small, { files: () => ["config.json"] });
    await bring(small, { signal: AbortSignal.timeout(60_000) });
    expect(rangesOfWeights()).toEqual([undefined]);
    expect((await stat(foreign)).size).toBe(100_000);
    await rm(join(blobs, sha256));
    await utimes(foreign, new Date(Date.now() - 4e6), new Date(Date.now() - 4e6));
    await bring(small);
    expect(rangesOfWeights().at(-1)).toBe("bytes=100000-");
    await expectSoundCache();
  });
});

test("where there is no place to write, that is said", async () => {
  const file = join(cache, "file");
  await writeFile(file, "x");
  expect(await failure(bring(small, { cacheDirectory: join(file, "hub") }))).toMatchObject({ code: "write-failed" });
});

