import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { filesOfModel, filesOfPage } from "./served-files.ts";
import type { ServedFiles } from "./served-files.ts";
import { serveFiles } from "./server.ts";

let files: ServedFiles;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpt-playground-"));
  const write = async (name: string, content: string): Promise<void> => {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  };
  await write("page/index.html", "<h1>GPT</h1>");
  await write("page/assets/main-1a2b.js", "1");
  await write("page/models/model.bin", "0123456789");
  await write("secret.txt", "secret");
  await write("model/config.json", "{}");
  await write("model/checkpoints/secret.txt", "secret");
  for (const name of ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "other.gguf"]) await write(`gguf/${name}`, "GGUF");
  files = new Map([
    ...(await filesOfPage(join(folder, "page"))),
    ...(await filesOfModel(join(folder, "model"), "/models/1234/model")),
    ...(await filesOfModel(join(folder, "gguf/m-00001-of-00002.gguf"), "/models/5678")),
  ]);
});
afterAll(() => rm(folder, { recursive: true }));

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for a path as it is written, which `fetch` would tidy up. */
async function served(): Promise<(path: string, headers?: Record<string, string>, method?: string) => Promise<Answer>> {
  const server = await serveFiles(files);
  onTestFinished(() => server.close());
  return (path, headers, method) => new Promise((answered, fail) => {
    const { hostname, port } = new URL(server.url);
    request({ hostname, port, path, headers, method, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => answered({ status: response.statusCode, headers: response.headers, body }));
    }).on("error", fail).end();
  });
}

test("serves the page isolated, and its files to be kept where their names tell their contents", async () => {
  const ask = await served();
  for (const path of ["/", "/index.html", "/?a=b"]) {
    expect(await ask(path)).toMatchObject({
      status: 200, body: "<h1>GPT</h1>",
      headers: {
        "content-type": "text/html; charset=utf-8", "content-length": "12", "cache-control": "no-cache", "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp",
      },
    });
  }
  const { headers } = await ask("/assets/main-1a2b.js");
  expect(headers).toMatchObject({ "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=31536000, immutable" });
  expect(await ask("/assets/main-1a2b.js", { "if-none-match": headers.etag! })).toMatchObject({ status: 304, body: "" });
  expect((await ask("/")).headers.etag).not.toBe(headers.etag);
  expect(await ask("/", {}, "HEAD")).toMatchObject({ status: 200, headers: { "content-length": "12" }, body: "" });
});

test.each(["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/../../secret.txt", "//secret.txt", "/%", "/models/1234/model/checkpoints/secret.txt", "/models/5678/other.gguf"])(
  "has nothing at %s", async (path) => {
    expect(await (await served())(path)).toMatchObject({ status: 404, body: "There is no such file.\n" });
  });

test("answers nobody who came by another name, or who would write", async () => {
  const ask = await served();
  for (const host of ["example.org", "example.org:4180", "localhost.example.org", "127.0.0.1.example.org:80"]) {
    expect(await ask("/", { host })).toMatchObject({ status: 403, body: expect.stringContaining("for this machine alone") as string });
  }
  for (const host of ["localhost", "LOCALHOST:99", "[::1]:4180"]) expect((await ask("/", { host })).status).toBe(200);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) expect((await ask("/", {}, method)).status).toBe(405);
});

test("serves ranges, by which models are read", async () => {
  const ask = await served();
  const range = (range: string): Promise<Answer> => ask("/models/model.bin", { range });
  expect(await range("bytes=2-5")).toMatchObject({ status: 206, body: "2345", headers: { "content-range": "bytes 2-5/10", "content-length": "4" } });
  expect(await range("bytes=8-99")).toMatchObject({ status: 206, body: "89", headers: { "content-range": "bytes 8-9/10" } });
  expect(await range("bytes=8-")).toMatchObject({ status: 206, body: "89" });
  expect(await range("bytes=10-11")).toMatchObject({ status: 416, headers: { "content-range": "bytes */10" } });
  expect(await range("bytes=5-2")).toMatchObject({ status: 416 });
  expect(await range("bytes=0-1,4-5")).toMatchObject({ status: 200, body: "0123456789" });
  for (const path of ["1234/model/config.json", "5678/m-00001-of-00002.gguf", "5678/m-00002-of-00002.gguf"]) {
    expect(await ask(`/models/${path}`), path).toMatchObject({ status: 200, headers: { "cache-control": "no-cache" } });
  }
});

test("takes a free port where the usual one is taken, and says where one that was asked for is", async () => {
  const [first, second] = [await serveFiles(files), await serveFiles(files)];
  onTestFinished(async () => void (await Promise.all([first.close(), second.close()])));
  expect(second.url).not.toBe(first.url);
  const port = Number(new URL(second.url).port);
  await expect(serveFiles(files, port)).rejects.toThrow(`port ${port} cannot be had: `);
});
