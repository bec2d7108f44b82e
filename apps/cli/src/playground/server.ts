import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { systemCode } from "@gpt/formats/node";
import { CommandError } from "../errors.ts";
import type { ServedFile, ServedFiles } from "./served-files.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

const always = {
  // They isolate the page, so that threads may share memory.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** Names of this machine: a page of a stranger whose name leads here, by DNS, sends another. */
const ownNames = new Set(["localhost", "127.0.0.1", "[::1]"]);

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Where the page is if nobody says another port: what a browser keeps of it, such as runs, belongs to the address. */
export const usualPort = 4180;

/** Serves files to this machine alone, at a port, or at the usual one, else any free one. */
export async function serveFiles(files: ServedFiles, port?: number): Promise<RunningServer> {
  const server = createServer((request, response) => answer(files, request, response));
  try {
    await listen(server, port ?? usualPort);
  } catch (error) {
    if (systemCode(error) !== "EADDRINUSE" && systemCode(error) !== "EACCES") throw error;
    if (port !== undefined) throw new CommandError(`port ${port} cannot be had: ${(error as Error).message}; leave --port out, or give another`);
    await listen(server, 0);
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((listening, fail) => {
    server.once("error", fail);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", fail);
      listening();
    });
  });
}

function answer(files: ServedFiles, { method, headers, url = "/" }: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(always)) response.setHeader(name, value);
  const refuse = (status: number, text: string): void => void response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
  if (!ownNames.has((headers.host ?? "").replace(/:\d+$/, "").toLowerCase())) return refuse(403, "This page is for this machine alone: open it by the address that the command prints.");
  if (method !== "GET" && method !== "HEAD") return refuse(405, "There is nothing to do here but to read.");
  const file = files.get(pathOf(url));
  if (!file) return refuse(404, "There is no such file.");
  response.setHeader("etag", file.tag);
  response.setHeader("cache-control", file.isNamedByContents ? "public, max-age=31536000, immutable" : "no-cache");
  if (headers["if-none-match"] === file.tag) return void response.writeHead(304).end();
  send(file, headers.range, method === "HEAD", response);
}

/** The path that an address asks for; none where its signs are no text. */
function pathOf(url: string): string {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/, ""));
  } catch {
    return "";
  }
}

/** A file, or the one range of it that was asked for (RFC 9110, section 14); other ranges are not taken account of. */
function send({ path, size }: ServedFile, range: string | undefined, isHead: boolean, response: ServerResponse): void {
  response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream");
  response.setHeader("accept-ranges", "bytes");
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = Math.min(last ? Number(last) + 1 : size, size);
  if (first !== undefined && start >= end) return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
  if (first !== undefined) response.setHeader("content-range", `bytes ${start}-${end - 1}/${size}`);
  response.writeHead(first === undefined ? 200 : 206, { "content-length": end - start });
  if (isHead || start === end) return void response.end();
  // A file that is gone, or a reader that is: there is nobody to tell.
  createReadStream(path, { start, end: end - 1 }).on("error", () => response.destroy()).pipe(response);
}
