import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { onTestFinished } from "vitest";

const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves the files of a folder, with these headers, until the test ends, and returns the address. */
export async function serve(directory: string, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = join(directory, normalize(new URL(request.url ?? "/", "http://localhost").pathname));
    readFile(path.endsWith("/") ? join(path, "index.html") : path).then(
      (content) => response.setHeader("content-type", types[extname(path)] ?? types[".html"]).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
