import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The files of a repository, by their paths. Those that end in `.safetensors` or `.gguf` are kept as on the hub: on another server. */
export type HubFiles = Readonly<Record<string, Uint8Array | string>>;

/** What a test does with a request before the hub does; true where it has answered. */
export type Interception = (request: IncomingMessage, response: ServerResponse, file?: Uint8Array) => boolean | void;

export const commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";

/**
 * The Hugging Face hub as far as models are concerned, on this machine, at one commit: what is asked about a repository, files,
 * and ranges of them; large ones by a redirect to another server.
 */
export class Hub {
  /** Requests so far, those of the other server among them: `GET /path`, the range, and the authorization. */
  readonly requests: { readonly line: string; readonly range: string | undefined; readonly authorization: string | undefined }[] = [];
  /** Of the hub itself, and of the server that large files lie on. */
  intercept: Interception = () => false;
  interceptStorage: Interception = () => false;
  url = "";
  readonly #models: Readonly<Record<string, HubFiles>>;
  readonly #hub = createServer((request, response) => this.#answer(request, response));
  readonly #storage = createServer((request, response) => this.#store(request, response));

  constructor(models: Readonly<Record<string, HubFiles>>) {
    this.#models = models;
  }

  static async start(models: Readonly<Record<string, HubFiles>>): Promise<Hub> {
    const hub = new Hub(models);
    for (const server of [hub.#hub, hub.#storage]) await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    hub.url = addressOf(hub.#hub);
    return hub;
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      // Closing what is closed is no error here.
      await new Promise((closed) => server.close(closed));
    }
  }

  /** What the hub says of a repository. */
  describe(name: string): object {
    const siblings = Object.entries(this.#models[name]).map(([rfilename, content]) => {
      const bytes = bytesOf(content);
      const lfs = { sha256: hashOf("sha256", bytes), size: bytes.length, pointerSize: 134 };
      return { rfilename, size: bytes.length, blobId: gitHash(bytes), ...(isLarge(rfilename) ? { lfs } : {}) };
    });
    return { _id: "621ffdc036468d709f17434d", id: name, sha: commit, private: false, siblings, tags: ["gpt2"], cardData: { license: "mit" } };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    const path = decodeURIComponent(new URL(request.url!, "http://hub").pathname);
    const [, name, , revision, file] = /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(revision|resolve|tree|paths-info)\/(main|v1|refs\/pr\/1|[0-9a-f]{40})(?:\/(.+))?$/.exec(path) ?? [];
    const model = name === undefined ? undefined : this.#models[name];
    const content = file === undefined ? undefined : model?.[file];
    if (this.intercept(request, response, content === undefined ? undefined : bytesOf(content))) return;
    if (!model) return void response.writeHead(name === undefined ? 404 : 401, { "x-error-code": name ? "RepoNotFound" : "RevisionNotFound" }).end();
    if (revision.length === 40 && revision !== commit) return void response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
    if (path.startsWith("/api/")) return this.#describe(name, path, response);
    if (content === undefined) return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    const bytes = bytesOf(content);
    response.setHeader("etag", `"${isLarge(file) ? hashOf("sha256", bytes) : gitHash(bytes)}"`);
    if (!isLarge(file)) return serveRange(request, response, bytes);
    response.setHeader("x-linked-size", bytes.length).setHeader("x-linked-etag", `"${hashOf("sha256", bytes)}"`);
    response.writeHead(302, { location: `${addressOf(this.#storage)}/${name}/${file}` }).end();
  }

  #describe(name: string, path: string, response: ServerResponse): void {
    const entries = Object.entries(this.#models[name]).map(([path, content]) => {
      const bytes = bytesOf(content);
      const lfs = isLarge(path) ? { lfs: { oid: hashOf("sha256", bytes), size: bytes.length, pointerSize: 134 } } : {};
      return { type: "file", path, oid: gitHash(bytes), size: bytes.length, ...lfs, lastCommit: { id: commit, title: "x", date: "2024-01-01" } };
    });
    const send = (answer: unknown): void => void response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    if (path.includes("/tree/")) return send(entries);
    if (!path.includes("/paths-info/")) return send(this.describe(name));
    let text = "";
    response.req.on("data", (chunk) => (text += String(chunk)));
    response.req.on("end", () => {
      const { paths } = JSON.parse(text) as { paths: string[] };
      send(entries.filter((entry) => paths.includes(entry.path)));
    });
  }

  #store(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    const [, owner, model, ...rest] = request.url!.split("/");
    const bytes = bytesOf(this.#models[`${owner}/${model}`][rest.join("/")]);
    response.setHeader("etag", `"${hashOf("sha256", bytes)}"`);
    if (!this.interceptStorage(request, response, bytes)) serveRange(request, response, bytes);
  }

  #note({ method, url, headers: { range, authorization } }: IncomingMessage): void {
    this.requests.push({ line: `${method} ${url}`, range, authorization });
  }
}

/** Answers with a file, or with the part that is asked for. */
export function serveRange(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  if (first === undefined) return void response.setHeader("content-length", bytes.length).end(bytes);
  const part = bytes.subarray(Number(first), last === "" ? undefined : Number(last) + 1);
  if (part.length === 0) return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
  const end = Number(first) + part.length - 1;
  response.writeHead(206, { "content-range": `bytes ${first}-${end}/${bytes.length}`, "content-length": part.length }).end(part);
}

function isLarge(path: string): boolean {
  return /\.(?:safetensors|gguf)$/.test(path);
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function hashOf(kind: "sha1" | "sha256", bytes: Uint8Array): string {
  return createHash(kind).update(bytes).digest("hex");
}

function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
