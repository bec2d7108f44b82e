import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** The headers that make a page cross-origin isolated, so that its Workers may share memory. */
export const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Serves the files of a folder, with these headers, to `use`, which gets the address, until that is done. */
export async function whileServing<T>(
  directory: string,
  use: (url: string) => Promise<T>,
  headers: Record<string, string> = {},
): Promise<T> {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = join(directory, normalize(new URL(request.url ?? "/", "http://localhost").pathname));
    readFile(path.endsWith("/") ? join(path, "index.html") : path).then(
      (content) => response.setHeader("content-type", types[extname(path)] ?? types[".html"]).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.close();
  }
}
