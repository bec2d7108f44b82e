import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm",
};

/** The headers that make a page cross-origin isolated, so that its Workers may share memory. */
export const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the files of a folder on this machine, with these headers. */
export async function serve(directory: string, headers: Record<string, string> = {}): Promise<StaticServer> {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = join(directory, normalize(new URL(request.url ?? "/", "http://localhost").pathname));
    readFile(path.endsWith("/") ? join(path, "index.html") : path).then(
      (content) => response.setHeader("content-type", types[extname(path)] ?? types[".html"]).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { url, close };
}

/** Serves the files of a folder, with these headers, to `use`, which gets the address, until that is done. */
export async function whileServing<T>(
  directory: string,
  use: (url: string) => Promise<T>,
  headers?: Record<string, string>,
): Promise<T> {
  const server = await serve(directory, headers);
  try {
    return await use(server.url);
  } finally {
    await server.close();
  }
}
